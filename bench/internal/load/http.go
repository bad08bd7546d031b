//go:build linux

package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Key is an update key and the hosts that it may move.
type Key struct {
	Username, Secret string
	Hosts            []string
}

// A Fleet is all routers of a service: each has a host, the credentials for
// it, and a source address of its own, as no two households share one.
type Fleet struct {
	routers []router
}

type router struct {
	host          string
	authorization string
	source        netip.AddrPort
}

// NewFleet returns a router for every host of the keys.
func NewFleet(keys []Key) *Fleet {
	f := &Fleet{}
	for _, k := range keys {
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(k.Username+":"+k.Secret))
		for _, host := range k.Hosts {
			f.routers = append(f.routers, router{host, basic, source(len(f.routers))})
		}
	}
	return f
}

// Len returns the number of routers.
func (f *Fleet) Len() int { return len(f.routers) }

// Host returns the name that router i keeps up to date.
func (f *Fleet) Host(i int) string { return f.routers[i].host }

// source returns the loopback address of router i. Neighbours lie in
// different /16s, so that limits by prefix do not take the fleet for a flood.
func source(i int) netip.AddrPort {
	a := netip.AddrFrom4([4]byte{127, byte(64 + i%64), byte(i / 64), byte(1 + i/64/256%254)})
	return netip.AddrPortFrom(a, 0)
}

// HTTP says how routers reach a server.
type HTTP struct {
	Server    netip.AddrPort
	TLS       *tls.Config // nil for plain HTTP
	KeepAlive bool        // false: a connection per update, as routers do
	Expect    []string    // how a body must start to count, such as "good "
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

// Once moves one host over a connection of its own. It is safe for concurrent
// use.
func (h *HTTP) Once(fleet *Fleet, next func(host int) [4]byte) func(host int) error {
	return func(host int) error {
		c := h.client(fleet, next)
		defer c.Close()
		return c.Update(host)
	}
}

// An httpClient speaks just enough HTTP/1.1 by hand: net/http's client would
// cost more than some servers under test.
type httpClient struct {
	*HTTP
	fleet *Fleet
	next  func(host int) [4]byte
	conn  net.Conn // nil when there is none
	out   []byte
	in    [4096]byte
}

// Update sends one request and reads its reply.
func (c *httpClient) Update(i int) error {
	r := &c.fleet.routers[i]
	if c.conn == nil {
		if err := c.dial(r.source); err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
	}
	err := c.exchange(r, c.next(i))
	if err != nil || !c.KeepAlive {
		c.Close()
	}
	return err
}

// Close closes the connection, if there is one.
func (c *httpClient) Close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is left to send or to learn
		c.conn = nil
	}
}

func (c *httpClient) dial(from netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	d := net.Dialer{KeepAlive: -1, Control: lateBind}
	conn, err := d.DialTCP(ctx, "tcp4", from, c.Server)
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(Timeout)); err != nil {
		return err
	}
	c.conn = conn
	if c.TLS != nil {
		c.conn = tls.Client(conn, c.TLS)
	}
	return nil
}

// lateBind lets the kernel choose the port when it knows both ends, so that a
// source address has all ports for each server (ip(7)).
func lateBind(_, _ string, raw syscall.RawConn) error {
	var err error
	cerr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
	return errors.Join(cerr, err)
}

func (c *httpClient) exchange(r *router, address [4]byte) error {
	if c.KeepAlive {
		if err := c.conn.SetDeadline(time.Now().Add(Timeout)); err != nil {
			return err
		}
	}
	if _, err := c.conn.Write(c.request(r, address)); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	reply, err := c.reply()
	if err != nil {
		return fmt.Errorf("reading reply: %w", err)
	}
	return c.judge(reply)
}

// request returns the request, valid until the next call.
func (c *httpClient) request(r *router, address [4]byte) []byte {
	b := append(c.out[:0], "GET /nic/update?hostname="...)
	b = append(b, r.host...)
	b = append(b, "&myip="...)
	b = netip.AddrFrom4(address).AppendTo(b)
	b = append(b, " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: "...)
	b = append(b, r.authorization...)
	b = append(b, "\r\nUser-Agent: stayput-bench/1\r\nConnection: "...)
	if c.KeepAlive {
		b = append(b, "keep-alive\r\n\r\n"...)
	} else {
		b = append(b, "close\r\n\r\n"...)
	}
	c.out = b
	return b
}

// A reply is the part of an HTTP reply that matters.
type reply struct {
	status, body []byte
}

// reply reads one reply. Where the connection closes it waits for the
// server's end of file, as routers do, so that the server closes first.
func (c *httpClient) reply() (reply, error) {
	n, want := 0, -1
	var head int
	for want < 0 || n < want {
		if n == len(c.in) {
			return reply{}, errors.New("reply is too long")
		}
		m, err := c.conn.Read(c.in[n:])
		n += m
		if want < 0 {
			if head = bytes.Index(c.in[:n], []byte("\r\n\r\n")) + 4; head >= 4 {
				length, lerr := contentLength(c.in[:head])
				if lerr != nil {
					return reply{}, lerr
				}
				want = head + length
			}
		}
		if err != nil && (want < 0 || n < want) {
			return reply{}, err
		}
	}
	if !c.KeepAlive {
		if err := c.drain(); err != nil {
			return reply{}, err
		}
	}
	status, _, _ := bytes.Cut(c.in[:head], []byte("\r\n"))
	return reply{status: status, body: c.in[head:want]}, nil
}

// drain waits for the end of the connection.
func (c *httpClient) drain() error {
	var rest [64]byte
	switch n, err := c.conn.Read(rest[:]); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	default:
		return fmt.Errorf("%d octets after the body", n)
	}
}

// contentLength returns the length that the reply's head states. Replies
// without one are refused: no router's client may be asked to unchunk.
func contentLength(head []byte) (int, error) {
	const field = "\r\ncontent-length:"
	at := bytes.Index(bytes.ToLower(head), []byte(field))
	if at < 0 {
		return 0, errors.New("reply without Content-Length")
	}
	value, _, _ := bytes.Cut(head[at+len(field):], []byte("\r\n"))
	n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("bad Content-Length %q", value)
	}
	return n, nil
}

// judge returns nil when the reply is a 200 whose body starts as expected.
func (c *httpClient) judge(r reply) error {
	if _, code, _ := bytes.Cut(r.status, []byte(" ")); bytes.HasPrefix(code, []byte("200")) {
		for _, e := range c.Expect {
			if bytes.HasPrefix(r.body, []byte(e)) {
				return nil
			}
		}
	}
	return fmt.Errorf("answered %q, %q", r.status, r.body)
}
