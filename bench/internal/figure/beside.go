//go:build linux

package figure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// Subjects of the figure of queries beside updates.
const (
	quiet  = "stayput, no updates"
	moving = "stayput, updates"
)

// queriesBesideUpdates measures what queries cost while hosts move: each round
// first without updates, then updates alone, as many as the server takes, for what
// each costs a busy server, then both.
func (b *bench) queriesBesideUpdates(ctx context.Context, q *questioning, rate float64) error {
	s, fleet, err := b.service(ctx, stayput, b.hosts, peer.StayputOptions{CPU: q.layout().server})
	if err != nil {
		return err
	}
	// Seeded hosts are counted from 1.
	resolver := q.resolver(sample.Zone{Hosts: b.hosts + 1}, 1)
	resolver.Server = s.DNS
	way, moves := door(s, false, false, "good "), sample.NewMoves(b.hosts)
	m := mixture{
		bench: b, server: s.Server, resolver: resolver,
		updates: func(ctx context.Context) (load.Result, error) {
			return way.Open(ctx, load.Evenly(rate, b.duration, b.hosts), fleet, moves.Next)
		},
		crowd: func(ctx context.Context) (load.Result, error) {
			return way.Closed(ctx, 64, fleet, moves.Next, b.duration)
		},
	}
	if _, err := resolver.Ask(ctx, b.duration/10); err != nil {
		return err
	}
	err = b.eachRound(ctx, func() error { return m.turn(ctx) })
	b.report.ratio(perCPU, moving, quiet)
	return err
}

// mixture is a server that is asked and updated.
type mixture struct {
	*bench
	server   *peer.Server
	resolver load.Resolver
	updates  func(context.Context) (load.Result, error) // come in for one turn
	crowd    func(context.Context) (load.Result, error) // updates as fast as it can
}

// turn measures one round.
func (m *mixture) turn(ctx context.Context) error {
	answers, used, err := m.askEnough(ctx, m.server, m.resolver)
	if err != nil {
		return err
	}
	m.addAnswers(quiet, answers, used)

	before, err := m.server.CPU()
	if err != nil {
		return err
	}
	alone, err := m.crowd(ctx)
	if err != nil {
		return err
	}
	after, err := m.server.CPU()
	if err != nil {
		return err
	}
	if alone.Done == 0 {
		return fmt.Errorf("no update was done: %w", alone.FirstFail)
	}
	each := (after - before) / time.Duration(alone.Done)

	var r load.Result
	beside := make(chan error)
	go func() {
		var err error
		r, err = m.updates(ctx)
		beside <- err
	}()
	answers, used, err = ask(ctx, m.server, m.resolver, m.duration)
	if err := errors.Join(<-beside, err); err != nil {
		return err
	}
	m.addAnswers(moving, answers, max(used-each*time.Duration(r.Done), used/10, leastCPU/10))
	m.report.add(stayput, "server CPU an update, busy", "ms", milliseconds(each))
	m.report.add(stayput, "updates/s beside queries", "/s", r.Rate())
	m.report.add(stayput, "p99 of updates beside queries", "ms", milliseconds(r.Percentile(99)))
	m.addFailures(stayput, " beside queries", &r)
	return nil
}
