package front

import (
	"context"
	"time"
)

const (
	// partingTime is how long clients that keep their connections are told, with
	// each reply, that there will be no other on it.
	partingTime = time.Second

	// freshTime is how long a connection may take to bring its first request when
	// nothing else keeps the server.
	freshTime = 3 * time.Second
)

// Leave makes way, for good, for a successor that has the same listeners, so that
// clients do not notice: for a while every reply ends its connection, then stop is
// called, which must end the calls of Serve, and then what came in until then is
// answered. What waits in the listen queues is left to the successor. Shutdown
// must be called afterwards; it finds only connections that wait for a request,
// and those that ctx left no time for.
func (s *Server) Leave(ctx context.Context, stop func()) {
	s.leaving.Store(true)
	silent := s.silent() // and if they stay so, nobody means them
	sleep(ctx, partingTime)
	stop()
	ctx, cancel := context.WithTimeout(ctx, freshTime)
	defer cancel()
	for ctx.Err() == nil && s.expects(silent) {
		sleep(ctx, time.Millisecond)
	}
}

// ending reports whether a reply ends its connection, whatever the client likes.
func (s *Server) ending() bool { return s.leaving.Load() || s.isClosing() }

// silent returns the connections from which nothing has come yet.
func (s *Server) silent() map[*conn]bool {
	all := map[*conn]bool{}
	for _, c := range s.snapshot() {
		if !c.spoke.Load() {
			all[c] = true
		}
	}
	return all
}

// expects reports whether the first request of a connection may be on its way,
// except from those that are silent for long.
func (s *Server) expects(silent map[*conn]bool) bool {
	for _, c := range s.snapshot() {
		fresh := !c.served.Load() && c.state.Load() == idle
		if fresh && (c.spoke.Load() || !silent[c]) {
			return true
		}
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
