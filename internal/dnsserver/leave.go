package dnsserver

import (
	"bufio"
	"context"
	"net"
	"slices"
	"time"
)

// freshTime is how long a new connection may take to bring its first query when
// nothing else keeps the server.
const freshTime = time.Second

// Leave stops taking queries, for good, in favour of a successor that has the same
// sockets: what waits in them is left to it. It returns when no query is taken any
// more. Those that were are still being answered; Shutdown waits for them.
//
// Each TCP connection is given to pass as soon as all queries that were taken
// from it are answered, together with what has been read of the next one. Pass may
// be called by several goroutines at once; the connection is closed when it
// returns. A nil pass is for a successor that is yet to come. What cannot be passed
// on, and that is every connection with TLS, whose keys only we have, is closed;
// before that, those that are new get the time for a first query.
//
// When ctx ends before all is quiet, Leave cuts the connections that are left and
// returns the context's error.
func (s *Server) Leave(ctx context.Context, pass func(c net.Conn, unread []byte)) error {
	s.mu.Lock()
	s.pass = pass
	s.leave()
	s.mu.Unlock()
	err := wait(ctx, &s.taking)
	fresh, cancel := context.WithTimeout(ctx, freshTime)
	_ = s.conns.await(fresh, func(c *conn) bool { // as far as time allows
		return c.used && c.queries.Load() == 0 || pass != nil && c.client.Via == TCP
	})
	cancel()
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.conns.stopReading()
	if err == nil {
		err = s.conns.await(ctx, func(c *conn) bool { return c.queries.Load() > 0 })
	}
	if err != nil {
		s.conns.closeAll()
	}
	return err
}

// passOn gives a connection to the successor, if there is one that can go on with
// it, with what is in the reader. It returns false when there is none.
func (s *Server) passOn(c *conn, in *bufio.Reader) bool {
	if s.pass == nil || c.client.Via != TCP || c.useless.Load() {
		return false
	}
	rest, _ := in.Peek(in.Buffered())
	s.pass(c.Conn, slices.Concat(c.begun, rest, c.unread))
	return true
}

// Adopt serves a TCP connection that another server has passed on, until it is
// closed or Shutdown is called. Unread is what was read from it already.
func (s *Server) Adopt(ctx context.Context, nc net.Conn, unread []byte) {
	_, ctx, taken, end, ok := s.begin(ctx)
	if !ok {
		_ = nc.Close()
		return
	}
	defer end()
	taken()
	c := newConn(nc)
	c.client.Via, c.stream, c.unread = TCP, c, unread
	s.admit(c)
	s.serveConn(ctx, c)
}

// stopReading wakes all who wait for something to read. What they then begin to
// read ends as soon as their context does.
func (cs *conns) stopReading() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for e := cs.open.Front(); e != nil; e = e.Next() {
		e.Value.(*conn).stopReading()
	}
}

// await returns when a condition holds for every connection that is open, or with
// the context's error.
func (cs *conns) await(ctx context.Context, holds func(*conn) bool) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cs.all(holds) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (cs *conns) all(holds func(*conn) bool) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for e := cs.open.Front(); e != nil; e = e.Next() {
		if !holds(e.Value.(*conn)) {
			return false
		}
	}
	return true
}
