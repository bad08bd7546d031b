//go:build linux

package load

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"stayput.dev/bench/internal/sample"
	"stayput.dev/bench/internal/wire"
)

// DNSUpdate says how clients send RFC 2136 updates to a server.
type DNSUpdate struct {
	Server  netip.AddrPort
	KeyName string
	Secret  []byte // of HMAC-SHA256
	Zone    sample.Zone
}

// Clients returns n clients, each with a UDP socket that it keeps, that move
// hosts of the zone to the address that next returns for each.
func (d *DNSUpdate) Clients(n int, next func(host int) [4]byte) ([]Client, error) {
	clients := make([]Client, 0, n)
	for range n {
		conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(d.Server))
		if err != nil {
			for _, c := range clients {
				c.Close()
			}
			return nil, fmt.Errorf("opening client: %w", err)
		}
		clients = append(clients, &dnsClient{
			zone:    d.Zone,
			conn:    conn,
			next:    next,
			updater: wire.NewUpdater(sample.ZoneName, d.KeyName, d.Secret),
		})
	}
	return clients, nil
}

// Closed lets n clients at a time update in a closed loop, as the function
// Closed does. It fails only when it cannot start.
func (d *DNSUpdate) Closed(ctx context.Context, n int, next func(host int) [4]byte, dur time.Duration) (Result, error) {
	clients, err := d.Clients(n, next)
	if err != nil {
		return Result{}, err
	}
	return Closed(ctx, clients, d.Zone.Hosts, dur), nil
}

type dnsClient struct {
	zone    sample.Zone
	conn    *net.UDPConn
	next    func(host int) [4]byte
	updater *wire.Updater
	id      uint16
	in      [1500]byte
}

// Update sends one signed update and waits for its NOERROR. It does not send
// again: a lost message is a failure.
func (c *dnsClient) Update(i int) error {
	c.id++
	now := time.Now()
	message := c.updater.Message(c.id, c.zone.Label(i), c.next(i), sample.TTL, now)
	if err := c.conn.SetDeadline(now.Add(Timeout)); err != nil {
		return err
	}
	if _, err := c.conn.Write(message); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	for {
		n, err := c.conn.Read(c.in[:])
		if err != nil {
			return fmt.Errorf("reading reply: %w", err)
		}
		m := c.in[:n]
		if !wire.IsReply(m) || wire.ID(m) != c.id {
			continue // the late answer of one given up
		}
		if rcode := wire.Rcode(m); rcode != wire.NoError {
			return fmt.Errorf("answered rcode %d", rcode)
		}
		return nil
	}
}

// Close closes the socket.
func (c *dnsClient) Close() { _ = c.conn.Close() } // nothing is left to send
