//go:build linux

package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An httpClient speaks just enough HTTP/1.1 by hand: net/http's client would
// cost more than some servers under test. Where there is neither TLS nor a
// connection to keep, a crowd costs less still.
type httpClient struct {
	*HTTP
	fleet *Fleet
	next  func(host int) [4]byte
	conn  net.Conn // nil when there is none
	out   []byte
	in    [replySize]byte
}

// Update sends one request and reads its reply.
func (c *httpClient) Update(i int) error {
	if c.conn == nil {
		if err := c.dial(source(i)); err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
	}
	c.out = c.fleet.routers[i].appendRequest(c.out[:0], c.next(i), c.KeepAlive)
	err := c.exchange()
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

func (c *httpClient) dial(from [4]byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout())
	defer cancel()
	d := net.Dialer{KeepAlive: -1, Control: lateBind}
	conn, err := d.DialTCP(ctx, "tcp4", netip.AddrPortFrom(netip.AddrFrom4(from), 0), c.Server)
	if err != nil {
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

// exchange sends the request and judges the reply.
func (c *httpClient) exchange() error {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout())); err != nil {
		return err
	}
	if _, err := c.conn.Write(c.out); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	n, body, err := c.reply()
	if err != nil {
		return fmt.Errorf("reading reply: %w", err)
	}
	return c.judge(c.in[:n], body)
}

// reply reads one reply, and returns its length and where its body begins.
// Where the connection closes it waits for the server's end of file, as
// routers do, so that the server closes first.
func (c *httpClient) reply() (n, body int, err error) {
	for end := 0; end == 0 || n < end; {
		if n == len(c.in) {
			return 0, 0, errTooLong
		}
		m, rerr := c.conn.Read(c.in[n:])
		n += m
		if end == 0 {
			if _, end, err = measure(c.in[:n]); err != nil {
				return 0, 0, err
			}
		}
		if rerr != nil && (end == 0 || n < end) {
			return 0, 0, rerr
		}
	}
	if !c.KeepAlive {
		if err := c.drain(); err != nil {
			return 0, 0, err
		}
	}
	body, err = complete(c.in[:n])
	return n, body, err
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
