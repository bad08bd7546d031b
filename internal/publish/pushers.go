package publish

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/zone"
)

// TargetName is a target as the configuration names it: the key is one of the state's.
type TargetName struct {
	Zone zone.Name
	Addr netip.AddrPort
	Key  zone.Name
}

// followers begins the names of targets among those who follow the state.
const followers = "push "

func (n TargetName) follower() string {
	return fmt.Sprintf(followers+"%s %s %s", n.Zone, n.Addr, n.Key)
}

// PushStore keeps how far pushers have come, and forgets it, as store.Store does.
type PushStore interface {
	MarkStore
	// DropFollowers forgets followers whose names begin with the prefix, but some.
	DropFollowers(ctx context.Context, prefix string, keep []string) error
}

// Pushers is a pusher for each target. It is safe for concurrent use.
type Pushers struct {
	feed  Feed
	marks PushStore
	opts  PushOptions
	kept  []string // of Run: the followers that it left when it last forgot others

	some atomic.Bool // whether there are targets

	mu       sync.Mutex // guards all below
	names    []TargetName
	here     bool // Run runs
	running  []*runningPusher
	changed  chan struct{} // closed when names are replaced
	arranged chan struct{} // closed when running was brought up to them
}

// runningPusher is a pusher that runs until stop returns.
type runningPusher struct {
	*Pusher
	stop func()
}

// NewPushers returns pushers for SetTargets to give work.
func NewPushers(feed Feed, marks PushStore, opts PushOptions) *Pushers {
	return &Pushers{feed: feed, marks: marks, opts: opts, changed: make(chan struct{}), arranged: make(chan struct{})}
}

// SetTargets replaces the targets. What is pending for one that stays is not forgotten.
func (p *Pushers) SetTargets(names []TargetName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names = slices.Compact(slices.Clone(names))
	p.some.Store(len(names) > 0)
	close(p.changed)
	p.changed = make(chan struct{})
}

// Run pushes until ctx ends.
func (p *Pushers) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second) // keys may come and change
	defer tick.Stop()
	p.setHere(true)
	defer p.setHere(false)
	for ctx.Err() == nil {
		changed := p.arrange(ctx)
		p.forget(ctx)
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	last := p.running
	p.running = nil
	p.mu.Unlock()
	for _, r := range last {
		r.stop()
	}
}

// arrange stops pushers that are not wanted as they are, and starts those that are.
func (p *Pushers) arrange(ctx context.Context) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	var wanted []Target
	for _, name := range p.names {
		if t, ok := p.resolve(name); ok {
			wanted = append(wanted, t)
		}
	}
	var next []*runningPusher
	for _, r := range p.running {
		if slices.ContainsFunc(wanted, r.target.equal) {
			next = append(next, r)
		} else {
			r.stop()
		}
	}
	for _, t := range wanted {
		if !slices.ContainsFunc(next, func(r *runningPusher) bool { return r.target.equal(t) }) {
			next = append(next, p.start(ctx, t))
		}
	}
	p.running = next
	close(p.arranged)
	p.arranged = make(chan struct{})
	return p.changed
}

// forget forgets how far targets had come that are none any more, so that the journal does
// not stay for them: one that becomes a target again is compared whole.
func (p *Pushers) forget(ctx context.Context) {
	p.mu.Lock()
	keep := []string{}
	for _, n := range p.names {
		keep = append(keep, n.follower())
	}
	p.mu.Unlock()
	if p.kept != nil && slices.Equal(keep, p.kept) {
		return
	}
	if err := p.marks.DropFollowers(ctx, followers, keep); err == nil {
		p.kept = keep
	} else if ctx.Err() == nil {
		cmp.Or(p.opts.Logger, slog.Default()).Warn("how far former targets had come is kept for now", "error", err)
	}
}

func (p *Pushers) start(ctx context.Context, t Target) *runningPusher {
	ctx, cancel := context.WithCancel(ctx)
	r := &runningPusher{Pusher: NewPusher(t, p.feed, p.marks, p.opts)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	r.stop = func() {
		cancel()
		<-done
	}
	return r
}

// resolve finds the key of a target.
func (p *Pushers) resolve(name TargetName) (Target, bool) {
	k, ok := p.feed.State().TSIG.Get(name.Key)
	if !ok {
		return Target{}, false
	}
	return Target{name.Zone, name.Addr, &k}, true
}

func (t Target) equal(o Target) bool {
	return t.Zone == o.Zone && t.Addr == o.Addr && t.Key.Name == o.Key.Name &&
		t.Key.Algorithm() == o.Key.Algorithm() && slices.Equal(t.Key.Secret, o.Key.Secret)
}

// find returns the pusher of a target, nil when it does not run.
func (p *Pushers) find(name TargetName) *Pusher {
	for _, r := range p.running {
		if t := r.target; t.Zone == name.Zone && t.Addr == name.Addr && t.Key.Name == name.Key {
			return r.Pusher
		}
	}
	return nil
}

// States returns how far each target is, in the order in which they were named.
func (p *Pushers) States() []PushState { return p.each((*Pusher).State) }

// each returns what look says of each target, in the order in which they were named.
func (p *Pushers) each(look func(*Pusher) PushState) []PushState {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []PushState
	for _, name := range p.names {
		if r := p.find(name); r != nil {
			all = append(all, look(r))
			continue
		}
		s := PushState{Target: name.Addr, Zone: name.Zone, Key: name.Key, Foreign: -1, Err: ErrNotReady}
		if p.opts.Shared && !p.here {
			s.Err = nil // another process knows
		}
		if _, ok := p.resolve(name); !ok {
			s.Err = errNoKey(name)
		}
		all = append(all, s)
	}
	return all
}

// Any tells whether there are targets.
func (p *Pushers) Any() bool { return p.some.Load() }

// concerned returns the pushers of the targets that have a name, the targets of which none
// runs, and a channel that is closed when that may have changed.
func (p *Pushers) concerned(name zone.Name) (all []*Pusher, others []TargetName, arranged <-chan struct{}) {
	z := p.feed.State().Zones.Find(name)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.names {
		if z == nil || t.Zone != z.Origin() {
			continue
		}
		if r := p.find(t); r != nil {
			all = append(all, r)
		} else {
			others = append(others, t)
		}
	}
	return all, others, p.arranged
}

// Late returns the targets that may not have a name as the state has it now.
func (p *Pushers) Late(name zone.Name) (all []Late) {
	run, others, _ := p.concerned(name)
	if p.isElsewhere() {
		return p.lateElsewhere(others, name)
	}
	for _, r := range run {
		if l, late := r.late(name); late {
			all = append(all, l)
		}
	}
	for _, t := range others {
		err := ErrNotReady
		if _, ok := p.resolve(t); !ok {
			err = errNoKey(t)
		}
		all = append(all, Late{Target: t.Addr, Key: t.Key, Err: err})
	}
	return all
}

// PendingAt returns where the targets are that may not have a name as the state has it now.
func (p *Pushers) PendingAt(name zone.Name) (all []netip.AddrPort) {
	for _, l := range p.Late(name) {
		all = append(all, l.Target)
	}
	return all
}

func errNoKey(t TargetName) error { return phrase.Errorf("there is no TSIG key %s", t.Key) }

// Await returns when all targets have names as they are now or were later, or with the
// context's error.
func (p *Pushers) Await(ctx context.Context, names ...zone.Name) error {
	for _, name := range names {
		all, others, arranged := p.concerned(name)
		for len(others) > 0 {
			if p.isElsewhere() {
				if err := p.awaitElsewhere(ctx, others, name); err != nil {
					return err
				}
				break
			}
			select {
			case <-arranged:
			case <-ctx.Done():
				return ctx.Err()
			}
			all, others, arranged = p.concerned(name)
		}
		for _, r := range all {
			if err := r.Await(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Of returns the pushers of a zone that run.
func (p *Pushers) Of(origin zone.Name) (all []*Pusher) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.running {
		if r.target.Zone == origin {
			all = append(all, r.Pusher)
		}
	}
	return all
}

// Pushed returns how many names all targets took.
func (p *Pushers) Pushed() (n uint64) {
	for _, s := range p.each((*Pusher).count) {
		n += s.Pushed
	}
	return n
}

// CountPending returns how many names targets do not have yet as they are here.
func (p *Pushers) CountPending() (n int) {
	for _, s := range p.each((*Pusher).count) {
		n += s.Pending
	}
	return n
}

// CountHeld returns how many deletions wait for somebody to say so.
func (p *Pushers) CountHeld() (n int) {
	for _, s := range p.each((*Pusher).count) {
		n += s.Held
	}
	return n
}

// Faults returns how many targets do not take what changed.
func (p *Pushers) Faults() (n int) {
	for _, s := range p.each((*Pusher).count) {
		if s.Err != nil {
			n++
		}
	}
	return n
}
