package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/api"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/privacy"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
)

// files are what package daemon makes of the same rooms.
type files struct {
	*world
	api     *api.API
	privacy *privacy.Service
	store   *store.Store
}

func newFiles(w *world, reg *registry.Registry, kept *store.Store) *files {
	f := &files{world: w, store: kept}
	f.api = api.New(api.Config{Admin: w.admin, Registry: reg, History: w.history, Past: kept, Now: w.clock})
	f.privacy = privacy.New(privacy.Config{
		Registry: reg, Rests: w.admin, Shelf: kept.Shelf(), Store: kept, Past: f, History: w.history, Strays: []privacy.Strays{w.signin}, Now: w.clock,
	})
	return f
}

// Written implements privacy.Past.
func (f *files) Written(ctx context.Context) (registry.Revision, error) {
	return archive.Written(ctx, f.store)
}

// Export implements web.Files.
func (f *files) Export(ctx context.Context, name string, w io.Writer) error {
	all, err := f.api.Export(ctx, name)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(all)
}

// Erase implements web.Files.
func (f *files) Erase(ctx context.Context, by registry.Actor, name string) (time.Time, error) {
	return f.privacy.Erase(ctx, f.admin.As(by), name)
}

// TestPeopleGetTheirFile, and nobody else's.
func TestPeopleGetTheirFile(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	w.addHost("bob", "nas")
	w.as("alice").get("/account").shows(t, http.StatusOK, "/account/data")
	p := w.as("alice").get("/account/data")
	p.shows(t, http.StatusOK, `"home.dyn.example.org"`, `"alice-home"`)
	p.lacks(t, "nas.dyn.example.org", "bob")
	if got := p.header.Get("Content-Disposition"); got != `attachment; filename="account-2026-11-26.json"` {
		t.Errorf("Content-Disposition = %s", got)
	}
	w.as("root").get("/staff/customers/bob/data").shows(t, http.StatusOK, "nas.dyn.example.org")
	for _, who := range []string{"alice", "desk"} {
		w.as(who).get("/staff/customers/bob/data").shows(t, http.StatusForbidden)
	}
	w.at(-time.Hour) // who signed in long ago proves who they are first
	w.as("alice").get("/account/data").leads(t, "/account/prove?next=%2Faccount%2Fdata")
}

// TestStaffErase: an admin erases a customer, after a proof and a question.
func TestStaffErase(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	w.as("root").get("/staff/customers/alice").shows(t, http.StatusOK, "/staff/customers/alice/erase")
	w.as("root").get("/staff/customers/alice/erase").shows(t, http.StatusOK, "Erase alice?", "1 host and all update keys")
	for _, who := range []string{"alice", "desk"} {
		w.as(who).post("/staff/customers/alice/erase").shows(t, http.StatusForbidden)
	}
	w.at(-time.Hour)
	w.as("root").post("/staff/customers/alice/erase").leads(t, "/account/prove?next=%2Fstaff%2Fcustomers%2Falice%2Ferase")
	w.at(0)
	ok(w.admin.Account("alice"))(t)
	w.as("root").post("/staff/customers/alice/erase").leads(t, "/staff/customers")
	if _, err := w.admin.Account("alice"); err == nil {
		t.Error("the account is still there")
	}
	w.as("root").get("/staff/customers/alice/erase").shows(t, http.StatusNotFound)
	w.as("root").post("/staff/customers/desk/erase").shows(t, http.StatusNotFound)
	if a := ok(w.admin.Account("desk"))(t); a.Role != account.Support {
		t.Errorf("staff is %+v", a)
	}
}
