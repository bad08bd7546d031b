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
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/brand"
	"stayput.dev/internal/config"
	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/front"
	"stayput.dev/internal/history"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/notice"
	"stayput.dev/internal/privacy"
	"stayput.dev/internal/publish"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shadow"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/store"
	"stayput.dev/internal/update"
	"stayput.dev/internal/watch"
	"stayput.dev/internal/web"
	"stayput.dev/internal/webhook"
	"stayput.dev/internal/zone"
)

// Options are what the command line tells the daemon beside its configuration.
type Options struct {
	Version string
	LogTo   *os.File                        // nil: standard error
	Reload  func() (*config.Config, error)  // reads the configuration again; nil: nothing to read
	Hangup  <-chan os.Signal                // SIGHUP; may be nil
	Upgrade <-chan os.Signal                // SIGUSR2: start Program, and let it take over; may be nil
	Program []string                        // path and arguments of the program that runs; nil: no upgrade
	Ready   func(Addresses, *admin.Service) // called once everything answers; may be nil
}

// Addresses are where the daemon listens, as the kernel gave them.
type Addresses struct {
	DNS, DNSTLS, HTTP, HTTPS []netip.AddrPort
	GnuDIP                   []netip.AddrPort
	Socket                   string // path of the admin socket
}

// Daemon is everything that runs.
type daemon struct {
	cfg  *config.Config                // at the start
	live atomic.Pointer[config.Config] // after the last reload
	opts Options
	log  *slog.Logger
	logs logs

	store       *store.Store
	registry    *registry.Registry
	updates     *update.Service
	admin       *admin.Service
	dns         *dnsserver.Server
	notifier    *publish.Notifier
	pushers     *publish.Pushers
	dnsSettings dnsSettings
	front       *front.Server
	devices     *dyndns.Handler
	certs       []*front.Certificate
	api         *apiServer
	restAPI     *api.API // behind both doors
	webhooks    *webhook.Sender
	archivist   *archive.Archivist
	seen        *update.Seen
	expiry      *update.Expiry
	history     *history.History
	tally       *watch.Tally
	trend       *watch.Trend
	judge       *update.Service // of mirrored requests
	shadow      *shadow.Ledger
	mail        *mail.Queue
	signin      *signin.Service
	privacy     *privacy.Service
	notices     *notice.Service
	brand       *brand.Service
	pages       *web.Pages // nil when there are none, or they are closed

	running   sync.WaitGroup
	failed    chan error // the first failure of something that runs
	stopping  context.Context
	accepting *group // listeners for updates
	keeping   *group // what writes to the store besides the writer
	addrs     Addresses

	sockets      sockets
	dnsCalls     []func() error                    // to serve the DNS sockets
	httpCalls    []func(ctx context.Context) error // to serve the listeners for updates
	commandCalls []func() error                    // to serve the admin socket
	kept         bool                              // keeping runs
	expiring     bool                              // expiry runs, among accepting

	cluster cluster   // others on the same database
	began   time.Time // when this process did

	handover
}

// shutdownTime is how long requests in flight may take to end.
const shutdownTime = 10 * time.Second

// Run runs the daemon until ctx ends; then it finishes what is in flight and
// returns nil. It returns an error when something cannot start or fails for good.
func Run(ctx context.Context, cfg *config.Config, opts Options) error {
	d := &daemon{cfg: cfg, opts: opts, failed: make(chan error, 1), began: time.Now(), handover: newHandover()}
	d.live.Store(cfg)
	d.logs.set(cfg.Log)
	d.log = d.logs.logger(opts.LogTo)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	d.stopping = running
	d.accepting, d.keeping = newGroup(running), newGroup(running)
	before, err := newPredecessor()
	if err != nil {
		return err
	}
	if err := d.open(ctx, before); err != nil {
		return before.fail(err)
	}
	writer, stopWriter := context.WithCancel(context.WithoutCancel(ctx))
	if before == nil {
		d.goRun(func() error { return d.registry.Run(writer) })
		err = d.start(ctx)
	} else {
		err = before.fail(d.succeed(ctx, writer, before))
	}
	if err == nil {
		d.ready()
		if err = d.wait(ctx); d.heir != nil {
			return d.depart(d.heir, stop, stopWriter)
		}
	}
	if err == nil || before == nil { // or the service is not ours
		notify("STOPPING=1")
	}
	return errors.Join(err, d.stop(stop, stopWriter))
}

// open finds the sockets that we are to have, and loads the state.
func (d *daemon) open(ctx context.Context, before *predecessor) (err error) {
	began := time.Now()
	if before == nil {
		err = d.openAlone(ctx)
	} else if err = d.inherit(before); err == nil {
		err = d.openBeside(ctx, before)
	}
	if err != nil {
		return err
	}
	d.running.Go(func() { new(collector).run(d.stopping) })
	s := d.registry.State()
	d.log.Info("state loaded", "revision", s.Revision, "zones", s.Zones.Len(), "hosts", s.Accounts.CountHosts(),
		"took", time.Since(began).Round(time.Millisecond))
	return nil
}

// openAlone loads the state and keeps others from it.
func (d *daemon) openAlone(ctx context.Context) (err error) {
	if err := d.sockets.fromSystemd(); err != nil {
		return err
	}
	if d.store, err = openStore(ctx, d.cfg, d.storeOptions()); err != nil {
		return err
	}
	d.registry, err = registry.Open(ctx, d.store, d.registryOptions())
	if err != nil {
		return errors.Join(err, d.store.Close())
	}
	return nil
}

func (d *daemon) registryOptions() registry.Options {
	return registry.Options{Logger: d.log, Others: d.store.Others(), ReadOnly: d.answersOnly()}
}

func (d *daemon) storeOptions() store.Options {
	opts := databaseOptions(d.cfg)
	opts.ReadOnly = d.answersOnly()
	opts.Logger, opts.SnapshotAfter, opts.JournalKeep = d.log, d.cfg.Store.SnapshotAfter, d.cfg.Store.JournalKeep
	return opts
}

// start builds the rooms on top of the state, opens their sockets and serves them.
func (d *daemon) start(ctx context.Context) error {
	if err := d.furnish(ctx); err != nil {
		return err
	}
	if err := d.listen(); err != nil {
		return err
	}
	d.loadHistory()
	d.serveDNS()
	d.serveRequests()
	return nil
}

// furnish builds the rooms on top of the state.
func (d *daemon) furnish(ctx context.Context) (err error) {
	if d.seen, err = update.OpenSeen(ctx, d.store, d.log); err != nil {
		return err
	}
	if d.store.Shared() {
		d.seen.Share()
	}
	d.pushers = publish.NewPushers(d.registry, d.store, publish.PushOptions{Logger: d.log, Shared: d.store.Shared()})
	d.updates = update.New(d.registry, update.Options{
		Logger: d.log, Seen: d.seen, Pushes: d.pushers, Maker: maker{d}, Rules: updateRules(d.cfg.Updates),
	})
	d.judge = update.NewJudge(d.registry, update.Options{Maker: maker{d}, Rules: updateRules(d.cfg.Updates)})
	d.shadow = shadow.New(d.judge, deviceOptions(d.cfg.Updates), nil)
	d.expiry = update.NewExpiry(d.registry, d.seen, update.ExpiryOptions{House: d.cfg.Updates.ExpireAfter, Logger: d.log})
	d.history = history.New(d.registry, d.cfg.Updates.History, nil)
	d.tally, d.trend = watch.NewTally(nil), watch.NewTrend(d.readCounters, nil)
	d.admin = admin.New(d.registry, admin.Options{
		Seen: d.seen, Expiry: d.expiry, CGNAT: d.updates, Teller: teller{d}, TTL: d.cfg.Updates.TTL,
	})
	d.webhooks = d.newWebhooks()
	d.archivist = archive.New(d.registry, d.store, d.store, d.keepPast, nil, d.log)
	if err := d.openPeople(ctx); err != nil {
		return err
	}
	d.openPrivacy()
	return d.loadCertificates()
}

// maker makes hosts for updates. Of the two rooms each knows the other, so that this one is
// found when it is needed.
type maker struct{ *daemon }

// MakeHosts implements update.Maker.
func (m maker) MakeHosts(st *registry.State, key account.Key, names []zone.Name, now time.Time) registry.Changes {
	return m.admin.MakeHosts(st, key, names, now)
}

func (d *daemon) ready() {
	d.log.Info("ready", "dns", d.addrs.DNS, "dns_tls", d.addrs.DNSTLS, "http", d.addrs.HTTP, "https", d.addrs.HTTPS, "gnudip", d.addrs.GnuDIP, "socket", d.addrs.Socket)
	notify("READY=1")
	d.goRun(func() error { d.watchdog(d.stopping); return nil })
	d.goRun(func() error { d.trend.Run(d.stopping); return nil })
	if d.opts.Ready != nil {
		d.opts.Ready(d.addrs, d.admin)
	}
}

// wait returns when ctx ends or an heir has taken over, or with the error of what
// failed.
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
			d.reloaded = true
		case <-d.opts.Upgrade:
			d.upgrade(ctx, nil)
		case answer := <-d.upgrades:
			d.upgrade(ctx, answer)
		case r := <-d.raised:
			if over, err := d.succession(ctx, r); over || err != nil {
				return err
			}
		}
	}
}

// stop ends everything in the order in which nothing is lost: first the doors,
// then the writer, then the store.
func (d *daemon) stop(stopRooms, stopWriter context.CancelFunc) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	d.dropHeir()
	var faults []error
	if d.restAPI != nil {
		d.restAPI.EndStreams()
	}
	if d.sockets.areSystemds() {
		faults = append(faults, d.leave(ctx))
	}
	faults = append(faults, d.shut(ctx))
	stopRooms()
	d.accepting.end()
	d.keeping.end()
	d.saveHistory()
	stopWriter()
	d.running.Wait()
	faults = append(faults, d.store.Close())
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	return nil
}

// shut closes all doors at once, so that who keeps one of them waiting takes no time
// from the others.
func (d *daemon) shut(ctx context.Context) error {
	var closing sync.WaitGroup
	var faults [3]error
	d.closeWeb()
	if d.front != nil {
		closing.Go(func() { faults[0] = d.front.Shutdown(ctx) })
	}
	if d.api != nil {
		closing.Go(func() { faults[1] = d.api.Shutdown(ctx) })
	}
	if d.dns != nil {
		closing.Go(func() { faults[2] = d.dns.Shutdown(ctx) })
	}
	closing.Wait()
	return errors.Join(faults[:]...)
}

// leave ends taking requests and queries so that none is lost for whoever gets our
// sockets from systemd next.
func (d *daemon) leave(ctx context.Context) error {
	d.closeWeb()
	if d.front != nil {
		d.front.Leave(ctx, d.accepting.end)
	}
	if d.dns != nil {
		return d.dns.Leave(ctx, nil)
	}
	return nil
}

// goRun runs f until it returns; its error ends the daemon.
func (d *daemon) goRun(f func() error) { d.running.Go(func() { d.note(f()) }) }

// note lets an error end the daemon; the first one is enough.
func (d *daemon) note(err error) {
	if err == nil {
		return
	}
	select {
	case d.failed <- err:
	default:
	}
}

// compact writes snapshots when they are due.
func (d *daemon) compact(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := d.store.Compact(ctx, d.registry.State()); err != nil && ctx.Err() == nil {
			d.log.Warn("writing a snapshot failed; the journal keeps everything", "error", err)
		}
	}
}
