package webhook_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/webhook"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// world is a registry over a store on disk, and a sender.
type world struct {
	t        *testing.T
	store    *store.Store
	registry *registry.Registry
	sender   *webhook.Sender
	log      *rig.Log
	stop     func() // the sender
}

var (
	origin = zone.MustName("dyn.example.org")
	home   = zone.MustName("home.dyn.example.org")
	secret = []byte("0123456789abcdef0123456789abcdef")
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, log: &rig.Log{}}
	var err error
	dir := t.TempDir()
	if w.store, err = store.Open(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{})); err != nil {
		t.Fatal(err)
	}
	if w.registry, err = registry.Open(t.Context(), w.store, registry.Options{}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.registry.Run(ctx) })
	t.Cleanup(func() {
		w.stop()
		stop()
		running.Wait()
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	d := zone.New(origin)
	_ = d.Put(zone.DefaultSOA(origin, origin, 1).RRset(origin))
	z, _, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	w.apply(registry.Changes{
		Replaced: []*zone.Zone{z},
		Accounts: account.Changes{Accounts: []account.Account{{ID: 1, Name: "alice"}, {ID: 2, Name: "bob"}}},
	})
	w.stop = func() {}
	return w
}

func (w *world) apply(c registry.Changes) registry.Revision {
	w.t.Helper()
	at, err := w.registry.Apply(context.Background(), registry.Actor{}, func(*registry.State) (registry.Changes, error) { return c, nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return at
}

// move gives the host an address.
func (w *world) move(host zone.Name, owner uint32, addr string) registry.Revision {
	w.t.Helper()
	v4, _ := zone.AddressSets(host, 60, []netip.Addr{netip.MustParseAddr(addr)})
	return w.apply(registry.Changes{
		Records:  []registry.ZoneRecords{{Zone: origin, Sets: []zone.RRset{v4}}},
		Accounts: account.Changes{Hosts: []account.Host{{ID: owner, Name: host, Account: owner, TTL: 60}}},
	})
}

func (w *world) hook(h account.Hook) {
	w.t.Helper()
	h.ID, h.Secret, h.After = "w1", secret, uint64(w.registry.State().Revision)
	if was, ok := w.registry.State().Accounts.Hook(h.ID); ok {
		h.After = was.After
	}
	w.apply(registry.Changes{Accounts: account.Changes{Hooks: []account.Hook{h}}})
}

// run sends from now on, until stop.
func (w *world) run(opts webhook.Options) {
	w.t.Helper()
	opts.Logger = slog.New(slog.NewTextHandler(w.log, nil))
	opts.Wait = 10 * time.Millisecond
	if opts.Allowed == nil {
		opts.Allowed = func() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
	}
	if opts.Bury == nil {
		opts.Bury = w.bury
	}
	w.sender = webhook.New(w.registry, w.store, opts)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.sender.Run(ctx) })
	w.stop = func() { stop(); running.Wait() }
}

// bury notes that a hook is dead.
func (w *world) bury(ctx context.Context, id, why string) error {
	_, err := w.registry.Apply(ctx, registry.Actor{}, func(st *registry.State) (registry.Changes, error) {
		h, _ := st.Accounts.Hook(id)
		h.Dead = why
		return registry.Changes{Accounts: account.Changes{Hooks: []account.Hook{h}}}, nil
	})
	return err
}

// eventually fails the test unless the condition comes to hold.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for range 6000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("it never comes to pass that %s; the log says\n%s", what, w.log)
}

// receiver is a system that is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex // guards what follows
	got    []received
	answer func(w http.ResponseWriter, n int) // the n-th message, from 1
}

type received struct {
	header http.Header
	body   string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, received{q.Header, string(body)})
		if r.answer != nil {
			r.answer(w, len(r.got))
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

func (r *receiver) answers(f func(w http.ResponseWriter, n int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}
