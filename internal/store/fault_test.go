package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STAYPUT_TEST_SICK_DISK"); dir != "" {
		moveOnSickDisk(dir)
		return
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

// smallDisk returns a directory on a file system of 8 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		lacking(t, "root, to mount a small file system,")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		lacking(t, fmt.Sprintf("the right to mount (%v)", err))
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no room on the disk of dir until the file that it returns goes.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	return path
}

// TestFullDisk: what does not fit is refused and shows nowhere, what was there
// stays, and with room comes life.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	s := open(t, filepath.Join(dir, "data"), due)
	r := run(t, s)
	apply(t, r, makeZone(1000))
	apply(t, r, move(1, address(1)))
	for round := range 2 {
		ballast := fill(t, dir)
		failed := 0
		for i := range 50 {
			before := r.State()
			if _, err := r.Apply(t.Context(), registry.Actor{}, makeZone(1000+i)); err == nil {
				continue // there was still some room in the log
			} else if !errors.Is(err, registry.ErrUnavailable) {
				t.Fatalf("on a full disk: %v, want %v", err, registry.ErrUnavailable)
			}
			failed++
			if r.State() != before || r.Err() == nil {
				t.Fatal("what could not be written shows")
			}
		}
		if failed == 0 {
			t.Fatal("the disk is full and nobody noticed")
		}
		if err := s.SetCursor(t.Context(), "notify", 1); err == nil {
			t.Error("a cursor was kept on a full disk")
		}
		_ = s.Compact(t.Context(), r.State()) // may do a part
		same(t, load(t, s), r.State())

		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		apply(t, r, move(2, address(1000+round)))
		if r.Err() != nil {
			t.Errorf("fault %v stays after a good write", r.Err())
		}
		compact(t, s, r)
		same(t, load(t, s), r.State())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, load(t, open(t, filepath.Join(dir, "data"), due)), r.State())
}

// TestSickDisk lets syncs fail under a process that moves hosts about, and looks
// at what it said and what it left behind.
func TestSickDisk(t *testing.T) {
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
	var s *store.SQLite
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
