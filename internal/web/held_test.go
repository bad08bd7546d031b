package web_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/zone"
)

// ends are ways in which somebody loses their rights.
func (w *world) ends(name string) map[string]func() {
	set := func(c admin.AccountChange) {
		ok(w.admin.SetAccount(context.Background(), name, c))(w.t)
	}
	role, suspended, other := account.Customer, true, "another long password"
	return map[string]func(){
		"is admin no longer":   func() { set(admin.AccountChange{Role: &role}) },
		"is suspended":         func() { set(admin.AccountChange{Suspended: &suspended}) },
		"has another password": func() { set(admin.AccountChange{Password: &other}) },
		"is deleted":           func() { done(w.t, w.admin.DeleteAccount(context.Background(), name, true)) },
		"was signed out by all": func() {
			a, _ := w.admin.State().Accounts.Account(name)
			done(w.t, w.signin.EndAll(context.Background(), signin.Client{}, a.ID, ""))
		},
	}
}

// newRoot makes an admin, who signs in.
func (w *world) newRoot(name string) {
	w.t.Helper()
	ok(w.admin.AddAccount(w.t.Context(), admin.NewAccount{Name: name, Role: account.Admin, Password: password}))(w.t)
	w.session(name)
}

// TestRightsEndWhileFormsCome: whoever sends a form slowly may do nothing by it that they
// may not when it is there.
func TestRightsEndWhileFormsCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for how, end := range w.ends("root-2") {
		w.newRoot("root-2")
		body, slow := io.Pipe()
		r := ok(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/staff/customers/new", body))(t)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Expect", "100-continue") // so that the form is sent once it is read
		answered := make(chan page, 1)
		go func() { answered <- w.as("root-2").do(r) }()
		ok(slow.Write([]byte("name=mallory&")))(t)
		end()
		_, _ = slow.Write([]byte("role=admin")) // unless the answer is there already
		done(t, slow.Close())
		if p := <-answered; p.status == http.StatusOK {
			t.Errorf("who %s: %d", how, p.status)
		}
		w.has("mallory", false, how)
		w.forget("root-2")
	}
}

// TestRightsEndBeforeTheCommit: nor may they when nothing is missing but the commit.
func TestRightsEndBeforeTheCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for how, end := range w.ends("root-2") {
		if how == "was signed out by all" { // which no commit knows of
			continue
		}
		w.newRoot("root-2")
		w.gate.Before(end)
		w.as("root-2").post("/staff/customers/new", "name", "mallory", "role", "admin").leads(t, "/signin")
		w.has("mallory", false, how)
		w.forget("root-2")
	}
}

// TestHostsChangeHandsBeforeTheCommit: nobody changes what was theirs a moment ago.
func TestHostsChangeHandsBeforeTheCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addHost("alice", "home")
	name := zone.MustName("home.dyn.example.org")
	bob := "bob"
	give := func() { ok(w.admin.SetHost(context.Background(), name, admin.HostChange{Account: &bob}))(t) }
	w.gate.Before(give)
	w.as("alice").post("/hosts/home.dyn.example.org/delete").shows(t, http.StatusNotFound)
	if h := ok(w.admin.Host(name))(t); h.Account != "bob" {
		t.Errorf("the host is %s's", h.Account)
	}
}

// has tells whether there is an account.
func (w *world) has(name string, want bool, how string) {
	w.t.Helper()
	if _, has := w.admin.State().Accounts.Account(name); has != want {
		w.t.Errorf("who %s: account %s is there: %t", how, name, has)
		_ = w.admin.DeleteAccount(w.t.Context(), name, true)
	}
}

// forget deletes an account, if it is there, and its cookie.
func (w *world) forget(name string) {
	w.t.Helper()
	_ = w.admin.DeleteAccount(w.t.Context(), name, true)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sessions, name)
}
