package api_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/api"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/privacy"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
)

// erasures are what package daemon makes of the same rooms.
type erasures struct {
	*world
	store   *store.Store
	privacy *privacy.Service
}

func newErasures(w *world, kept *store.Store) *erasures {
	e := &erasures{world: w, store: kept}
	e.privacy = privacy.New(privacy.Config{Registry: w.registry, Rests: w.admin, Shelf: kept.Shelf(), Store: kept, Past: e, History: w.history})
	return e
}

// Written implements privacy.Past.
func (e *erasures) Written(ctx context.Context) (registry.Revision, error) {
	return archive.Written(ctx, e.store)
}

// Erase implements api.Erasures.
func (e *erasures) Erase(ctx context.Context, by registry.Actor, name string) (time.Time, error) {
	return e.privacy.Erase(ctx, e.admin.As(by), name)
}

// TestExport: one document has all of an account, and nothing of others.
func TestExport(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "bob"}))(t)
	for name, owner := range map[string]string{"home.dyn.example.org": "alice", "nas.dyn.example.org": "bob"} {
		ok(w.AddHost(t.Context(), api.NewHost{Name: name, Account: owner}))(t)
		ok(w.AddKey(t.Context(), api.NewKey{Account: owner, Username: owner + "-router"}))(t)
		ok(w.AddTSIGKey(t.Context(), api.NewTSIGKey{Name: owner + "-tsig", Account: owner}))(t)
	}
	all := ok(w.ExportAccount(t.Context(), "ALICE"))(t)
	if all.Account.Name != "alice" || all.Account.Role != string(account.Customer) || all.At.IsZero() {
		t.Errorf("account = %+v", all.Account)
	}
	if len(all.Hosts) != 1 || all.Hosts[0].Name != "home.dyn.example.org" || len(all.Keys) != 1 || all.Keys[0].Username != "alice-router" {
		t.Errorf("hosts %+v, keys %+v", all.Hosts, all.Keys)
	}
	if len(all.TSIG) != 1 || all.TSIG[0].Name != "alice-tsig" {
		t.Errorf("TSIG keys = %+v", all.TSIG)
	}
	_, err := w.ExportAccount(t.Context(), "nobody")
	refused(t, err, 404, "no account nobody", "")
}

// TestExportOfReusedName: what addresses a name had under another account are nothing of
// its account, whoever asks.
func TestExportOfReusedName(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "bob"}))(t)
	ok(w.AddHost(t.Context(), api.NewHost{Name: "home.dyn.example.org", Account: "alice"}))(t)
	alice, _ := w.registry.State().Accounts.Account("alice")
	bob, _ := w.registry.State().Accounts.Account("bob")
	name, at := zone.MustName("home.dyn.example.org"), time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	done(t, w.kept.KeepChanges(t.Context(), []archive.Change{
		{Host: name, Account: bob.ID, At: at, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.66")}},
		{Host: name, At: at.Add(time.Minute)},
		{Host: name, Account: alice.ID, At: at.Add(2 * time.Minute), Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.7")}},
	}))
	own := ok(w.rest.Export(t.Context(), "alice"))(t)
	asked := ok(w.ExportAccount(t.Context(), "alice"))(t)
	for _, all := range []api.Export{own, asked} {
		if past := all.Hosts[0].Past; len(past) != 1 || past[0].Account != "alice" {
			t.Errorf("address history = %+v", past)
		}
	}
}

// TestErasure asks for the name twice.
func TestErasure(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	if answer := w.ask("POST", "/api/v1/personal-data/alice/erasure", "application/json", `{"confirm":"bob"}`); answer.StatusCode != 422 {
		t.Errorf("erasing alice for bob: %s", answer.Status)
	}
	e := ok(w.EraseAccount(t.Context(), "alice"))(t)
	if e.Account != "alice" || time.Until(e.ForgottenBy) < privacy.Limit-time.Hour {
		t.Errorf("erasure = %+v", e)
	}
	_, err := w.Account(t.Context(), "alice")
	refused(t, err, 404, "no account alice", "")
	_, err = w.EraseAccount(t.Context(), "alice")
	refused(t, err, 404, "no account alice", "")
}
