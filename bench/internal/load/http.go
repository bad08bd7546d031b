//go:build linux

package load

import (
	"context"
	"crypto/tls"
	"net/netip"
	"time"
)

// HTTP says how routers reach a server.
type HTTP struct {
	Server    netip.AddrPort
	TLS       *tls.Config   // nil for plain HTTP
	KeepAlive bool          // false: a connection per update, as routers do
	Expect    []string      // how a body must start to count, such as "good "
	Timeout   time.Duration // of an update, from when its latency counts; 0 is the package's Timeout
}

// Closed lets n routers at a time update in a closed loop, as the function
// Closed does, each to the address that next returns for its host. It fails
// only where the kernel keeps it from making the load.
func (h *HTTP) Closed(ctx context.Context, n int, fleet *Fleet, next func(host int) [4]byte, d time.Duration) (Result, error) {
	if !h.lean() {
		return Closed(ctx, h.Clients(n, fleet, next), fleet.Len(), d), nil
	}
	c, err := h.crowd(fleet, next)
	if err != nil {
		return Result{}, err
	}
	defer c.close()
	return c.closed(ctx, n, d)
}

// Open lets the routers update when their moments come, as the function Open
// does. It fails as Closed does.
func (h *HTTP) Open(ctx context.Context, arrivals []Arrival, fleet *Fleet, next func(host int) [4]byte) (Result, error) {
	if !h.lean() {
		return Open(ctx, arrivals, h.once(fleet, next))
	}
	c, err := h.crowd(fleet, next)
	if err != nil {
		return Result{}, err
	}
	defer c.close()
	return c.open(ctx, arrivals)
}

// lean reports whether a crowd can make this load.
func (h *HTTP) lean() bool { return h.TLS == nil && !h.KeepAlive }

// timeout returns how long an update may take.
func (h *HTTP) timeout() time.Duration {
	if h.Timeout > 0 {
		return h.Timeout
	}
	return Timeout
}

// Clients returns n clients that move the fleet's hosts to the address that
// next returns for each.
func (h *HTTP) Clients(n int, fleet *Fleet, next func(host int) [4]byte) []Client {
	clients := make([]Client, n)
	for i := range clients {
		clients[i] = h.client(fleet, next)
	}
	return clients
}

func (h *HTTP) client(fleet *Fleet, next func(host int) [4]byte) *httpClient {
	return &httpClient{HTTP: h, fleet: fleet, next: next}
}

// once moves one host over a connection of its own. It is safe for concurrent
// use.
func (h *HTTP) once(fleet *Fleet, next func(host int) [4]byte) func(host int) error {
	return func(host int) error {
		c := h.client(fleet, next)
		defer c.Close()
		return c.Update(host)
	}
}
