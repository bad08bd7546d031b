package admin_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// randomID is in notes about things whose IDs we choose.
var randomID = regexp.MustCompile(`(token|webhook) [a-z0-9]+`)

// TestDeedsAreNoted tells what whoever reads the audit log will find.
func TestDeedsAreNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	home := zone.MustName("home.dyn.example.org")
	stories := []struct {
		name string
		do   func() error
		want []string
	}{
		{"a zone is made", func() error {
			_, err := w.AddZone(t.Context(), newZone("dyn.example.org"))
			return err
		}, []string{"add zone dyn.example.org: 2 names"}},
		{"an account is made", func() error {
			_, err := w.AddAccount(t.Context(), admin.NewAccount{Name: "anna", Email: "anna@example.org", Password: "correct horse battery"})
			return err
		}, []string{"add account anna: email anna@example.org, role customer, password"}},
		{"its role and mail address change", func() error {
			role, mail := account.Support, ""
			_, err := w.SetAccount(t.Context(), "anna", admin.AccountChange{Role: &role, Email: &mail})
			return err
		}, []string{"set account anna: email anna@example.org → none, role customer → support"}},
		{"its password changes", func() error {
			password := "another horse battery"
			_, err := w.SetAccount(t.Context(), "anna", admin.AccountChange{Password: &password})
			return err
		}, []string{"set account anna: password"}},
		{"a host is made", func() error {
			_, err := w.AddHost(t.Context(), newHost("home.dyn.example.org", "anna", "192.0.2.1"))
			return err
		}, []string{"add host home.dyn.example.org: ttl 60, addresses none → 192.0.2.1"}},
		{"it moves, and lasts longer in caches", func() error {
			ttl := uint32(300)
			moved := addrs("192.0.2.7", "2001:db8::7")
			_, err := w.SetHost(t.Context(), home, admin.HostChange{TTL: &ttl, Addresses: &moved})
			return err
		}, []string{"set host home.dyn.example.org: ttl 60 → 300, addresses 192.0.2.1 → 192.0.2.7 2001:db8::7"}},
		{"its options and what stands below it", func() error {
			wildcard := true
			_, err := w.SetHost(t.Context(), home, admin.HostChange{Options: admin.HostOptions{Wildcard: &wildcard}})
			return err
		}, []string{"set host home.dyn.example.org: wildcard true"}},
		{"a key is made", func() error {
			_, _, err := w.AddKey(t.Context(), admin.NewKey{Account: "anna", Username: "router", Hosts: []zone.Name{home}})
			return err
		}, []string{"add key router: hosts [home.dyn.example.org], secret"}},
		{"the key is revoked", func() error { return w.RevokeKey(t.Context(), "router") }, []string{"delete key router"}},
		{"a webhook and a TSIG key are made", func() error {
			_, err := w.AddHook(t.Context(), admin.NewHook{URL: "https://198.51.100.9/horse", Secret: []byte("a correct horse battery staple")})
			if err != nil {
				return err
			}
			_, err = w.AddTSIGKey(t.Context(), admin.NewTSIGKey{Name: zone.MustName("ns2.example.org"), Secret: []byte("a correct horse battery staple")})
			return err
		}, []string{"add webhook: url, secret", "add tsig ns2.example.org: schemes [hmac-sha256], secret"}},
		{"an API token is made", func() error {
			_, _, err := w.AddToken(t.Context(), admin.NewToken{Account: "anna", ReadOnly: true})
			return err
		}, []string{"add token: secret, read only true"}},
		{"nothing changes", func() error {
			ttl := uint32(300)
			_, err := w.SetHost(t.Context(), home, admin.HostChange{TTL: &ttl})
			return err
		}, nil},
		{
			"the account is deleted with its host", func() error { return w.DeleteAccount(t.Context(), "anna", true) },
			[]string{"delete account anna", "delete host home.dyn.example.org", "delete token"},
		},
	}
	for _, story := range stories {
		before := len(w.store.notes)
		if err := story.do(); err != nil {
			t.Fatalf("%s: %v", story.name, err)
		}
		got := slices.Clone(w.store.notes[before:])
		for i := range got {
			got[i] = randomID.ReplaceAllString(got[i], "$1")
		}
		if !slices.Equal(got, story.want) {
			t.Errorf("%s is noted as\n%s\nwant\n%s", story.name, strings.Join(got, "\n"), strings.Join(story.want, "\n"))
		}
	}
	for _, note := range w.store.notes {
		if strings.Contains(note, "horse") || strings.Contains(note, "argon2") {
			t.Errorf("a secret is noted: %s", note)
		}
		_, detail, _ := strings.Cut(note, ": ")
		for _, p := range admin.Details(detail) {
			if p.Text == "%s" && p.String() != "" && !strings.Contains(p.String(), ".") { // but names of records
				t.Errorf("%q of %q is no word of notes", p, note)
			}
		}
	}
}

func TestManyDeedsAreNotedByNumbers(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var hosts []admin.NewHost
	for i := range 300 {
		hosts = append(hosts, newHost(fmt.Sprintf("h%03d.dyn.example.org", i), "alice", "192.0.2.1"))
	}
	before := len(w.store.notes)
	if err := w.AddHosts(t.Context(), hosts); err != nil {
		t.Fatal(err)
	}
	if got, want := w.store.notes[before:], []string{"set host: 300 of them"}; !slices.Equal(got, want) {
		t.Errorf("noted: %q, want %q", got, want)
	}
}

// TestManyDeedsOfEveryKind: an edit of very much says of every kind how many there were.
func TestManyDeedsOfEveryKind(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var hosts []admin.NewHost
	for i := range 100 {
		hosts = append(hosts, newHost(fmt.Sprintf("h%03d.dyn.example.org", i), "alice", "192.0.2.1"))
	}
	w.ok(nil, w.AddHosts(t.Context(), hosts))
	for range 2 {
		_, _, err := w.AddToken(t.Context(), admin.NewToken{Account: "alice"})
		w.ok(nil, err)
	}
	_, _, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice"})
	w.ok(nil, err)
	w.ok(w.AddHook(t.Context(), admin.NewHook{Account: "alice", URL: "https://198.51.100.9/", Secret: []byte("a correct horse battery staple")}))
	before := len(w.store.notes)
	w.ok(nil, w.DeleteAccount(t.Context(), "alice", true))
	want := []string{"delete account: 1 of them", "delete host: 100 of them", "delete key: 1 of them", "delete token: 2 of them", "delete webhook: 1 of them"}
	if got := w.store.notes[before:]; !slices.Equal(got, want) {
		t.Errorf("noted: %q, want %q", got, want)
	}
}
