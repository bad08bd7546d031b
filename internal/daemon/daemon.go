// Package daemon builds, starts and stops everything, in order. It promises that
// what it says to systemd is true: ready means that the state is loaded and every
// socket answers; ended means that no request was cut off and all is on disk.
//
// Only the command line uses it, and it alone knows all rooms.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/config"
	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/front"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/update"
)

// Options are what the command line tells the daemon beside its configuration.
type Options struct {
	Version string
	LogTo   *os.File                        // nil: standard error
	Reload  func() (*config.Config, error)  // reads the configuration again; nil: nothing to read
	Hangup  <-chan os.Signal                // SIGHUP; may be nil
	Ready   func(Addresses, *admin.Service) // called once everything answers; may be nil
}

// Addresses are where the daemon listens, as the kernel gave them.
type Addresses struct {
	DNS, DNSTLS, HTTP, HTTPS []netip.AddrPort
	Socket                   string // path of the admin socket
}

// Daemon is everything that runs.
type daemon struct {
	cfg  *config.Config                // at the start
	live atomic.Pointer[config.Config] // after the last reload
	opts Options
	log  *slog.Logger
	logs logs

	store       *store.SQLite
	registry    *registry.Registry
	updates     *update.Service
	admin       *admin.Service
	dns         *dnsserver.Server
	dnsSettings dnsSettings
	front       *front.Server
	devices     *dyndns.Handler
	certs       []*front.Certificate
	api         *apiServer

	running  sync.WaitGroup
	failed   chan error // the first failure of something that runs
	stopping context.Context
	addrs    Addresses
}

// shutdownTime is how long requests in flight may take to end.
const shutdownTime = 10 * time.Second

// Run runs the daemon until ctx ends; then it finishes what is in flight and
// returns nil. It returns an error when something cannot start or fails for good.
func Run(ctx context.Context, cfg *config.Config, opts Options) error {
	d := &daemon{cfg: cfg, opts: opts, failed: make(chan error, 1)}
	d.live.Store(cfg)
	d.logs.set(cfg.Log)
	d.log = d.logs.logger(opts.LogTo)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	d.stopping = running
	if err := d.open(ctx); err != nil {
		return err
	}
	writer, stopWriter := context.WithCancel(context.WithoutCancel(ctx))
	d.goRun(func() error { return d.registry.Run(writer) })
	err := d.start(ctx)
	if err == nil {
		d.ready()
		err = d.wait(ctx)
	}
	notify("STOPPING=1")
	return errors.Join(err, d.stop(stop, stopWriter))
}

// open loads the state.
func (d *daemon) open(ctx context.Context) (err error) {
	began := time.Now()
	d.store, err = store.Open(ctx, d.cfg.Data, store.Options{
		Logger: d.log, SnapshotAfter: d.cfg.Store.SnapshotAfter, JournalKeep: d.cfg.Store.JournalKeep,
	})
	if err != nil {
		return err
	}
	d.registry, err = registry.Open(ctx, d.store, registry.Options{Logger: d.log})
	if err != nil {
		return errors.Join(err, d.store.Close())
	}
	debug.FreeOSMemory() // what loading needed once
	tuneCollector()
	s := d.registry.State()
	d.log.Info("state loaded", "revision", s.Revision, "zones", s.Zones.Len(), "hosts", s.Accounts.CountHosts(),
		"took", time.Since(began).Round(time.Millisecond))
	return nil
}

// start builds the rooms on top of the state and opens their sockets.
func (d *daemon) start(ctx context.Context) error {
	seen, err := update.OpenSeen(ctx, d.store, d.log)
	if err != nil {
		return err
	}
	d.updates = update.New(d.registry, update.Options{
		Logger: d.log, Seen: seen, Rules: updateRules(d.cfg.Updates),
	})
	d.admin = admin.New(d.registry, admin.Options{Seen: seen, TTL: d.cfg.Updates.TTL})
	if err := d.loadCertificates(); err != nil {
		return err
	}
	if err := d.startDNS(); err != nil {
		return err
	}
	if err := d.startHTTP(); err != nil {
		return err
	}
	if err := d.startAPI(ctx); err != nil {
		return err
	}
	d.goRun(func() error { return seen.Run(d.stopping) })
	d.goRun(func() error { d.compact(d.stopping); return nil })
	return nil
}

func (d *daemon) ready() {
	d.log.Info("ready", "dns", d.addrs.DNS, "dns_tls", d.addrs.DNSTLS, "http", d.addrs.HTTP, "https", d.addrs.HTTPS, "socket", d.addrs.Socket)
	notify("READY=1")
	d.goRun(func() error { d.watchdog(d.stopping); return nil })
	if d.opts.Ready != nil {
		d.opts.Ready(d.addrs, d.admin)
	}
}

// wait returns when ctx ends, or with the error of what failed.
func (d *daemon) wait(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			d.log.Info("stopping")
			return nil
		case err := <-d.failed:
			return err
		case <-d.opts.Hangup:
			notify("RELOADING=1")
			d.reload()
			notify("READY=1")
		}
	}
}

// stop ends everything in the order in which nothing is lost: first the doors,
// then the writer, then the store.
func (d *daemon) stop(stopRooms, stopWriter context.CancelFunc) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	var faults []error
	if d.front != nil {
		faults = append(faults, d.front.Shutdown(ctx))
	}
	if d.api != nil {
		faults = append(faults, d.api.Shutdown(ctx))
	}
	if d.dns != nil {
		faults = append(faults, d.dns.Shutdown(ctx))
	}
	stopRooms()
	stopWriter()
	d.running.Wait()
	faults = append(faults, d.store.Close())
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	return nil
}

// goRun runs f until it returns; its error ends the daemon.
func (d *daemon) goRun(f func() error) {
	d.running.Go(func() {
		if err := f(); err != nil {
			select {
			case d.failed <- err:
			default: // the first failure is enough
			}
		}
	})
}

// compact writes snapshots when they are due, and keeps the collector in tune.
func (d *daemon) compact(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		tuneCollector()
		if err := d.store.Compact(ctx, d.registry.State()); err != nil && ctx.Err() == nil {
			d.log.Warn("writing a snapshot failed; the journal keeps everything", "error", err)
		}
	}
}
