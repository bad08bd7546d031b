//go:build linux

package figure

import (
	"context"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
)

// A subject is a server under updates in a closed loop.
type subject struct {
	name    string
	process *peer.Process
	closed  func(ctx context.Context, clients int, d time.Duration) (load.Result, error)
}

// routed returns the subject that routers of the fleet update over HTTP.
func routed(name string, p *peer.Process, way *load.HTTP, fleet *load.Fleet, next func(host int) [4]byte) subject {
	return subject{name, p, func(ctx context.Context, clients int, d time.Duration) (load.Result, error) {
		return way.Closed(ctx, clients, fleet, next, d)
	}}
}

// serverCPU is the measure that the generator has no part in.
const serverCPU = "server CPU an update"

// turn measures one turn of one subject. How the cores were shared is part of
// the figure: a generator beside its server takes its part of them.
func (b *bench) turn(ctx context.Context, s subject, clients int, how string) error {
	served, own, err := shares(s.process)
	if err != nil {
		return err
	}
	r, err := s.closed(ctx, clients, b.duration)
	if err != nil {
		return err
	}
	servedAfter, ownAfter, err := shares(s.process)
	if err != nil {
		return err
	}
	b.addResult(s.name, how, &r)
	if r.Done > 0 {
		b.report.add(s.name, serverCPU+how, "ms", milliseconds(servedAfter-served)/float64(r.Done))
		b.report.add(s.name, "generator CPU an update"+how, "ms", milliseconds(ownAfter-own)/float64(r.Done))
	}
	return nil
}

// shares returns the CPU time that the process and this program have used.
func shares(p *peer.Process) (served, own time.Duration, err error) {
	if served, err = p.CPU(); err != nil {
		return 0, 0, err
	}
	own, err = peer.OwnCPU()
	return served, own, err
}
