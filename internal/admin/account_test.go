package admin_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

func TestAccountRefusals(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	tests := []struct {
		account admin.NewAccount
		kind    error
		want    string
	}{
		{admin.NewAccount{Name: "Alice"}, admin.ErrExists, "account Alice exists already"},
		{admin.NewAccount{Name: ""}, admin.ErrInvalid, `bad account name "": 1 to 64 characters, a letter or digit first`},
		{admin.NewAccount{Name: "a b"}, admin.ErrInvalid, `bad account name "a b": only letters, digits and . _ - @ +`},
		{admin.NewAccount{Name: "carol", Role: "king"}, admin.ErrInvalid, `no such role "king": customer, support or admin`},
		{admin.NewAccount{Name: "carol", Email: "Carol <carol@example.org>"}, admin.ErrInvalid, `"Carol <carol@example.org>" is not a mail address`},
		{admin.NewAccount{Name: "carol", Password: strings.Repeat("x", 1025)}, admin.ErrInvalid, "password is longer than 1024 octets"},
	}
	for _, tt := range tests {
		_, err := w.AddAccount(t.Context(), tt.account)
		w.refused(err, tt.kind, tt.want)
	}
	_, err := w.SetAccount(t.Context(), "carol", admin.AccountChange{})
	w.refused(err, admin.ErrNotFound, "no account carol")
	_, err = w.SetAccount(t.Context(), "alice", admin.AccountChange{Role: ptr(account.Role("king"))})
	w.refused(err, admin.ErrInvalid, `no such role "king": customer, support or admin`)
	w.refused(w.DeleteAccount(t.Context(), "carol", true), admin.ErrNotFound, "no account carol")
}

func TestAccount(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, err := w.AddAccount(t.Context(), admin.NewAccount{Name: "Carol", Email: "carol@example.org", Role: account.Admin, Password: "correct horse"})
	if err != nil || a.Role != account.Admin || !a.HasPassword || a.Email != "carol@example.org" || !a.Created.Equal(w.Now()) {
		t.Errorf("account = %+v, %v", a, err)
	}
	if kept, _ := w.State().Accounts.Account("carol"); !account.CheckPassword(kept.Password, "correct horse") {
		t.Error("the password does not match its hash")
	}
	a, err = w.SetAccount(t.Context(), "carol", admin.AccountChange{Email: ptr(""), Role: ptr(account.Support), Password: ptr("")})
	if err != nil || a.Role != account.Support || a.HasPassword || a.Email != "" || a.Name != "Carol" {
		t.Errorf("account = %+v, %v", a, err)
	}
}

func TestSuspendedHostsKeepTheirNames(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	home := zone.MustName("home.dyn.example.org")
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1", "2001:db8::1")
	w.addHost("away.dyn.example.org", "alice")
	_, secret, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice", Username: "router", Hosts: []zone.Name{home}})
	w.ok(nil, err)
	w.ok(nil, w.update("router", secret, "192.0.2.2"))
	before, err := w.Host(home)
	w.ok(nil, err)

	w.ok(w.SetAccount(t.Context(), "alice", admin.AccountChange{Suspended: ptr(true)}))
	w.wantRecords("dyn.example.org", "home.dyn.example.org", placeholder)
	if err := w.update("router", secret, "192.0.2.3"); !errors.Is(err, account.ErrSuspended) {
		t.Errorf("update of a suspended account: %v, want %v", err, account.ErrSuspended)
	}
	h, err := w.Host(home)
	if err != nil || !h.Suspended || len(h.Addresses) > 0 {
		t.Errorf("suspended host = %+v, %v", h, err)
	}
	// What staff do meanwhile shows when it is over.
	w.addHost("new.dyn.example.org", "alice", "192.0.2.4")
	w.wantRecords("dyn.example.org", "new.dyn.example.org", placeholder)
	w.ok(w.SetHost(t.Context(), home, admin.HostChange{TTL: ptr(uint32(120))}))
	w.wantRecords("dyn.example.org", "home.dyn.example.org", placeholder)

	w.ok(w.SetAccount(t.Context(), "alice", admin.AccountChange{Suspended: ptr(false)}))
	w.wantRecords("dyn.example.org", "home.dyn.example.org", "A 192.0.2.2", "AAAA 2001:db8::1")
	w.wantRecords("dyn.example.org", "away.dyn.example.org", placeholder)
	w.wantRecords("dyn.example.org", "new.dyn.example.org", "A 192.0.2.4")
	h, err = w.Host(home)
	if err != nil || !slices.Equal(h.Sources, before.Sources) || h.Sources[0].Username != "router" {
		t.Errorf("sources = %+v, %v, want %+v", h.Sources, err, before.Sources)
	}
}

func TestImportOverSuspendedHosts(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1")
	w.addHost("left.dyn.example.org", "alice", "192.0.2.2")
	w.ok(w.SetAccount(t.Context(), "alice", admin.AccountChange{Suspended: ptr(true)}))
	w.ok(w.importZones("dyn.example.org", "home A 192.0.2.9\n"))
	w.wantRecords("dyn.example.org", "home.dyn.example.org", placeholder)
	w.wantRecords("dyn.example.org", "left.dyn.example.org", placeholder)
	w.ok(w.SetAccount(t.Context(), "alice", admin.AccountChange{Suspended: ptr(false)}))
	w.wantRecords("dyn.example.org", "home.dyn.example.org", "A 192.0.2.9")
	w.wantRecords("dyn.example.org", "left.dyn.example.org", "A 192.0.2.2")
}

// An alias comes with an import, over a host that is silent by then or not. It
// would resolve although the account is suspended.
func TestSuspendedHostsAreNoAliases(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("before.dyn.example.org", "alice", "192.0.2.1")
	w.addHost("after.dyn.example.org", "alice", "192.0.2.2")
	w.ok(w.importZones("dyn.example.org", "before CNAME www\nafter A 192.0.2.2\n"))
	w.ok(w.SetAccount(t.Context(), "alice", admin.AccountChange{Suspended: ptr(true)}))
	w.wantRecords("dyn.example.org", "before.dyn.example.org", placeholder)
	w.ok(w.importZones("dyn.example.org", "before A 192.0.2.3\nafter CNAME www\n"))
	w.wantRecords("dyn.example.org", "after.dyn.example.org", placeholder)

	w.addHost("bobs.dyn.example.org", "bob")
	alias := zone.RRset{Name: zone.MustName("bobs.dyn.example.org"), Type: zone.TypeCNAME, TTL: 60, Data: []zone.Rdata{zone.Rdata(zone.MustName("www.example.org"))}}
	_, err := w.registry.Apply(t.Context(), registry.Actor{}, func(*registry.State) (registry.Changes, error) {
		none := zone.RRset{Name: alias.Name, Type: zone.TypeTXT}
		return registry.Changes{Records: []registry.ZoneRecords{{Zone: zone.MustName("dyn.example.org"), Sets: []zone.RRset{none, alias}}}}, nil
	})
	w.ok(nil, err)
	for _, suspended := range []bool{true, false} {
		w.ok(w.SetAccount(t.Context(), "bob", admin.AccountChange{Suspended: &suspended}))
		if suspended {
			w.wantRecords("dyn.example.org", "bobs.dyn.example.org", placeholder)
		}
	}
	w.wantRecords("dyn.example.org", "bobs.dyn.example.org", "CNAME www.example.org.")

	w.ok(w.SetAccount(t.Context(), "alice", admin.AccountChange{Suspended: ptr(false)}))
	w.wantRecords("dyn.example.org", "before.dyn.example.org", "A 192.0.2.3")
	w.wantRecords("dyn.example.org", "after.dyn.example.org", "A 192.0.2.2")
}

func TestDeleteAccount(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1")
	_, _, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice", Username: "router"})
	w.ok(nil, err)
	err = w.DeleteAccount(t.Context(), "alice", false)
	w.refused(err, admin.ErrConflict, "account alice owns hosts: home.dyn.example.org")
	if got, want := admin.Hint(err), "delete them first, or force to delete them along with it"; got != want {
		t.Errorf("hint = %q, want %q", got, want)
	}
	before := w.State().Revision
	w.ok(nil, w.DeleteAccount(t.Context(), "Alice", true))
	if got := w.State().Revision; got != before+1 {
		t.Errorf("deleting took %d commits", got-before)
	}
	w.wantRecords("dyn.example.org", "home.dyn.example.org")
	_, err = w.Key("router")
	w.refused(err, admin.ErrNotFound, "no update key router")
	_, err = w.AddHost(t.Context(), newHost("home.dyn.example.org", "bob"))
	w.refused(err, admin.ErrConflict, "home.dyn.example.org was released and rests until 2027-01-30")
	w.addAccounts("alice") // whoever comes under the name inherits nothing
	_, err = w.AddHost(t.Context(), newHost("home.dyn.example.org", "alice"))
	w.refused(err, admin.ErrConflict, "home.dyn.example.org was released and rests until 2027-01-30")
}

func TestAccountsInPages(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for i := range 5 {
		w.addAccounts(fmt.Sprintf("C%d", i))
	}
	w.addHost("home.dyn.example.org", "bob")
	var got []string
	for start := ""; ; {
		page, next := w.Accounts(start, 3)
		for _, a := range page {
			got = append(got, fmt.Sprintf("%s %d", a.Name, a.Hosts))
		}
		if start = next; start == "" {
			break
		}
	}
	if want := []string{"alice 0", "bob 1", "C0 0", "C1 0", "C2 0", "C3 0", "C4 0"}; !slices.Equal(got, want) {
		t.Errorf("accounts = %v, want %v", got, want)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1")
	home := zone.MustName("home.dyn.example.org")
	k, secret, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice", Hosts: []zone.Name{home}, MD5: true})
	if err != nil || len(secret) != 32 || k.Account != "alice" || !slices.Equal(k.Hosts, []zone.Name{home}) || !k.MD5 || k.Token {
		t.Fatalf("key = %+v, secret %q, %v", k, secret, err)
	}
	w.ok(nil, w.update(k.Username, secret, "192.0.2.2"))
	w.wantRecords("dyn.example.org", "home.dyn.example.org", "A 192.0.2.2")
	w.ok(nil, w.RevokeKey(t.Context(), k.Username))
	if err := w.update(k.Username, secret, "192.0.2.3"); !errors.Is(err, account.ErrBadCredential) {
		t.Errorf("update with a revoked key: %v, want %v", err, account.ErrBadCredential)
	}
	if h, err := w.Host(home); err != nil || h.Sources[0].Username != "" || h.Sources[0].Via != "dyndns2" {
		t.Errorf("sources = %+v, %v", h.Sources, err)
	}
}

func TestKeyIsSet(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1")
	k, secret, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice", Unchanged: account.UnchangedNochg})
	if err != nil || k.Unchanged != account.UnchangedNochg {
		t.Fatalf("key = %+v, %v", k, err)
	}
	want := account.UnchangedGood
	k, err = w.SetKey(t.Context(), k.Username, admin.KeyChange{Unchanged: &want})
	if err != nil || k.Unchanged != want {
		t.Errorf("key = %+v, %v, want it to say good", k, err)
	}
	w.ok(nil, w.update(k.Username, secret, "192.0.2.2"))
	before := w.State().Revision
	_, err = w.SetKey(t.Context(), k.Username, admin.KeyChange{Unchanged: &want})
	if got := w.State().Revision; err != nil || got != before {
		t.Errorf("setting what is set: %v, %d commits", err, got-before)
	}
	tlsOnly := true
	k, err = w.SetKey(t.Context(), k.Username, admin.KeyChange{TLSOnly: &tlsOnly})
	if err != nil || !k.TLSOnly || k.Unchanged != want {
		t.Errorf("SetKey() = %+v, %v", k, err)
	}
	bare := true
	k, err = w.SetKey(t.Context(), k.Username, admin.KeyChange{BareGood: &bare})
	if err != nil || !k.BareGood || !k.TLSOnly {
		t.Errorf("SetKey() = %+v, %v", k, err)
	}
	_, err = w.SetKey(t.Context(), "no", admin.KeyChange{Unchanged: &want})
	w.refused(err, admin.ErrNotFound, "no update key no")
}

func TestKeyRefusals(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice")
	token := strings.Repeat("t", account.Strong)
	_, _, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice", Username: "router", Secret: token, Token: true})
	w.ok(nil, err)
	tests := []struct {
		key  admin.NewKey
		kind error
		want string
	}{
		{admin.NewKey{Account: "carol"}, admin.ErrNotFound, "no account carol"},
		{admin.NewKey{Account: "bob", Username: "router"}, admin.ErrExists, "update key router exists already"},
		{admin.NewKey{Account: "bob", Username: "a:b"}, admin.ErrInvalid, `bad user name "a:b": only printable ASCII without blanks and colons`},
		{admin.NewKey{Account: "bob", Secret: token, Token: true}, admin.ErrExists, "this token exists already"},
		{admin.NewKey{Account: "bob", Secret: "short", Token: true}, admin.ErrInvalid, "a token needs at least 20 characters"},
		{admin.NewKey{Account: "bob", Secret: strings.Repeat("x", 256)}, admin.ErrInvalid, "the secret is longer than 255 characters"},
		{admin.NewKey{Account: "bob", Hosts: []zone.Name{zone.MustName("home.dyn.example.org")}}, admin.ErrConflict, "host home.dyn.example.org does not belong to account bob"},
		{admin.NewKey{Account: "bob", Hosts: []zone.Name{zone.MustName("no.dyn.example.org")}}, admin.ErrNotFound, "no host no.dyn.example.org"},
	}
	for _, tt := range tests {
		_, _, err := w.AddKey(t.Context(), tt.key)
		w.refused(err, tt.kind, tt.want)
	}
	w.refused(w.RevokeKey(t.Context(), "no"), admin.ErrNotFound, "no update key no")
}

func TestKeysInPages(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for i := range 5 {
		_, _, err := w.AddKey(t.Context(), admin.NewKey{Account: []string{"alice", "bob"}[i%2], Username: fmt.Sprintf("k%d", i)})
		w.ok(nil, err)
	}
	for owner, want := range map[string][]string{"": {"k0", "k1", "k2", "k3", "k4"}, "bob": {"k1", "k3"}} {
		var got []string
		for start := ""; ; {
			page, next, err := w.Keys(owner, start, 2)
			w.ok(nil, err)
			for _, k := range page {
				got = append(got, k.Username)
			}
			if start = next; start == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("keys of %q = %v, want %v", owner, got, want)
		}
	}
	_, _, err := w.Keys("carol", "", 0)
	w.refused(err, admin.ErrNotFound, "no account carol")
}
