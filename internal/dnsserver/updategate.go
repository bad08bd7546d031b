package dnsserver

import (
	"context"
	"sync"
)

// gate lets UPDATEs pass while it is open. The zero gate is open.
type gate struct {
	mu     sync.Mutex
	shut   chan struct{} // nil while it is open; closed when it opens again
	inside sync.WaitGroup
}

// enter waits until the gate is open. It returns false when ctx ends first; otherwise
// leave must be called.
func (g *gate) enter(ctx context.Context) bool {
	for {
		g.mu.Lock()
		shut := g.shut
		if shut == nil {
			g.inside.Add(1)
			g.mu.Unlock()
			return true
		}
		g.mu.Unlock()
		select {
		case <-shut:
		case <-ctx.Done():
			return false
		}
	}
}

func (g *gate) leave() { g.inside.Done() }

// close shuts the gate and waits until nobody is inside, or ctx ends.
func (g *gate) close(ctx context.Context) error {
	g.mu.Lock()
	if g.shut == nil {
		g.shut = make(chan struct{})
	}
	g.mu.Unlock()
	return wait(ctx, &g.inside)
}

// open opens the gate.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

// HoldUpdates lets no UPDATE begin any more until ResumeUpdates is called: those that
// come wait, and when the server leaves meanwhile they are left without a reply, so that
// who sent them asks again. It returns when those that had begun are done, or with the
// context's error.
func (s *Server) HoldUpdates(ctx context.Context) error { return s.updates.gate.close(ctx) }

// ResumeUpdates lets UPDATEs begin that HoldUpdates kept waiting.
func (s *Server) ResumeUpdates() { s.updates.gate.open() }
