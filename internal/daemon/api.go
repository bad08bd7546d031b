package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"time"

	"stayput.dev/internal/api"
)

// apiServer is the REST API on the admin socket.
type apiServer struct{ http.Server }

// SocketPath returns where the daemon with the data directory is spoken to.
func SocketPath(data string) string { return filepath.Join(data, "admin.sock") }

// newAPI returns the REST API, for both doors.
func (d *daemon) newAPI() *api.API {
	return api.New(api.Config{
		Admin: d.admin, Registry: d.registry, Backup: d.backups(), Upgrades: d,
		History: d.history, Past: d.store, Shelf: d.store.Shelf(), Webhooks: webhooks{d.webhooks, d},
		Secondaries: secondaries{d.notifier}, Pushes: pushes{d.pushers, d}, Checks: checks{d},
		Shadow: comparison{d}, SignIn: signInDesk{d.signin}, Notices: notices{d.notices}, Brand: d.brand, SignIns: signIns{d.signin}, Tally: standing{d.tally},
		People: files{d}, Erasures: files{d}, Applications: applications{d.signin},
		Nodes: nodes{d}, Version: d.opts.Version,
	})
}

// adminHandler is the REST API and, for whoever wants to know where time and
// memory go, the profiles of package net/http/pprof.
func (d *daemon) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", d.restAPI)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// backups returns who makes backups; nil where the database's own tools do.
func (d *daemon) backups() api.Backup {
	if d.cfg.Store.URL != "" {
		return nil
	}
	return d.store
}

func (d *daemon) openAPI() error {
	path := SocketPath(d.cfg.Data)
	all, err := d.sockets.unix(path, func() (net.Listener, error) { return listenAdmin(path) })
	if err != nil {
		return err
	}
	d.addrs.Socket = path
	d.api = &apiServer{http.Server{
		Handler:           d.adminHandler(),
		ReadHeaderTimeout: 10 * time.Second,
	}}
	server := d.api
	for _, lis := range all {
		d.commandCalls = append(d.commandCalls, func() error {
			if err := server.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serving the admin socket: %w", err)
			}
			return nil
		})
	}
	return nil
}

// listenAdmin opens the admin socket. The store's lock says that nobody else does.
func listenAdmin(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the old admin socket: %w", err)
	}
	lis, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", path)
	if err != nil {
		e := &Error{Err: fmt.Errorf("cannot listen on %s: %w", path, cause(err))}
		if len(path) > 107 {
			e.Help = "the path of a Unix socket has at most 107 characters; use a data directory with a shorter name"
		}
		return nil, e
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protecting the admin socket: %w", err), lis.Close())
	}
	return lis, nil
}
