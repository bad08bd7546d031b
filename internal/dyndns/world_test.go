package dyndns_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// world is a registry over a store in memory with the update service and the
// dialects before it. In the zone dyn.example.org there are
//
//	home     203.0.113.1                 of alice
//	nas      203.0.113.2, 2001:db8::2    of alice
//	empty    no address                  of alice
//	printer  203.0.113.3                 of bob
//
// and a wildcard with a TXT record. The keys, by user name and secret:
//
//	alice      alices-update-secret   all of alice's hosts
//	nas-only   the-secret-of-the-nas  nas
//	odd        see oddSecret          home
//	latin      größer-als-zwanzig-zeichen  home
//	(any)      tok-0123456789abcdef   home, a token
//	bob        bobs-secret            all of bob's hosts, kept as a password
//	sums       a-secret-with-sums     all of alice's hosts, with its MD5 and SHA-256 sums
//	home       a-secret-with-sums     the same for home
//	(any)      tok-of-all-alices-hosts  all of alice's hosts, a token
//	fred       freds-update-secret    home and nas, with digests
//	bare       a-secret-of-old-scripts  all of alice's hosts, which hears good and nothing else
type world struct {
	store    *rig.Memory
	registry *registry.Registry
	service  *update.Service
	handler  *dyndns.Handler
}

// oddSecret has all that clients fail to escape.
const oddSecret = "50%zz;x +y%41:=&-and-so-on"

func newWorld(t testing.TB, opts dyndns.Options) *world {
	t.Helper()
	w := &world{store: &rig.Memory{}}
	reg, err := registry.Open(t.Context(), w.store, registry.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.registry = reg
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = reg.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-stopped })
	w.service = update.New(reg, update.Options{Logger: slog.New(slog.DiscardHandler)})
	w.handler = dyndns.New(w.service, opts)
	w.apply(t, w.makeZone)
	for _, h := range []struct {
		id, account uint32
		name        string
		addrs       []netip.Addr
	}{
		{1, 1, "home", addrs("203.0.113.1")},
		{2, 1, "nas", addrs("203.0.113.2", "2001:db8::2")},
		{3, 1, "empty", nil},
		{4, 2, "printer", addrs("203.0.113.3")},
	} {
		w.apply(t, func(st *registry.State) (registry.Changes, error) {
			host := account.Host{ID: h.id, Name: zone.MustName(h.name + ".dyn.example.org"), Account: h.account, TTL: 60}
			return update.SetAddresses(st, host, h.addrs, account.Source{Via: "admin", At: time.Now()}), nil
		})
	}
	return w
}

func (w *world) makeZone(*registry.State) (registry.Changes, error) {
	origin := zone.MustName("dyn.example.org")
	draft := zone.New(origin)
	soa := zone.DefaultSOA(zone.MustName("ns.example.org"), zone.MustName("hostmaster.example.org"), 1)
	wildcard := zone.RRset{Name: zone.MustName("*.dyn.example.org"), Type: zone.TypeTXT, TTL: 60, Data: []zone.Rdata{zone.TextData("nobody")}}
	if err := errors.Join(draft.Put(soa.RRset(origin)), draft.Put(wildcard)); err != nil {
		return registry.Changes{}, err
	}
	z, _, err := draft.Finish()
	if err != nil {
		return registry.Changes{}, err
	}
	home := []zone.Name{zone.MustName("home.dyn.example.org")}
	return registry.Changes{Replaced: []*zone.Zone{z}, Accounts: account.Changes{
		Accounts: []account.Account{{ID: 1, Name: "alice", Role: account.Customer}, {ID: 2, Name: "bob", Role: account.Customer}},
		Keys: []account.Key{
			{ID: 1, Account: 1, Username: "alice", Secret: keep("alices-update-secret", false)},
			{ID: 2, Account: 1, Username: "nas-only", Hosts: []zone.Name{zone.MustName("nas.dyn.example.org")}, Secret: keep("the-secret-of-the-nas", false)},
			{ID: 3, Account: 1, Username: "odd", Hosts: home, Secret: keep(oddSecret, false)},
			{ID: 4, Account: 1, Username: "latin", Hosts: home, Secret: keep("größer-als-zwanzig-zeichen", false)},
			{ID: 5, Account: 1, Username: "ktoken", Hosts: home, Secret: keep("tok-0123456789abcdef", true), Token: true},
			{ID: 6, Account: 2, Username: "bob", Secret: bobs},
			{ID: 30, Account: 1, Username: "sums", Secret: keepSums("a-secret-with-sums")},
			{ID: 31, Account: 1, Username: "home", Hosts: home, Secret: keepSums("a-secret-with-sums")},
			{ID: 21, Account: 1, Username: "kall", Secret: keep("tok-of-all-alices-hosts", true), Token: true},
			{ID: 40, Account: 1, Username: "bare", Secret: keep("a-secret-of-old-scripts", false), BareGood: true},
			{ID: 22, Account: 1, Username: "fred", Hosts: []zone.Name{home[0], zone.MustName("nas.dyn.example.org")}, Secret: keepLogin("fred", "freds-update-secret")},
		},
	}}, nil
}

func keep(secret string, token bool) account.Secret {
	kept, err := account.KeepSecret(secret, token, false)
	if err != nil {
		panic(err)
	}
	return kept
}

// bobs keeps the password bobs-secret at the least cost that argon2id knows: what it
// costs otherwise is no matter here.
var bobs = account.Secret{Password: "$argon2id$v=19$m=8,t=1,p=1$c2FsdC1mb3ItdGVzdGluZw$U0865LzO0cf96+94nowuwOAbIJVwb8LhhuzxPvEK7oc"}

// keepSums keeps what Dynu's dialect and GnuDIP need.
func keepSums(secret string) account.Secret {
	kept, err := account.KeepSecret(secret, false, true)
	if err != nil {
		panic(err)
	}
	return kept
}

func keepLogin(username, secret string) account.Secret {
	kept := keep(secret, false)
	kept.KeepLogin(username, secret)
	return kept
}

func addrs(texts ...string) []netip.Addr {
	out := make([]netip.Addr, len(texts))
	for i, s := range texts {
		out[i] = netip.MustParseAddr(s)
	}
	return out
}

// a returns the IPv4 address of a host as our DNS tells it.
func (w *world) a(t testing.TB, host string) string {
	t.Helper()
	name := zone.MustName(host)
	for d := range w.registry.State().Zones.Find(name).Node(name).Lookup(zone.TypeA).All() {
		return zone.Rdata(d).Addr().String()
	}
	return "none"
}

func (w *world) apply(t testing.TB, e registry.Edit) {
	t.Helper()
	if _, err := w.registry.Apply(context.Background(), registry.Actor{}, e); err != nil {
		t.Fatal(err)
	}
}
