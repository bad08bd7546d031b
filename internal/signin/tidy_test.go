package signin_test

import (
	"testing"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
)

// kinds are those of everything that is kept of an account.
var kinds = []string{"session", "link", "totp", "recovery", "passkey", "places", "signin-event"}

// kept returns how many items of each kind there are about an account.
func (w *world) kept(t *testing.T, account uint32) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, kind := range kinds {
		items, err := w.store.Shelf().Of(t.Context(), account, kind)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) > 0 {
			all[kind] = len(items)
		}
	}
	return all
}

// TestNothingIsLeftOfAnAccountThatIsGone, and all of the others.
func TestNothingIsLeftOfAnAccountThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"anna", "root"} {
		_, step := w.enrol(t, w.signIn(t, name))
		w.addPasskey(t, newDevice(t), step, "")
		if _, err := w.Invite(t.Context(), registry.Actor{}, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	anna, root := w.account(t, "anna").ID, w.account(t, "root").ID
	before := w.kept(t, root)
	if len(before) != len(kinds) || len(w.kept(t, anna)) != len(kinds) {
		t.Fatalf("this test does not make some of everything: %v, %v", before, w.kept(t, anna))
	}
	if err := w.admin.DeleteAccount(t.Context(), "anna", true); err != nil {
		t.Fatal(err)
	}
	if err := w.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := w.kept(t, anna); len(left) > 0 {
		t.Errorf("of anna is left: %v", left)
	}
	if left := w.kept(t, root); len(left) != len(before) {
		t.Errorf("of root is left %v, was %v", left, before)
	}
}

func TestWhatHasExpiredGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(t, "anna")
	if _, err := w.Invite(t.Context(), registry.Actor{}, "anna", ""); err != nil {
		t.Fatal(err)
	}
	anna := w.account(t, "anna").ID
	for _, step := range []struct {
		after time.Duration
		gone  string
	}{{signin.DefaultIdle, "session"}, {7 * 24 * time.Hour, "link"}, {signin.KeepEvents, "signin-event"}} {
		if w.kept(t, anna)[step.gone] == 0 {
			t.Errorf("no %s before its time", step.gone)
		}
		w.clock.Pass(step.after)
		if err := w.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.kept(t, anna)[step.gone]; n != 0 {
			t.Errorf("%d items of kind %s after %v", n, step.gone, step.after)
		}
	}
}

// TestAPageAsksNoDisk: with the store closed, a session that was used is still found.
func TestAPageAsksNoDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	step := w.signIn(t, "anna")
	w.stop()
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	w.has(t, "with the store closed", step.Cookie)
}
