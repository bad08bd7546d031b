//go:build linux

package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
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
	TCP     bool // over a connection for each client; else over UDP
}

// Clients returns n clients, each with a socket that it keeps, that move
// hosts of the zone to the address that next returns for each.
func (d *DNSUpdate) Clients(n int, next func(host int) [4]byte) ([]Client, error) {
	clients := make([]Client, 0, n)
	for range n {
		conn, err := net.Dial(d.network(), d.Server.String())
		if err != nil {
			for _, c := range clients {
				c.Close()
			}
			return nil, fmt.Errorf("opening client: %w", err)
		}
		clients = append(clients, &dnsClient{
			zone:    d.Zone,
			conn:    conn,
			framed:  d.TCP,
			next:    next,
			updater: wire.NewUpdater(sample.ZoneName, d.KeyName, d.Secret),
		})
	}
	return clients, nil
}

func (d *DNSUpdate) network() string {
	if d.TCP {
		return "tcp4"
	}
	return "udp4"
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
	conn    net.Conn
	framed  bool // each message has its length before it
	next    func(host int) [4]byte
	updater *wire.Updater
	id      uint16
	out     []byte
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
	if c.framed {
		c.out = append(binary.BigEndian.AppendUint16(c.out[:0], uint16(len(message))), message...)
		message = c.out
	}
	if _, err := c.conn.Write(message); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	for {
		m, err := c.read()
		if err != nil {
			return fmt.Errorf("reading reply: %w", err)
		}
		if !wire.IsReply(m) || wire.ID(m) != c.id {
			continue // the late answer of one given up
		}
		if rcode := wire.Rcode(m); rcode != wire.NoError {
			return fmt.Errorf("answered rcode %d", rcode)
		}
		return nil
	}
}

// read returns the next message.
func (c *dnsClient) read() ([]byte, error) {
	if !c.framed {
		n, err := c.conn.Read(c.in[:])
		return c.in[:n], err
	}
	if _, err := io.ReadFull(c.conn, c.in[:2]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(c.in[:]))
	if n > len(c.in) {
		return nil, fmt.Errorf("a reply of %d octets", n)
	}
	_, err := io.ReadFull(c.conn, c.in[:n])
	return c.in[:n], err
}

// Close closes the socket.
func (c *dnsClient) Close() { _ = c.conn.Close() } // nothing is left to send
