package dnsserver

import (
	"cmp"
	"math"
	"sync/atomic"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// projection keeps a table in step with the state. Who answers queries and finds it
// out of step brings it up to date if that is little work, has it done if it is
// much, and asks the zones themselves while another is at it. So a query sees what was
// changed before it came, and no change waits for the table.
type projection struct {
	table atomic.Pointer[table] // nil at first
	busy  atomic.Bool           // whether somebody brings the table up to date
}

// littleWork is how many names a worker brings up to date before it answers, which
// takes it a fraction of a millisecond.
const littleWork = 128

// tableOf returns a table that shows the state, or has shown a later one. It returns nil
// when there is none yet.
func (s *Server) tableOf(state *registry.State) *table {
	p := &s.flat
	if t := p.table.Load(); t != nil && t.isOf(state) {
		return t
	}
	if !p.busy.CompareAndSwap(false, true) {
		return nil
	}
	t := p.table.Load()
	if t != nil && t.revision > state.Revision || s.catchUp(t, state) {
		p.busy.Store(false)
		return t
	}
	s.serving.Go(s.follow)
	return nil
}

// catchUp brings a table, which may be nil, in step with the state, if that is little work.
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

// giveUp ends a panic of the function that defers it. A fault of ours costs the table, not
// the service: when follow ends so, it stays busy for ever, and there is none.
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

// show lets the table be seen, as it shows the state now.
func (t *table) show(state *registry.State) {
	t.base, t.revision = state.Zones, state.Revision
	zones := state.Zones // alone: nothing else of the state is to be kept
	t.shows.Store(&zones)
}

// project makes the table of a state.
func project(state *registry.State) *table {
	names := 0
	for z := range state.Zones.All() {
		names += z.Names()
	}
	for {
		if t := newTable(names); t.fill(state.Zones) {
			t.show(state)
			return t
		}
		names *= 2 // there are many names without records
	}
}

// fill puts all zones into an empty table. It returns false when that becomes too full.
func (t *table) fill(zones zone.Set) bool {
	t.budget = math.MaxInt
	for z := range zones.All() {
		if p := t.painter(zones, z); !p.putAll(z.Nodes()) {
			return false
		}
	}
	return true
}

// catchUp changes the table from its base to a state, by at most so many names. It
// returns false when it did not come to the end, because that was too few, or the
// table is full: then it shows nothing until it is called again and does.
func (t *table) catchUp(state *registry.State, names int) bool {
	t.shows.Store(nil)
	t.budget = names
	for _, c := range state.Zones.Changed(t.base) {
		if !t.apply(state.Zones, c) {
			return false
		}
	}
	t.show(state)
	return true
}

// apply changes the table by what became of one zone. It returns false when it must
// stop.
func (t *table) apply(zones zone.Set, c zone.ZoneChange) bool {
	if c.Old != nil && c.New != nil {
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
