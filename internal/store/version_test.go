package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// editSome is an edit of the zone, or of another one, that changes at random what
// stands at a few names.
func editSome(other zone.Name) registry.Edit {
	return func(s *registry.State) (registry.Changes, error) {
		records := registry.ZoneRecords{Zone: origin}
		if rand.IntN(4) == 0 {
			records.Zone = other
		}
		for range 1 + rand.IntN(4) {
			name := records.Zone
			if i := rand.IntN(20); i > 0 {
				name = zone.Name(fmt.Sprintf("\x03h%02d%s", i, string(records.Zone)))
			}
			var addrs []netip.Addr
			for i := range rand.IntN(3) {
				addrs = append(addrs, netip.AddrFrom4([4]byte{192, 0, 2, byte(2*rand.IntN(100) + i)}))
			}
			v4, _ := zone.AddressSets(name, 60+uint32(rand.IntN(2)), addrs)
			records.Sets = append(records.Sets, v4)
		}
		if rand.IntN(8) == 0 { // a serial that somebody chose, and another SOA record
			soa := s.Zones.Get(records.Zone).SOA()
			soa.Serial, soa.Refresh = zone.AddSerial(soa.Serial, 1000), rand.Uint32N(1000)
			records.Sets = append(records.Sets, soa.RRset(records.Zone))
		}
		return registry.Changes{Records: []registry.ZoneRecords{records}}, nil
	}
}

// Each version that a zone ever had can be made again from the latest, also by a
// process that has not seen it; none is made that never was.
func TestVersion(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), zone.MustName("other.example.org")
	had := map[uint32]*zone.Zone{}
	first := open(t, dir, store.Options{})
	r := run(t, first)
	apply(t, r, makeZone(5))
	apply(t, r, func(*registry.State) (registry.Changes, error) {
		d := zone.New(other)
		if err := d.Put(zone.DefaultSOA(other, other, 7).RRset(other)); err != nil {
			return registry.Changes{}, err
		}
		z, _, err := d.Finish()
		return registry.Changes{Replaced: []*zone.Zone{z}}, err
	})
	note := func() {
		z := r.State().Zones.Get(origin)
		had[z.Serial()] = z
	}
	note()
	for range 100 {
		apply(t, r, editSome(other))
		note()
	}
	state := r.State()
	second, err := store.OpenReader(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{Logger: quiet}))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	for _, tt := range []struct {
		store *store.Store
		state *registry.State
	}{{first, state}, {second, load(t, second)}} {
		for serial, want := range had {
			got, err := tt.store.Version(t.Context(), tt.state, origin, serial)
			if err != nil {
				t.Fatalf("serial %d: %v", serial, err)
			}
			if d := zone.Diff(got, want); got.Serial() != serial || len(d.Changes) > 0 || got.Names() != want.Names() {
				t.Fatalf("serial %d: differs by %+v", serial, d)
			}
		}
	}
	for serial := range had {
		if had[serial+1] != nil {
			continue
		}
		if z, err := first.Version(t.Context(), state, origin, serial+1); !errors.Is(err, registry.ErrTrimmed) || z != nil {
			t.Fatalf("serial %d, which never was: %v, %v", serial+1, z, err)
		}
	}
	if _, err := first.Version(t.Context(), state, zone.MustName("nowhere.example.org"), 1); !errors.Is(err, registry.ErrTrimmed) {
		t.Errorf("no zone: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := first.Version(ended, state, origin, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("when nobody waits: %v", err)
	}
}

// What was before the journal begins, or before the zone was replaced, is not known.
func TestVersionIsLost(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{SnapshotAfter: 1, JournalKeep: 1 << 12})
	r := run(t, s)
	apply(t, r, makeZone(5))
	known := func(serial uint32) bool {
		t.Helper()
		z, err := s.Version(t.Context(), r.State(), origin, serial)
		if err != nil && !errors.Is(err, registry.ErrTrimmed) {
			t.Fatal(err)
		}
		return z != nil
	}
	serial := func() uint32 { return r.State().Zones.Get(origin).Serial() }
	first := serial()
	for i := range 100 {
		apply(t, r, move(1, address(i)))
	}
	if !known(first) {
		t.Error("the first version is not known while the journal holds all")
	}
	if err := s.Compact(t.Context(), r.State()); err != nil {
		t.Fatal(err)
	}
	if known(first) || !known(serial()-1) {
		t.Error("the first version is known after the journal was trimmed, or the last but one is not")
	}
	before := serial()
	apply(t, r, makeZone(6))
	after := serial()
	apply(t, r, move(1, address(1000)))
	if known(before) || !known(after) {
		t.Error("what was before the zone was replaced is known, or what came after is not")
	}
}
