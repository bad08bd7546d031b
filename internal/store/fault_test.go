package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STAYPUT_TEST_SICK_DISK"); dir != "" {
		moveOnSickDisk(dir)
		return
	}
	if places := os.Getenv("STAYPUT_TEST_MOVE"); places != "" {
		moveAndDie(places)
		return
	}
	if rig.OnPostgres() { // where restarts and loads take their time
		_ = flag.Set("rapid.checks", "20")
	}
	os.Exit(m.Run())
}

// lacking skips a test for want of something, which no CI may want for.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is needed", what)
	}
	t.Skipf("%s is needed", what)
}

// TestSickDisk lets syncs fail under a process that moves hosts about, and looks
// at what it said and what it left behind.
func TestSickDisk(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		lacking(t, "strace")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// On each thread the tenth sync fails, and every fifth that follows.
	command := exec.CommandContext(ctx, strace, "-f", "-qq", "-o", filepath.Join(t.TempDir(), "trace"),
		"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=10+5", os.Args[0])
	command.Env = append(os.Environ(), "STAYPUT_TEST_SICK_DISK="+dir)
	out, err := command.CombinedOutput()
	if bytes.Contains(out, []byte("PTRACE")) {
		lacking(t, "the right to trace")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantNothingLost(t, string(out), load(t, open(t, dir, store.Options{})))
}

// moves is how often the process on the sick disk moves a host.
const moves = 150

// moveOnSickDisk moves hosts about and says what became of it, one line for each
// move. It must run in a process of its own.
func moveOnSickDisk(dir string) {
	ctx, cancel := context.WithCancel(context.Background())
	var s *store.Store
	insist(func() (err error) {
		s, err = store.Open(ctx, dir, store.Options{Logger: quiet})
		return err
	})
	var r *registry.Registry
	insist(func() (err error) {
		r, err = registry.Open(ctx, s, registry.Options{Logger: quiet})
		return err
	})
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	insist(func() error {
		_, err := r.Apply(ctx, registry.Actor{}, makeZone(10))
		return err
	})
	for i := range moves {
		before := standsAt(r.State(), i%10)
		_, err := r.Apply(ctx, registry.Actor{}, move(i%10, address(1000+i)))
		after := standsAt(r.State(), i%10)
		switch {
		case err == nil && after == address(1000+i):
			fmt.Println("good", i%10, after)
		case errors.Is(err, registry.ErrUnavailable) && after == before:
			fmt.Println("refused", i%10, address(1000+i))
		default:
			fmt.Println("wrong", i%10, before, after, err)
		}
	}
	cancel()
	must(<-done)
	// And dies without closing the store.
}

// insist does what may fail now and then.
func insist(do func() error) {
	for range 10 {
		if do() == nil {
			return
		}
	}
	panic("it fails again and again")
}

// standsAt returns the address of host i.
func standsAt(s *registry.State, i int) netip.Addr {
	z := s.Zones.Get(origin)
	if z == nil {
		return netip.Addr{}
	}
	addrs := z.Node(hostName(i)).Lookup(zone.TypeA).RRset(hostName(i)).Addresses()
	if len(addrs) != 1 {
		return netip.Addr{}
	}
	return addrs[0]
}

// wantNothingLost holds what the process said against what it left. Of what was
// refused nobody knows whether it was kept, until the next was good.
func wantNothingLost(t *testing.T, said string, left *registry.State) {
	t.Helper()
	could := map[int]map[string]bool{}
	tally := map[string]int{}
	recovered := false
	for lines := bufio.NewScanner(strings.NewReader(said)); lines.Scan(); {
		var what, address string
		var host int
		if _, err := fmt.Sscan(lines.Text(), &what, &host, &address); err != nil || what != "good" && what != "refused" {
			t.Fatalf("the process said %q", lines.Text())
		}
		if what == "good" || could[host] == nil {
			could[host] = map[string]bool{}
		}
		could[host][address] = true
		recovered = recovered || what == "good" && tally["refused"] > 0
		tally[what]++
	}
	if tally["good"]+tally["refused"] != moves || tally["refused"] < 3 || !recovered {
		t.Errorf("the process said %v, want failures and recoveries among %d", tally, moves)
	}
	for host, addresses := range could {
		if got := standsAt(left, host); !addresses[got.String()] {
			t.Errorf("host %d stands at %v, want one of %v", host, got, addresses)
		}
	}
}
