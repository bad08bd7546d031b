// Package front is the door that HTTP comes in by. It serves the listeners that
// the daemon opens, finds out who the client is, and hands each request to whom
// the [Table] names.
//
// Paths that devices call are read by a reader of its own, since net/http
// refuses much of what routers and cameras have been sending for twenty years:
// blanks in a query, a missing Host, a path without its slash. Their replies
// are held back and sent in one write, with a length, never in chunks. Every
// other well-formed request goes to net/http, the bytes unchanged. Tolerance
// ends where two readers could disagree about the length of a message: such
// requests are refused and the connection closed.
//
// Handlers find the client in Request.RemoteAddr, always as "ip:port", also
// behind trusted proxies. Forwarding headers (Forwarded, X-Real-IP,
// X-Forwarded-*) reach them from trusted proxies only, from anybody else they
// are removed.
//
// The package logs no query, no credentials and no body.
package front

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// maxWaiting is how many goroutines wait for a connection to serve.
const maxWaiting = 64

// Kind says how a listener speaks.
type Kind int

// The kinds of listeners.
const (
	Plain     Kind = iota // HTTP/1.x in clear
	TLS                   // HTTPS with what today's clients speak, TLS 1.2 and later unless configured; HTTP/2 too
	LegacyTLS             // HTTPS for devices of before 2015: from TLS 1.0, RSA key exchange, CBC, 3DES; HTTP/1.x only
)

// Config is what a [Server] needs. Only the Table has no useful zero value.
type Config struct {
	Table

	// TrustedProxies may say who the client is, by X-Forwarded-For or by a
	// PROXY header in front of the connection. They are exempt from
	// Limits.PerSource; a client named in a PROXY header is not.
	TrustedProxies []netip.Prefix

	// TLS has the certificates for the TLS and LegacyTLS listeners; nil if
	// there are none. MinVersion 0 means TLS 1.2. NextProtos is set by the
	// server, and for LegacyTLS the versions and cipher suites too.
	TLS *tls.Config

	Limits Limits

	// Logger gets device requests at debug level, refused ones at info (one a
	// second), panics at error. Nil logs nothing.
	Logger *slog.Logger
}

// A Server serves any number of listeners. Its methods are safe for concurrent
// use.
type Server struct {
	routes  *routes
	proxies proxies
	limits  Limits
	log     *slog.Logger
	modern  *tls.Config // nil: no TLS
	legacy  *tls.Config

	web       *http.Server // for all that is not a device's
	handover  *handover    // the listener of web
	startWeb  sync.Once
	dialogues sync.Pool // of *dialogue
	date      dateline
	counters  counters

	base    context.Context // of all device requests
	cancel  context.CancelFunc
	places  *places
	sources sources
	leaving atomic.Bool   // set when Leave begins
	closing chan struct{} // closed when Shutdown begins
	free    chan *conn    // to goroutines that wait for a connection to serve
	waiting atomic.Int32  // how many do

	refusals, acceptErrors, crowds pacer

	mu        sync.Mutex // guards listeners, conns, and the end of adding to talking and open
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	talking   sync.WaitGroup // connections in our own hands
	open      sync.WaitGroup // connections in conns
}

// New returns a server that serves nothing yet. It starts no goroutine.
func New(cfg Config) *Server {
	limits := cfg.Limits.withDefaults()
	s := &Server{
		routes:    newRoutes(cfg.Table),
		limits:    limits,
		log:       cfg.Logger,
		handover:  newHandover(),
		places:    newPlaces(limits.Total),
		sources:   sources{max: limits.PerSource, open: make(map[netip.Addr]int)},
		closing:   make(chan struct{}),
		free:      make(chan *conn),
		listeners: make(map[net.Listener]struct{}),
		conns:     make(map[*conn]struct{}),
	}
	s.proxies.set(cfg.TrustedProxies)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if cfg.TLS != nil {
		s.modern, s.legacy = modernTLS(cfg.TLS), legacyTLS(cfg.TLS)
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.dialogues.New = func() any { return new(dialogue) }
	s.web = s.newWeb()
	return s
}

// Serve accepts connections from l until Shutdown is called or ctx is done, and
// returns nil then, or the error that ended it before. It closes l. Connections
// live on when ctx is done: it is Shutdown that ends them. Where l is not TCP,
// clients have no address, no source to limit, and are never trusted.
func (s *Server) Serve(ctx context.Context, l net.Listener, kind Kind) error {
	l = gateOf(l)
	defer l.Close()
	if kind != Plain && s.modern == nil {
		return fmt.Errorf("serving %v: no TLS configured", l.Addr())
	}
	if !s.register(l) {
		return nil
	}
	defer s.unregister(l)
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	s.startWeb.Do(func() { go func() { _ = s.web.Serve(s.handover) }() }) // ends in Shutdown
	err := s.accept(ctx, l, kind)
	if ctx.Err() != nil || s.isClosing() {
		return nil
	}
	return fmt.Errorf("serving %v: %w", l.Addr(), err)
}

func (s *Server) register(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosing() {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) unregister(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// accept starts a goroutine for each connection. While all places are taken it
// leaves new ones to the listen queue.
func (s *Server) accept(ctx context.Context, l net.Listener, kind Kind) error {
	delay := time.Duration(0)
	for {
		if !s.places.take(ctx, s.closing) {
			return net.ErrClosed
		}
		sock, err := l.Accept()
		if err == nil {
			delay = 0
			s.start(sock, kind)
			continue
		}
		s.places.leave()
		if errors.Is(err, net.ErrClosed) || s.isClosing() {
			return net.ErrClosed
		}
		delay = min(max(2*delay, 5*time.Millisecond), time.Second)
		s.waitAfter(err, delay)
	}
}

// waitAfter waits out an accept error: there may be file descriptors again soon.
func (s *Server) waitAfter(err error, delay time.Duration) {
	s.counters.acceptErrors.Add(1)
	if s.acceptErrors.due(time.Now()) {
		s.log.Error("accepting a connection", "error", err)
	}
	select {
	case <-time.After(delay):
	case <-s.closing:
	}
}

// start serves a connection that has a place, or closes it at once if its source
// has too many.
func (s *Server) start(sock net.Conn, kind Kind) {
	s.counters.connections.Add(1)
	c := newConn(s, sock, kind)
	if !c.trusted && !c.enterSource() || !s.track(c) {
		c.Close()
		return
	}
	select {
	case s.free <- c:
	default:
		go s.work(c)
	}
}

// work serves c and, unless enough wait already, stays for more: the stack of a
// goroutine that has served a connection is as large as the next one needs.
func (s *Server) work(c *conn) {
	for {
		c.serve()
		if s.waiting.Add(1) > maxWaiting {
			s.waiting.Add(-1)
			return
		}
		select {
		case c = <-s.free:
			s.waiting.Add(-1)
		case <-s.closing:
			return
		}
	}
}

// track remembers c for Shutdown, unless that has begun.
func (s *Server) track(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosing() {
		return false
	}
	s.conns[c] = struct{}{}
	s.open.Add(1)
	s.talking.Add(1)
	return true
}

// release gives back what a connection held, once it is closed.
func (s *Server) release(c *conn) {
	s.mu.Lock()
	_, tracked := s.conns[c]
	delete(s.conns, c)
	s.mu.Unlock()
	if tracked {
		s.open.Done()
	}
	c.leaveSource()
	s.places.leave()
}

// Shutdown stops accepting, closes connections that wait for a request, and
// returns when all others have had their reply. Requests of devices that are not
// there whole after three seconds are refused. When ctx is done before, it closes
// what is left, cancels its requests and returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.web.SetKeepAlivesEnabled(false) // before anybody can notice, so that every reply from here on says "close"
	s.stop()
	err := s.drain(ctx)
	s.cancel()
	if err != nil {
		s.handover.Close()
		for _, c := range s.snapshot() {
			c.Close()
		}
	}
	return err
}

// drain waits for what is in flight.
func (s *Server) drain(ctx context.Context) error {
	defer time.AfterFunc(freshTime, s.hurry).Stop()
	if err := wait(ctx, &s.talking); err != nil {
		return err
	}
	// Only now is it sure that nobody will hand over another connection.
	if err := s.web.Shutdown(ctx); err != nil {
		return err
	}
	return wait(ctx, &s.open)
}

// hurry refuses requests that are not there whole: nobody may keep the server from
// ending by sending slowly.
func (s *Server) hurry() {
	for _, c := range s.snapshot() {
		if c.asking.Load() {
			c.SetReadDeadline(time.Unix(1, 0))
		}
	}
}

// stop makes the server take on nothing new.
func (s *Server) stop() {
	s.mu.Lock()
	if !s.isClosing() {
		close(s.closing)
	}
	for l := range s.listeners {
		l.Close()
	}
	s.mu.Unlock()
	for _, c := range s.snapshot() {
		c.closeIfIdle()
	}
}

func (s *Server) snapshot() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

func wait(ctx context.Context, group *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
