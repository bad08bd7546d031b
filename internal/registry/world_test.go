package registry_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

var (
	origin = zone.MustName("dyn.example.org")
	home   = zone.MustName("home.dyn.example.org")
	quiet  = registry.Options{Logger: slog.New(slog.DiscardHandler)}
)

// sick is a store that can be made to fail, or to wait, around an append.
type sick struct {
	registry.Store

	mu            sync.Mutex // guards what follows
	appends       int        // of commits
	before, after func() error
}

// Append implements registry.Store.
func (s *sick) Append(ctx context.Context, after registry.Revision, commits []registry.Commit) error {
	s.mu.Lock()
	before, then := s.before, s.after
	if len(commits) > 0 {
		s.appends++
	}
	s.mu.Unlock()
	if before != nil {
		if err := before(); err != nil {
			return err
		}
	}
	if err := s.Store.Append(ctx, after, commits); err != nil || then == nil {
		return err
	}
	return then()
}

// around sets what happens before and after an append that works; nil: nothing.
func (s *sick) around(before, after func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

// open opens a store until the test ends.
func open(t *testing.T, opts store.Options) *store.Store {
	t.Helper()
	opts.Logger, opts.NoSync = quiet.Logger, true
	return rig.OpenStore(t, t.TempDir(), opts)
}

// openFile opens a store that answers without time passing, whatever the tests are
// to use.
func openFile(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), t.TempDir(), store.Options{Logger: quiet.Logger, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// start opens a registry over a store and runs it until the test ends.
func start(t *testing.T, s registry.Store, opts registry.Options) *registry.Registry {
	t.Helper()
	r, err := registry.Open(context.Background(), s, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

// world is a registry over a store that can be made to fail, with one zone. Time
// is that of the test's bubble: it passes when everybody waits.
type world struct {
	*registry.Registry
	store *sick
}

// inWorld runs a test in a world of its own.
func inWorld(t *testing.T, test func(*testing.T, world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sick{Store: openFile(t)}
		w := world{start(t, s, quiet), s}
		apply(t, w.Registry, put(newZone(origin, 1)))
		test(t, w)
	})
}

// apply makes an edit that must succeed.
func apply(t *testing.T, r *registry.Registry, e registry.Edit) registry.Revision {
	t.Helper()
	revision, err := r.Apply(context.Background(), registry.Actor{Via: "test"}, e)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// newZone returns a zone without hosts.
func newZone(name zone.Name, serial uint32) *zone.Zone {
	d := zone.New(name)
	must(d.Put(zone.DefaultSOA(name, name, serial).RRset(name)))
	z, _, err := d.Finish()
	must(err)
	return z
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// put is an edit that makes or replaces zones.
func put(zones ...*zone.Zone) registry.Edit {
	return func(*registry.State) (registry.Changes, error) { return registry.Changes{Replaced: zones}, nil }
}

// move is an edit that gives a host an address.
func move(name zone.Name, addr string) registry.Edit {
	return func(*registry.State) (registry.Changes, error) {
		a := netip.MustParseAddr(addr)
		v4, _ := zone.AddressSets(name, 60, []netip.Addr{a})
		h := account.Host{ID: 1, Name: name, Account: 1, TTL: 60, Sources: []account.Source{{Addr: a, Via: "test"}}}
		return registry.Changes{
			Records:  []registry.ZoneRecords{{Zone: name.Parent(), Sets: []zone.RRset{v4}}},
			Accounts: account.Changes{Hosts: []account.Host{h}},
		}, nil
	}
}

// standsAt returns the addresses of a name.
func standsAt(s *registry.State, name zone.Name) string {
	z := s.Zones.Find(name)
	if z == nil {
		return "no zone"
	}
	return fmt.Sprint(z.Node(name).Lookup(zone.TypeA).RRset(name).Addresses())
}

// raise is an edit that adds one to the TTL of the host "home", so that one that
// is run twice, or on the wrong state, shows.
func raise(s *registry.State) (registry.Changes, error) {
	h, known := s.Accounts.Host(home)
	if !known {
		h = account.Host{ID: 1, Name: home, Account: 1}
	}
	h.TTL++
	return registry.Changes{Accounts: account.Changes{Hosts: []account.Host{h}}}, nil
}

// raised returns how often raise was applied.
func raised(s *registry.State) int {
	h, _ := s.Accounts.Host(home)
	return int(h.TTL)
}

// same fails the test when two states do not hold the same.
func same(t *testing.T, got, want *registry.State) {
	t.Helper()
	if g, w := show(got), show(want); g != w {
		t.Errorf("state is\n%s\nwant\n%s", g, w)
	}
}

func show(s *registry.State) string {
	out := fmt.Sprintf("revision %d, counters %v\n", s.Revision, s.Accounts.Counters())
	for z := range s.Zones.All() {
		for set := range z.All() {
			out += fmt.Sprintf("%s %s %d %q\n", set.Name, set.Type, set.TTL, set.Data)
		}
	}
	for a := range s.Accounts.Accounts("") {
		out += fmt.Sprintf("%+v\n", a)
		for h := range s.Accounts.HostsOf(a.ID) {
			out += fmt.Sprintf("%d has %s\n", a.ID, h.Name)
		}
	}
	for h := range s.Accounts.Hosts("") {
		out += fmt.Sprintf("%+v\n", h)
	}
	for k := range s.Accounts.Keys("") {
		out += fmt.Sprintf("%+v\n", k)
	}
	for k := range s.TSIG.All() {
		out += fmt.Sprintf("%+v\n", k)
	}
	for p := range s.Policy.All() {
		out += fmt.Sprintf("%+v\n", p)
	}
	return out
}
