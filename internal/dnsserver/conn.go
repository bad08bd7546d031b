package dnsserver

import (
	"bufio"
	"container/list"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// conn is a TCP connection, perhaps with TLS over it.
type conn struct {
	net.Conn          // the TCP connection
	stream   net.Conn // where messages come from and go to
	client   Client
	giveUp   context.CancelFunc // ends the reading; what is being answered may still be

	queries   atomic.Int64   // that have come in whole and are not answered
	long      chan struct{}  // holds a value for each of them that takes long
	answering sync.WaitGroup // of those
	out       outbox
	began     time.Time
	lastReply atomic.Int64 // nanoseconds after began; before the first one, when the client could ask

	source netip.Prefix
	place  *list.Element // nil when it is no longer among the open ones; guarded by conns
	held   int           // octets of messages; guarded by conns
}

func newConn(nc net.Conn) *conn {
	c := &conn{Conn: nc, stream: nc, long: make(chan struct{}, maxLong), began: time.Now()}
	if tcp, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.client.Addr = tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	c.source = sourceOf(c.client.Addr)
	c.out.init()
	return c
}

// noteReply notes that the client has a reply now, or may begin to ask.
func (c *conn) noteReply() { c.lastReply.Store(int64(time.Since(c.began))) }

// patience returns for how long the client may be silent from now on, when it may
// for idle after its last reply.
func (c *conn) patience(idle time.Duration) time.Duration {
	if c.queries.Load() > 0 {
		return idle
	}
	return idle - time.Since(c.began) + time.Duration(c.lastReply.Load())
}

// awaitMessage waits for the start of a message, as long as a connection may be
// silent: since its last reply, while it waits for none.
func (c *conn) awaitMessage(ctx context.Context, in *bufio.Reader, idle time.Duration) error {
	for {
		c.readWithin(ctx, c.patience(idle))
		_, err := in.Peek(tcpPrefix)
		timeout := errors.Is(err, os.ErrDeadlineExceeded)
		if !timeout || in.Buffered() > 0 || ctx.Err() != nil || c.patience(idle) <= 0 {
			return err
		}
	}
}

// readWithin gives what is read next its time. When ctx has ended, there is none:
// only what has been read already can be had.
func (c *conn) readWithin(ctx context.Context, d time.Duration) {
	_ = c.SetReadDeadline(time.Now().Add(d))
	if ctx.Err() != nil {
		c.stopReading()
	}
}

// stopReading ends a read that waits, and all that come after.
func (c *conn) stopReading() { _ = c.SetReadDeadline(time.Unix(1, 0)) }

// drop closes the connection at once. Where the client keeps us waiting for it to
// take replies, the kernel forgets them too.
func (c *conn) drop() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok && c.queries.Load() > 0 {
		_ = tcp.SetLinger(0)
	}
	c.Conn.Close()
}
