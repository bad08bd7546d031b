//go:build linux

package figure

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// An updatable is a server whose hosts can be moved.
type updatable struct {
	subject
	server  *peer.Server
	clients func(n int) ([]load.Client, error) // to check with
	host    func(i int) string
	last    func(i int) netip.Addr // where host i was sent last
}

// updates measures changed addresses: over HTTP with Stayput, by RFC 2136 with
// TSIG with the others, each durable as shipped.
func updates(flags *flag.FlagSet, s *settings) func(context.Context, *bench) error {
	s.hosts = 100_000
	clients := counts{16}
	flags.Var(&clients, "clients", "how many update at once, as a `list` such as 16,256")
	keepAlive := flags.Bool("keepalive", false, "Stayput's clients keep their connections; routers do not")
	secure := flags.Bool("tls", false, "Stayput's clients use HTTPS, RSA 2048, a full handshake for each connection")
	return func(ctx context.Context, b *bench) error {
		var subjects []*updatable
		if s.wants(stayput) {
			u, err := b.updatableStayput(ctx, *keepAlive, *secure)
			if err != nil {
				return err
			}
			subjects = append(subjects, u)
		}
		for _, k := range b.installed(ctx, peer.Kind.Updates) {
			u, err := b.updatablePeer(ctx, k)
			if err != nil {
				return err
			}
			subjects = append(subjects, u)
		}
		return b.compareUpdates(ctx, subjects, clients)
	}
}

// compareUpdates lets the subjects take turns.
func (b *bench) compareUpdates(ctx context.Context, subjects []*updatable, clients counts) error {
	for _, u := range subjects {
		if err := u.check(b.hosts); err != nil {
			return fmt.Errorf("checking %s: %w", u.name, err)
		}
	}
	err := b.eachRound(ctx, func() error {
		for _, n := range clients {
			for _, u := range subjects {
				if err := b.turn(ctx, u.subject, n, among(n)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	for _, n := range clients {
		for _, u := range subjects {
			for _, measure := range []string{"updates/s", "p50", "p99"} {
				b.report.ratio(measure+among(n), stayput, u.name)
			}
		}
	}
	return err
}

// among tells measures with different numbers of clients apart.
func among(clients int) string {
	if clients == 1 {
		return ", 1 client"
	}
	return fmt.Sprintf(", %d clients", clients)
}

// check moves a few hosts and looks whether the DNS says so: a server that
// acknowledges without doing would win every comparison.
func (u *updatable) check(hosts int) error {
	clients, err := u.clients(1)
	if err != nil {
		return err
	}
	defer clients[0].Close()
	for range 20 {
		i := rand.IntN(hosts)
		if err := clients[0].Update(i); err != nil {
			return err
		}
		got, err := peer.LookupPatiently(u.server.DNS, u.host(i))
		if err != nil {
			return fmt.Errorf("looking up %s: %w", u.host(i), err)
		}
		if want := u.last(i); got != want {
			return fmt.Errorf("%s is %v after its update, want %v", u.host(i), got, want)
		}
	}
	return nil
}

// updatableStayput starts a daemon for routers.
func (b *bench) updatableStayput(ctx context.Context, keepAlive, secure bool) (*updatable, error) {
	s, fleet, err := b.service(ctx, stayput, b.hosts, peer.StayputOptions{CPU: peer.AnyCPU, TLS: secure})
	if err != nil {
		return nil, err
	}
	way, moves := door(s, keepAlive, secure, "good "), sample.NewMoves(b.hosts)
	return &updatable{
		subject: routed(stayput, s.Process, way, fleet, moves.Next),
		server:  s.Server,
		clients: func(n int) ([]load.Client, error) { return way.Clients(n, fleet, moves.Next), nil },
		host:    fleet.Host,
		last:    func(i int) netip.Addr { return netip.AddrFrom4(moves.Last(i)) },
	}, nil
}

// door returns the way of routers to the daemon.
func door(s *peer.Stayput, keepAlive, secure bool, expect ...string) *load.HTTP {
	h := &load.HTTP{Server: s.HTTP, KeepAlive: keepAlive, Expect: expect}
	if secure {
		h.Server = s.HTTPS
		// Not verifying spares the generator work that routers do elsewhere;
		// without a session cache every handshake is a full one.
		h.TLS = &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
	}
	return h
}

// updatablePeer starts a server that takes RFC 2136 updates.
func (b *bench) updatablePeer(ctx context.Context, k peer.Kind) (*updatable, error) {
	zone := sample.Zone{Hosts: b.hosts}
	s, err := b.start(ctx, k, zone, peer.AnyCPU, 0)
	if err != nil {
		return nil, err
	}
	moves := sample.NewMoves(zone.Hosts)
	way := &load.DNSUpdate{Server: s.DNS, KeyName: peer.KeyName, Secret: peer.Secret(), Zone: zone}
	return &updatable{
		subject: subject{k.Name, s.Process, func(ctx context.Context, clients int, d time.Duration) (load.Result, error) {
			return way.Closed(ctx, clients, moves.Next, d)
		}},
		server:  s,
		clients: func(n int) ([]load.Client, error) { return way.Clients(n, moves.Next) },
		host:    zone.Host,
		last:    func(i int) netip.Addr { return netip.AddrFrom4(moves.Last(i)) },
	}, nil
}
