package publish_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"stayput.dev/internal/publish"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig/primary"
)

// reconcile compares the zone with what the target has.
func (w *pushWorld) reconcile(opts publish.ReconcileOptions) publish.Reconciliation {
	w.t.Helper()
	found, err := w.pusher.Reconcile(w.t.Context(), opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// TestReconcile: what an administrator changed at the target is shown, and mended when
// told. Names that were never ours stay; one that was ours and came back goes.
func TestReconcile(t *testing.T) {
	t.Parallel()
	eachPrimary(t, func(t *testing.T, target *primary.Server) {
		w := newPushWorld(t, target)
		w.set("home A 192.0.2.1", "old A 192.0.2.9", `home TXT "x"`)
		w.push()
		w.arrive()
		w.set("old A")
		w.expect(append([]string{"home 60 IN A 192.0.2.1", `home 60 IN TXT "x"`}, others...)...)
		target.Update(
			"update delete home.dyn.example.org. A", "update add home.dyn.example.org. 60 A 192.0.2.66", "update add home.dyn.example.org. 60 AAAA 2001:db8::66",
			"update add old.dyn.example.org. 60 A 192.0.2.9", "update add theirs.dyn.example.org. 60 A 192.0.2.77", "update add home.dyn.example.org. 60 MX 10 mail.example.net.",
		)
		found := w.reconcile(publish.ReconcileOptions{})
		if len(found.Differences) != 3 || found.Deletions != 2 || found.Foreign != 2 || found.Held {
			t.Errorf("found %+v", found)
		}
		w.reconcile(publish.ReconcileOptions{Mend: true})
		w.expect(append([]string{
			"home 60 IN A 192.0.2.1", `home 60 IN TXT "x"`, "home 60 IN MX 10 mail.example.net.", "theirs 60 IN A 192.0.2.77",
		}, others...)...)
	})
}

// TestNameChangesHands: what others put at a name that was ours stays when the name is ours
// again, also if Stayput begins anew meanwhile.
func TestNameChangesHands(t *testing.T) {
	t.Parallel()
	target := primary.BIND.Run(t)
	w := newPushWorld(t, target)
	w.set("home A 192.0.2.1", `home TXT "ours"`)
	w.push()
	w.arrive()
	w.set("home A", "home TXT")
	w.expect(others...)
	target.Update("update add home.dyn.example.org. 60 TXT theirs")
	target.Freeze()
	w.set("home A 192.0.2.2")
	until(t, func() bool { return w.pusher.State().Err != nil })
	w.push()
	target.Thaw()
	w.expect(append([]string{"home 60 IN A 192.0.2.2", `home 60 IN TXT "theirs"`}, others...)...)
}

// TestManyDeletionsAreHeld: a target that has very much of what is gone here keeps it
// until somebody says that it is to go. After a restart that is still known.
func TestManyDeletionsAreHeld(t *testing.T) {
	t.Parallel()
	target := primary.BIND.Run(t)
	w := newPushWorld(t, target)
	var there, gone, again []string
	for i := range 30 {
		there = append(there, fmt.Sprintf("h%d A 192.0.2.1", i))
		gone = append(gone, fmt.Sprintf("h%d A", i))
		again = append(again, fmt.Sprintf("update add h%d.dyn.example.org. 60 A 192.0.2.1", i))
	}
	w.set(there...)
	w.push()
	w.arrive()
	for few := range slices.Chunk(gone, 10) {
		w.set(few...)
		w.arrive()
	}
	w.expect(others...)
	w.stop()
	target.Update(again...)
	w.push()
	until(t, func() bool { return w.pusher.State().Held == 30 })
	if got := len(w.there()); got != 32 {
		t.Errorf("the target has %d records, want 32", got)
	}
	if found := w.reconcile(publish.ReconcileOptions{Mend: true}); !found.Held {
		t.Errorf("found %+v", found)
	}
	w.reconcile(publish.ReconcileOptions{Mend: true, Delete: true})
	w.expect(others...)
}

// TestReconcileWhileNamesGo: what is deleted here while the target still sends its zone is
// held, when it is much, though it was to be mended there too.
func TestReconcileWhileNamesGo(t *testing.T) {
	t.Parallel()
	target := primary.BIND.Run(t)
	between := newDawdler(t, target.Addr)
	w := newPushWorld(t, target)
	w.via = between.addr
	w.set(hosts(100, "192.0.2.1")...)
	w.push()
	w.arrive()
	until(t, func() bool { return w.pusher.State().Foreign >= 0 }) // it was compared as it began
	var edits []string
	for i := range 60 {
		edits = append(edits, fmt.Sprintf("update delete h%d.dyn.example.org. A", i), fmt.Sprintf("update add h%d.dyn.example.org. 60 A 192.0.2.66", i))
	}
	target.Update(edits...)
	between.meet(func() {
		w.set(hosts(60, "")...)
		until(t, func() bool { return w.pusher.State().Held == 60 })
	})
	w.reconcile(publish.ReconcileOptions{Mend: true})
	if s := w.pusher.State(); s.Held != 60 || s.Pending != 60 {
		t.Errorf("%d deletions are held of %d pending names, want 60 of 60", s.Held, s.Pending)
	}
}

// TestForeignFence: of two that push into one zone, the second does nothing until it is
// told that the first is gone; then the first does nothing.
func TestForeignFence(t *testing.T) {
	t.Parallel()
	eachPrimary(t, func(t *testing.T, target *primary.Server) {
		first, second := newPushWorld(t, target), newPushWorld(t, target)
		first.set("home A 192.0.2.1")
		second.set("home A 192.0.2.2")
		first.push()
		first.arrive()
		second.push()
		until(t, func() bool { return errors.Is(second.pusher.State().Err, publish.ErrForeignFence) })
		first.set("home A 192.0.2.3")
		first.expect(append([]string{"home 60 IN A 192.0.2.3"}, others...)...)
		second.pusher.TakeFence()
		second.expect(append([]string{"home 60 IN A 192.0.2.2"}, others...)...)
		first.set("home A 192.0.2.4")
		until(t, func() bool { return errors.Is(first.pusher.State().Err, publish.ErrForeignFence) })
		second.expect(append([]string{"home 60 IN A 192.0.2.2"}, others...)...)
	})
}

// TestTargetGoesBack: a target that comes back with what it had earlier gets what it lost.
func TestTargetGoesBack(t *testing.T) {
	t.Parallel()
	target := primary.BIND.Run(t)
	w := newPushWorld(t, target)
	w.set("home A 192.0.2.1")
	w.push()
	w.arrive()
	w.set("away A 192.0.2.2")
	w.arrive()
	target.Update("update delete home.dyn.example.org. A", "update delete _stayput-push.dyn.example.org. TXT")
	w.set("away A 192.0.2.3")
	w.arrive()
	until(t, func() bool {
		reply := target.Ask("home.dyn.example.org.", 1)
		return reply != nil && len(reply.Answer) == 1 && !w.pusher.Pending(zone.MustName("home.dyn.example.org"))
	})
}
