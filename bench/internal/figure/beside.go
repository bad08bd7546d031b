//go:build linux

package figure

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/pprof/profile"

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
// without updates, then with them. The CPU of the updates themselves is what the
// server's profile says.
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
		bench: b, server: s, resolver: resolver,
		updates: func(ctx context.Context) (load.Result, error) {
			return way.Open(ctx, load.Evenly(rate, b.duration, b.hosts), fleet, moves.Next)
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
	server   *peer.Stayput
	resolver load.Resolver
	updates  func(context.Context) (load.Result, error) // come in for one turn
}

// turn measures one round.
func (m *mixture) turn(ctx context.Context) error {
	if err := m.ask(ctx, quiet); err != nil {
		return err
	}
	var r load.Result
	beside := make(chan error)
	go func() {
		var err error
		r, err = m.updates(ctx)
		beside <- err
	}()
	err := m.ask(ctx, moving)
	if err := errors.Join(<-beside, err); err != nil {
		return err
	}
	m.report.add(stayput, "updates/s beside queries", "/s", r.Rate())
	m.report.add(stayput, "p99 of updates beside queries", "ms", milliseconds(r.Percentile(99)))
	m.addFailures(stayput, " beside queries", &r)
	return nil
}

// ask asks for one turn and takes off the CPU that was not used for queries.
func (m *mixture) ask(ctx context.Context, subject string) error {
	type taken struct {
		profile *profile.Profile
		err     error
	}
	profiled := make(chan taken)
	go func() {
		p, err := m.server.Profile(ctx, m.duration)
		profiled <- taken{p, err}
	}()
	answers, used, err := m.askEnough(ctx, m.server.Server, m.resolver)
	t := <-profiled
	if err := errors.Join(err, t.err); err != nil {
		return err
	}
	of := workShares(t.profile)
	m.addAnswers(subject, answers, time.Duration(float64(used)*(1-of[forUpdates])))
	for _, work := range []string{forQueries, forUpdates, forEither} {
		m.report.add(subject, "CPU "+work, "%", 100*of[work])
	}
	return nil
}

// What the server's CPU goes into.
const (
	forQueries = "for queries"
	forUpdates = "for updates"
	forEither  = "for either" // the scheduler of goroutines, above all
)

// workShares returns what part of the CPU went into what.
func workShares(p *profile.Profile) map[string]float64 {
	parts, all := map[string]float64{}, 0.0
	for _, s := range p.Sample {
		spent := float64(s.Value[len(s.Value)-1])
		parts[workOf(s)] += spent
		all += spent
	}
	for work := range parts {
		parts[work] /= max(all, 1)
	}
	return parts
}

// workOf tells what a sample was taken in. Answering a query makes no garbage, so
// collecting it is the updates' part.
func workOf(s *profile.Sample) string {
	work := forEither
	for _, at := range s.Location {
		for _, line := range at.Line {
			switch name := line.Function.Name; {
			case strings.Contains(name, "internal/dnsserver."):
				return forQueries
			case strings.HasPrefix(name, "stayput.dev/"), strings.HasPrefix(name, "runtime.gcBgMarkWorker"),
				name == "runtime.bgsweep", name == "runtime.bgscavenge":
				work = forUpdates
			}
		}
	}
	return work
}
