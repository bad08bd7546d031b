//go:build linux

package figure

import (
	"context"
	"flag"
	"fmt"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// transfers measures how long servers take to send the whole zone to a reader that
// only counts (AXFR).
func transfers(_ *flag.FlagSet, s *settings) func(context.Context, *bench) error {
	s.hosts = 1_000_000
	return func(ctx context.Context, b *bench) error {
		servers, err := b.answering(ctx, layout{server: peer.AnyCPU})
		if err != nil {
			return err
		}
		records := sample.Zone{Hosts: b.hosts}.Records() + 1 // the SOA record ends it, too
		err = b.eachRound(ctx, func() error {
			for _, s := range servers {
				if err := b.transferTurn(ctx, s, records); err != nil {
					return fmt.Errorf("transferring from %s: %w", s.Name, err)
				}
			}
			return nil
		})
		for _, s := range servers {
			b.report.ratio(transferTime, stayput, s.Name)
			b.report.ratio(transferCPU, stayput, s.Name)
		}
		return err
	}
}

const (
	transferTime = "time of a transfer"
	transferCPU  = "server CPU of a transfer"
)

// transferTurn has one server send the zone once.
func (b *bench) transferTurn(ctx context.Context, s *peer.Server, records int) error {
	before, err := s.CPU()
	if err != nil {
		return err
	}
	t, err := load.AXFR(ctx, s.DNS, sample.ZoneName, records)
	if err != nil {
		return err
	}
	after, err := s.CPU()
	if err != nil {
		return err
	}
	b.report.add(s.Name, transferTime, "s", t.Elapsed.Seconds())
	b.report.add(s.Name, transferCPU, "s", (after - before).Seconds())
	b.report.add(s.Name, "octets", "MiB", float64(t.Octets)/(1<<20))
	b.log.Printf("%s: %d records in %v", s.Name, t.Records, t.Elapsed)
	return nil
}
