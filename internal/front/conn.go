package front

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// maxWrite is how much one write deadline covers; a client that takes less than
// that in Limits.WriteTimeout is cut off.
const maxWrite = 64 << 10

// The states of a conn. Only an idle one may be closed by Shutdown.
const (
	idle int32 = iota // waiting for a request's first byte
	busy
	gone // closed while idle
)

// A conn is one client's connection, from accept to close. It is the socket to
// TLS and net/http: what they do to it passes through here.
type conn struct {
	net.Conn
	server  *Server
	kind    Kind
	peer    netip.AddrPort // who sent what comes in: by the socket, or by a PROXY header
	remote  string         // the same as text
	trusted bool           // the peer may say for whom it speaks
	unread  []byte         // to be read before the socket
	bareLF  bool           // to be closed after the reply
	state   atomic.Int32
	asking  atomic.Bool // a request of a device has begun and is not there whole
	spoke   atomic.Bool // has sent something
	served  atomic.Bool // has had a reply
	closed  atomic.Bool

	counting sync.Mutex // guards source, as Shutdown may close while a PROXY header comes in
	source   netip.Addr // counted in server.sources if valid
}

func newConn(s *Server, sock net.Conn, kind Kind) *conn {
	c := &conn{Conn: sock, server: s, kind: kind}
	if tcp, ok := sock.RemoteAddr().(*net.TCPAddr); ok {
		c.setPeer(plainAddrPort(tcp.AddrPort()))
	} else {
		c.remote = sock.RemoteAddr().String()
	}
	return c
}

func (c *conn) setPeer(peer netip.AddrPort) {
	c.peer, c.remote = peer, peer.String()
	c.trusted = c.server.proxies.contain(peer.Addr())
}

// enterSource counts the connection with its source and reports whether there
// was room. A connection that is not over IP has no source.
func (c *conn) enterSource() bool {
	source := sourceOf(c.peer.Addr())
	if !source.IsValid() {
		return true
	}
	if c.server.sources.enter(source) {
		c.counting.Lock()
		c.source = source
		c.counting.Unlock()
		if c.closed.Load() {
			c.leaveSource()
		}
		return true
	}
	c.server.counters.crowded.Add(1)
	if c.server.crowds.due(time.Now()) {
		c.server.log.Info("too many connections of one source", "source", source)
	}
	return false
}

// leaveSource counts the connection no more.
func (c *conn) leaveSource() {
	c.counting.Lock()
	source := c.source
	c.source = netip.Addr{}
	c.counting.Unlock()
	if source.IsValid() {
		c.server.sources.leave(source)
	}
}

// serve owns the connection's goroutine. It ends with the connection closed or
// handed over.
func (c *conn) serve() {
	defer c.server.talking.Done()
	handedOver := false
	defer func() {
		if p := recover(); p != nil {
			c.server.logPanic(c.remote, "", p)
		}
		if !handedOver {
			c.Close()
		}
	}()
	handedOver = c.converse()
}

func (c *conn) converse() (handedOver bool) {
	if c.trusted && !c.readProxyHeader() {
		return false
	}
	if c.kind == Plain {
		return c.speak(c)
	}
	secure, ok := c.handshake()
	if !ok {
		return false
	}
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		return c.setBusy() && c.server.handOver(secure)
	}
	return c.speak(secure)
}

// speak reads requests from the stream, which is c or TLS over c, until it is
// closed or net/http is to go on.
func (c *conn) speak(stream net.Conn) (handedOver bool) {
	d := c.server.dialogues.Get().(*dialogue)
	defer func() {
		d.end()
		c.server.dialogues.Put(d)
	}()
	d.begin(c, stream)
	if d.serve() {
		stream.SetReadDeadline(time.Time{})
		c.bareLF = d.head.bareLF
		return c.handOver(stream, bytes.Clone(d.in.buffered()))
	}
	if d.linger || c.hasInput() {
		linger(stream)
	}
	stream.Close()
	return false
}

// handOver gives the stream to net/http, with what was read of it in front.
func (c *conn) handOver(stream net.Conn, unread []byte) bool {
	if secure, ok := stream.(*tls.Conn); ok {
		return c.server.handOver(&replay{secure, unread})
	}
	c.unread = append(unread, c.unread...)
	return c.server.handOver(c)
}

// readProxyHeader takes the PROXY header off a trusted peer's connection, if it
// begins with one.
func (c *conn) readProxyHeader() bool {
	c.SetReadDeadline(time.Now().Add(c.server.limits.HandshakeTimeout))
	buf := make([]byte, 0, maxProxyHeader)
	for {
		n, err := c.Conn.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return false
		}
		buf = buf[:len(buf)+n]
		client, used, err := parseProxy(buf)
		if err == nil {
			c.unread = buf[used:]
			return c.takeClient(client)
		}
		if err != errProxyShort {
			c.server.counters.handshakes.Add(1)
			c.server.log.Info("malformed PROXY header", "peer", c.remote)
			return false
		}
	}
}

// takeClient makes the client of a PROXY header the peer.
func (c *conn) takeClient(client netip.AddrPort) bool {
	if !client.IsValid() {
		return true
	}
	c.setPeer(client)
	return c.trusted || c.enterSource()
}

// client returns who sent a request, and removes from its header what the peer
// may not say.
func (c *conn) client(h http.Header, forwarded bool) string {
	if !forwarded {
		return c.remote
	}
	if !c.trusted {
		for name := range h {
			if isForwarding(name) {
				delete(h, name)
			}
		}
		return c.remote
	}
	client := ClientAddr(c.peer, h["X-Forwarded-For"], c.server.proxies.contain)
	if client == c.peer {
		return c.remote
	}
	return client.String()
}

// Read reads what was read too far first.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(p, c.unread)
		c.unread = c.unread[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	if n > 0 && !c.spoke.Load() {
		c.spoke.Store(true)
	}
	return n, err
}

// Write gives each part a deadline of its own, so that neither a client that
// does not read holds a handler for ever, nor a long reply has to hurry.
func (c *conn) Write(p []byte) (int, error) {
	for written := 0; ; {
		part := p[written:min(len(p), written+maxWrite)]
		c.Conn.SetWriteDeadline(time.Now().Add(c.server.limits.WriteTimeout))
		n, err := c.Conn.Write(part)
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// CloseWrite tells the client that nothing more will come.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the socket and gives back what the connection held. It may be
// called more than once.
func (c *conn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return net.ErrClosed
	}
	err := c.Conn.Close()
	c.server.release(c)
	return err
}

// setBusy notes that a request has begun. It fails if Shutdown was faster.
func (c *conn) setBusy() bool { return c.state.CompareAndSwap(idle, busy) }

// setIdle notes that the reply is sent, and reports whether to wait for another
// request. Shutdown looks at the state after it has begun to close, so one of
// both sees the other.
func (c *conn) setIdle() bool {
	c.served.Store(true)
	c.state.Store(idle)
	return !c.server.isClosing()
}

func (c *conn) closeIfIdle() {
	if c.state.CompareAndSwap(idle, gone) {
		c.Close()
	}
}
