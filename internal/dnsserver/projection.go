package dnsserver

import (
	"encoding/binary"
	"sync/atomic"

	"stayput.dev/internal/zone"
)

// projection keeps a table in step with the zones. Whoever finds it out of
// step has it brought up to date, and meanwhile asks the zones themselves: so a query
// sees what was changed before it came, and no change waits for the table.
type projection struct {
	table atomic.Pointer[table] // nil at first
	busy  atomic.Bool           // whether follow runs
}

// tableOf returns a table that shows the zones, unless it has to be made first,
// which begins now.
func (s *Server) tableOf(zones zone.Set) *table {
	p := &s.flat
	if t := p.table.Load(); t != nil && t.isOf(zones) {
		return t
	}
	if p.busy.CompareAndSwap(false, true) {
		s.serving.Go(s.follow)
	}
	return nil
}

// follow brings the table in step with the state. A fault of ours costs the table,
// not the service: then it stays busy for ever, and there is none.
func (s *Server) follow() {
	defer func() {
		if p := recover(); p != nil {
			s.flat.table.Store(nil)
			s.logPanic(p)
		}
	}()
	s.flat.follow(func() zone.Set { return s.state().Zones })
	s.flat.busy.Store(false)
}

// follow brings the table in step with what zones returns, until that no longer
// changes. It must not run twice at a time.
func (p *projection) follow(zones func() zone.Set) {
	for {
		now := zones()
		t := p.table.Load()
		if t != nil && t.isOf(now) {
			return
		}
		if t == nil || !t.catchUp(now) {
			p.table.Store(project(now))
		}
	}
}

// isOf tells whether the table shows the zones.
func (t *table) isOf(zones zone.Set) bool {
	shown := t.shows.Load()
	return shown != nil && *shown == zones
}

// project makes the table of zones.
func project(zones zone.Set) *table {
	names := 0
	for z := range zones.All() {
		names += z.Names()
	}
	for {
		if t := newTable(names, zones.Len()); t.fill(zones) {
			t.shows.Store(&zones)
			return t
		}
		names *= 2 // there are many names without records
	}
}

// fill puts all zones into an empty table, unless that becomes too full.
func (t *table) fill(zones zone.Set) bool {
	i := 0
	for z := range zones.All() {
		t.places[z.Origin()] = i
		t.views[i].Store(newView(z))
		p := t.painter(zones, z)
		for name, node := range z.Nodes() {
			if p.put(name, node); t.isFull() {
				return false
			}
		}
		i++
	}
	return true
}

// catchUp changes the table from what it shows to zones. It returns false when it cannot,
// because the table is full or there was more than a change of records; then the table
// shows nothing any more.
func (t *table) catchUp(zones zone.Set) bool {
	shown := t.shows.Load()
	if shown == nil {
		return false
	}
	changed := zones.Changed(*shown)
	t.shows.Store(nil)
	for _, c := range changed {
		if c.Old == nil || c.New == nil || !t.apply(zones, c) {
			return false
		}
	}
	t.shows.Store(&zones)
	return true
}

// apply changes the table by what became of one zone.
func (t *table) apply(zones zone.Set, c zone.ZoneChange) bool {
	p := t.painter(zones, c.New)
	t.views[p.place].Store(newView(c.New))
	last := zone.Name("")
	for _, change := range zone.Diff(c.Old, c.New).Changes {
		name, typ := change.New.Name, change.New.Type
		if typ == zone.TypeNS && name != c.New.Origin() || typ == zone.TypeDNAME {
			return false // what is below it is seen in another light
		}
		if name == last {
			continue
		}
		last = name
		if p.put(name, c.New.Node(name)); t.isFull() {
			return false
		}
	}
	return true
}

// painter puts the names of one version of a zone into a table.
type painter struct {
	table *table
	zones zone.Set
	zone  *zone.Zone
	place int  // of the view
	alone bool // whether no other zone may hold names of this one
}

func (t *table) painter(zones zone.Set, z *zone.Zone) painter {
	return painter{t, zones, z, t.places[z.Origin()], zones.Len() == 1}
}

// put makes the table know what stands at a name.
func (p *painter) put(name zone.Name, node zone.Node) {
	origin := p.zone.Origin()
	top := labelBelow(name, origin)
	if len(top)+len(origin) < len(name) {
		p.mark(zone.Name(top) + origin)
	}
	if !p.alone && p.zones.Find(name) != p.zone {
		return // another zone answers for it
	}
	hash, e := p.table.hash([]byte(name)), p.describe(name, node)
	if node.IsEmpty() && p.isGone(name) {
		p.table.remove(hash, &e)
		return
	}
	p.table.put(hash, &e)
}

// mark makes the table know a name right below the origin, which exists because of
// another below it, unless it does.
func (p *painter) mark(name zone.Name) {
	var known entry
	hash := p.table.hash([]byte(name))
	if !p.table.find(hash, []byte(name), &known) {
		e := p.describe(name, zone.Node{})
		p.table.put(hash, &e)
	}
}

// isGone tells whether a name without records does not exist.
func (p *painter) isGone(name zone.Name) bool {
	return p.zone.Lookup(name, zone.TypeA).Outcome == zone.NXDomain
}

// describe makes the entry of a name.
func (p *painter) describe(name zone.Name, node zone.Node) entry {
	origin := p.zone.Origin()
	e := entry{length: uint8(len(name) - len(origin)), zone: uint32(p.place)}
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
func (p *painter) answersItself(name zone.Name) bool {
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
