package update_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// start is when the tests' clock stands.
var start = time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC)

// still is a clock that stands.
func still() time.Time { return start }

const (
	aliceSecret = "alices-update-secret"
	bobSecret   = "bobs-own-update-secret"
)

// world is a registry over a store in memory with the service before it. In the
// zone dyn.example.org alice has home (203.0.113.1) and nas (203.0.113.2 and
// 2001:db8::2, with an MX and a TXT record of her own), bob has printer
// (203.0.113.3). Alice's key "alice" covers all of hers, "nas-only" the nas.
type world struct {
	t        testing.TB
	store    *memory
	registry *registry.Registry
	service  *update.Service
	log      *rig.Log
	moved    int // addresses that moves has asked for
}

func newWorld(t testing.TB, opts update.Options) *world {
	t.Helper()
	w := &world{t: t, store: &memory{}, log: &rig.Log{}}
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
	opts.Logger = slog.New(slog.NewTextHandler(w.log, nil))
	if opts.Now == nil {
		opts.Now = still
	}
	w.service = update.New(reg, opts)
	w.apply(func(*registry.State) (registry.Changes, error) { return contents(t), nil })
	return w
}

func contents(t testing.TB) registry.Changes {
	t.Helper()
	origin, home, nas, printer := name("dyn.example.org"), name("home.dyn.example.org"), name("nas.dyn.example.org"), name("printer.dyn.example.org")
	z := zone.New(origin)
	err := errors.Join(
		z.Put(zone.DefaultSOA(name("ns.example.org"), name("hostmaster.example.org"), 1).RRset(origin)),
		z.Put(zone.RRset{Name: home, Type: zone.TypeA, TTL: 60, Data: data("203.0.113.1")}),
		z.Put(zone.RRset{Name: nas, Type: zone.TypeA, TTL: 60, Data: data("203.0.113.2")}),
		z.Put(zone.RRset{Name: nas, Type: zone.TypeAAAA, TTL: 60, Data: data("2001:db8::2")}),
		z.Put(zone.RRset{Name: nas, Type: zone.TypeMX, TTL: 60, Data: []zone.Rdata{"\x00\x0a\x04mail\x07example\x03org\x00"}}),
		z.Put(zone.RRset{Name: nas, Type: zone.TypeTXT, TTL: 300, Data: []zone.Rdata{zone.TextData("v=spf1 mx -all")}}),
		z.Put(zone.RRset{Name: printer, Type: zone.TypeA, TTL: 60, Data: data("203.0.113.3")}),
	)
	if err != nil {
		t.Fatal(err)
	}
	made, _, err := z.Finish()
	if err != nil {
		t.Fatal(err)
	}
	admin := func(addrs ...string) []account.Source {
		var out []account.Source
		for _, a := range addrs {
			out = append(out, account.Source{Addr: netip.MustParseAddr(a), Via: "admin", At: start.Add(-time.Hour).Truncate(time.Millisecond)})
		}
		return out
	}
	return registry.Changes{Replaced: []*zone.Zone{made}, Accounts: account.Changes{
		Accounts: []account.Account{{ID: 1, Name: "alice", Role: account.Customer}, {ID: 2, Name: "bob", Role: account.Customer}},
		Hosts: []account.Host{
			{ID: 1, Name: home, Account: 1, TTL: 60, Sources: admin("203.0.113.1")},
			{ID: 2, Name: nas, Account: 1, TTL: 60, Sources: admin("203.0.113.2", "2001:db8::2")},
			{ID: 3, Name: printer, Account: 2, TTL: 60, Sources: admin("203.0.113.3")},
		},
		Keys: []account.Key{
			{ID: 1, Account: 1, Username: "alice", Secret: keep(t, aliceSecret)},
			{ID: 2, Account: 1, Username: "nas-only", Hosts: []zone.Name{nas}, Secret: keep(t, aliceSecret)},
			{ID: 3, Account: 2, Username: "bob", Secret: keep(t, bobSecret)},
		},
	}}
}

func keep(t testing.TB, secret string) account.Secret {
	t.Helper()
	kept, err := account.KeepSecret(secret, false, false)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func name(s string) zone.Name { return zone.MustName(s) }

func data(texts ...string) []zone.Rdata {
	var out []zone.Rdata
	for _, s := range texts {
		_, d := zone.AddressData(netip.MustParseAddr(s))
		out = append(out, d)
	}
	return out
}

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range texts {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// set is a family that shall be these addresses.
func set(texts ...string) update.Family {
	return update.Family{Action: update.Set, Addrs: addrs(texts...)}
}

func (w *world) apply(e registry.Edit) {
	w.t.Helper()
	if _, err := w.registry.Apply(context.Background(), registry.Actor{}, e); err != nil {
		w.t.Fatal(err)
	}
}

// update asks as alice unless the request says otherwise, and wants no error.
func (w *world) update(req update.Request) []update.Result {
	w.t.Helper()
	if req.Username == "" {
		req.Username, req.Secret = "alice", aliceSecret
	}
	req.Via = "test"
	results, err := w.service.Update(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	return results
}

// records returns the data at a host as text, in order of type.
func (w *world) records(host string) string {
	var out []string
	for r := range w.registry.State().Zones.Find(name(host)).Node(name(host)).All() {
		for d := range r.All() {
			text := zone.Rdata(d).Addr().String()
			if r.Type() == zone.TypeTXT {
				text = string(d[1:])
			} else if r.Type() == zone.TypeMX {
				text = "MX"
			}
			out = append(out, text)
		}
	}
	return strings.Join(out, " | ")
}

func (w *world) host(host string) account.Host {
	h, _ := w.registry.State().Accounts.Host(name(host))
	return h
}

func outcomes(results []update.Result) string {
	var out []string
	for _, r := range results {
		out = append(out, r.Outcome.String())
	}
	return strings.Join(out, " ")
}

// memory is a store that forgets everything at the end.
type memory struct{ rig.Memory }

func (m *memory) all() []registry.Commit { return m.Commits() }
