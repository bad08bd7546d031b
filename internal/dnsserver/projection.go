package dnsserver

import (
	"cmp"
	"context"
	"math"
	"sync/atomic"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// projection keeps a table in step with the state. Who answers queries and finds
// it out of step brings it up to date if that is little work, has it done if it is
// much, and asks the zones themselves while another is at it. So a query sees what
// was changed before it came, and no change waits for the table.
type projection struct {
	table atomic.Pointer[table] // nil at first
	busy  atomic.Bool           // whether somebody brings the table up to date
}

// littleWork is how many names a worker brings up to date before it answers, which
// takes it a fraction of a millisecond.
const littleWork = 128

// tableOf returns a table that shows the state, or has shown a later one. It
// returns nil when there is none yet.
func (s *Server) tableOf(state *registry.State) *table {
	p := &s.flat
	if t := p.table.Load(); t != nil && t.isOf(state) {
		return t
	}
	if !p.busy.CompareAndSwap(false, true) {
		return nil
	}
	t := p.table.Load()
	if t != nil && t.at.revision > state.Revision {
		state = s.state() // a later one, unless what the table shows was lost
	}
	if t != nil && t.isOf(state) || s.catchUp(t, state) {
		p.busy.Store(false)
		return t
	}
	s.serving.Go(s.follow)
	return nil
}

// Warm has the table made now, which the first query over UDP would do otherwise,
// and returns at once. Until it is there, queries take longer.
func (s *Server) Warm() {
	_, _, taken, end, ok := s.begin(context.Background())
	if !ok {
		return
	}
	defer end()
	defer taken()
	s.tableOf(s.state())
}

// catchUp brings a table, which may be nil, in step with the state, if that is
// little work.
func (s *Server) catchUp(t *table, state *registry.State) bool {
	defer s.giveUp()
	return t != nil && t.catchUp(state, littleWork)
}

// follow brings the table in step with the state, until that no longer changes.
func (s *Server) follow() {
	defer s.giveUp()
	p := &s.flat
	for {
		now, t := s.state(), p.table.Load()
		if t != nil && t.isOf(now) {
			break
		}
		if t == nil || !t.catchUp(now, math.MaxInt) {
			p.table.Store(nil) // its memory, once nobody looks into it, makes room for the next
			p.table.Store(project(now))
		}
	}
	p.busy.Store(false)
}

// giveUp ends a panic of the function that defers it. A fault of ours costs the
// table, not the service: when follow ends so, it stays busy for ever, and there
// is none.
func (s *Server) giveUp() {
	if p := recover(); p != nil {
		s.flat.table.Store(nil)
		s.logPanic(p)
	}
}

// isOf tells whether the table shows the state.
func (t *table) isOf(state *registry.State) bool {
	shown := t.shows.Load()
	return shown != nil && *shown == state.Zones
}

// project makes the table of a state.
func project(state *registry.State) *table {
	names := 0
	for z := range state.Zones.All() {
		names += z.Names()
	}
	for {
		if t := newTable(names); t.fill(state.Zones) {
			t.arrive(version{state.Zones, state.Revision})
			return t
		}
		names *= 2 // there are many names without records
	}
}

// fill puts all zones into an empty table. It returns false when that becomes too
// full.
func (t *table) fill(zones zone.Set) bool {
	t.budget = math.MaxInt
	for z := range zones.All() {
		if p := t.painter(zones, z); !p.putAll(z.Nodes()) {
			return false
		}
	}
	return true
}

// version is what a table may show of a state.
type version struct {
	zones    zone.Set
	revision registry.Revision
}

// catchUp changes the table to show a state, by at most so many names. It returns
// false when it did not come to the end, because that was too few, or the table is
// full: then it shows nothing until it is called again and does.
func (t *table) catchUp(state *registry.State, names int) bool {
	t.shows.Store(nil)
	t.budget = names
	// A way that was begun must be gone to its end: only from there is it known
	// where another begins.
	if t.toward != nil && !t.move(*t.toward) {
		return false
	}
	return t.move(version{state.Zones, state.Revision})
}

// move is catchUp from the version that the table was at.
func (t *table) move(to version) bool {
	t.toward = &to
	for _, c := range to.zones.Changed(t.at.zones) {
		if !t.apply(to.zones, c) {
			return false
		}
	}
	t.arrive(to)
	return true
}

// arrive lets the table be seen, which is as it has to be for a version.
func (t *table) arrive(at version) {
	t.at, t.toward = at, nil
	t.shows.Store(&at.zones)
}

// apply changes the table by what became of one zone. It returns false when it must
// stop.
func (t *table) apply(zones zone.Set, c zone.ZoneChange) bool {
	if c.Old != nil && c.New != nil && c.Old.IsCatalog() == c.New.IsCatalog() {
		p := t.painter(zones, c.New)
		for change := range zone.ChangedNodes(c.Old, c.New) {
			if !p.apply(change) {
				return false
			}
		}
		return true
	}
	origin := cmp.Or(c.Old, c.New).Origin()
	if c.Old != nil && !t.painter(zones, c.Old).removeAll() || c.New != nil && !t.painter(zones, c.New).putAll(c.New.Nodes()) {
		return false
	}
	above := zones.Find(origin.Parent()) // has names, perhaps, that are seen in another light now
	return above == nil || origin == zone.Root || t.painter(zones, above).putAll(above.NodesBelow(origin))
}
