package dnsserver

import (
	"cmp"
	"encoding/binary"
	"iter"
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

// painter puts the names of one version of a zone into a table.
type painter struct {
	table *table
	zones zone.Set
	zone  *zone.Zone
	place uint32 // of the view
	alone bool   // whether no other zone may hold names of this one
}

// painter returns the painter of z, and lets the table see z as it is now.
func (t *table) painter(zones zone.Set, z *zone.Zone) painter {
	return painter{t, zones, z, t.setView(newView(z)), zones.Len() == 1}
}

// putAll makes the table know names and what stands there. It returns false when it must
// stop.
func (p painter) putAll(nodes iter.Seq2[zone.Name, zone.Node]) bool {
	for name, node := range nodes {
		if p.put(name, node); p.table.mustStop() {
			return false
		}
	}
	return true
}

// apply makes the table know what became of a name. It returns false when it must stop.
func (p painter) apply(c zone.NodeChange) bool {
	p.put(c.Name, c.New)
	if c.Name != p.zone.Origin() && isCut(c.Old) != isCut(c.New) || isRenamed(c.Old) != isRenamed(c.New) {
		return p.putAll(p.zone.NodesBelow(c.Name)) // they are hidden now, or no longer
	}
	return !p.table.mustStop()
}

func isCut(n zone.Node) bool     { return n.Lookup(zone.TypeNS).Len() > 0 }
func isRenamed(n zone.Node) bool { return n.Lookup(zone.TypeDNAME).Len() > 0 }

// removeAll takes away all names of a zone that is no longer there. It returns false
// when it must stop.
func (p painter) removeAll() bool {
	for name := range p.zone.Nodes() {
		e := p.describe(name, zone.Node{})
		if p.table.remove(p.table.hash([]byte(name)), &e); p.table.mustStop() {
			return false
		}
	}
	p.table.dropView(p.zone.Origin())
	return true
}

// put makes the table know what stands at a name.
func (p painter) put(name zone.Name, node zone.Node) {
	origin := p.zone.Origin()
	top := labelBelow(name, origin)
	if len(top)+len(origin) < len(name) {
		p.mark(zone.Name(top) + origin)
	}
	hash, e := p.table.hash([]byte(name)), p.describe(name, node)
	if node.IsEmpty() && p.isGone(name) || !p.answers(name) {
		p.table.remove(hash, &e)
		return
	}
	p.table.put(hash, &e)
}

// answers tells whether the zone answers for the name, not another one below it.
func (p painter) answers(name zone.Name) bool { return p.alone || p.zones.Find(name) == p.zone }

// mark makes the table know a name right below the origin, which exists because of
// another below it, unless it does.
func (p painter) mark(name zone.Name) {
	var known entry
	hash := p.table.hash([]byte(name))
	if !p.table.find(hash, []byte(name), &known) {
		e := p.describe(name, zone.Node{})
		p.table.put(hash, &e)
	}
}

// isGone tells whether a name without records does not exist.
func (p painter) isGone(name zone.Name) bool {
	return p.zone.Lookup(name, zone.TypeA).Outcome == zone.NXDomain
}

// describe makes the entry of a name.
func (p painter) describe(name zone.Name, node zone.Node) entry {
	origin := p.zone.Origin()
	e := entry{length: uint8(len(name) - len(origin)), zone: p.place}
	if e.isShort() {
		copy(e.label[:], name[:e.length])
	}
	switch {
	case name == origin:
		e.flags = entryApex
	case !node.IsEmpty() && e.isShort() && p.answersItself(name):
		e.readNode(node)
	}
	return e
}

// answersItself tells whether questions for a name that has records are
// answered from these: no cut and no DNAME stands above it.
func (p painter) answersItself(name zone.Name) bool {
	if p.zone.Cuts() == 0 {
		return true
	}
	outcome := p.zone.Lookup(name, zone.TypeA).Outcome
	return outcome == zone.Found || outcome == zone.NoData
}

// readNode takes over the addresses at a node, when they are plain.
func (e *entry) readNode(node zone.Node) {
	flags := entryPlain | entryAddresses
	for set := range node.All() {
		switch data := first(set); set.Type() {
		case zone.TypeA:
			if set.Len() != 1 || len(data) != 4 {
				return
			}
			flags |= entryA
			e.v4 = binary.LittleEndian.Uint32(data)
		case zone.TypeAAAA:
			if set.Len() != 1 || len(data) != 16 || flags&entryA != 0 && e.ttl != set.TTL() {
				return
			}
			flags |= entryAAAA
			e.v6 = [2]uint64{binary.LittleEndian.Uint64(data), binary.LittleEndian.Uint64(data[8:])}
		case zone.TypeCNAME, zone.TypeNS, zone.TypeSOA, zone.TypeDNAME:
			return
		default:
			flags &^= entryAddresses
			continue
		}
		e.ttl = set.TTL()
	}
	e.flags = flags
}
