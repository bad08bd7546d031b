package admin_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// TestEraseAccount: what goes is told by numbers, and noted without a name.
func TestEraseAccount(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1")
	w.addHost("nas.dyn.example.org", "bob", "192.0.2.2")
	_, _, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice", Username: "router"})
	w.ok(nil, err)
	for _, of := range []string{"alice", "bob"} {
		w.ok(w.AddHook(t.Context(), admin.NewHook{Account: of, URL: "https://198.51.100.9/", Secret: []byte("a correct horse battery staple")}))
	}
	alice, _ := w.State().Accounts.Account("alice")
	key, _ := w.State().Accounts.Key("router")
	host, _ := w.State().Accounts.Host(zone.MustName("home.dyn.example.org"))

	before := len(w.store.notes)
	gone, err := w.EraseAccount(t.Context(), "ALICE")
	w.ok(nil, err)
	if diff := cmp.Diff(admin.Erased{Account: alice.ID, Hosts: []uint32{host.ID}, Keys: []uint32{key.ID}}, gone); diff != "" {
		t.Error(diff)
	}
	if got, want := w.store.notes[before:], []string{"erase account 1"}; !slices.Equal(got, want) {
		t.Errorf("noted: %q, want %q", got, want)
	}
	w.wantRecords("dyn.example.org", "home.dyn.example.org")
	if _, ok := w.State().Accounts.Key("router"); ok {
		t.Error("the update key is still there")
	}
	if hooks := w.Hooks(); len(hooks) != 1 || hooks[0].Account != "bob" {
		t.Errorf("webhooks that are left: %+v", hooks)
	}
	w.ok(w.Host(zone.MustName("nas.dyn.example.org")))
	_, err = w.EraseAccount(t.Context(), "alice")
	w.refused(err, admin.ErrNotFound, "no account alice")

	w.ok(w.AddAccount(t.Context(), admin.NewAccount{Name: "desk", Role: account.Support}))
	_, err = w.EraseAccount(t.Context(), "desk")
	w.refused(err, admin.ErrConflict, "desk is staff, whose deeds stay in the audit log")
}

// TestDropRests: names are forgotten when they no longer rest, and not before.
func TestDropRests(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, name := range []string{"home.dyn.example.org", "nas.dyn.example.org"} {
		w.addHost(name, "alice", "192.0.2.1")
		w.ok(nil, w.DeleteHost(t.Context(), zone.MustName(name)))
		w.Pass(time.Hour)
	}
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{0, 0}, {admin.DefaultRest - 2*time.Hour, 1}, {0, 0}, {time.Hour, 1}} {
		w.Pass(step.pass)
		if n, err := w.DropRests(t.Context()); n != step.want || err != nil {
			t.Errorf("DropRests = %d, %v, want %d", n, err, step.want)
		}
	}
	if rests := slices.Collect(w.State().Accounts.Rests()); len(rests) > 0 {
		t.Errorf("left: %v", rests)
	}
}
