package admin_test

import (
	"slices"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

func newTSIGKey(name string) admin.NewTSIGKey { return admin.NewTSIGKey{Name: zone.MustName(name)} }

func (w *world) grants(name string) []string {
	w.t.Helper()
	k, err := w.TSIGKey(zone.MustName(name))
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, g := range k.Grants {
		out = append(out, g.String())
	}
	return out
}

// A key of a host belongs to its account and may change its addresses; further
// types count for the names below as well.
func TestTSIGKeyOfAHost(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice")
	n := newTSIGKey("router")
	n.Host = zone.MustName("home.dyn.example.org")
	k, err := w.AddTSIGKey(t.Context(), n)
	if err != nil || k.Account != "alice" || len(k.Schemes) != 1 || k.Schemes[0].String() != "hmac-sha256" {
		t.Errorf("key = %+v, %v", k, err)
	}
	if got, want := w.grants("router"), []string{"name home.dyn.example.org A AAAA"}; !slices.Equal(got, want) {
		t.Errorf("grants = %q, want %q", got, want)
	}
	types := []zone.Type{zone.TypeA, zone.TypeTXT}
	extra := []tsig.Grant{{Rule: tsig.Self}}
	w.ok(w.SetTSIGKey(t.Context(), n.Name, admin.TSIGChange{Types: &types, Grants: &extra}))
	if got, want := w.grants("router"), []string{"subdomain home.dyn.example.org A TXT", "self"}; !slices.Equal(got, want) {
		t.Errorf("grants = %q, want %q", got, want)
	}
	secret, err := w.TSIGSecret(n.Name)
	if err != nil || len(secret) < tsig.StrongSecret {
		t.Errorf("secret of %d octets, %v", len(secret), err)
	}
}

func TestTSIGKeyRefusals(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice")
	w.ok(w.AddTSIGKey(t.Context(), newTSIGKey("taken")))
	with := func(change func(*admin.NewTSIGKey)) admin.NewTSIGKey {
		n := newTSIGKey("new")
		change(&n)
		return n
	}
	tests := []struct {
		n    admin.NewTSIGKey
		kind error
		want string
	}{
		{newTSIGKey("TAKEN"), admin.ErrExists, "TSIG key taken exists already"},
		{with(func(n *admin.NewTSIGKey) { n.Host = zone.MustName("nas.dyn.example.org") }), admin.ErrNotFound, "no host nas.dyn.example.org"},
		{with(func(n *admin.NewTSIGKey) { n.Host, n.Account = zone.MustName("home.dyn.example.org"), "bob" }), admin.ErrConflict, "host home.dyn.example.org does not belong to account bob"},
		{with(func(n *admin.NewTSIGKey) { n.Account = "carol" }), admin.ErrNotFound, "no account carol"},
		{with(func(n *admin.NewTSIGKey) { n.Types = []zone.Type{zone.TypeA} }), admin.ErrInvalid, "types without a host"},
		{with(func(n *admin.NewTSIGKey) { n.Secret = []byte{} }), admin.ErrInvalid, "bad TSIG key new: a secret has 1 to 512 octets"},
		{with(func(n *admin.NewTSIGKey) {
			n.Grants = []tsig.Grant{{Zone: zone.MustName("example.com"), Rule: tsig.ZoneSub}}
		}), admin.ErrNotFound, "no zone example.com"},
	}
	for _, tt := range tests {
		_, err := w.AddTSIGKey(t.Context(), tt.n)
		w.refused(err, tt.kind, tt.want)
	}
	_, err := w.SetTSIGKey(t.Context(), zone.MustName("taken"), admin.TSIGChange{Types: &[]zone.Type{zone.TypeA}})
	w.refused(err, admin.ErrConflict, "TSIG key taken is for no host")
	w.refused(w.DeleteTSIGKey(t.Context(), zone.MustName("missing")), admin.ErrNotFound, "no TSIG key missing")
	if got := len(w.TSIGKeys()); got != 1 {
		t.Errorf("%d keys, want 1", got)
	}
}

// With an account go its TSIG keys, and nobody else's.
func TestTSIGKeysGoWithTheirAccount(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for name, owner := range map[string]string{"a": "alice", "b": "bob", "operator": ""} {
		n := newTSIGKey(name)
		n.Account = owner
		w.ok(w.AddTSIGKey(t.Context(), n))
	}
	if err := w.DeleteAccount(t.Context(), "alice", false); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, k := range w.TSIGKeys() {
		left = append(left, k.Name.String())
	}
	if want := []string{"b", "operator"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
	if err := w.DeleteTSIGKey(t.Context(), zone.MustName("b")); err != nil {
		t.Error(err)
	}
}
