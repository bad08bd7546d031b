package dnsserver

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	tcpPrefix = 2 // octets of length before each message (RFC 1035 §4.2.2)

	// A message that has begun to come must be there, and a reply taken, within:
	messageTimeout = 5 * time.Second

	readSize = 1024 // octets that a connection holds while it is silent
)

// ListenTCP opens a listener for ServeTCP. One for [::] takes no IPv4, so that
// there may be one for 0.0.0.0 beside it.
func ListenTCP(addr netip.AddrPort) (*net.TCPListener, error) {
	return net.ListenTCP(network("tcp", addr), net.TCPAddrFromAddrPort(addr))
}

// ServeTCP answers the connections that come to l (RFC 7766) until ctx ends or
// Shutdown is called; then it returns nil, when queries that had come in whole
// are answered and all its connections are closed. It fails when l is closed by
// others. In any case l is closed at the end.
//
// The queries of one connection are answered in order. At a limit, a new
// connection displaces the one that has been idle longest.
func (s *Server) ServeTCP(ctx context.Context, l net.Listener) error {
	defer l.Close()
	taking, serving, taken, end, ok := s.begin(ctx)
	if !ok {
		return nil
	}
	defer end()
	defer context.AfterFunc(taking, func() { l.Close() })()

	var served sync.WaitGroup
	defer served.Wait()
	defer taken()
	return s.accept(taking, l, func(c *conn) { served.Go(func() { s.serveConn(serving, c) }) })
}

// accept has each connection that comes to l served, until ctx ends.
func (s *Server) accept(ctx context.Context, l net.Listener, serve func(*conn)) error {
	for {
		nc, err := l.Accept()
		switch {
		case err == nil: // also when ctx has ended: a successor may want it
			opts := s.opts.Load()
			serve(s.conns.admit(nc, opts.TCPConnections, opts.TCPConnectionsPerSource))
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it is over
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accepting on %s: %w", l.Addr(), err)
		default: // out of file descriptors, most likely
			s.logFault("cannot accept TCP connection", l.Addr(), err)
			s.conns.displaceOne()
			pause(ctx)
		}
	}
}

// serveConn answers the queries of one connection until it is silent for too
// long, sends what deserves no reply, or ctx ends. Then a successor gets it, if
// there is one.
func (s *Server) serveConn(ctx context.Context, c *conn) {
	defer s.conns.close(c)
	defer context.AfterFunc(ctx, c.stopReading)()

	in := bufio.NewReaderSize(c, readSize)
	var packet []byte
	for {
		c.readWithin(ctx, s.opts.Load().TCPIdle)
		var err error
		if packet, err = c.readMessage(ctx, in, packet[:0]); err != nil {
			if s.stopping.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
				s.passOn(c, in, packet)
			}
			return
		}
		s.conns.setBusy(c, true)
		if !s.answerConn(c, packet) {
			return
		}
		s.conns.setBusy(c, false)
		if cap(packet) > readSize {
			packet = nil // a silent connection should cost little
		}
	}
}

// answerConn sends the reply to one packet, and tells whether the connection is
// good for another.
func (s *Server) answerConn(c *conn, packet []byte) bool {
	w := s.pool.Get().(*worker)
	defer s.pool.Put(w)
	reply := w.reply(packet, TCP)
	if reply == nil {
		return false
	}
	out := w.buf[:tcpPrefix+len(reply)]
	binary.BigEndian.PutUint16(out, uint16(len(reply)))
	_ = c.SetWriteDeadline(time.Now().Add(messageTimeout))
	if _, err := c.Write(out); err != nil {
		w.counters.unsent.Add(1)
		return false
	}
	return true
}

// readMessage reads one message into buf. It waits for its start as long as the
// connection allows, and for the rest of it no longer than messageTimeout. With an
// error it returns what came of a message whose length was read.
func (c *conn) readMessage(ctx context.Context, in *bufio.Reader, buf []byte) ([]byte, error) {
	prefix, err := in.Peek(tcpPrefix)
	if err != nil {
		return buf, err
	}
	size := int(binary.BigEndian.Uint16(prefix))
	c.begun = [tcpPrefix]byte(prefix)
	if _, err := in.Discard(tcpPrefix); err != nil {
		return buf, err
	}
	if in.Buffered() < size {
		c.readWithin(ctx, messageTimeout)
	}
	for len(buf) < size {
		// At most as much again as has come: to announce much costs us nothing.
		have := len(buf)
		more := min(size-have, max(have, readSize))
		buf = slices.Grow(buf, more)[:have+more]
		if n, err := io.ReadFull(in, buf[have:]); err != nil {
			return buf[:have+n], err
		}
	}
	c.begun = [tcpPrefix]byte{}
	return buf, nil
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
