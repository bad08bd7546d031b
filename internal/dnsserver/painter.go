package dnsserver

import (
	"encoding/binary"
	"iter"

	"stayput.dev/internal/zone"
)

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

// putAll makes the table know names and what stands there. It returns false when
// it must stop.
func (p painter) putAll(nodes iter.Seq2[zone.Name, zone.Node]) bool {
	for name, node := range nodes {
		if p.put(name, node); p.table.mustStop() {
			return false
		}
	}
	return true
}

// apply makes the table know what became of a name. It returns false when it must
// stop.
func (p painter) apply(c zone.NodeChange) bool {
	p.put(c.Name, c.New)
	if c.Name != p.zone.Origin() && isCut(c.Old) != isCut(c.New) || isRenamed(c.Old) != isRenamed(c.New) {
		return p.putAll(p.zone.NodesBelow(c.Name)) // they are hidden now, or no longer
	}
	return !p.table.mustStop()
}

func isCut(n zone.Node) bool     { return n.Lookup(zone.TypeNS).Len() > 0 }
func isRenamed(n zone.Node) bool { return n.Lookup(zone.TypeDNAME).Len() > 0 }

// removeAll takes away all names of a zone that is no longer there. It returns
// false when it must stop.
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

// answers tells whether the zone answers for the name, not another one below it. A
// catalog zone answers nobody but secondaries.
func (p painter) answers(name zone.Name) bool {
	return !p.zone.IsCatalog() && (p.alone || p.zones.Find(name) == p.zone)
}

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
