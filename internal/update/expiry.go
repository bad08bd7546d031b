package update

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

const (
	// expiryVia names silence as what took a host offline.
	expiryVia = "expiry"

	lookEvery    = time.Minute
	lookPause    = 200  // times what a look took: it takes half a hundredth of a processor at most
	expiryBatch  = 1000 // hosts that go offline in one commit
	longestNear  = 7 * 24 * time.Hour
	sharedGrace  = 2 * saveEvery
	nearFraction = 4 // of the time that a host may be silent, the last part is near its end
)

// alive is where Seen keeps when hosts could last report to anybody: no host has
// this ID.
const alive = 0

// Expiry takes hosts offline that have not reported for longer than they may,
// and warns of it in the log before. A host that never reported counts from when
// it was made or got its addresses, one whose account was suspended from when
// that ended, and time in which nobody was there to report to does not count.
// Aliases do not expire: they have no device.
//
// It looks at all hosts once a minute if any of them changed or it is time for one,
// and more seldom where that would take more than half a hundredth of a
// processor. It is safe for concurrent use.
type Expiry struct {
	registry Registry
	seen     *Seen
	log      *slog.Logger
	now      func() time.Time
	house    atomic.Int64 // how long hosts may be silent that do not say, in nanoseconds; 0: for ever

	left, came time.Time // between which nobody was there

	mu     sync.Mutex           // held while looking; guards what follows
	before account.Directory    // that was looked at
	after  time.Duration        // house at that time
	next   time.Time            // when it is time for a host of these; zero: never
	rested time.Time            // before which not to look again
	warned map[uint32]time.Time // hosts that were warned of, and when they go offline
}

// ExpiryOptions are what an Expiry may be told. The zero ExpiryOptions are usual.
type ExpiryOptions struct {
	House  time.Duration    // how long hosts may be silent that do not say; 0: for ever
	Logger *slog.Logger     // nil: slog.Default
	Now    func() time.Time // nil: time.Now
}

// NewExpiry returns an Expiry over the registry. seen must not be nil.
func NewExpiry(reg Registry, seen *Seen, opts ExpiryOptions) *Expiry {
	e := &Expiry{registry: reg, seen: seen, log: cmp.Or(opts.Logger, slog.Default()), now: opts.Now}
	if e.now == nil {
		e.now = time.Now
	}
	e.left, e.came = seen.Last(alive), e.now()
	e.SetHouse(opts.House)
	return e
}

// SetHouse replaces ExpiryOptions.House.
func (e *Expiry) SetHouse(d time.Duration) { e.house.Store(int64(d)) }

// Run looks once a minute until ctx ends, and then returns.
func (e *Expiry) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := e.Look(ctx); err != nil && ctx.Err() == nil {
			e.log.WarnContext(ctx, "could not take silent hosts offline, trying again later", "error", err)
		}
	}
}

// Due returns when the host goes offline unless it reports, and whether that is
// near; the zero time when it does not, because it is offline already, may be
// silent for ever, or has a suspended owner.
func (e *Expiry) Due(h *account.Host, owner *account.Account) (at time.Time, near bool) {
	if owner.Suspended {
		return time.Time{}, false
	}
	at, warn := e.due(h, owner.Resumed)
	return at, !at.IsZero() && !e.now().Before(warn)
}

// due returns when the host goes offline, and when to warn of it.
func (e *Expiry) due(h *account.Host, resumed time.Time) (at, warn time.Time) {
	after := h.Options.Expiry.After(time.Duration(e.house.Load()))
	if after == 0 || h.IsOffline() || h.Alias != "" {
		return time.Time{}, time.Time{}
	}
	heard := e.heard(h)
	if resumed.After(heard) {
		heard = resumed
	}
	at = e.Present(heard).Add(after)
	if e.seen.shared.Load() {
		at = at.Add(sharedGrace) // others may have heard of it, and not saved that yet
	}
	return at, at.Add(-min(longestNear, after/nearFraction))
}

// Present returns a moment, later by the time of the last absence if that came after it:
// what was heard then, and nothing since, is no longer ago than this.
func (e *Expiry) Present(at time.Time) time.Time {
	if !e.left.IsZero() && !at.After(e.left) {
		return at.Add(e.came.Sub(e.left))
	}
	return at
}

// StayAlive notes that hosts can report now. Whoever asks Present calls it once a minute.
func (e *Expiry) StayAlive() { e.seen.Mark(alive, e.now()) }

// heard returns when the host last gave a sign of life.
func (e *Expiry) heard(h *account.Host) time.Time {
	heard := h.Created
	if at := e.seen.Last(h.ID); at.After(heard) {
		heard = at
	}
	for _, s := range h.Sources {
		if s.At.After(heard) {
			heard = s.At
		}
	}
	return heard
}

// Look takes all hosts offline whose time is over, and warns of others. It need
// not be called where Run runs.
func (e *Expiry) Look(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	st, now, house := e.registry.State(), e.now(), time.Duration(e.house.Load())
	if e.isIdle(st, now, house) {
		e.stayAlive(now)
		return nil
	}
	over := e.survey(ctx, st, now)
	if len(over) > 0 && e.seen.shared.Load() {
		// They may have reported elsewhere meanwhile.
		if err := e.seen.Refresh(ctx); err != nil {
			return err
		}
		over = e.survey(ctx, st, now)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	e.before, e.after = st.Accounts, house
	e.rested = now.Add(lookPause * e.now().Sub(now))
	e.stayAlive(now)
	for names := range slices.Chunk(over, expiryBatch) {
		if err := e.expire(ctx, names, now); err != nil {
			e.before, e.rested = account.Directory{}, time.Time{}
			return err
		}
	}
	return nil
}

// isIdle tells whether nothing is to be found yet.
func (e *Expiry) isIdle(st *registry.State, now time.Time, house time.Duration) bool {
	if now.Before(e.rested) {
		return true
	}
	same := st.Accounts.SameHosts(e.before) && st.Accounts.SameCredentials(e.before) && house == e.after
	return same && (e.next.IsZero() || now.Before(e.next))
}

// stayAlive notes that hosts can report, if that counts for any of them.
func (e *Expiry) stayAlive(now time.Time) {
	if !e.next.IsZero() {
		e.seen.Mark(alive, now)
	}
}

// survey looks at all hosts, warns of those near their end, and returns the names
// of those whose time is over. It ends early when ctx does.
func (e *Expiry) survey(ctx context.Context, st *registry.State, now time.Time) []zone.Name {
	var over []zone.Name
	warned := map[uint32]time.Time{}
	e.next = time.Time{}
	for h := range st.Accounts.Hosts("") {
		if ctx.Err() != nil {
			break
		}
		at, warn := e.due(&h, time.Time{})
		if !at.IsZero() && !now.Before(warn) { // which is seldom, so that only now the owner is looked up
			if owner, _ := st.Accounts.AccountByID(h.Account); owner.Suspended {
				at = time.Time{}
			} else {
				at, warn = e.due(&h, owner.Resumed)
			}
		}
		switch {
		case at.IsZero():
			continue
		case !now.Before(at):
			over = append(over, h.Name)
			warn = at // and look again, for it may report before it is gone
		case !now.Before(warn):
			warned[h.ID] = at
			if !e.warned[h.ID].Equal(at) {
				e.log.WarnContext(ctx, "host is silent and will go offline", "host", h.Name, "last_seen", e.heard(&h), "offline_at", at)
			}
			warn = at
		}
		if e.next.IsZero() || warn.Before(e.next) {
			e.next = warn
		}
	}
	e.warned = warned
	return over
}

// expire takes those of the hosts offline that are still silent.
func (e *Expiry) expire(ctx context.Context, names []zone.Name, now time.Time) error {
	var gone []account.Host
	_, err := e.registry.Apply(ctx, registry.Actor{Via: expiryVia}, func(st *registry.State) (registry.Changes, error) {
		var c registry.Changes
		gone = gone[:0]
		for _, name := range names {
			h, ok := st.Accounts.Host(name)
			z := st.Zones.Find(name)
			if !ok || z == nil {
				continue
			}
			owner, _ := st.Accounts.AccountByID(h.Account)
			if at, _ := e.Due(&h, &owner); at.IsZero() || now.Before(at) {
				continue
			}
			gone = append(gone, h)
			next := h
			next.Offline = account.Source{Via: expiryVia, At: now.UTC().Truncate(time.Millisecond)}
			more := setAddresses(z, z.Node(name), &h, next, nil, next.Offline)
			c.Records = append(c.Records, more.Records...)
			c.Accounts.Hosts = append(c.Accounts.Hosts, more.Accounts.Hosts...)
		}
		return c, nil
	})
	if errors.Is(err, registry.ErrClosed) {
		return nil // so is the daemon
	}
	if err != nil {
		return fmt.Errorf("taking %d silent hosts offline: %w", len(names), err)
	}
	for i := range gone {
		e.log.InfoContext(ctx, "host went offline, it was silent for too long", "host", gone[i].Name, "last_seen", e.heard(&gone[i]))
	}
	return nil
}
