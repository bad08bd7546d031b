package zone_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"stayput.dev/internal/zone"
)

// smallZone makes a zone with a serial.
func smallZone(t *rapid.T, origin zone.Name, serial uint32) *zone.Zone {
	d := zone.New(origin)
	if err := d.Put(zone.DefaultSOA(origin, origin, serial).RRset(origin)); err != nil {
		t.Fatal(err)
	}
	z, _, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// What Changed says, done to the set before, makes the set after.
func TestChangedSets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var before, after zone.Set
		for step := range rapid.IntRange(0, 40).Draw(t, "steps") {
			origin := zone.MustName(fmt.Sprintf("z%d.example.org", rapid.IntRange(0, 20).Draw(t, "zone")))
			if rapid.Bool().Draw(t, "gone") {
				after = after.Without(origin)
			} else {
				after = after.With(smallZone(t, origin, uint32(step)))
			}
			if rapid.IntRange(0, 10).Draw(t, "keep") == 0 {
				before = after
			}
		}
		made := before
		for _, c := range after.Changed(before) {
			switch {
			case c.Old == c.New:
				t.Fatalf("%v did not change", c.New.Origin())
			case c.Old != nil && before.Get(c.Old.Origin()) != c.Old:
				t.Fatalf("%v was another", c.Old.Origin())
			case c.New != nil:
				made = made.With(c.New)
			default:
				made = made.Without(c.Old.Origin())
			}
		}
		if made.Len() != after.Len() {
			t.Fatalf("%d zones, want %d", made.Len(), after.Len())
		}
		for z := range after.All() {
			if made.Get(z.Origin()) != z {
				t.Fatalf("%s is missing", z.Origin())
			}
		}
	})
}

// ChangedNodes tells the names of Diff, and what stands there.
func TestChangedNodes(t *testing.T) {
	t.Parallel()
	base := readZone(t, "testdata/lookup.zone")
	rapid.Check(t, func(t *rapid.T) {
		d := base.Edit()
		for range rapid.IntRange(0, 20).Draw(t, "changes") {
			s := zone.RRset{
				Name: zone.MustName(rapid.SampledFrom([]string{"home", "new", "x", "y.x", "*.x"}).Draw(t, "name") + ".dyn.example.org"),
				Type: rapid.SampledFrom([]zone.Type{zone.TypeA, zone.TypeTXT}).Draw(t, "type"),
			}
			if rapid.Bool().Draw(t, "data") {
				s.Data = []zone.Rdata{"\x01a"}
			}
			if err := d.Put(s); err != nil {
				t.Fatal(err)
			}
		}
		z, delta, err := d.Finish()
		if err != nil {
			t.Fatal(err)
		}
		changed := map[zone.Name]bool{}
		for _, c := range delta.Changes {
			changed[c.New.Name] = true
		}
		n := 0
		for c := range zone.ChangedNodes(base, z) {
			n++
			if !changed[c.Name] || fmt.Sprint(c.Old) != fmt.Sprint(base.Node(c.Name)) || fmt.Sprint(c.New) != fmt.Sprint(z.Node(c.Name)) {
				t.Fatalf("%s: %v gave way to %v", c.Name, c.Old, c.New)
			}
		}
		if n != len(changed) {
			t.Fatalf("%d names changed, want %d", n, len(changed))
		}
	})
}
