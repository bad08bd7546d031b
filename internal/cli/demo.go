package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/spf13/cobra"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/config"
	"stayput.dev/internal/daemon"
)

func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Run a throw-away instance that prints what to try",
		Long: `Run a whole service on 127.0.0.1 with a zone, accounts, a thousand hosts and
update keys, and print what to try. It takes ports 5300 and 8080 if they are
free. Ctrl-C ends it and deletes all that it wrote.`,
		Example: "  stayput demo",
		Args:    takes(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context()) },
	}
}

func (a *app) demo(ctx context.Context) error {
	dir, err := demoDir()
	if err != nil {
		return fmt.Errorf("making a data directory: %w", err)
	}
	defer os.RemoveAll(dir)
	cfg, err := config.Load("", []string{
		"STAYPUT_DATA=" + dir, "STAYPUT_LOG_LEVEL=warn",
		"STAYPUT_DNS_LISTEN=" + freeOrAny("127.0.0.1:5300"),
		"STAYPUT_HTTP_LISTEN=" + freeOrAny("127.0.0.1:8080"),
	})
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	var seeding error
	err = daemon.Run(ctx, cfg, daemon.Options{
		Version: a.version, LogTo: a.logFile(),
		Ready: func(addrs daemon.Addresses, s *admin.Service) {
			if seeding = seedDemo(ctx, s); seeding != nil {
				stop()
				return
			}
			a.printDemo(dir, addrs)
		},
	})
	if seeding != nil {
		err = errors.Join(fmt.Errorf("filling the demo: %w", seeding), err)
	}
	return err
}

// demoDir makes a directory whose name leaves room for that of the socket.
func demoDir() (string, error) {
	const pattern, mostSocket = "stayput-demo", 107
	dir, err := os.MkdirTemp("", pattern)
	if err == nil && len(daemon.SocketPath(dir)) > mostSocket {
		_ = os.Remove(dir)
		return os.MkdirTemp("/tmp", pattern)
	}
	return dir, err
}

// freeOrAny returns the address if its port is free for UDP and TCP, else the same
// one with a port that the kernel is to choose.
func freeOrAny(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	usual := net.JoinHostPort(host, "0")
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		return usual
	}
	_ = tcp.Close()
	udp, err := net.ListenPacket("udp", addr)
	if err != nil {
		return usual
	}
	_ = udp.Close()
	return addr
}

// What the demo is filled with.
const (
	demoZone  = "dyn.example.org"
	demoHosts = 1000

	aliceSecret = "correct-horse-battery"
	bobSecret   = "staple-correct-battery"

	demoPassword = "names that stay put" // of everybody, for signing in
)

// seedDemo makes a zone, its staff and two customers with a thousand hosts.
func seedDemo(ctx context.Context, s *admin.Service) error {
	origin, err := admin.ParseName(demoZone)
	if err != nil {
		return err
	}
	server, err := origin.Child("ns1")
	if err != nil {
		return err
	}
	loopback := []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	_, err = s.AddZone(ctx, admin.NewZone{Name: origin, NameServers: []admin.NameServer{{Name: server, Addrs: loopback}}})
	if err != nil {
		return err
	}
	for _, n := range []admin.NewAccount{{Name: "admin", Role: "admin"}, {Name: "alice"}, {Name: "bob"}} {
		n.Password = demoPassword
		if _, err := s.AddAccount(ctx, n); err != nil {
			return err
		}
	}
	hosts, err := demoNames()
	if err != nil {
		return err
	}
	if err := s.AddHosts(ctx, hosts); err != nil {
		return err
	}
	for name, secret := range map[string]string{"alice": aliceSecret, "bob": bobSecret} {
		if _, _, err := s.AddKey(ctx, admin.NewKey{Account: name, Username: name, Secret: secret}); err != nil {
			return err
		}
	}
	return nil
}

// demoNames returns the hosts of the demo: three with names of their own, and
// numbered ones that the customers share.
func demoNames() ([]admin.NewHost, error) {
	var hosts []admin.NewHost
	add := func(label, owner string) error {
		name, err := admin.ParseName(label + "." + demoZone)
		i := byte(len(hosts)%254 + 1)
		hosts = append(hosts, admin.NewHost{
			Name: name, Account: owner, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{198, 51, 100, i})},
		})
		return err
	}
	for _, own := range [][2]string{{"home", "alice"}, {"nas", "alice"}, {"shop", "bob"}} {
		if err := add(own[0], own[1]); err != nil {
			return nil, err
		}
	}
	for i := 1; len(hosts) < demoHosts; i++ {
		if err := add(fmt.Sprintf("h%04d", i), []string{"alice", "bob"}[i%2]); err != nil {
			return nil, err
		}
	}
	return hosts, nil
}
