//go:build linux

package figure

import (
	"context"
	"flag"
	"fmt"
	"net/netip"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// bare is the handler that answers nochg whatever comes.
const bare = "net/http"

// unchanged measures updates that change nothing, the most frequent ones,
// beside a net/http handler that does nothing at all.
func unchanged(flags *flag.FlagSet, _ *settings) func(context.Context, *bench) error {
	clients := counts{16}
	flags.Var(&clients, "clients", "how many update at once, as a `list` such as 16,256")
	return func(ctx context.Context, b *bench) error {
		s, fleet, err := b.service(ctx, stayput, b.hosts, peer.StayputOptions{CPU: peer.AnyCPU})
		if err != nil {
			return err
		}
		where := func(i int) [4]byte { return sample.Zone{}.IPv4(i).As4() }
		first := door(s, false, false, "good ", "nochg ")
		if err := load.Each(ctx, first.Clients(8, fleet, where), fleet.Len()); err != nil {
			return fmt.Errorf("setting addresses: %w", err)
		}
		nothing, at, err := b.bare(ctx)
		if err != nil {
			return err
		}
		return b.compareUnchanged(ctx, clients, func(keepAlive bool) []subject {
			one := &load.HTTP{Server: s.HTTP, KeepAlive: keepAlive, Expect: []string{"nochg "}}
			other := &load.HTTP{Server: at, KeepAlive: keepAlive, Expect: []string{"nochg "}}
			return []subject{
				routed(stayput, s.Process, one, fleet, where),
				routed(bare, nothing, other, fleet, where),
			}
		})
	}
}

// compareUnchanged lets the subjects take turns, in both ways of connecting.
func (b *bench) compareUnchanged(ctx context.Context, clients counts, subjects func(keepAlive bool) []subject) error {
	err := b.eachRound(ctx, func() error {
		for _, n := range clients {
			for _, keepAlive := range []bool{false, true} {
				for _, s := range subjects(keepAlive) {
					if err := b.turn(ctx, s, n, connections(n, keepAlive)); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	for _, n := range clients {
		for _, keepAlive := range []bool{false, true} {
			b.report.ratio("updates/s"+connections(n, keepAlive), stayput, bare)
			b.report.ratio(serverCPU+connections(n, keepAlive), stayput, bare)
		}
	}
	return err
}

// connections tells the ways of connecting apart.
func connections(clients int, keepAlive bool) string {
	if keepAlive {
		return among(clients) + ", keep-alive"
	}
	return among(clients) + ", closing"
}

// bare starts this program as the bare handler, in a process of its own as
// Stayput is, and returns where it listens.
func (b *bench) bare(ctx context.Context) (*peer.Process, netip.AddrPort, error) {
	return b.helper(ctx, BareCommand, peer.AnyCPU)
}
