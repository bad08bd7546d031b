package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// follower is our name among those who follow the state.
const follower = "archive"

const (
	flushEvery  = time.Second
	gatherFor   = 100 * time.Millisecond
	cursorEvery = 2 * time.Second
	busy        = 32      // commits between flushes from which on updates have more right to the disk
	busyFlush   = 8       // changes that are then kept at a flush
	maxFlush    = 256     // changes kept at a time otherwise
	crowd       = 512     // changes that may wait before those of one host become one
	maxWaiting  = 1 << 16 // changes that wait before no more commits are taken
	retryAfter  = 5 * time.Second
	sweepEvery  = time.Hour
)

// Feed is the commits, as registry.Registry has them.
type Feed interface {
	// State returns the state after the last commit.
	State() *registry.State
	// Follow yields the commits after a revision, or registry.ErrTrimmed.
	Follow(context.Context, registry.Revision) iter.Seq2[registry.Commit, error]
}

// Cursors keep how far a follower has come, as store does.
type Cursors interface {
	// Cursor returns how far the follower with the name had come.
	Cursor(ctx context.Context, name string) (registry.Revision, error)
	// SetCursor keeps how far it has come.
	SetCursor(ctx context.Context, name string, at registry.Revision) error
}

// Keep is for how long what is remembered; 0 means for ever.
type Keep struct {
	Addresses time.Duration // from the day on which a host no longer had it
	Deeds     time.Duration
}

// Archivist writes down what happens. It is made with New, and works while Run does.
type Archivist struct {
	feed    Feed
	cursors Cursors
	shelves Shelves
	keep    func() Keep
	now     func() time.Time
	log     *slog.Logger

	running atomic.Bool
	written atomic.Uint64 // the revision up to which all is written down, as known here
}

// New returns an archivist. It asks keep now and then how long things are kept. A nil now
// is time.Now, a nil log is slog.Default.
func New(feed Feed, cursors Cursors, shelves Shelves, keep func() Keep, now func() time.Time, log *slog.Logger) *Archivist {
	if now == nil {
		now = time.Now
	}
	return &Archivist{feed: feed, cursors: cursors, shelves: shelves, keep: keep, now: now, log: cmp.Or(log, slog.Default())}
}

// Run writes down what happens until ctx ends.
func (a *Archivist) Run(ctx context.Context) {
	a.running.Store(true)
	defer a.running.Store(false)
	var sweeping sync.WaitGroup
	sweeping.Go(func() { a.sweep(ctx) })
	defer sweeping.Wait()
	for ctx.Err() == nil {
		err := a.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		a.log.Warn("cannot write down what changed, will try again", "error", err)
		pause(ctx, retryAfter)
	}
}

// follow writes down what happens until something fails.
func (a *Archivist) follow(ctx context.Context) error {
	at, err := a.cursors.Cursor(ctx, follower)
	if err != nil {
		return err
	}
	a.written.Store(uint64(at))
	commits := make(chan registry.Commit)
	failed := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(commits)
		for c, err := range a.feed.Follow(ctx, at) {
			if err != nil {
				failed <- err
				return
			}
			select {
			case commits <- c:
			case <-ctx.Done():
				return
			}
			if c.Revision >= a.feed.State().Revision {
				pause(ctx, gatherFor) // to be woken for each costs more than to read many
			}
		}
	}()
	err = a.collect(ctx, commits)
	select {
	case why := <-failed:
		if errors.Is(why, registry.ErrTrimmed) {
			return a.skip(ctx, at)
		}
		err = cmp.Or(err, why)
	default:
	}
	return err
}

// skip goes on from now: what is no longer in the journal cannot be told.
func (a *Archivist) skip(ctx context.Context, at registry.Revision) error {
	now := a.feed.State().Revision
	a.log.Warn("the past has a gap: the journal was trimmed before it was written down", "after", at, "until", now)
	return a.cursors.SetCursor(ctx, follower, now)
}

// Lag returns how many commits are not written down yet; 0 while it does not run.
func (a *Archivist) Lag() int {
	if !a.running.Load() {
		return 0
	}
	now := uint64(a.feed.State().Revision)
	return int(now - min(a.written.Load(), now))
}

// collect keeps what commits tell, some of them at a time, until they end. Where many
// commits come it keeps little, since each write makes updates wait, and the rest when
// fewer do.
func (a *Archivist) collect(ctx context.Context, commits <-chan registry.Commit) error {
	var p pending
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	heard := 0 // since the last flush
	for {
		next := commits
		if p.isFull() {
			next = nil
		}
		select {
		case c, more := <-next:
			if !more {
				// What waits is kept also when the service stops, or told again after.
				return a.save(context.WithoutCancel(ctx), &p, false)
			}
			p.add(&c, a.feed.State())
			heard++
			continue
		case <-flush.C:
		}
		if err := a.save(context.WithoutCancel(ctx), &p, heard > busy && !p.isFull()); err != nil {
			return err
		}
		heard = 0
	}
}

// Written returns the revision up to which it has written down what happened.
func Written(ctx context.Context, cursors Cursors) (registry.Revision, error) {
	return cursors.Cursor(ctx, follower)
}

// save keeps what has waited longest, and all the rest unless there is little time, and
// then how far that goes.
func (a *Archivist) save(ctx context.Context, p *pending, little bool) error {
	if p.at == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := a.shelves.KeepDeeds(ctx, p.deeds); err != nil {
		return err
	}
	p.deeds = nil
	at := maxFlush
	if little {
		at = busyFlush
	}
	for begun := time.Now(); ; {
		some := p.first(at)
		if err := a.shelves.KeepChanges(ctx, some); err != nil {
			return err
		}
		p.drop(len(some))
		if len(p.changes) == 0 || little || time.Since(begun) > cursorEvery {
			break
		}
	}
	if len(p.changes) > 0 && time.Since(p.saved) < cursorEvery {
		return nil
	}
	if err := a.cursors.SetCursor(ctx, follower, p.done()); err != nil {
		return err
	}
	a.written.Store(uint64(p.done()))
	p.saved = time.Now()
	if len(p.changes) == 0 {
		p.at = 0
	}
	return nil
}

// pending is what was heard and not yet kept, up to a revision; 0 when nothing was.
// When a crowd of changes waits, the later of two of one host takes the place of the
// former: then not every address is told, but each that lasted.
type pending struct {
	at      registry.Revision
	saved   time.Time // when a cursor was
	changes []waiting
	gone    int             // how many have been dropped
	last    map[subject]int // where the last change of each stands among changes, with those that are gone
	deeds   []Deed
}

// waiting is a change, and the first revision that it stands for.
type waiting struct {
	Change
	revision registry.Revision
}

// subject is what a change is about.
type subject struct {
	host zone.Name
	ipv6 bool
}

// wait lets a change wait.
func (p *pending) wait(c Change, revision registry.Revision) {
	s := subject{c.Host, c.IPv6}
	if i, ok := p.last[s]; ok && len(p.changes) >= crowd {
		p.changes[i-p.gone].Change = c
		return
	}
	if p.last == nil {
		p.last = map[subject]int{}
	}
	p.last[s] = p.gone + len(p.changes)
	p.changes = append(p.changes, waiting{c, revision})
}

// isFull tells whether so much waits that the rest of the journal can wait, too.
func (p *pending) isFull() bool { return len(p.changes) >= maxWaiting }

// first returns the changes that have waited longest, n at most.
func (p *pending) first(n int) (some []Change) {
	for _, w := range p.changes[:min(n, len(p.changes))] {
		some = append(some, w.Change)
	}
	return some
}

// done returns up to which revision nothing waits.
func (p *pending) done() registry.Revision {
	if len(p.changes) > 0 {
		return p.changes[0].revision - 1
	}
	return p.at
}

// drop forgets the n changes that have waited longest.
func (p *pending) drop(n int) {
	for i, w := range p.changes[:n] {
		if s := (subject{w.Host, w.IPv6}); p.last[s] == p.gone+i {
			delete(p.last, s)
		}
	}
	p.gone += n
	p.changes = p.changes[n:]
}

// add takes up a commit, when the state is that after it or a later one.
func (p *pending) add(c *registry.Commit, st *registry.State) {
	p.at = c.Revision
	for _, change := range changesOf(c, st) {
		p.wait(change, c.Revision)
	}
	for i, n := range c.Notes {
		by := c.By[n.By]
		p.deeds = append(p.deeds, Deed{
			ID: fmt.Sprintf("%s-%08x-%03x", FirstID(c.At), uint32(c.Revision), i), At: c.At, Actor: by.Account, Via: by.Via, From: by.From,
			Verb: n.Verb, Subject: n.Subject, Account: n.Account, Detail: n.Detail,
		})
	}
}

// changesOf returns what a commit did to the addresses of hosts. What a zone that is
// replaced as a whole does to them is not told. Hosts of which nothing else changed, as
// when their account is suspended, are looked up in the state.
func changesOf(c *registry.Commit, st *registry.State) []Change {
	var out []Change
	for _, d := range c.Deltas {
		for _, change := range d.Changes {
			typ := change.New.Type
			if typ != zone.TypeA && typ != zone.TypeAAAA {
				continue
			}
			made := Change{Host: change.New.Name, IPv6: typ == zone.TypeAAAA, Addrs: change.New.Addresses(), At: c.At}
			if h := hostOf(c, made.Host); h != nil {
				made.Account = h.Account
				made.Key, made.Via = sourceOf(h, made.Addrs)
			} else if h, ok := st.Accounts.Host(made.Host); ok && !h.Created.After(c.At) {
				made.Account, made.Via = h.Account, viaOf(c)
			} else if !slices.Contains(c.Accounts.DeletedHosts, made.Host) {
				continue // records of no host
			}
			out = append(out, made)
		}
	}
	return out
}

// hostOf returns what the commit made of a host, nil if nothing.
func hostOf(c *registry.Commit, name zone.Name) *account.Host {
	for i := range c.Accounts.Hosts {
		if c.Accounts.Hosts[i].Name == name {
			return &c.Accounts.Hosts[i]
		}
	}
	return nil
}

// viaOf tells how a commit came, where it is of one edit alone.
func viaOf(c *registry.Commit) string {
	if len(c.By) == 1 {
		return c.By[0].Via
	}
	return ""
}

// sourceOf tells where addresses of a host came from, and for none why it has none.
func sourceOf(h *account.Host, addrs []netip.Addr) (key uint32, via string) {
	if len(addrs) == 0 {
		return h.Offline.Key, h.Offline.Via
	}
	for _, s := range h.Sources {
		if s.Addr == addrs[0] {
			return s.Key, s.Via
		}
	}
	return 0, ""
}

// sweep drops what is older than it is to be kept, now and then.
func (a *Archivist) sweep(ctx context.Context) {
	for {
		keep := a.keep()
		for _, part := range []struct {
			keep time.Duration
			drop func(context.Context, time.Time) (int, error)
		}{{keep.Addresses, a.shelves.DropChanges}, {keep.Deeds, a.shelves.DropDeeds}} {
			for part.keep > 0 && ctx.Err() == nil {
				n, err := part.drop(ctx, a.now().Add(-part.keep))
				if err != nil && ctx.Err() == nil {
					a.log.Warn("cannot drop what is too old", "error", err)
				}
				if n == 0 {
					break
				}
				pause(ctx, 50*time.Millisecond) // others write too
			}
		}
		if pause(ctx, sweepEvery); ctx.Err() != nil {
			return
		}
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
