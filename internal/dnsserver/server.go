// Package dnsserver answers questions for the zones of the live state, over UDP
// and TCP. It is authoritative only: what lies outside the zones is refused, and
// it never asks another server.
//
// A Responder makes replies of packets and knows no socket; a Server gives it
// packets from sockets, and keeps those who waste them from harming the others.
// Each packet is answered from the state as it was after the packet had come, so
// that a change is seen by all that ask after it. A query takes no lock, waits
// for nothing and, in the usual cases, allocates nothing. Whatever a packet
// brings, the server goes on: a panic costs the one reply.
package dnsserver

import (
	"context"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/registry"
)

// Server serves any number of sockets. Its methods are safe for concurrent use.
type Server struct {
	state func() *registry.State
	opts  atomic.Pointer[Options]
	tally tally
	conns conns
	pool  sync.Pool // of *worker, for TCP

	stopping context.Context // ends when Shutdown begins
	stop     context.CancelFunc
	leaving  context.Context // ends when Leave or Shutdown begins
	leave    context.CancelFunc
	mu       sync.Mutex             // guards the start of serving against its end
	taking   sync.WaitGroup         // calls of ServeUDP and ServeTCP that take packets and connections
	serving  sync.WaitGroup         // the same, and until what they took is answered
	pass     func(net.Conn, []byte) // set by Leave before leaving ends, or never

	panics, faults sparse // what is logged
}

// New returns a server that answers from what state returns. It serves nothing
// until ServeUDP or ServeTCP is called.
func New(state func() *registry.State, opts Options) *Server {
	s := &Server{state: state}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.leaving, s.leave = context.WithCancel(s.stopping)
	s.SetOptions(opts)
	shared := s.tally.share()
	s.pool.New = func() any { return s.newWorker(shared) }
	return s
}

// SetOptions replaces the options. Packets and connections that come later heed
// them.
func (s *Server) SetOptions(opts Options) {
	opts = opts.withDefaults()
	s.opts.Store(&opts)
}

// begin counts a call that serves a socket, unless the server is shut down: then
// ok is false. Both contexts that it returns end with ctx and when Shutdown begins,
// taking also when Leave does. taken must be called when nothing is taken from the
// socket any more, and then end when all that was taken is answered.
func (s *Server) begin(ctx context.Context) (taking, serving context.Context, taken, end func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving.Err() != nil {
		return nil, nil, nil, nil, false
	}
	s.taking.Add(1)
	s.serving.Add(1)
	serving, stop := context.WithCancel(ctx)
	detachServing := context.AfterFunc(s.stopping, stop)
	taking, leave := context.WithCancel(serving)
	detachTaking := context.AfterFunc(s.leaving, leave)
	return taking, serving, s.taking.Done, func() {
		detachTaking()
		detachServing()
		stop()
		s.serving.Done()
	}, true
}

// Shutdown stops serving, for good: sockets are closed, queries that have come in
// whole are answered. It returns when all is done; when ctx ends first, it cuts
// what is left and returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	err := wait(ctx, &s.serving)
	if err != nil {
		s.conns.closeAll()
	}
	return err
}

// wait returns when nobody is in the group any more, or with the context's error.
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

// worker answers packets, one at a time.
type worker struct {
	server    *Server
	responder *Responder
	counters  *counters
	buf       []byte // of the reply, behind the two octets that TCP wants before it
}

func (s *Server) newWorker(c *counters) *worker {
	return &worker{
		server: s, counters: c,
		responder: newResponder(s.opts.Load()),
		buf:       make([]byte, tcpPrefix+BufferSize),
	}
}

// reply returns the reply to a packet, which is good until the next; nil for
// none.
func (w *worker) reply(packet []byte, via Transport) []byte {
	w.counters.queries[via].Add(1)
	defer func() {
		if p := recover(); p != nil {
			w.counters.panics.Add(1)
			w.server.logPanic(p)
		}
	}()
	w.responder.opts = w.server.opts.Load()
	reply := w.responder.Answer(w.server.state().Zones, packet, w.buf[tcpPrefix:], via)
	w.counters.count(w.responder, reply)
	return reply
}

// logPanic logs a panic with its stack.
func (s *Server) logPanic(p any) {
	if s.panics.now() {
		s.opts.Load().Logger.Error("answering a DNS query panicked", "panic", p, "stack", string(debug.Stack()))
	}
}

// logFault logs a fault of a socket that may pass.
func (s *Server) logFault(what string, address net.Addr, err error) {
	if s.faults.now() {
		s.opts.Load().Logger.Warn(what, "address", address, "error", err)
	}
}

// sparse lets one line a second into the log: whoever finds a packet that makes
// us complain must not fill the disk.
type sparse struct{ last atomic.Int64 } // Unix time in seconds

func (s *sparse) now() bool {
	now := time.Now().Unix()
	last := s.last.Load()
	return last != now && s.last.CompareAndSwap(last, now)
}

// pause waits for a moment after a fault that may pass, or until ctx ends.
func pause(ctx context.Context) {
	t := time.NewTimer(10 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
