//go:build linux

package figure

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// A pushed is a server that gets the same updates in two ways: signed, from clients,
// and from routers, through a daemon that pushes.
type pushed struct {
	target  *peer.Server
	clients *load.DNSUpdate
	daemon  *peer.Stayput
	fleet   *load.Fleet
	direct  *sample.Moves // of the clients
	moves   *sample.Moves // of the routers
}

// pushes measures how many updates a second reach a server through a daemon, beside
// clients that send them to the server itself: 16, each with a socket that it keeps and
// one UPDATE under way. The routers are so many because that is what routers are.
func pushes(flags *flag.FlagSet, s *settings) func(context.Context, *bench) error {
	s.hosts = 100_000
	clients := flags.Int("clients", 16, "how many send UPDATEs at once")
	routers := flags.Int("routers", 256, "how many update over HTTP at once")
	tcp := flags.Bool("tcp", false, "the clients send UPDATEs over TCP")
	return func(ctx context.Context, b *bench) error {
		if *clients < 1 || *routers < 1 {
			return errors.New("clients and routers must be positive")
		}
		var all []*pushed
		for _, k := range b.among(ctx, peer.Pushable()) {
			p, err := b.pushed(ctx, k, *tcp)
			if err != nil {
				return fmt.Errorf("%s: %w", k.Name, err)
			}
			all = append(all, p)
		}
		err := b.eachRound(ctx, func() error {
			for _, p := range all {
				if err := b.pushTurns(ctx, p, *clients, *routers); err != nil {
					return fmt.Errorf("%s: %w", p.target.Name, err)
				}
			}
			return nil
		})
		for _, p := range all {
			b.report.ratio(reachRate, pushing(p.target.Name), p.target.Name)
			b.report.ratio(reachCPU, pushing(p.target.Name), p.target.Name)
		}
		return err
	}
}

const (
	reachRate = "updates/s"
	reachCPU  = "target's CPU an update"
)

// pushing is the subject that reaches a target through the daemon.
func pushing(target string) string { return stayput + " into " + target }

// pushed starts a target and a daemon that pushes into it. The target begins with next to
// nothing: PowerDNS takes new names much faster than it replaces some.
func (b *bench) pushed(ctx context.Context, k peer.Kind, tcp bool) (*pushed, error) {
	zone := sample.Zone{Hosts: b.hosts}
	target, err := b.start(ctx, k, sample.Zone{Hosts: 1}, peer.AnyCPU, 0)
	if err != nil {
		return nil, err
	}
	daemon, fleet, err := b.service(ctx, stayput+"-"+k.Name, b.hosts, peer.StayputOptions{
		CPU: peer.AnyCPU, Push: fmt.Sprintf("%s %s key %s", sample.ZoneName, target.DNS, peer.KeyName),
	})
	if err != nil {
		return nil, err
	}
	p := &pushed{
		target:  target,
		clients: &load.DNSUpdate{Server: target.DNS, KeyName: peer.KeyName, Secret: peer.Secret(), Zone: zone, TCP: tcp},
		daemon:  daemon, fleet: fleet, direct: sample.NewMoves(b.hosts), moves: sample.NewMoves(b.hosts),
	}
	if err := daemon.AddKey(ctx); err != nil {
		return nil, err
	}
	b.log.Printf("pushing %d hosts into %s", b.hosts, k.Name)
	return p, p.settle(ctx, b.hosts)
}

// settle waits until the target took so many names, and has all that the daemon has.
func (p *pushed) settle(ctx context.Context, names int) error {
	return p.daemon.Await(ctx, 10*time.Millisecond, func() bool {
		s, err := p.daemon.Pushing(ctx)
		return err == nil && s.Names >= names && s.Pending == 0 && s.Faults == 0
	})
}

// pushTurns lets clients update for a while, and then as many updates come through the
// daemon, each of another host: what changes twice would reach the target once.
func (b *bench) pushTurns(ctx context.Context, p *pushed, clients, routers int) error {
	var result load.Result
	err := b.reach(p, p.target.Name, func() (n int, err error) {
		result, err = p.clients.Closed(ctx, clients, p.direct.Next, b.duration)
		return result.Done, err
	})
	if err != nil {
		return err
	}
	b.addFailures(p.target.Name, among(clients), &result)
	if err := p.drain(ctx); err != nil {
		return err
	}
	n := min(result.Done, b.hosts)
	s, err := p.daemon.Pushing(ctx)
	if err != nil {
		return err
	}
	way := door(p.daemon, false, false, "good ")
	err = b.reach(p, pushing(p.target.Name), func() (int, error) {
		if err := load.Each(ctx, way.Clients(min(routers, n), p.fleet, p.moves.Next), n); err != nil {
			return 0, err
		}
		return n, p.settle(ctx, s.Names+n)
	})
	if err != nil {
		return err
	}
	return p.check(n)
}

// drain waits until the target has done what clients gave up waiting for.
func (p *pushed) drain(ctx context.Context) error {
	clients, err := p.clients.Clients(1, p.direct.Next)
	if err != nil {
		return err
	}
	defer clients[0].Close()
	for range 60 {
		if err = clients[0].Update(0); err == nil || ctx.Err() != nil {
			break
		}
	}
	return err
}

// reach measures updates until the target has them all.
func (b *bench) reach(p *pushed, subject string, update func() (int, error)) error {
	before, err := p.target.CPU()
	if err != nil {
		return err
	}
	began := time.Now()
	n, err := update()
	took := time.Since(began)
	if err != nil || n == 0 {
		return errors.Join(err, errNothing(n))
	}
	after, err := p.target.CPU()
	if err != nil {
		return err
	}
	b.report.add(subject, reachRate, "/s", float64(n)/took.Seconds())
	b.report.add(subject, reachCPU, "ms", milliseconds(after-before)/float64(n))
	b.log.Printf("%s: %d updates in %v, %.0f/s", subject, n, took.Round(time.Millisecond), float64(n)/took.Seconds())
	return nil
}

func errNothing(n int) error {
	if n == 0 {
		return errors.New("no update was done")
	}
	return nil
}

// check looks whether the target has what came through the daemon, of some hosts.
func (p *pushed) check(n int) error {
	for i := 0; i < n; i += 1 + n/100 {
		host := p.fleet.Host(i)
		got, err := peer.LookupPatiently(p.target.DNS, host)
		if err != nil {
			return fmt.Errorf("looking up %s: %w", host, err)
		}
		if want := netip.AddrFrom4(p.moves.Last(i)); got != want {
			return fmt.Errorf("%s is %v after it was pushed, want %v", host, got, want)
		}
	}
	return nil
}
