// Package publish carries what changed to DNS servers outside.
//
// It follows the live state and never holds up the update that changed it. What it
// carries is state, not history: a server that was away hears of the latest
// version, once.
package publish

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"stayput.dev/internal/policy"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Registry is the live state, as registry.Registry is.
type Registry interface {
	// State returns the state after the last commit.
	State() *registry.State
	// Await returns when State shows a revision, or with the context's error.
	Await(context.Context, registry.Revision) error
}

// Secondary is a server that is to hear when zones change.
type Secondary struct {
	Addr netip.AddrPort
	Key  zone.Name // the TSIG key that it and we sign with; "": nothing is signed
}

// NotifyOptions are what a notifier may be told. The zero NotifyOptions are usual.
type NotifyOptions struct {
	Gap    time.Duration // the least time between two notices of one zone to one secondary, where none is settled for the zone; 0: 1 s
	Logger *slog.Logger  // nil: slog.Default
}

// Notifier tells secondaries that zones changed (RFC 1996): of each zone they have
// one notice outstanding, of the version that is the latest when it is sent. Who hears
// of a zone, SetSecondaries says for all zones, and the state for single ones
// (package policy). It is safe for concurrent use.
type Notifier struct {
	registry Registry
	gap      time.Duration
	log      *slog.Logger

	mu          sync.Mutex    // guards all below
	everywhere  []Secondary   // those of all zones
	settled     policy.Book   // that secondaries were arranged for
	secondaries []*secondary  // one for each address and key
	changed     chan struct{} // closed when everywhere is replaced
}

// secondary is what is known of one. But for its notices it does not change.
type secondary struct {
	Secondary
	everywhere bool  // it has all zones,
	but        zones // but for these, for which another key is settled at its address,
	own        zones // and these

	told *told
}

// zones is a set of zones by their origins.
type zones map[zone.Name]bool

// told is what one secondary was told.
type told struct {
	mu      sync.Mutex // guards all below
	notices map[zone.Name]*notice
	busy    int       // notices under way
	logged  time.Time // when a line about it was written last
}

// mayLog lets a line a minute into the log: a secondary may have many zones.
func (t *told) mayLog(now time.Time) bool {
	if now.Sub(t.logged) < time.Minute {
		return false
	}
	t.logged = now
	return true
}

// wants tells whether the secondary has the zone.
func (s *secondary) wants(origin zone.Name) bool {
	return s.own[origin] || s.everywhere && !s.but[origin]
}

// notice is what one secondary was told of one zone.
type notice struct {
	told, taken uint32    // serials; of the last notice that was sent, and of the last that was taken
	takenAny    bool      // whether taken means something
	at          time.Time // of told
	tries       int       // since taken
	err         error     // of the last try; nil when it was taken
	busy        bool
}

// How often a notice that nobody takes is sent again, each time after twice as
// long (RFC 1996 §3.6). Then the secondary is left to its refresh timer, or to the
// next change.
const (
	maxTries     = 6
	firstTimeout = time.Second
	parallel     = 64 // notices under way to one secondary
)

// NewNotifier returns a notifier for SetSecondaries and the state to give work.
func NewNotifier(reg Registry, opts NotifyOptions) *Notifier {
	return &Notifier{
		registry: reg, gap: cmp.Or(opts.Gap, time.Second), log: cmp.Or(opts.Logger, slog.Default()),
		changed: make(chan struct{}),
	}
}

// SetSecondaries replaces those who hear of all zones. Who stays, with the same key, is
// not told again what it was told before.
func (n *Notifier) SetSecondaries(all []Secondary) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.everywhere = slices.Clone(all)
	n.arrange()
	close(n.changed)
	n.changed = make(chan struct{})
}

// current returns the secondaries of a state, and what is closed when they may be others
// in the same state.
func (n *Notifier) current(state *registry.State) ([]*secondary, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.settled.Same(state.Policy) {
		n.settled = state.Policy
		n.arrange()
	}
	return n.secondaries, n.changed
}

// arrange makes the secondaries of those of all zones and of what is settled. The caller
// holds mu.
func (n *Notifier) arrange() {
	own, but := map[Secondary]zones{}, map[netip.AddrPort]zones{}
	for z := range n.settled.All() {
		for _, s := range z.Secondaries {
			own[Secondary(s)] = own[Secondary(s)].with(z.Origin)
			but[s.Addr] = but[s.Addr].with(z.Origin)
		}
	}
	var next []*secondary
	for i, s := range n.everywhere {
		if slices.Contains(n.everywhere[:i], s) {
			continue
		}
		next = append(next, &secondary{Secondary: s, everywhere: true, but: but[s.Addr], own: own[s]})
		delete(own, s)
	}
	for s, zones := range own {
		next = append(next, &secondary{Secondary: s, own: zones})
	}
	for _, s := range next {
		s.told = n.toldTo(s.Secondary)
	}
	n.secondaries = next
}

// toldTo returns what a secondary was told so far.
func (n *Notifier) toldTo(s Secondary) *told {
	i := slices.IndexFunc(n.secondaries, func(was *secondary) bool { return was.Secondary == s })
	if i < 0 {
		return &told{notices: map[zone.Name]*notice{}}
	}
	return n.secondaries[i].told
}

// with returns the set with one zone more.
func (z zones) with(origin zone.Name) zones {
	if z == nil {
		z = zones{}
	}
	z[origin] = true
	return z
}

// Run sends notices until ctx ends. At first it tells every secondary of every
// zone: they may have missed something while nobody told them.
func (n *Notifier) Run(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	var zones latest
	for ctx.Err() == nil {
		state := n.registry.State()
		zones.follow(state.Zones)
		secondaries, changed := n.current(state)
		wait := n.gap * 60
		for _, s := range secondaries {
			wait = min(wait, n.send(ctx, s, state, zones.all, &under))
		}
		n.sleep(ctx, state.Revision, changed, wait)
	}
}

// latest is all zones of a state, in no order. To follow costs as much as what changed,
// however many zones there are. The zero latest is ready for use.
type latest struct {
	set zone.Set
	all map[zone.Name]*zone.Zone
}

func (l *latest) follow(set zone.Set) {
	if l.all == nil {
		l.all = map[zone.Name]*zone.Zone{}
	}
	for _, c := range set.Changed(l.set) {
		if c.New != nil {
			l.all[c.New.Origin()] = c.New
		} else {
			delete(l.all, c.Old.Origin())
		}
	}
	l.set = set
}

// sleep returns when there may be something to send: after a change of state or of
// secondaries, but not before the gap, or when wait is over.
func (n *Notifier) sleep(ctx context.Context, shown registry.Revision, changed <-chan struct{}, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	awaiting, stop := context.WithCancel(ctx)
	defer stop()
	moved := make(chan struct{})
	go func() {
		defer close(moved)
		_ = n.registry.Await(awaiting, shown+1)
	}()
	select {
	case <-moved:
	case <-changed:
	case <-timer.C:
	}
	stop()
	<-moved
	pause(ctx, n.gap/20)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// send sends what a secondary is to be told now of the zones of a state, and returns for
// how long there is nothing else.
func (n *Notifier) send(ctx context.Context, s *secondary, state *registry.State, zones map[zone.Name]*zone.Zone, under *sync.WaitGroup) (wait time.Duration) {
	wait = time.Hour
	s.told.mu.Lock()
	defer s.told.mu.Unlock()
	wanted := 0
	for origin, z := range zones {
		if !s.wants(origin) {
			continue
		}
		wanted++
		what := s.told.notice(origin)
		if what.isTaken(z.Serial()) {
			continue
		}
		gap := n.gapOf(state, origin)
		due := what.due(z.Serial(), gap)
		switch {
		case due == never:
		case time.Until(due) > 0:
			wait = min(wait, time.Until(due))
		case what.busy || s.told.busy == parallel:
			wait = min(wait, gap/10)
		default:
			s.told.busy++
			what.begin(z.Serial())
			wait = min(wait, time.Until(what.due(z.Serial(), gap))) // unless it is taken
			to := n.peer(s.Secondary)
			under.Go(func() { n.exchange(ctx, s, to, z, what) })
		}
	}
	if len(s.told.notices) > wanted {
		s.told.forget(func(origin zone.Name) bool { return zones[origin] == nil || !s.wants(origin) })
	}
	return wait
}

// gapOf returns the least time between two notices of a zone.
func (n *Notifier) gapOf(state *registry.State, origin zone.Name) time.Duration {
	return cmp.Or(state.Policy.Of(origin).NotifyGap, n.gap)
}

// forget forgets the notices of zones that have gone, but for those under way.
func (t *told) forget(gone func(zone.Name) bool) {
	for origin, what := range t.notices {
		if !what.busy && gone(origin) {
			delete(t.notices, origin)
		}
	}
}

// notice returns that of a zone.
func (t *told) notice(origin zone.Name) *notice {
	if t.notices[origin] == nil {
		t.notices[origin] = &notice{}
	}
	return t.notices[origin]
}

var never = time.Unix(1<<40, 0)

// isTaken tells whether the secondary took notice of a version.
func (w *notice) isTaken(serial uint32) bool { return w.takenAny && w.taken == serial }

// due returns when the next notice is to be sent of a version that was not taken.
func (w *notice) due(serial uint32, gap time.Duration) time.Time {
	switch {
	case w.at.IsZero():
		return time.Time{}
	case w.told != serial: // news
		return w.at.Add(gap)
	case w.tries >= maxTries:
		return never
	}
	return w.at.Add(max(gap, firstTimeout<<max(w.tries-1, 0)))
}

func (w *notice) begin(serial uint32) {
	if w.told != serial {
		w.tries = 0
	}
	w.told, w.at, w.busy = serial, time.Now(), true
	w.tries++
}

// exchange sends one notice and hears the answer.
func (n *Notifier) exchange(ctx context.Context, s *secondary, to peer, z *zone.Zone, what *notice) {
	err := to.notify(ctx, z)
	s.told.mu.Lock()
	defer s.told.mu.Unlock()
	what.busy = false
	s.told.busy--
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		what.taken, what.takenAny, what.tries = what.told, true, 0
	} else if (what.err == nil || what.tries == maxTries) && s.told.mayLog(time.Now()) {
		n.log.Warn("secondary does not take notice of a zone, perhaps of others neither", "zone", z.Origin(), "secondary", s.Addr, "serial", z.Serial(), "error", err)
	}
	what.err = err
}

// State is what a secondary was told of a zone, and has.
type State struct {
	Secondary Secondary
	Zone      zone.Name
	Serial    uint32    // of the zone as it is here
	Told      uint32    // of the last notice that was sent
	At        time.Time // of that; zero: none was
	Taken     bool      // whether the secondary said that it heard it
	Err       error     // why not; nil when it is not known yet

	Has    uint32 // serial that the secondary has
	HasErr error  // why that is not known; nil when it is, or nobody asked
}

// States returns what the secondaries were told, in order of address and zone.
func (n *Notifier) States() []State {
	state := n.registry.State()
	secondaries, _ := n.current(state)
	var all []State
	for _, s := range secondaries {
		all = append(all, s.states(state.Zones)...)
	}
	slices.SortStableFunc(all, func(a, b State) int {
		return cmp.Or(a.Secondary.Addr.Compare(b.Secondary.Addr), a.Zone.Compare(b.Zone), a.Secondary.Key.Compare(b.Secondary.Key))
	})
	return all
}

// states returns what the secondary was told of those of the zones that it has.
func (s *secondary) states(zones zone.Set) (all []State) {
	s.told.mu.Lock()
	defer s.told.mu.Unlock()
	for z := range zones.All() {
		if origin := z.Origin(); s.wants(origin) {
			w := s.told.notice(origin)
			all = append(all, State{
				Secondary: s.Secondary, Zone: origin, Serial: z.Serial(),
				Told: w.told, At: w.at, Taken: w.takenAny && w.taken == w.told, Err: w.err,
			})
		}
	}
	return all
}

// Check is States after asking every secondary which version it has of each zone.
func (n *Notifier) Check(ctx context.Context) []State {
	all := n.States()
	seats := make(chan struct{}, parallel)
	var asking sync.WaitGroup
	for i := range all {
		seats <- struct{}{}
		asking.Go(func() {
			defer func() { <-seats }()
			all[i].Has, all[i].HasErr = n.Serial(ctx, all[i].Secondary, all[i].Zone)
		})
	}
	asking.Wait()
	return all
}

// Followers returns the secondaries of a zone.
func (n *Notifier) Followers(origin zone.Name) []Secondary {
	var all []Secondary
	for _, s := range n.States() {
		if s.Zone == origin {
			all = append(all, s.Secondary)
		}
	}
	return all
}

// Serial asks a secondary which version of a zone it has.
func (n *Notifier) Serial(ctx context.Context, s Secondary, origin zone.Name) (uint32, error) {
	return n.peer(s).serial(ctx, origin)
}

// peer returns who is asked where a secondary is.
func (n *Notifier) peer(s Secondary) peer {
	p := peer{addr: s.Addr, keyName: s.Key}
	if key, known := n.registry.State().TSIG.Get(s.Key); known {
		p.key = &key
	}
	return p
}
