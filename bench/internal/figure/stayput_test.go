//go:build linux

package figure_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stayput.dev/bench/internal/figure"
	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// TestMain lets the test binary be what stayput-bench can be besides the generator.
func TestMain(m *testing.M) {
	if serve := figure.Helper(os.Args[1:]); serve != nil {
		if err := serve(context.Background(), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestFiguresOfStayput runs every figure for a moment against the real daemon.
func TestFiguresOfStayput(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and starts the daemon")
	}
	binary, err := peer.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args    string
		measure string // that stayput must have, above 0
	}{
		{"updates -servers stayput -hosts 200 -clients 2 -duration 100ms", "updates/s, 2 clients"},
		{"updates -servers stayput -hosts 200 -clients 2 -duration 100ms -keepalive", "updates/s, 2 clients"},
		{"updates -servers stayput -hosts 200 -clients 2 -duration 100ms -tls", "updates/s, 2 clients"},
		{"openloop -hosts 200 -rate 100 -duration 200ms", "p99"},
		{"nochg -hosts 200 -clients 2 -duration 50ms", "updates/s, 2 clients, closing"},
		{"return -hosts 50 -within 100ms", "answered good or nochg"},
		{"load -servers stayput -hosts 200 -idle 1ms", "first answer"},
		{"flat -hosts 300 -few 100 -clients 1 -duration 50ms", "updates/s, 1 client"},
		{"queries -servers stayput,echo -hosts 200 -duration 200ms", "queries per second of CPU"},
		{"queries -servers stayput -hosts 200 -duration 200ms -unpinned -realistic", "queries per second of CPU"},
		{"queries -servers stayput -hosts 200 -duration 200ms -latency", "p99 at half load"},
		{"queries -servers stayput -hosts 200 -duration 200ms -unpinned -updates 100", "updates/s beside queries"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			args := append(strings.Fields(tt.args), "-json", "-rounds", "1", "-stayput", binary)
			var out strings.Builder
			if err := figure.Run(t.Context(), &out, t.Output(), args); err != nil {
				t.Fatal(err)
			}
			checkMeasured(t, out.String(), tt.measure)
		})
	}
}

// TestPushFigure pushes into real servers for a moment.
func TestPushFigure(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and starts the daemon")
	}
	binary, err := peer.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"-servers bind", "-servers knot -tcp", "-servers pdns"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			name := strings.Fields(args)[1]
			requireServer(t, name)
			all := append(strings.Fields("push -json -hosts 50 -rounds 1 -duration 100ms -stayput "+binary), strings.Fields(args)...)
			var out strings.Builder
			if err := figure.Run(t.Context(), &out, t.Output(), all); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), "stayput into "+name+" / "+name) {
				t.Errorf("no ratio in %s", &out)
			}
		})
	}
}

// TestClusterFigures runs the figures of several nodes for a moment, on a PostgreSQL
// that each starts.
func TestClusterFigures(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and starts the daemon")
	}
	if debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(debian) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("PostgreSQL is not installed")
		}
		t.Skip("PostgreSQL is not installed")
	}
	binary, err := peer.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ args, ratio string }{
		{"cluster -hosts 200 -clients 4 -duration 200ms", "stayput, 2 nodes / single-row upserts"},
		{"lag -hosts 200 -nodes 2 -rate 50 -duration 500ms", ""},
		{"starts -hosts 200 -duration 200ms", "from its own snapshot / from the database"},
		{"queries -cluster -hosts 200 -duration 200ms", "stayput, PostgreSQL / stayput, SQLite"},
		{"scale -sizes 100,200,300 -clients 1,64,16 -idle 1ms -duration 500ms", "model, 300 hosts / 300 hosts"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			args := append(strings.Fields(tt.args), "-json", "-rounds", "1", "-stayput", binary)
			var out strings.Builder
			if err := figure.Run(t.Context(), &out, t.Output(), args); err != nil {
				t.Fatal(err)
			}
			var got struct{ Notes []string }
			if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
				t.Fatal(err)
			}
			if len(got.Notes) != 1 || !strings.HasPrefix(got.Notes[0], "PostgreSQL ") {
				t.Errorf("notes = %q, want the version alone", got.Notes)
			}
			if !strings.Contains(out.String(), tt.ratio) {
				t.Errorf("no %q in %s", tt.ratio, &out)
			}
		})
	}
}

// TestOvertakingUpdatesAreChanges: of a seeded host, any of its next updates may come
// first and changes its address.
func TestOvertakingUpdatesAreChanges(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and starts the daemon")
	}
	binary, err := peer.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	daemon, err := peer.StartStayput(peer.StayputOptions{Binary: binary, Dir: t.TempDir(), CPU: peer.AnyCPU})
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Stop()
	if err := daemon.AwaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	const hosts = 800 // more than share their addresses' first three octets
	keys, err := daemon.Seed(t.Context(), hosts, 1)
	if err != nil {
		t.Fatal(err)
	}
	fleet, moves := load.NewFleet(keys), sample.NewMoves(hosts)
	for host := range hosts {
		seeded, err := peer.LookupPatiently(daemon.DNS, fleet.Host(host))
		if err != nil {
			t.Fatal(err)
		}
		for turn := range 255 {
			if got := netip.AddrFrom4(moves.Next(host)); got == seeded {
				t.Errorf("move %d of %s is to %v, which it has from the start", turn+1, fleet.Host(host), got)
			}
		}
	}
}

// TestFigureBuildsItsDaemon lets a figure find the daemon itself, as it is
// called without flags.
func TestFigureBuildsItsDaemon(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and starts the daemon")
	}
	var out strings.Builder
	args := strings.Fields("return -json -hosts 5 -within 10ms")
	if err := figure.Run(t.Context(), &out, t.Output(), args); err != nil {
		t.Fatal(err)
	}
	checkMeasured(t, out.String(), "routers back")
}

// checkMeasured checks that the report has the measure, that each value of it
// is positive, and that nothing failed.
func checkMeasured(t *testing.T, text, measure string) {
	t.Helper()
	var got struct {
		Notes    []string
		Measured []struct {
			Subject, Measure string
			Values           []float64
		}
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Notes) != 0 {
		t.Errorf("notes = %q, want none", got.Notes)
	}
	found := false
	for _, m := range got.Measured {
		if m.Measure != measure {
			continue
		}
		found = true
		if len(m.Values) != 1 || m.Values[0] <= 0 {
			t.Errorf("%s of %s = %v, want one value above 0", measure, m.Subject, m.Values)
		}
	}
	if !found {
		t.Errorf("%s was not measured: %s", measure, text)
	}
}
