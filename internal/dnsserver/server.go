// Package dnsserver answers questions for the zones of the live state, over UDP,
// TCP and TLS. It is authoritative only: what lies outside the zones is refused, and
// it never asks another server.
//
// A Responder makes replies of packets and knows no socket; a Server gives it
// packets from sockets, and keeps those who waste them from harming the others.
// Each packet is answered from the state as it was after the packet had come, so
// that a change is seen by all that ask after it. A query waits for nothing
// and, in the usual cases, allocates nothing. Whatever a packet
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
	flat  projection // for UDP
	given given

	limiter atomic.Pointer[limiter] // for UDP; nil: no limit

	updates *updates
	crew    *crew     // for TCP and TLS, and for UPDATEs
	streams *counters // of those

	stopping context.Context // ends when Shutdown begins
	stop     context.CancelFunc
	leaving  context.Context // ends when Leave or Shutdown begins
	leave    context.CancelFunc
	mu       sync.Mutex             // guards the start of serving against its end
	taking   sync.WaitGroup         // calls of ServeUDP, ServeTCP and ServeTLS that take packets and connections
	serving  sync.WaitGroup         // the same, and until what they took is answered
	pass     func(net.Conn, []byte) // set by Leave before leaving ends, or never

	panics, faults sparse // what is logged
}

// New returns a server that answers from what state returns. It serves nothing
// until ServeUDP, ServeTCP or ServeTLS is called.
func New(state func() *registry.State, opts Options) *Server {
	s := &Server{state: state, given: given{recalling: make(chan struct{}, 1)}}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.leaving, s.leave = context.WithCancel(s.stopping)
	s.updates = newUpdates(s.leaving)
	s.SetOptions(opts)
	s.streams = s.tally.share()
	s.crew = newCrew(func() *worker { return s.newWorker(s.streams) })
	return s
}

// SetOptions replaces the options. Packets and connections that come later heed
// them.
func (s *Server) SetOptions(opts Options) {
	opts = opts.withDefaults()
	opts.given = &s.given
	was := s.opts.Swap(&opts)
	if was == nil || !was.RateLimit.equal(opts.RateLimit) {
		s.limiter.Store(newLimiter(opts.RateLimit))
	}
	if (was == nil || len(was.Secondaries) == 0) && len(opts.Secondaries) > 0 {
		s.given.noteAll(s.state().Zones, time.Now())
	}
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

// worker answers packets.
type worker struct {
	server    *Server
	responder *Responder
	counters  *counters
	zone      zoneCache
	buf       []byte // of the reply, behind the two octets that TCP wants before it
}

func (s *Server) newWorker(c *counters) *worker {
	w := &worker{
		server: s, counters: c,
		responder: newResponder(s.opts.Load()),
		buf:       make([]byte, tcpPrefix+BufferSize),
	}
	w.responder.updates = s.updates
	return w
}

// reply returns the reply to a packet, which is good until the next; nil for
// none.
func (w *worker) reply(packet []byte, from Client) []byte {
	n := w.counters.queries[from.Via].Add(1)
	state := w.state()
	if state == nil {
		return nil
	}
	return w.replyFrom(state, packet, from, n)
}

// state returns the state as it is now, nil when that panicked.
func (w *worker) state() *registry.State {
	defer w.catch()
	return w.server.state()
}

// replyFrom returns the reply to the n-th packet from one state, which is good until
// the next; nil for none.
func (w *worker) replyFrom(state *registry.State, packet []byte, from Client, n uint64) []byte {
	defer w.catch()
	r, opts := w.responder, w.server.opts.Load()
	r.opts = opts
	var began time.Time
	if opts.logs(n) {
		began = time.Now()
	}
	reply := r.AnswerFrom(state, from, packet, w.buf[tcpPrefix:])
	if r.postponed {
		return nil
	}
	w.count(reply)
	if !began.IsZero() && reply != nil {
		r.logQuery(reply, time.Since(began))
	}
	return reply
}

// catch ends a panic of the function that defers it.
func (w *worker) catch() {
	if p := recover(); p != nil {
		w.counters.panics.Add(1)
		w.server.logPanic(p)
	}
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
