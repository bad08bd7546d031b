package api_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
)

// world is a daemon's API at a Unix socket, over a store on disk, with a client.
type world struct {
	*api.Client
	t        *testing.T
	socket   string
	registry *registry.Registry
}

func newWorld(t *testing.T) *world {
	t.Helper()
	kept, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := registry.Open(t.Context(), kept, registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	socket := filepath.Join(t.TempDir(), "admin.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: api.New(api.Config{
		Admin: admin.New(r, admin.Options{}), Registry: r, Backup: kept, Version: "1.2.3",
	})}
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
		_ = server.Close()
		stop()
		running.Wait()
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{client, t, socket, r}
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
