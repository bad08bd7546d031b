package publish_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/publish"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig/primary"
)

// TestOneNameIsRefused: a name that the key may not change at the target holds up no other,
// however many come with it.
func TestOneNameIsRefused(t *testing.T) {
	t.Parallel()
	target := primary.BIND.New(t)
	target.Edit("update-policy {", "update-policy { deny stayput-push name h7.dyn.example.org. ANY;")
	target.Start()
	w := newPushWorld(t, target)
	lines := []string{"h0 A 192.0.2.1"}
	for i := range 100 {
		lines = append(lines, strings.Replace("h# A 192.0.2.1", "#", string(rune('0'+i%10))+strings.Repeat("x", i/10), 1))
	}
	w.set(lines...)
	w.push()
	h7 := zone.MustName("h7.dyn.example.org")
	until(t, func() bool { s := w.pusher.State(); return s.Pending == 1 && s.Refused == 1 })
	for range 3 {
		w.set("late A 192.0.2.2")
		if err := w.pusher.Await(t.Context(), zone.MustName("late.dyn.example.org")); err != nil {
			t.Fatal(err)
		}
		w.set("late A")
	}
	if !w.pusher.Pending(h7) {
		t.Error("what was refused is not pending")
	}
	until(t, func() bool {
		found := w.reconcile(publish.ReconcileOptions{})
		return len(found.Differences) == 1 && found.Differences[0].Here.Name == h7
	})
}

// TestOneNameIsTooLong: a name with more records than a message can carry holds up no
// other, and it is told which it is.
func TestOneNameIsTooLong(t *testing.T) {
	t.Parallel()
	target := primary.BIND.New(t)
	target.Start()
	w := newPushWorld(t, target)
	long := zone.MustName("long.dyn.example.org")
	octets := zone.Rdata(strings.Repeat("\xff"+strings.Repeat("x", 255), 160))
	w.apply(registry.Changes{Records: []registry.ZoneRecords{{Zone: origin, Sets: []zone.RRset{
		{Name: long, Type: zone.TypeTXT, TTL: 60, Data: []zone.Rdata{octets}},
		{Name: long, Type: 65400, TTL: 60, Data: []zone.Rdata{octets}},
	}}}})
	w.push()
	until(t, func() bool { s := w.pusher.State(); return s.Pending == 1 && s.Refused == 1 })
	if err := w.pusher.State().Err; err == nil || !strings.Contains(err.Error(), long.String()) {
		t.Errorf("the fault is %v, want one of %s", err, long)
	}
	w.set("late A 192.0.2.2")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := w.pusher.Await(ctx, zone.MustName("late.dyn.example.org")); err != nil {
		t.Fatalf("another name does not arrive: %v", err)
	}
	w.set("long TXT")
	if err := w.pusher.Await(ctx, long); err != nil {
		t.Errorf("the name does not arrive when it has become shorter: %v", err)
	}
}
