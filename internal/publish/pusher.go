package publish

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// Target is a zone at a server that takes UPDATEs (RFC 2136): where what we have of the
// zone is pushed to. A view of BIND's is one too, by its key.
type Target struct {
	Zone zone.Name // ours, and the one there
	Addr netip.AddrPort
	Key  *tsig.Key
}

// name returns what the configuration says of the target.
func (t Target) name() TargetName { return TargetName{t.Zone, t.Addr, t.Key.Name} }

// follower returns the name of the target among those who follow the state.
func (t Target) follower() string { return t.name().follower() }

// Feed is the live state with the commits that led to it, as registry.Registry is.
type Feed interface {
	Registry
	// Follow yields the commits after a revision, or registry.ErrTrimmed.
	Follow(context.Context, registry.Revision) iter.Seq2[registry.Commit, error]
}

// MarkStore keeps how far pushers have come, as store.Store does.
type MarkStore interface {
	// Marks returns how far a follower had come, and what it kept of names.
	Marks(ctx context.Context, follower string) (registry.Revision, []registry.Mark, error)
	// Mark returns how far a follower had come, and whether it kept that a name is still
	// to be carried.
	Mark(ctx context.Context, follower string, name zone.Name) (registry.Revision, bool, error)
	// SaveMarks keeps both.
	SaveMarks(ctx context.Context, follower string, at registry.Revision, marks []registry.Mark) error
}

// PushOptions are what a pusher may be told. The zero PushOptions are usual.
type PushOptions struct {
	Logger *slog.Logger // nil: slog.Default

	// Shared is for data that several processes have, of which one pushes. Where
	// Pushers do not run, they ask the MarkStore what that one has come to.
	Shared bool
}

// Pusher makes a zone at a server what it is here, name by name. What it has to do is
// a set of names, never values: a name that changed ten times while the server was away
// is sent once, as it is then. It gives up nothing. It is safe for concurrent use.
type Pusher struct {
	target Target
	feed   Feed
	marks  MarkStore
	log    *slog.Logger
	wake   chan struct{} // there may be something to send

	following sync.Mutex // held while the queue is brought up to a state
	shown     *zone.Zone // the version that the queue knows of; nil for none so far

	mu       sync.Mutex      // guards all below
	queue    *queue          // nil until what was kept is loaded
	followed *registry.State // that the queue knows of; what is sent is always of such a one
	saved    registry.Revision
	settled  chan struct{} // closed when names were settled
	limit    int           // names in one message
	failures int           // since the target last took something
	err      error         // why it does not; nil when it does
	since    time.Time     // of err
	pushed   uint64        // names
	take     bool          // whether a fence of others is to be taken
	bold     bool          // whether what is leaving goes however much it is
	examine  examination   // what was found when the target was last looked at

	doubts chan struct{} // the target may have lost what it took

	// Of the sender alone.
	fence zone.Rdata   // that stands there, or did when the target last took something; "" for none
	sure  bool         // that it stands there
	tried []zone.Rdata // that may stand there since then
}

// maxNames is how many names go into one message. Their data is bounded too.
const (
	maxNames  = 200
	maxUpdate = 48 << 10 // octets
)

// NewPusher returns a pusher that works while Run does.
func NewPusher(t Target, feed Feed, marks MarkStore, opts PushOptions) *Pusher {
	return &Pusher{
		target: t, feed: feed, marks: marks, limit: maxNames,
		log:  cmp.Or(opts.Logger, slog.Default()).With("zone", t.Zone, "target", t.Addr),
		wake: make(chan struct{}, 1), settled: make(chan struct{}), doubts: make(chan struct{}, 1),
	}
}

// Run pushes until ctx ends. Then it keeps what is still to be done.
func (p *Pusher) Run(ctx context.Context) {
	for p.resume(ctx) != nil {
		if pause(ctx, time.Second); ctx.Err() != nil {
			return
		}
	}
	var parts sync.WaitGroup
	parts.Go(func() { p.follow(ctx) })
	parts.Go(func() { p.send(ctx) })
	parts.Go(func() { p.keep(ctx) })
	parts.Go(func() { p.examineWhenTold(ctx) })
	parts.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), linkTimeout)
	defer cancel()
	p.save(ctx)
}

// resume finds out what is to be done: what was kept, and what changed since.
func (p *Pusher) resume(ctx context.Context) error {
	at, marks, err := p.marks.Marks(ctx, p.target.follower())
	if err != nil {
		p.log.Error("what is still to be pushed cannot be read", "error", err)
		return err
	}
	now := time.Now()
	q, state := newQueue(marks, now), p.feed.State()
	p.following.Lock()
	defer p.following.Unlock()
	p.shown = state.Zones.Get(p.target.Zone)
	if err := p.replay(ctx, q, at, state.Revision, now); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.log.Info("the whole zone is pushed", "reason", err)
		p.noteAll(q, nil, p.shown, now)
	}
	for name := range q.pending {
		p.judge(q, name, p.shown)
	}
	p.mu.Lock()
	p.queue, p.followed = q, state
	p.weigh()
	p.announce()
	p.mu.Unlock()
	p.ring()
	return nil
}

// replay notes what commits changed after one revision up to another. Its error says why
// that is not known.
func (p *Pusher) replay(ctx context.Context, q *queue, after, until registry.Revision, now time.Time) error {
	switch {
	case after == 0:
		return errors.New("nothing is known of the target")
	case after > until:
		return errors.New("the target has a later revision")
	case after == until:
		return nil
	}
	for c, err := range p.feed.Follow(ctx, after) {
		if err != nil {
			return err
		}
		if !p.noteCommit(q, c, now) {
			return errors.New("the zone was replaced")
		}
		if c.Revision == until {
			break
		}
	}
	return nil
}

// noteCommit notes what a commit changed; false is for what it does not tell.
func (p *Pusher) noteCommit(q *queue, c registry.Commit, now time.Time) bool {
	for _, origin := range c.Removed {
		if origin == p.target.Zone {
			return false
		}
	}
	for _, z := range c.Replaced {
		if z.Origin() == p.target.Zone {
			return false
		}
	}
	for _, delta := range c.Deltas {
		if delta.Origin != p.target.Zone {
			continue
		}
		for _, change := range delta.Changes {
			if isPushed(delta.Origin, change.New.Name, change.New.Type) {
				q.note(change.New.Name, []zone.Type{change.New.Type}, nil, now)
			}
		}
	}
	return true
}

// noteAll notes where one version of the zone differs from one before, which may be nil.
func (p *Pusher) noteAll(q *queue, before, after *zone.Zone, now time.Time) {
	origin := p.target.Zone
	if after == nil || before == after {
		return
	}
	if before == nil {
		for name, n := range after.Nodes() {
			if len(pushedTypes(origin, name, n)) > 0 {
				q.note(name, nil, nil, now)
			}
		}
		return
	}
	for c := range zone.ChangedNodes(before, after) {
		if wrong := differing(origin, c.Name, c.Old, c.New); len(wrong) > 0 {
			q.note(c.Name, pushedTypes(origin, c.Name, c.Old), wrong, now)
			p.judge(q, c.Name, after)
		}
	}
}

// differing returns the types that are pushed in which two nodes differ: none where only
// the serial rose.
func differing(origin, name zone.Name, a, b zone.Node) (types []zone.Type) {
	for _, t := range union(pushedTypes(origin, name, a), pushedTypes(origin, name, b)) {
		if !a.Lookup(t).RRset(name).Equal(b.Lookup(t).RRset(name)) {
			types = append(types, t)
		}
	}
	return types
}

// catchUp notes what has changed up to the state now.
func (p *Pusher) catchUp() {
	p.following.Lock()
	defer p.following.Unlock()
	state := p.feed.State()
	z := state.Zones.Get(p.target.Zone)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queue == nil || p.followed.Revision >= state.Revision {
		return
	}
	p.noteAll(p.queue, p.shown, z, time.Now())
	if z != nil { // what we have no longer stays there, until it comes again
		p.shown = z
	}
	p.followed = state
	p.weigh()
}

// announce tells those who wait in Await to look. p.mu must be held.
func (p *Pusher) announce() {
	close(p.settled)
	p.settled = make(chan struct{})
}

func (p *Pusher) ring() { ring(p.wake) }

// ring lets whoever waits for the bell look, now or when he comes to it.
func ring(bell chan<- struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

func (p *Pusher) follow(ctx context.Context) {
	for {
		p.catchUp()
		p.ring()
		p.mu.Lock()
		next := p.followed.Revision + 1
		p.mu.Unlock()
		if p.feed.Await(ctx, next) != nil {
			return
		}
	}
}

// keepEvery is how often what is still to be done is kept; in between, it is the commits
// since then.
const keepEvery = 2 * time.Second

func (p *Pusher) keep(ctx context.Context) {
	for {
		if pause(ctx, keepEvery); ctx.Err() != nil {
			return
		}
		p.save(ctx)
	}
}

func (p *Pusher) save(ctx context.Context) {
	p.mu.Lock()
	at, marks := p.followed.Revision, p.queue.marks()
	same := at == p.saved && len(marks) == 0
	p.mu.Unlock()
	if same {
		return
	}
	err := p.marks.SaveMarks(ctx, p.target.follower(), at, marks)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.saved = at
		return
	}
	p.queue.unmark(marks)
	if ctx.Err() == nil {
		p.log.Error("what is still to be pushed cannot be kept; after a restart more is pushed than needs be", "error", err)
	}
}

// Pending tells whether the target may not have a name as the state has it now.
func (p *Pusher) Pending(name zone.Name) bool {
	_, pending := p.late(name)
	return pending
}

// Late is a target that may not have a name as it is here.
type Late struct {
	Target netip.AddrPort
	Key    zone.Name
	Since  time.Time // zero: not known
	Err    error     // why the target does not take it; nil: it is on its way
	Held   bool      // the name is deleted here, and that waits for somebody to say so
}

// late returns how late the target is with a name, and whether it is.
func (p *Pusher) late(name zone.Name) (Late, bool) {
	p.catchUp()
	p.mu.Lock()
	defer p.mu.Unlock()
	l := Late{Target: p.target.Addr, Key: p.target.Key.Name, Err: p.err}
	if p.queue == nil {
		l.Err = ErrNotReady
		return l, true
	}
	d := cmp.Or(p.queue.pending[name], p.queue.flight[name])
	if d == nil {
		return l, false
	}
	l.Since, l.Held = d.since, p.queue.waits(name)
	if d.err != nil {
		l.Err = d.err
	}
	return l, true
}

// Await returns when the target has names as some state has them that is not older than
// the one now, or with the context's error.
func (p *Pusher) Await(ctx context.Context, names ...zone.Name) error {
	p.catchUp()
	p.ring()
	for {
		p.mu.Lock()
		waiting := p.queue == nil
		for _, name := range names {
			waiting = waiting || p.queue.has(name)
		}
		settled := p.settled
		p.mu.Unlock()
		if !waiting {
			return nil
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// PushState is how far a target is.
type PushState struct {
	Target  netip.AddrPort
	Zone    zone.Name
	Key     zone.Name
	Pending int       // names
	Oldest  time.Time // since when the oldest of them waits; zero: none does
	Pushed  uint64    // names, since the process began
	Err     error     // why the target takes nothing, or some name not; nil when it does
	Since   time.Time // of Err
	Refused int       // names that the target refuses by themselves
	Foreign int       // names of others at the target, when it was last looked at; -1: it was not
	Held    int       // deletions that wait to be told
}

// State returns how far the target is.
func (p *Pusher) State() PushState {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.tally()
	if p.queue != nil {
		s.Oldest = p.queue.oldest() // looks at all
	}
	return s
}

// count returns State without Oldest, at once.
func (p *Pusher) count() PushState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tally()
}

// tally is count where p.mu is held.
func (p *Pusher) tally() PushState {
	s := PushState{Target: p.target.Addr, Zone: p.target.Zone, Key: p.target.Key.Name, Pushed: p.pushed, Err: p.err, Since: p.since}
	s.Foreign, s.Held = -1, p.examine.held
	if p.examine.done {
		s.Foreign = p.examine.foreign
	}
	if p.queue == nil {
		s.Err = ErrNotReady
		return s
	}
	if p.queue.held {
		s.Held = max(s.Held, len(p.queue.leaving))
	}
	s.Pending, s.Refused = p.queue.len(), len(p.queue.alone)
	for _, name := range p.queue.alone {
		if d := p.queue.pending[name]; d != nil && s.Err == nil {
			s.Err, s.Since = phrase.Errorf("%s: %w", name, d.err), d.since
		}
	}
	return s
}

// TakeFence lets the pusher go on in a zone into which somebody else pushed: it must be
// known that nobody does so any more.
func (p *Pusher) TakeFence() {
	p.mu.Lock()
	p.take = true
	p.mu.Unlock()
	p.ring()
}
