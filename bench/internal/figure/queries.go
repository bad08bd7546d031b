//go:build linux

package figure

import (
	"context"
	"flag"
	"fmt"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// A layout says which cores server and load use.
type layout struct {
	server, load     int
	threads, sockets int
}

// queries measures answers per second of server CPU: the server alone on one
// core, the load alone on another.
func queries(flags *flag.FlagSet, s *settings) func(context.Context, *bench) error {
	s.duration = 5 * time.Second
	free := flags.Bool("unpinned", false, "two server threads, eight source ports, nothing pinned")
	window := flags.Int("window", 200, "questions in flight")
	return func(ctx context.Context, b *bench) error {
		on := layout{server: 0, load: 1, threads: 1, sockets: 1}
		if *free {
			on = layout{server: peer.AnyCPU, load: peer.AnyCPU, threads: 2, sockets: 8}
		}
		servers, err := b.answering(ctx, on)
		if err != nil {
			return err
		}
		resolver := load.Resolver{
			Questions: load.NewQuestions(sample.Zone{Hosts: b.hosts}, 1_000_000, 1),
			Window:    *window,
			Sockets:   on.sockets,
			CPU:       on.load,
		}
		err = b.eachRound(ctx, func() error {
			for _, s := range servers {
				if err := b.queryTurn(ctx, s, resolver); err != nil {
					return fmt.Errorf("asking %s: %w", s.Name, err)
				}
			}
			return nil
		})
		for _, s := range servers {
			b.report.ratio(perCPU, s.Name, reference)
		}
		return err
	}
}

const perCPU = "queries per second of CPU"

// answering starts everything that answers for the zone.
func (b *bench) answering(ctx context.Context, on layout) ([]*peer.Server, error) {
	zone := sample.Zone{Hosts: b.hosts}
	var servers []*peer.Server
	if b.wants(stayput) {
		file, err := b.zoneFile(zone)
		if err != nil {
			return nil, err
		}
		s, err := b.stayput(ctx, stayput, peer.StayputOptions{CPU: on.server})
		if err != nil {
			return nil, err
		}
		if err := s.ImportZone(ctx, file); err != nil {
			return nil, err
		}
		servers = append(servers, s.Server)
	}
	for _, k := range b.installed(ctx, func(peer.Kind) bool { return true }) {
		s, err := b.start(ctx, k, zone, on.server, on.threads)
		if err != nil {
			return nil, err
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// queryTurn warms one server up and measures it.
func (b *bench) queryTurn(ctx context.Context, s *peer.Server, resolver load.Resolver) error {
	resolver.Server = s.DNS
	if _, err := resolver.Ask(ctx, b.duration/10); err != nil {
		return err
	}
	before, err := s.CPU()
	if err != nil {
		return err
	}
	answers, err := resolver.Ask(ctx, b.duration)
	if err != nil {
		return err
	}
	after, err := s.CPU()
	if err != nil {
		return err
	}
	if answers.Wrong > 0 {
		return fmt.Errorf("%d of %d answers were wrong", answers.Wrong, answers.Wrong+answers.Right)
	}
	rate := float64(answers.Right) / (after - before).Seconds()
	b.report.add(s.Name, perCPU, "/s", rate)
	b.report.add(s.Name, "queries a second", "/s", float64(answers.Right)/answers.Elapsed.Seconds())
	b.report.add(s.Name, "not answered", "%", 100*float64(answers.Lost)/float64(answers.Right+answers.Lost))
	b.log.Printf("%s: %.0f queries per second of CPU, %.0f/s", s.Name, rate, float64(answers.Right)/answers.Elapsed.Seconds())
	return nil
}
