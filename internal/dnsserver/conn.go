package dnsserver

import (
	"bufio"
	"container/list"
	"errors"
	"io"
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
	unread   []byte // to be read before what comes
	begun    []byte // what has been read of a message that is longer than the buffer

	over    atomic.Bool // nothing more is read; what is being answered may still be
	useless atomic.Bool // the client sent what deserves no reply
	gone    atomic.Bool // nothing more can be sent

	queries   atomic.Int64   // that have come in whole and are not answered
	long      chan struct{}  // holds a value for each of them that takes long
	answering sync.WaitGroup // of those
	out       outbox
	began     time.Time
	lastReply atomic.Int64 // nanoseconds after began; before the first one, when the client could ask

	source netip.Prefix
	place  *list.Element // nil when it is no longer among the open ones; guarded by conns
	held   int           // octets of messages; guarded by conns
	used   bool          // has had a query; guarded by conns
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
func (c *conn) awaitMessage(in *bufio.Reader, idle time.Duration) error {
	for {
		c.readWithin(c.patience(idle))
		_, err := in.Peek(tcpPrefix)
		timeout := errors.Is(err, os.ErrDeadlineExceeded)
		if !timeout || in.Buffered() > 0 || c.over.Load() || c.patience(idle) <= 0 {
			return err
		}
	}
}

// readWithin gives what is read next its time. After stopReading there is none:
// only what has been read already can be had.
func (c *conn) readWithin(d time.Duration) {
	_ = c.SetReadDeadline(time.Now().Add(d))
	if c.over.Load() {
		c.stopReading()
	}
}

// stopReading ends a read that waits, and all that come after.
func (c *conn) stopReading() {
	c.over.Store(true)
	_ = c.SetReadDeadline(time.Unix(1, 0))
}

// giveUp ends the connection when what was taken from it is answered.
func (c *conn) giveUp() {
	c.useless.Store(true)
	c.stopReading()
}

// Read reads what was read before first.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(p, c.unread)
		c.unread = c.unread[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// lingerTime bounds for how long what comes after the last reply is read.
const lingerTime = 500 * time.Millisecond

// linger reads what has come after what was answered last, if something has: a close
// would reset the connection for it, and replies would be lost that are on their way.
func (c *conn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || c.gone.Load() || !c.hasInput() {
		return
	}
	_ = half.CloseWrite() // the client may be gone
	_ = c.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.Copy(io.Discard, c.Conn)
}

// drop closes the connection at once. Where the client keeps us waiting for it to
// take replies, the kernel forgets them too.
func (c *conn) drop() {
	c.gone.Store(true)
	if tcp, ok := c.Conn.(*net.TCPConn); ok && c.queries.Load() > 0 {
		_ = tcp.SetLinger(0)
	}
	c.Conn.Close()
}
