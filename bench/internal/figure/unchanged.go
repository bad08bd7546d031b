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
		nothing, err := b.bare(ctx)
		if err != nil {
			return err
		}
		subjects := []*unchanging{
			{stayput, s.HTTP, fleet, where},
			{bare, nothing, fleet, where},
		}
		return b.compareUnchanged(ctx, subjects, clients)
	}
}

// An unchanging is a server that answers nochg.
type unchanging struct {
	name  string
	http  netip.AddrPort
	fleet *load.Fleet
	where func(i int) [4]byte
}

func (b *bench) compareUnchanged(ctx context.Context, subjects []*unchanging, clients counts) error {
	err := b.eachRound(ctx, func() error {
		for _, n := range clients {
			for _, keepAlive := range []bool{false, true} {
				for _, u := range subjects {
					h := &load.HTTP{Server: u.http, KeepAlive: keepAlive, Expect: []string{"nochg "}}
					r := load.Closed(ctx, h.Clients(n, u.fleet, u.where), u.fleet.Len(), b.duration)
					b.addResult(u.name, connections(n, keepAlive), &r)
				}
			}
		}
		return nil
	})
	for _, n := range clients {
		for _, keepAlive := range []bool{false, true} {
			b.report.ratio("updates/s"+connections(n, keepAlive), stayput, bare)
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
func (b *bench) bare(ctx context.Context) (netip.AddrPort, error) {
	_, at, err := b.helper(ctx, BareCommand, peer.AnyCPU)
	return at, err
}
