//go:build linux

package figure

import (
	"context"
	"flag"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// comeback measures what happens after an outage: every router updates once,
// at a random moment within a minute, without a second try.
func comeback(flags *flag.FlagSet, s *settings) func(context.Context, *bench) error {
	s.hosts, s.rounds = 8000, 1
	within := flags.Duration("within", time.Minute, "how long until the last router is back")
	secure := flags.Bool("tls", false, "the routers use HTTPS, RSA 2048")
	return func(ctx context.Context, b *bench) error {
		s, fleet, err := b.service(ctx, stayput, b.hosts, peer.StayputOptions{CPU: peer.AnyCPU, TLS: *secure})
		if err != nil {
			return err
		}
		way, moves := door(s, false, *secure, "good ", "nochg "), sample.NewMoves(b.hosts)
		return b.eachRound(ctx, func() error {
			r, err := way.Open(ctx, load.AtRandom(b.hosts, *within), fleet, moves.Next)
			if err != nil {
				return err
			}
			b.report.add(stayput, "routers back", "", float64(r.Done+r.Failed))
			b.report.add(stayput, "answered good or nochg", "", float64(r.Done))
			b.addLatencies(stayput, &r)
			b.addFailures(stayput, "", &r)
			return nil
		})
	}
}
