//go:build linux

package figure

import (
	"context"
	"fmt"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
	"stayput.dev/bench/internal/stats"
)

// latencies measures how long answers take when the servers have half of the load
// that the reference can carry; all have the same.
func (b *bench) latencies(ctx context.Context, q *questioning) error {
	servers, err := b.answering(ctx, q.layout())
	if err != nil || len(servers) == 0 {
		return err
	}
	full := servers[0]
	for _, s := range servers {
		if s.Name == reference {
			full = s
		}
	}
	resolver := q.resolver(sample.Zone{Hosts: b.hosts}, 0)
	resolver.Server = full.DNS
	answers, _, err := ask(ctx, full, resolver, b.duration)
	if err != nil {
		return fmt.Errorf("asking %s: %w", full.Name, err)
	}
	resolver.Rate = float64(answers.Right) / answers.Elapsed.Seconds() / 2
	b.report.add("generator", "questions at half load", "/s", resolver.Rate)
	err = b.eachRound(ctx, func() error {
		for _, s := range servers {
			if err := b.latencyTurn(ctx, s, resolver); err != nil {
				return fmt.Errorf("asking %s: %w", s.Name, err)
			}
		}
		return nil
	})
	for _, measure := range []string{"p50", "p99", "p99.9"} {
		b.report.ratio(measure+" at half load", stayput, reference)
	}
	return err
}

// latencyTurn measures one server.
func (b *bench) latencyTurn(ctx context.Context, s *peer.Server, resolver load.Resolver) error {
	resolver.Server = s.DNS
	if _, err := resolver.Ask(ctx, b.duration/10); err != nil {
		return err
	}
	answers, used, err := ask(ctx, s, resolver, b.duration)
	if err != nil {
		return err
	}
	for _, p := range []struct {
		name string
		of   float64
	}{{"p50", 50}, {"p99", 99}, {"p99.9", 99.9}, {"max", 100}} {
		b.report.add(s.Name, p.name+" at half load", "ms", milliseconds(stats.Percentile(answers.Latencies, p.of)))
	}
	b.report.add(s.Name, "queries a second", "/s", float64(answers.Right)/answers.Elapsed.Seconds())
	b.report.add(s.Name, "not answered", "%", 100*float64(answers.Lost)/float64(answers.Right+answers.Lost))
	b.log.Printf("%s: p99 %v at %.0f/s, %v of CPU", s.Name, stats.Percentile(answers.Latencies, 99), float64(answers.Right)/answers.Elapsed.Seconds(), used)
	return nil
}
