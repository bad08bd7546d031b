package dnsserver_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// memories is what is known of a zone's past, for tests.
type memories struct {
	versions map[uint32]*zone.Zone
	fault    error // of all that are not there
	asked    atomic.Int64
}

func (m *memories) Version(_ context.Context, _ *registry.State, _ zone.Name, serial uint32) (*zone.Zone, error) {
	m.asked.Add(1)
	if z := m.versions[serial]; z != nil {
		return z, nil
	}
	return nil, m.fault
}

// A server that has only started knows what secondaries have who come back, and finds
// it out once for all of them. What is lost is the whole zone, and nobody looks for it
// again.
func TestIXFRFromBefore(t *testing.T) {
	t.Parallel()
	z := largeZone(t, 400)
	past := &memories{versions: map[uint32]*zone.Zone{}, fault: registry.ErrTrimmed}
	var state moving
	for range 20 {
		z = shuffled(t, z, 3)
		past.versions[z.Serial()] = z
	}
	state.set(z)
	delete(past.versions, 5)
	s := serve(t, dnsserver.Options{Secondaries: everybody, Versions: past}, state.Load)
	back := func(serial uint32) (whole bool) {
		t.Helper()
		have := secondary{address: s.tcp, records: records{}, soa: &dns.SOA{Serial: serial}}
		if was := past.versions[serial]; was != nil {
			have.records = recordsOf(t, was)
		}
		whole = have.refresh(t)
		if !maps.Equal(have.records, recordsOf(t, z)) {
			t.Errorf("from serial %d: the zone differs", serial)
		}
		return whole
	}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if back(9) {
				t.Error("the whole zone for what is known")
			}
		})
	}
	all.Wait()
	if n := past.asked.Load(); n != 1 {
		t.Errorf("asked %d times for one version", n)
	}
	for _, serial := range []uint32{5, 5, 4, 6} {
		if whole, want := back(serial), serial < 6; whole != want {
			t.Errorf("from serial %d: whole = %v, want %v", serial, whole, want)
		}
	}
	if n := past.asked.Load(); n != 3 {
		t.Errorf("asked %d times for three versions", n)
	}
	past.fault = errors.New("the disk is broken")
	past.versions = nil
	for range 2 {
		if !back(7) {
			t.Error("not the whole zone although nothing is known")
		}
	}
	if n := past.asked.Load(); n != 5 {
		t.Errorf("asked %d times, want once more after a fault that may pass", n)
	}
}
