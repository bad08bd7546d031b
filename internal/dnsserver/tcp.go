package dnsserver

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	tcpPrefix = 2 // octets of length before each message (RFC 1035 §4.2.2)

	// A message that has begun to come must be there, and a reply taken, within:
	messageTimeout = 5 * time.Second

	readSize = 1024 // octets that a connection holds while it is silent
)

// ServeTCP answers the connections that come to l (RFC 7766) until ctx ends or
// Shutdown is called; then it returns nil, when queries that had come in whole
// are answered and all its connections are closed. It fails when l is closed by
// others. In any case l is closed at the end.
//
// The queries of one connection do not wait for one another, so that replies may
// come in another order; when too many are unanswered, the client has to wait. At
// a limit, a new connection displaces the one that has been idle longest.
func (s *Server) ServeTCP(ctx context.Context, l net.Listener) error {
	return s.serveStreams(ctx, l, func(c *conn) { c.client.Via = TCP })
}

// serveStreams is ServeTCP for connections to which prepare has to be done.
func (s *Server) serveStreams(ctx context.Context, l net.Listener, prepare func(*conn)) error {
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
	return s.accept(taking, l, func(nc net.Conn) {
		c := newConn(nc)
		prepare(c)
		s.admit(c)
		served.Go(func() { s.serveConn(serving, c) })
	})
}

// admit takes in a connection, for which another may have to go.
func (s *Server) admit(c *conn) {
	opts := s.opts.Load()
	s.conns.admit(c, opts.TCPConnections, opts.TCPConnectionsPerSource)
}

// accept has each connection that comes to l served, until ctx ends.
func (s *Server) accept(ctx context.Context, l net.Listener, serve func(net.Conn)) error {
	for {
		nc, err := l.Accept()
		switch {
		case err == nil: // also when ctx has ended: a successor may want it
			serve(nc)
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
	if !s.shakeHands(c) {
		return
	}
	in := bufio.NewReaderSize(c.stream, readSize)
	err := s.serveMessages(c, in)
	s.flush(c)
	c.answering.Wait()
	if s.stopping.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) && s.passOn(c, in) {
		return
	}
	c.sayGoodbye()
	c.linger()
}

// serveMessages answers what comes over a connection until no more can be read,
// and returns why.
func (s *Server) serveMessages(c *conn, in *bufio.Reader) error {
	for {
		if err := c.awaitMessage(in, s.opts.Load().TCPIdle); err != nil {
			return err
		}
		if err := s.serveMessage(c, in); err != nil {
			return err
		}
	}
}

// serveMessage answers the message that has begun to come, which must be there
// within messageTimeout.
func (s *Server) serveMessage(c *conn, in *bufio.Reader) error {
	size := tcpPrefix + sizeOf(in)
	if in.Buffered() < size {
		c.readWithin(messageTimeout)
	}
	if size > in.Size() {
		return s.serveLongMessage(c, in, size)
	}
	message, err := in.Peek(size)
	if err != nil {
		return err
	}
	// It stays in its place until it is answered.
	s.answerMessage(c, incoming{packet: message[tcpPrefix:], more: hasMessage(in, size)})
	_, err = in.Discard(size)
	return err
}

// serveLongMessage is serveMessage for a message that the buffer has no room for.
// To announce much costs us nothing: we make room when as much as a silent
// connection may hold has come.
func (s *Server) serveLongMessage(c *conn, in *bufio.Reader, size int) error {
	if _, err := in.Peek(in.Size()); err != nil {
		return err
	}
	s.conns.hold(c, size)
	message := make([]byte, size)
	if n, err := io.ReadFull(in, message); err != nil {
		c.begun = message[:n]
		return err
	}
	s.answerMessage(c, incoming{packet: message[tcpPrefix:], held: size})
	return nil
}

// sizeOf returns the size of the message whose length has been read.
func sizeOf(in *bufio.Reader) int {
	prefix, _ := in.Peek(tcpPrefix)
	return int(binary.BigEndian.Uint16(prefix))
}

// hasMessage tells whether a whole message stands behind the first octets of what has
// been read.
func hasMessage(in *bufio.Reader, behind int) bool {
	buffered, _ := in.Peek(in.Buffered())
	next := buffered[behind:]
	return len(next) >= tcpPrefix && len(next) >= tcpPrefix+int(binary.BigEndian.Uint16(next))
}
