//go:build linux

package figure

import (
	"context"
	"flag"
	"fmt"
	"strconv"

	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// flat measures whether an update costs more where there are more hosts: two
// daemons, a small and a large one, take turns.
func flat(flags *flag.FlagSet, s *settings) func(context.Context, *bench) error {
	s.hosts = 1_000_000
	few := flags.Int("few", 10_000, "hosts of the small daemon")
	clients := counts{1, 16}
	flags.Var(&clients, "clients", "how many update at once, as a `list`")
	return func(ctx context.Context, b *bench) error {
		sizes := []int{b.hosts, *few}
		var daemons []subject
		for _, hosts := range sizes {
			s, fleet, err := b.service(ctx, strconv.Itoa(hosts), hosts, peer.StayputOptions{CPU: peer.AnyCPU})
			if err != nil {
				return err
			}
			way, moves := door(s, false, false, "good "), sample.NewMoves(hosts)
			daemons = append(daemons, routed(size(hosts), s.Process, way, fleet, moves.Next))
		}
		err := b.eachRound(ctx, func() error {
			for _, n := range clients {
				for _, d := range daemons {
					if err := b.turn(ctx, d, n, among(n)); err != nil {
						return err
					}
				}
			}
			return nil
		})
		for _, n := range clients {
			for _, measure := range []string{"updates/s", "p50", serverCPU} {
				b.report.ratio(measure+among(n), size(sizes[0]), size(sizes[1]))
			}
		}
		return err
	}
}

// size names a daemon by its hosts.
func size(hosts int) string { return fmt.Sprintf("%d hosts", hosts) }
