//go:build linux

package load_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// start starts the server called name for a small zone and stops it with the
// test. A missing server skips the test, and fails it where CI=true.
func start(t *testing.T, name string) (*peer.Server, sample.Zone) {
	t.Helper()
	zone := sample.Zone{Hosts: 100}
	for _, kind := range peer.Kinds() {
		if kind.Name != name {
			continue
		}
		if _, err := kind.Find(); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
		file := filepath.Join(t.TempDir(), "zone")
		if err := zone.WriteFile(file); err != nil {
			t.Fatal(err)
		}
		s, err := kind.Start(t.Context(), peer.Options{Dir: t.TempDir(), Zone: zone, ZoneFile: file, CPU: peer.AnyCPU})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Stop)
		return s, zone
	}
	t.Fatalf("no server called %s", name)
	return nil, zone
}

func TestServersTakeUpdates(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bind", "knot"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, zone := start(t, name)
			moves := sample.NewMoves(zone.Hosts)
			way := &load.DNSUpdate{Server: s.DNS, KeyName: peer.KeyName, Secret: peer.Secret(), Zone: zone}
			clients, err := way.Clients(2, moves.Next)
			if err != nil {
				t.Fatal(err)
			}
			if err := load.Each(t.Context(), clients, 6); err != nil {
				t.Fatal(err)
			}
			for i := range 6 {
				got, err := peer.LookupPatiently(s.DNS, zone.Host(i))
				if want := netip.AddrFrom4(moves.Last(i)); err != nil || got != want {
					t.Errorf("host %d = %v, %v, want %v, nil", i, got, err, want)
				}
			}

			way.Secret = []byte("another")
			if clients, err = way.Clients(1, moves.Next); err != nil {
				t.Fatal(err)
			}
			if err := load.Each(t.Context(), clients, 1); err == nil {
				t.Error("an update with a wrong key counted as done")
			}
		})
	}
}

func TestResolverChecksAnswers(t *testing.T) {
	t.Parallel()
	s, zone := start(t, "knot")
	for _, sockets := range []int{1, 4} {
		r := load.Resolver{Server: s.DNS, Questions: load.NewQuestions(zone, 0, 5000, 1, false), Window: 40, Sockets: sockets, CPU: 0}
		got := askUntil(t, r, 200*time.Millisecond, func(a load.Answers) bool { return a.Right > 0 })
		if got.Wrong != 0 {
			t.Errorf("%d sockets: right, wrong = %d, %d, want some, 0", sockets, got.Right, got.Wrong)
		}
	}

	// From many addresses, at a steady rate.
	steady := load.Resolver{
		Server: s.DNS, Questions: load.NewQuestions(zone, 0, 5000, 1, true), Rate: 1000, Sockets: 2, Sources: 250, CPU: peer.AnyCPU,
	}
	paced := askUntil(t, steady, 200*time.Millisecond, func(a load.Answers) bool { return a.Right > 0 })
	if paced.Wrong != 0 || len(paced.Latencies) != paced.Right+paced.Lost || paced.Latencies[0] <= 0 {
		t.Errorf("right, wrong = %d, %d (%v), %d latencies, want some, 0, as many as right", paced.Right, paced.Wrong, paced.FirstWrong, len(paced.Latencies))
	}

	// Questions about a larger zone: those that the server does not have.
	r := load.Resolver{Server: s.DNS, Questions: load.NewQuestions(sample.Zone{Hosts: 1000}, 0, 5000, 1, false), Window: 40, Sockets: 1, CPU: peer.AnyCPU}
	if got := askUntil(t, r, 200*time.Millisecond, func(a load.Answers) bool { return a.Wrong > 0 }); got.FirstWrong == nil {
		t.Errorf("of %d wrong answers none is told", got.Wrong)
	}
}

// askUntil asks for a while, again and again, until the answers are enough: a busy
// machine may keep a server from answering any at first.
func askUntil(t *testing.T, r load.Resolver, d time.Duration, enough func(load.Answers) bool) load.Answers {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		got, err := r.Ask(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if enough(got) {
			return got
		}
	}
	t.Fatal("no answers")
	return load.Answers{}
}

func TestResolverReportsSilence(t *testing.T) {
	t.Parallel()
	zone := sample.Zone{Hosts: 10}
	s := silent(t)
	r := load.Resolver{Server: s, Questions: load.NewQuestions(zone, 0, 100, 1, false), Window: 20, Sockets: 1, CPU: peer.AnyCPU}
	got := askUntil(t, r, 3*time.Second, func(a load.Answers) bool { return a.Lost >= 20 })
	if got.Right != 0 {
		t.Errorf("Ask = %+v, want a window lost", got)
	}
}

func TestResolverHasManyAddresses(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := load.Resolver{
		Server:    netip.MustParseAddrPort(conn.LocalAddr().String()),
		Questions: load.NewQuestions(sample.Zone{Hosts: 10}, 0, 100, 1, true),
		Window:    100, Sockets: 1, Sources: 50, CPU: peer.AnyCPU,
	}
	if _, err := r.Ask(t.Context(), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	sources := map[netip.Addr]bool{}
	for range 100 {
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		_, from, err := conn.ReadFromUDPAddrPort(make([]byte, 512))
		if err != nil {
			t.Fatal(err)
		}
		sources[from.Addr()] = true
	}
	if len(sources) != 50 {
		t.Errorf("%d source addresses, want 50", len(sources))
	}
}

// silent returns a socket that never answers.
func silent(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

func TestAppendsLeaveNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	took, err := load.Appends(t.Context(), dir, 20*time.Millisecond)
	if err != nil || len(took) == 0 || took[0] <= 0 {
		t.Errorf("Appends = %v, %v, want some latencies", took, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v, want nothing", left, err)
	}
}
