package dnsserver

import (
	"bufio"
	"context"
	"net"
	"slices"
	"time"
)

// Leave stops taking queries, for good, in favour of a successor that has the same
// sockets: what waits in them is left to it. It returns when no query is taken any
// more. Those that were are still being answered; Shutdown waits for them.
//
// Each TCP connection is given to pass as soon as all queries that were taken
// from it are answered, together with what has been read of the next one. Pass may
// be called by several goroutines at once; the connection is closed when it
// returns. When ctx ends before all is quiet, Leave cuts the connections that are
// left and returns the context's error.
func (s *Server) Leave(ctx context.Context, pass func(c net.Conn, unread []byte)) error {
	s.mu.Lock()
	s.pass = pass
	s.stop()
	s.mu.Unlock()
	err := wait(ctx, &s.taking)
	s.conns.stopReading()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for err == nil && !s.conns.areBusy() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		s.conns.closeAll()
	}
	return err
}

// passOn gives a connection to the successor, if there is one. Packet is what was
// read of a message, besides its length and what is in the reader.
func (s *Server) passOn(c *conn, in *bufio.Reader, packet []byte) {
	if s.pass == nil {
		return
	}
	var unread []byte
	if c.begun != [tcpPrefix]byte{} {
		unread = append(c.begun[:], packet...)
	}
	rest, _ := in.Peek(in.Buffered())
	s.pass(c.Conn, slices.Concat(unread, rest, c.unread))
}

// Adopt serves a TCP connection that another server has passed on, until it is
// closed or Shutdown is called. Unread is what was read from it already.
func (s *Server) Adopt(ctx context.Context, nc net.Conn, unread []byte) {
	ctx, end, ok := s.begin(ctx)
	if !ok {
		_ = nc.Close()
		return
	}
	defer end()
	s.taking.Done()
	opts := s.opts.Load()
	c := s.conns.admit(nc, opts.TCPConnections, opts.TCPConnectionsPerSource)
	c.unread = unread
	s.serveConn(ctx, c)
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

// stopReading lets no connection begin to read any more. The context of those who
// read must have ended, so that none of them takes it back.
func (cs *conns) stopReading() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for e := cs.open.Front(); e != nil; e = e.Next() {
		e.Value.(*conn).stopReading()
	}
}

// areBusy tells whether every connection has a query that is being answered.
func (cs *conns) areBusy() bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for e := cs.open.Front(); e != nil; e = e.Next() {
		if !e.Value.(*conn).busy {
			return false
		}
	}
	return true
}
