package dyndns_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
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
type world struct {
	store    *memory
	registry *registry.Registry
	service  *update.Service
	handler  *dyndns.Handler
}

// oddSecret has all that clients fail to escape.
const oddSecret = "50%zz;x +y%41:=&-and-so-on"

func newWorld(t testing.TB, opts dyndns.Options) *world {
	t.Helper()
	w := &world{store: &memory{}}
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
			{ID: 6, Account: 2, Username: "bob", Secret: keep("bobs-secret", false)},
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

func addrs(texts ...string) []netip.Addr {
	out := make([]netip.Addr, len(texts))
	for i, s := range texts {
		out[i] = netip.MustParseAddr(s)
	}
	return out
}

func (w *world) apply(t testing.TB, e registry.Edit) {
	t.Helper()
	if _, err := w.registry.Apply(context.Background(), registry.Actor{}, e); err != nil {
		t.Fatal(err)
	}
}

// memory is a registry.Store that forgets everything at the end.
type memory struct {
	mu      sync.Mutex // guards what follows
	commits []registry.Commit
	fault   error // what Append fails with
}

func (m *memory) Load(context.Context) (*registry.State, error) { return &registry.State{}, nil }

func (m *memory) Append(_ context.Context, after registry.Revision, commits []registry.Commit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != nil {
		return m.fault
	}
	if int(after) != len(m.commits) {
		return registry.ErrBehind
	}
	m.commits = append(m.commits, commits...)
	return nil
}

func (m *memory) Follow(ctx context.Context, _ registry.Revision) iter.Seq2[registry.Commit, error] {
	return func(yield func(registry.Commit, error) bool) {
		<-ctx.Done()
		yield(registry.Commit{}, ctx.Err())
	}
}

func (m *memory) setFault(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = err
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.commits)
}
