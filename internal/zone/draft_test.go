package zone_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"stayput.dev/internal/zone"
)

// A delta, applied to the old version, makes the new one; and the difference of
// the two versions is that delta.
func TestDelta(t *testing.T) {
	t.Parallel()
	base := readZone(t, "testdata/lookup.zone")
	rapid.Check(t, func(t *rapid.T) {
		d := base.Edit()
		for range rapid.IntRange(0, 20).Draw(t, "changes") {
			s := zone.RRset{
				Name: zone.MustName(fmt.Sprintf("%s.dyn.example.org", rapid.SampledFrom([]string{"home", "new", "x", "y.x", "*.x", "sub"}).Draw(t, "name"))),
				Type: rapid.SampledFrom([]zone.Type{zone.TypeA, zone.TypeTXT, zone.TypeNS}).Draw(t, "type"),
				TTL:  60,
			}
			for range rapid.IntRange(0, 3).Draw(t, "records") {
				s.Data = append(s.Data, zone.Rdata(rapid.SampledFrom([]string{"\x00", "\x01a\x00", "\x02bc\x00"}).Draw(t, "data")))
			}
			if err := d.Put(s); err != nil {
				t.Fatal(err)
			}
		}
		changed := d.Changed()
		if err := d.SetSerial(zone.NextSerial(base.Serial())); err != nil {
			t.Fatal(err)
		}
		z, delta, err := d.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if changed != (len(delta.Changes) > 1) {
			t.Fatalf("Changed() = %v, but the delta has %d changes beside the SOA", changed, len(delta.Changes)-1)
		}
		again := base.Edit()
		if err := again.Apply(delta); err != nil {
			t.Fatal(err)
		}
		z2, _, err := again.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if rest := zone.Diff(z, z2); len(rest.Changes) > 0 {
			t.Fatalf("applied delta leads elsewhere: %v", rest.Changes)
		}
		if got, want := fmt.Sprint(zone.Diff(base, z)), fmt.Sprint(delta); got != want {
			t.Fatalf("Diff = %s, want %s", got, want)
		}
		tallies(t, z)
	})
}

// tallies compares a zone with one built anew from the same records: lookups that
// rest on counted wildcards and cuts must agree.
func tallies(t *rapid.T, z *zone.Zone) {
	fresh := zone.New(z.Origin())
	for s := range z.All() {
		if err := fresh.Put(s); err != nil {
			t.Fatal(err)
		}
	}
	want, _, err := fresh.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"home", "a.x", "y.x", "b.y.x", "a.sub", "a.new"} {
		n := zone.MustName(name + ".dyn.example.org")
		if a, b := z.Lookup(n, zone.TypeA), want.Lookup(n, zone.TypeA); a.Outcome != b.Outcome || a.Wildcard != b.Wildcard {
			t.Fatalf("%s: %v by changes, %v built anew", n, a.Outcome, b.Outcome)
		}
	}
}

func TestPutRefuses(t *testing.T) {
	t.Parallel()
	base := readZone(t, "testdata/lookup.zone")
	home := zone.MustName("home.dyn.example.org")
	tests := []struct {
		why string
		set zone.RRset
	}{
		{"outside", zone.RRset{Name: zone.MustName("example.net"), Type: zone.TypeA}},
		{"no name", zone.RRset{Type: zone.TypeA}},
		{"meta type", zone.RRset{Name: home, Type: zone.TypeANY}},
		{"OPT", zone.RRset{Name: home, Type: zone.TypeOPT}},
		{"no SOA left", zone.RRset{Name: origin, Type: zone.TypeSOA}},
		{"SOA below the apex", zone.RRset{Name: home, Type: zone.TypeSOA, Data: []zone.Rdata{base.SOA().Data()}}},
		{"TTL", zone.RRset{Name: home, Type: zone.TypeA, TTL: 1 << 31}},
		{"too many records", zone.RRset{Name: home, Type: zone.TypeA, Data: make([]zone.Rdata, zone.MaxRecords+1)}},
		{"too much data", zone.RRset{Name: home, Type: zone.TypeTXT, Data: []zone.Rdata{zone.Rdata(make([]byte, zone.MaxRdata+1))}}},
	}
	for _, tt := range tests {
		d := base.Edit()
		if err := d.Put(tt.set); err == nil {
			t.Errorf("%s: no error", tt.why)
		}
		if d.Changed() {
			t.Errorf("%s: refused, but something changed", tt.why)
		}
	}
}
