package admin_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/zone"
)

// What is settled for a zone moves no serial, is noted, and goes with the zone.
func TestPolicyOfAZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := zone.MustName("dyn.example.org")
	before, err := w.AddZone(t.Context(), newZone("dyn.example.org"))
	if err != nil {
		t.Fatal(err)
	}
	w.ok(w.AddTSIGKey(t.Context(), newTSIGKey("ns3")))
	two := policy.Secondary{Addr: netip.MustParseAddrPort("192.0.2.53:53")}
	three := policy.Secondary{Addr: netip.MustParseAddrPort("[2001:db8::53]:5353"), Key: zone.MustName("ns3")}
	gap := 5 * time.Second
	noted := len(w.store.notes)
	z, err := w.SetZone(t.Context(), name, admin.ZoneChange{Secondaries: []policy.Secondary{three, two}, NotifyGap: &gap})
	if err != nil {
		t.Fatal(err)
	}
	if want := (policy.Zone{Origin: name, Secondaries: []policy.Secondary{two, three}, NotifyGap: gap}); !reflect.DeepEqual(z.Policy, want) {
		t.Errorf("policy = %+v, want %+v", z.Policy, want)
	}
	if z.SOA != before.SOA {
		t.Errorf("SOA = %+v, was %+v", z.SOA, before.SOA)
	}
	const note = "set zone dyn.example.org: secondaries [192.0.2.53:53 [2001:db8::53]:5353 key ns3], notify gap 5s"
	if got := strings.Join(w.store.notes[noted:], "\n"); got != note {
		t.Errorf("it is noted as\n%s\nwant\n%s", got, note)
	}
	w.refused(w.DeleteTSIGKey(t.Context(), three.Key), admin.ErrConflict, "TSIG key ns3 is that of secondary [2001:db8::53]:5353 of zone dyn.example.org")
	if err := w.DeleteZone(t.Context(), name, false); err != nil {
		t.Fatal(err)
	}
	if n := w.State().Policy.Len(); n != 0 {
		t.Errorf("%d policies are left of a zone that has gone", n)
	}
	w.ok(struct{}{}, w.DeleteTSIGKey(t.Context(), three.Key))
}

func TestPolicyRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(w.AddZone(t.Context(), newZone("dyn.example.org")))
	short := time.Millisecond
	addr := netip.MustParseAddrPort("192.0.2.53:53")
	for _, tt := range []struct {
		change admin.ZoneChange
		kind   error
		want   string
	}{
		{admin.ZoneChange{DropSecondaries: []netip.AddrPort{addr}}, admin.ErrNotFound, "zone dyn.example.org has no secondary 192.0.2.53:53 of its own"},
		{admin.ZoneChange{Secondaries: []policy.Secondary{{Addr: addr, Key: zone.MustName("ns3")}}}, admin.ErrNotFound, "no TSIG key ns3"},
		{admin.ZoneChange{NotifyGap: &short}, admin.ErrInvalid, "bad policy: a notify gap of 1ms is none from 100ms to 1h0m0s"},
	} {
		_, err := w.SetZone(t.Context(), zone.MustName("dyn.example.org"), tt.change)
		w.refused(err, tt.kind, tt.want)
	}
}
