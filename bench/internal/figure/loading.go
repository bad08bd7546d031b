//go:build linux

package figure

import (
	"context"
	"flag"
	"net/netip"
	"time"

	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// A loadable is a server that starts with the whole zone at hand.
type loadable struct {
	name  string
	start func(context.Context) (*peer.Server, error) // returns when it has answered
}

// loading measures the time from the start of the process to the first right
// answer, and the memory held then and after a rest.
func loading(flags *flag.FlagSet, s *settings) func(context.Context, *bench) error {
	s.hosts = 1_000_000
	idle := flags.Duration("idle", 30*time.Second, "rest before the memory is read again")
	return func(ctx context.Context, b *bench) error {
		subjects, err := b.loadables(ctx)
		if err != nil {
			return err
		}
		err = b.eachRound(ctx, func() error {
			for _, l := range subjects {
				if err := b.loadTurn(ctx, l, *idle); err != nil {
					return err
				}
			}
			return nil
		})
		for _, ours := range []string{stayputZone, stayputHosts} {
			for _, l := range subjects {
				if l.name == stayputZone || l.name == stayputHosts {
					continue
				}
				b.report.ratio(firstAnswer, ours, l.name)
				b.report.ratio(resting, ours, l.name)
			}
		}
		return err
	}
}

const (
	stayputZone  = "stayput, zone only"
	stayputHosts = "stayput, hosts"

	firstAnswer = "first answer"
	resting     = "memory at rest"
)

// loadables prepares the subjects: what takes long and is no part of a start.
func (b *bench) loadables(ctx context.Context) ([]loadable, error) {
	var subjects []loadable
	if b.wants(stayput) {
		for _, prepare := range []func(context.Context) (loadable, error){b.loadableZone, b.loadableHosts} {
			l, err := prepare(ctx)
			if err != nil {
				return nil, err
			}
			subjects = append(subjects, l)
		}
	}
	zone := sample.Zone{Hosts: b.hosts}
	for _, k := range b.installed(ctx, func(peer.Kind) bool { return true }) {
		subjects = append(subjects, loadable{k.Name, func(ctx context.Context) (*peer.Server, error) {
			return b.start(ctx, k, zone, peer.AnyCPU, 0)
		}})
	}
	return subjects, nil
}

// loadableZone fills a daemon with the zone and no hosts.
func (b *bench) loadableZone(ctx context.Context) (loadable, error) {
	zone := sample.Zone{Hosts: b.hosts}
	file, err := b.zoneFile(zone)
	if err != nil {
		return loadable{}, err
	}
	const dir = "stayput-zone"
	s, err := b.stayput(ctx, dir, peer.StayputOptions{CPU: peer.AnyCPU})
	if err != nil {
		return loadable{}, err
	}
	defer s.Stop()
	b.log.Printf("importing %d hosts", b.hosts)
	if err := s.ImportZone(ctx, file); err != nil {
		return loadable{}, err
	}
	last := zone.Hosts - 1
	return loadable{stayputZone, b.restart(dir, zone.Host(last), zone.IPv4(last))}, nil
}

// loadableHosts fills a daemon with hosts, accounts and keys.
func (b *bench) loadableHosts(ctx context.Context) (loadable, error) {
	const dir = "stayput-hosts"
	s, fleet, err := b.service(ctx, dir, b.hosts, peer.StayputOptions{CPU: peer.AnyCPU})
	if err != nil {
		return loadable{}, err
	}
	defer s.Stop()
	return loadable{stayputHosts, b.restart(dir, fleet.Host(fleet.Len()-1), netip.Addr{})}, nil
}

// restart starts a daemon again on what stands in dir.
func (b *bench) restart(dir, host string, address netip.Addr) func(context.Context) (*peer.Server, error) {
	return func(ctx context.Context) (*peer.Server, error) {
		s, err := b.launch(ctx, dir, peer.StayputOptions{CPU: peer.AnyCPU})
		if err != nil {
			return nil, err
		}
		return s.Server, s.AwaitHost(ctx, host, address)
	}
}

// loadTurn measures one start.
func (b *bench) loadTurn(ctx context.Context, l loadable, idle time.Duration) error {
	s, err := l.start(ctx)
	if err != nil {
		return err
	}
	defer s.Stop()
	fresh, err := s.Memory()
	if err != nil {
		return err
	}
	select {
	case <-time.After(idle):
	case <-ctx.Done():
		return ctx.Err()
	}
	rested, err := s.Memory()
	if err != nil {
		return err
	}
	b.report.add(l.name, firstAnswer, "s", s.FirstIn.Seconds())
	b.report.add(l.name, "memory at first answer", "MiB", fresh.Resident)
	b.report.add(l.name, resting, "MiB", rested.Resident)
	b.report.add(l.name, "peak memory, largest process", "MiB", rested.Peak)
	b.log.Printf("%s: first answer after %.2f s, %.0f MiB at rest", l.name, s.FirstIn.Seconds(), rested.Resident)
	return nil
}
