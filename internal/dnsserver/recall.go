package dnsserver

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Versions knows zones as they were. It must be safe for concurrent use.
type Versions interface {
	// Version returns a zone of a state as it was when it had a serial. The error is
	// registry.ErrTrimmed when that is not known any more, or never was.
	Version(ctx context.Context, state *registry.State, origin zone.Name, serial uint32) (*zone.Zone, error)
}

// maxRecall is how long a secondary waits for us to find out what it has. Then it gets
// the whole zone.
const maxRecall = 10 * time.Second

// recall returns a zone as a secondary has it who got it from a process before this
// one, or long ago; nil when that is not to be found out.
func (s *Server) recall(state *registry.State, origin zone.Name, serial uint32, to netip.Addr) *zone.Zone {
	opts := s.opts.Load()
	if opts.Versions == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.stopping, maxRecall)
	defer cancel()
	z, err := s.given.recall(ctx, opts.Versions, state, origin, serial, to)
	if err != nil && !errors.Is(err, registry.ErrTrimmed) && s.stopping.Err() == nil {
		opts.Logger.Warn("cannot tell what a secondary has; it gets the whole zone", "zone", origin, "secondary", to, "serial", serial, "error", err)
	}
	return z
}

// recall finds a version that is not kept, and keeps it from then on: many secondaries
// may come back at once and ask for the same. One is looked for at a time.
func (g *given) recall(ctx context.Context, from Versions, state *registry.State, origin zone.Name, serial uint32, to netip.Addr) (*zone.Zone, error) {
	select {
	case g.recalling <- struct{}{}:
		defer func() { <-g.recalling }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if z := g.find(origin, serial, to, time.Now()); z != nil {
		return z, nil
	}
	if g.isLost(origin, serial) {
		return nil, registry.ErrTrimmed
	}
	z, err := from.Version(ctx, state, origin, serial)
	switch {
	case err == nil:
		g.note(z, nil, to, time.Now())
	case errors.Is(err, registry.ErrTrimmed):
		g.lose(origin, serial)
	}
	return z, err
}

// isLost tells whether it is known that nobody knows the version of a zone.
func (g *given) isLost(origin zone.Name, serial uint32) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	last, known := g.lost[origin]
	return known && !zone.SerialLess(last, serial)
}

func (g *given) lose(origin zone.Name, serial uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lost == nil {
		g.lost = map[zone.Name]uint32{}
	}
	g.lost[origin] = serial
}
