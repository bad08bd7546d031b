//go:build linux

package peer_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
)

// start starts the server for a small zone and stops it with the test. A
// missing server skips the test, and fails it where CI=true.
func start(t *testing.T, kind peer.Kind) (*peer.Server, sample.Zone) {
	t.Helper()
	if _, err := kind.Find(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	zone := sample.Zone{Hosts: 50}
	file := filepath.Join(t.TempDir(), "zone")
	if err := zone.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	s, err := kind.Start(t.Context(), peer.Options{Dir: t.TempDir(), Zone: zone, ZoneFile: file, CPU: peer.AnyCPU, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s, zone
}

func TestKindsAnswerTheZone(t *testing.T) {
	t.Parallel()
	for _, kind := range peer.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s, zone := start(t, kind)
			got, err := peer.LookupPatiently(s.DNS, zone.Host(7))
			if err != nil || got != zone.IPv4(7) {
				t.Errorf("Lookup(host 7) = %v, %v, want %v, nil", got, err, zone.IPv4(7))
			}
			if _, err := peer.Lookup(s.DNS, zone.Host(zone.Hosts)); err == nil {
				t.Error("a host that is not there has an address")
			}
			if s.FirstIn <= 0 {
				t.Errorf("first answer after %v, want more than nothing", s.FirstIn)
			}
			memory, err := s.Memory()
			if err != nil || memory.Resident < 1 || memory.Peak < 1 {
				t.Errorf("Memory = %v, %v, want some MiB, nil", memory, err)
			}
			if _, err := s.CPU(); err != nil {
				t.Errorf("CPU: %v", err)
			}
		})
	}
}

func TestStopEndsTheProcess(t *testing.T) {
	t.Parallel()
	p, err := peer.Spawn(0, filepath.Join(t.TempDir(), "log"), "sleep", "600")
	if err != nil {
		t.Fatal(err)
	}
	if p.Ended() {
		t.Fatal("the process ended at once")
	}
	p.Stop()
	if !p.Ended() {
		t.Error("the process lives on")
	}
	p.Stop() // again: nothing happens
}

func TestAwaitTellsWhyAProcessEnded(t *testing.T) {
	t.Parallel()
	p, err := peer.Spawn(peer.AnyCPU, filepath.Join(t.TempDir(), "log"), "ls", "/no such directory")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	err = p.Await(t.Context(), time.Millisecond, func() bool { return false })
	if err == nil {
		t.Fatal("Await = nil, want the end of the process")
	}
	if got := err.Error(); !strings.Contains(got, "no such directory") {
		t.Errorf("Await = %q, want what the process printed", got)
	}
}
