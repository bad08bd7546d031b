package api_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/internal/brand"
	"stayput.dev/internal/history"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// world is a daemon's API at a Unix socket, over a store on disk, with a client.
type world struct {
	*api.Client
	t        *testing.T
	socket   string
	kept     *store.Store
	registry *registry.Registry
	history  *history.History
	admin    *admin.Service
	rest     *api.API
	shelf    store.Shelf
	applied  applications
	brand    *brand.Service
	url      string // of the door for everybody
	visitor  atomic.Pointer[visitor]
}

// visitor is who comes without an API token.
type visitor func(*http.Request) (api.Principal, bool, error)

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldAt(t, t.TempDir(), (*store.Store).Others)
}

// newWorldAt is newWorld with the store that belongs to a directory, which in
// PostgreSQL several worlds may have, and what tells of what others append to it.
func newWorldAt(t *testing.T, dir string, others func(*store.Store) registry.Others) *world {
	t.Helper()
	kept, err := store.Open(t.Context(), t.TempDir(), rig.StoreOptions(t, dir, store.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := registry.Open(t.Context(), kept, registry.Options{Others: others(kept)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	socket := filepath.Join(t.TempDir(), "admin.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	past := history.New(r, 1<<20, nil)
	w := &world{t: t, socket: socket, kept: kept, registry: r, history: past, admin: admin.New(r, admin.Options{}), shelf: kept.Shelf()}
	w.brand = ok(brand.New(t.Context(), brand.Config{Shelf: w.shelf, Texts: mail.NewTexts(w.shelf), Log: r}))(t)
	w.rest = api.New(api.Config{
		Admin: w.admin, Registry: r, Backup: kept, History: past, Past: kept, Shelf: w.shelf, Webhooks: &fakeHooks{}, Erasures: newErasures(w, kept), Applications: &w.applied, Brand: w.brand, SignIns: signIns{}, Tally: tally{}, Nodes: oneNode{}, Version: "1.2.3",
	})
	server := &http.Server{Handler: checked(t, w.rest)}
	public := httptest.NewServer(checked(t, w.rest.Public(api.Public{Visitor: func(r *http.Request) (api.Principal, bool, error) {
		if v := w.visitor.Load(); v != nil {
			return (*v)(r)
		}
		return api.Principal{}, false, nil
	}})))
	w.url = public.URL
	var running sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx) })
	running.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	client := api.NewClient(socket)
	t.Cleanup(func() {
		client.Close()
		w.rest.EndStreams()
		public.Close()
		_ = server.Close()
		stop()
		running.Wait()
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
	w.Client = client
	return w
}

// newTown returns a world with the zone dyn.example.org and the account alice.
func newTown(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	ok(w.AddZone(t.Context(), newZone("dyn.example.org")))(t)
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "alice"}))(t)
	return w
}

func newZone(name string) api.NewZone {
	return api.NewZone{Name: name, NameServers: []api.NewNameServer{{Name: "ns1." + name, Addresses: []string{"192.0.2.53"}}}}
}

// ok returns what fails the test if there is an error, and else the value.
func ok[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// done fails the test if there is an error.
func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused fails the test unless the error is one of the daemon with the status,
// message and hint.
func refused(t *testing.T, err error, status int, message, hint string) {
	t.Helper()
	fault, isError := errors.AsType[*api.Error](err)
	if !isError {
		t.Errorf("error = %v, want an answer with status %d", err, status)
		return
	}
	if fault.Status != status || fault.Message != message || fault.Hint != hint {
		t.Errorf("error = %d %q, hint %q, want %d %q, hint %q", fault.Status, fault.Message, fault.Hint, status, message, hint)
	}
}

func ptr[T any](v T) *T { return &v }

// oneNode is a daemon that is alone.
type oneNode struct{}

func (oneNode) Cluster(context.Context) api.ClusterStatus {
	return api.ClusterStatus{
		Store:    "sqlite",
		Nodes:    []api.NodeStatus{{Name: "a", Self: true, Roles: []string{"dns"}, Addresses: []string{}, Jobs: []string{"mail"}}},
		Jobs:     []api.JobStatus{{Job: "mail", Node: "a"}},
		Problems: []string{},
	}
}
