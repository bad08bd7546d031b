// Package registry is the live state of Stayput and the one writer that changes
// it: zones, accounts, hosts and keys, as one value that is replaced whole.
//
// It promises that an edit sees the very state that it changes, and that what
// Apply says was done is on disk and visible to every reader before it returns.
// Edits that wait become one commit: one revision, one write to the store, at
// most one new serial for a zone. Readers take the state with one atomic load
// and hold no lock. It serves all other rooms; it never talks to a network, and
// slow things (hashing, mail) have no place in an edit.
package registry

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// Revision numbers commits: without gaps, the same on every node. The state
// before the first commit has revision 0.
type Revision uint64

// State is all that there is at one revision. It never changes.
type State struct {
	Revision Revision
	Lineage  string // random; changes when a backup is restored, so that followers notice
	Commit   string // ID of the commit that led to it; empty where a snapshot did
	Zones    zone.Set
	Accounts account.Directory
	TSIG     tsig.Keyring
	Policy   policy.Book // what is settled for single zones, also for some that are not there
}

// Actor is who asks for an edit.
type Actor struct {
	Account uint32 // ID; 0 for the operator at the admin socket
	Key     uint32 // ID of the update key; 0 when none was used
	Via     string // the dialect, or "admin", "api", "web"
	From    string // the client's address; may be empty
}

// Edit is a wish to change something, as a function of the state that it will
// change. It runs on the writer and may run again on a later state, so it must
// not block, keep the state, or change anything but its own variables, which it
// must set anew each time. With an error, nothing is changed and Apply returns
// that error.
type Edit func(*State) (Changes, error)

// Changes is what an edit wants changed. The zero Changes changes nothing and
// costs no write.
type Changes struct {
	Removed  []zone.Name   // zones to drop, by origin
	Replaced []*zone.Zone  // zones to make or replace whole
	Records  []ZoneRecords // sets to put into zones, after the above
	Accounts account.Changes
	TSIG     tsig.Changes
	Policy   policy.Changes
	Notes    []Note // what was done, for those who ask later; their By is set when the edit is taken. Alone they are a commit too
}

// Note says what somebody did, for those who ask later. Edits of people leave some;
// updates of devices, which are told by what they changed, leave none. It holds no
// secrets.
type Note struct {
	By      int    // whose deed it is: an index into Commit.By
	Verb    string // what was done: "add", "set", "delete"
	Subject string // to what: "host home.dyn.example.org"
	Account uint32 // whose that is; 0: nobody's
	Detail  string // what is different now; may be empty
}

// ZoneRecords is sets that take the place of what has their name and type in one
// zone; a set without data removes. The writer raises the zone's serial unless an
// SOA record with a newer one is among them.
type ZoneRecords struct {
	Zone zone.Name
	Sets []zone.RRset
}

// IsEmpty tells whether nothing is to change, whatever is noted.
func (c *Changes) IsEmpty() bool {
	return len(c.Removed)+len(c.Replaced)+len(c.Records) == 0 && c.Accounts.IsEmpty() && c.TSIG.IsEmpty() && c.Policy.IsEmpty()
}

// Commit is edits made durable together. Its deltas are final: who follows
// applies them and never runs an edit.
type Commit struct {
	Revision Revision
	ID       string // random, 128 bits in hexadecimal digits
	At       time.Time
	By       []Actor // of the edits that changed something, in order
	Removed  []zone.Name
	Replaced []*zone.Zone
	Deltas   []zone.Delta
	Accounts account.Changes
	TSIG     tsig.Changes
	Policy   policy.Changes
	Notes    []Note // in order of By
}

// isEmpty tells whether the commit changes nothing.
func (c *Commit) isEmpty() bool {
	return len(c.Removed)+len(c.Replaced)+len(c.Deltas) == 0 && c.Accounts.IsEmpty() && c.TSIG.IsEmpty() && c.Policy.IsEmpty()
}

// raisesSerials tells whether zones get other serials by the commit.
func (c *Commit) raisesSerials() bool { return len(c.Replaced)+len(c.Deltas) > 0 }

// ErrBehind is what a Store's Append returns when the journal already holds
// commits after the revision that the caller named.
var ErrBehind = errors.New("another commit was first")

// ErrTrimmed is what Follow yields when commits after the named revision are no
// longer kept: the follower must start from a state.
var ErrTrimmed = errors.New("journal no longer reaches back to that revision")

// ErrUnavailable says that an edit could not be made durable. Nothing of it is
// visible; asking again later may help. After it, State may be behind what the
// store holds until the store works again, see Registry.Err.
var ErrUnavailable = errors.New("store unavailable")

// ErrReadOnly says that this process only shows what others change.
var ErrReadOnly = fmt.Errorf("%w: this node changes nothing", ErrUnavailable)

// ErrClosed says that the registry has stopped taking edits.
var ErrClosed = fmt.Errorf("%w: shutting down", ErrUnavailable)

// Store keeps commits. Implementations are safe for concurrent use.
type Store interface {
	// Load returns the state after the last commit in the journal.
	Load(ctx context.Context) (*State, error)

	// Append makes commits, whose revisions follow after without a gap,
	// durable: all or none. It fails with ErrBehind, changing nothing, when
	// the journal does not end at after. After any other error the outcome
	// may be unknown; the next Append tells, by ErrBehind, if the commits
	// were kept. Without commits it only checks that the journal ends at
	// after and that the store works.
	Append(ctx context.Context, after Revision, commits []Commit) error

	// Follow yields the commits after a revision in order, then waits for
	// more until ctx ends, which it yields as the context's error. It
	// yields ErrTrimmed when the journal does not reach back that far. What
	// commits point to is shared with other followers, and not to be changed.
	Follow(ctx context.Context, after Revision) iter.Seq2[Commit, error]
}

// Options are what a registry may be told. The zero Options are usual.
type Options struct {
	Logger *slog.Logger     // nil: slog.Default
	Now    func() time.Time // nil: time.Now
	Others Others           // nil: nobody else appends to the store

	// ReadOnly says that the store cannot be written: Apply fails with ErrReadOnly,
	// and all that comes is from Others, which must not be nil.
	ReadOnly bool
}

// Registry is the live state and its writer. All methods are safe for
// concurrent use.
type Registry struct {
	store  Store
	log    *slog.Logger
	now    func() time.Time
	state  atomic.Pointer[State]
	fault  atomic.Pointer[error] // of the last write; nil when it went well
	queue  chan *wish
	holds  chan chan struct{} // to the writer: it waits until one is closed
	closed chan struct{}      // when Run has ended
	moved  Bell               // rung when there is a new state
	stats  Stats
	others Others // may be nil
	only   bool   // shows what others change
	asker  asker
	pace   pace      // the writer's own
	resume time.Time // the writer's own: when it looks again for what others appended
	ours   bool      // the writer's own: whether the last commit was
	theirs time.Time // the writer's own: when it last took over a commit of others

	overran int // the writer's own: how often it had too little time to load the whole state
}

// queueLength bounds the edits that wait; Apply blocks beyond it.
const queueLength = 4096

// Open loads the state from the store. Edits are taken as soon as Run runs.
func Open(ctx context.Context, store Store, opts Options) (*Registry, error) {
	state, err := store.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("loading state: %w", err)
	}
	r := &Registry{
		store: store, log: opts.Logger, now: opts.Now, others: opts.Others, only: opts.ReadOnly,
		queue: make(chan *wish, queueLength), holds: make(chan chan struct{}), closed: make(chan struct{}),
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	if r.now == nil {
		r.now = time.Now
	}
	r.state.Store(state)
	return r, nil
}

// State returns the state after the last commit. It costs one atomic load and
// the result never changes.
func (r *Registry) State() *State { return r.state.Load() }

// Err returns why the last write to the store failed, nil while the store works. With
// Options.ReadOnly it returns why others cannot be followed.
func (r *Registry) Err() error {
	if p := r.fault.Load(); p != nil {
		return *p
	}
	return nil
}

// Apply runs e on the writer. When it returns without an error, what e changed is
// durable and every State from now on shows it; the revision is that of the
// commit, or of the state that e saw when it changed nothing. With the error of e
// itself nothing has changed. With one that is ErrUnavailable nothing is visible,
// though where the store could not tell, what e changed may still become so later.
// Once the writer has taken the edit, ending ctx no longer matters. With
// Options.ReadOnly it always fails with ErrReadOnly.
func (r *Registry) Apply(ctx context.Context, by Actor, e Edit) (Revision, error) {
	if r.only {
		return 0, ErrReadOnly
	}
	w := &wish{by: by, edit: e, done: make(chan struct{})}
	select {
	case r.queue <- w:
	case <-r.closed:
		return 0, ErrClosed
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case <-w.done:
	case <-r.closed:
		select { // the writer may have answered just before it ended
		case <-w.done:
		default:
			return 0, ErrClosed
		}
	}
	return w.revision, w.err
}

// Note keeps what by did to something beside the state, for those who ask later. It is
// durable on return; its error is one of Apply.
func (r *Registry) Note(ctx context.Context, by Actor, n Note) error {
	_, err := r.Apply(ctx, by, func(*State) (Changes, error) { return Changes{Notes: []Note{n}}, nil })
	return err
}

// Follow yields the commits after a revision in order, then waits for more
// until ctx ends, which it yields as the context's error. It yields ErrTrimmed
// when the journal does not reach back that far. A commit comes when State shows
// it, not before. What it points to is shared, and not to be changed.
func (r *Registry) Follow(ctx context.Context, after Revision) iter.Seq2[Commit, error] {
	return func(yield func(Commit, error) bool) {
		for c, err := range r.store.Follow(ctx, after) {
			if err == nil {
				err = r.await(ctx, c.Revision)
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// await returns when State shows a revision.
func (r *Registry) await(ctx context.Context, revision Revision) error {
	for {
		moved := r.moved.Next()
		if r.State().Revision >= revision {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
