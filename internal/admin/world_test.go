package admin_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// memory is a store that keeps commits in their stored form, and the state that
// somebody who only reads those comes to.
type memory struct {
	mu    sync.Mutex
	state *registry.State
	notes []string // of all commits
}

func (m *memory) Load(context.Context) (*registry.State, error) { return m.state, nil }

func (m *memory) Append(_ context.Context, after registry.Revision, commits []registry.Commit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if after != m.state.Revision {
		return registry.ErrBehind
	}
	for i := range commits {
		c, err := registry.DecodeCommit(commits[i].Encode())
		if err != nil {
			return err
		}
		if m.state, err = m.state.Apply(c); err != nil {
			return err
		}
		for _, n := range c.Notes {
			m.notes = append(m.notes, strings.TrimSuffix(n.Verb+" "+n.Subject+": "+n.Detail, ": "))
		}
	}
	return nil
}

func (m *memory) Follow(context.Context, registry.Revision) iter.Seq2[registry.Commit, error] {
	return func(yield func(registry.Commit, error) bool) { yield(registry.Commit{}, errors.ErrUnsupported) }
}

// world is a registry that runs, with staff at work.
type world struct {
	*admin.Service
	*rig.HandClock
	t        *testing.T
	registry *registry.Registry
	store    *memory
}

// newWorld returns an empty world. At the end of the test it makes sure that
// those who follow the commits have come to the same state.
func newWorld(t *testing.T) *world {
	t.Helper()
	store := &memory{state: &registry.State{}}
	r, err := registry.Open(t.Context(), store, registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		done.Wait()
		if !slices.EqualFunc(slices.Collect(r.State().Pieces()), slices.Collect(store.state.Pieces()), bytes.Equal) {
			t.Error("the stored commits lead to another state than the live one")
		}
	})
	c := rig.NewHandClock(time.Date(2026, time.November, 1, 12, 0, 0, 0, time.UTC))
	return &world{admin.New(r, admin.Options{Now: c.Now}), c, t, r, store}
}

// newTown returns a world with the zone dyn.example.org and the accounts alice
// and bob.
func newTown(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.addZone("dyn.example.org")
	w.addAccounts("alice", "bob")
	return w
}

func (w *world) addZone(name string) {
	w.t.Helper()
	w.ok(w.AddZone(w.t.Context(), newZone(name)))
}

func (w *world) addAccounts(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.ok(w.AddAccount(w.t.Context(), admin.NewAccount{Name: name}))
	}
}

func (w *world) addHost(name, account string, addrs ...string) {
	w.t.Helper()
	w.ok(w.AddHost(w.t.Context(), newHost(name, account, addrs...)))
}

func newZone(name string) admin.NewZone {
	server := admin.NameServer{Name: zone.MustName("ns1." + name), Addrs: addrs("192.0.2.53")}
	return admin.NewZone{Name: zone.MustName(name), NameServers: []admin.NameServer{server}}
}

func newHost(name, account string, texts ...string) admin.NewHost {
	return admin.NewHost{Name: zone.MustName(name), Account: account, Addresses: addrs(texts...)}
}

// ok fails the test when a change was refused.
func (w *world) ok(_ any, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// refused fails the test unless the error is of the kind and has the text.
func (w *world) refused(err, kind error, want string) {
	w.t.Helper()
	if !errors.Is(err, kind) || err.Error() != want {
		w.t.Errorf("error = %v, want %s (%v)", err, want, kind)
	}
}

// records returns what stands at a name of a zone, as lines of a master file
// without the name.
func (w *world) records(origin, name string) []string {
	w.t.Helper()
	z := w.State().Zones.Get(zone.MustName(origin))
	if z == nil {
		w.t.Fatalf("no zone %s", origin)
	}
	var out []string
	for r := range z.Node(zone.MustName(name)).All() {
		for data := range r.All() {
			out = append(out, r.Type().String()+" "+zone.FormatData(r.Type(), zone.Rdata(data)))
		}
	}
	return out
}

func (w *world) wantRecords(origin, name string, want ...string) {
	w.t.Helper()
	if got := w.records(origin, name); !slices.Equal(got, want) {
		w.t.Errorf("%s in zone %s = %q, want %q", name, origin, got, want)
	}
}

// importZones imports zones of pairs of name and content, to which an SOA and an
// NS record are added.
func (w *world) importZones(pairs ...string) ([]admin.Imported, error) {
	const head = "$TTL 300\n@ SOA ns1.example.org. hostmaster.example.org. 7 300 60 1209600 60\n@ NS ns1.example.org.\n"
	return w.Import(w.t.Context(), func(yield func(admin.ZoneFile, error) bool) {
		for i := 0; i < len(pairs); i += 2 {
			f := admin.ZoneFile{
				Zone: zone.MustName(pairs[i]), File: pairs[i] + ".zone",
				Content: strings.NewReader(head + pairs[i+1]),
			}
			if !yield(f, nil) {
				return
			}
		}
	})
}

// update makes a device report an address for the one host of a key.
func (w *world) update(username, secret, addr string) error {
	_, err := update.New(w.registry, update.Options{Now: w.Now}).Update(w.t.Context(), update.Request{
		Username: username, Secret: secret, Via: "dyndns2",
		V4: update.Family{Action: update.Set, Addrs: addrs(addr)},
	})
	return err
}

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, text := range texts {
		out = append(out, netip.MustParseAddr(text))
	}
	return out
}

func ptr[T any](v T) *T { return &v }

const placeholder = `TXT "` + update.Placeholder + `"`
