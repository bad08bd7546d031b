package admin

import (
	"stayput.dev/internal/account"
	"stayput.dev/internal/zone"
)

// takeFromAbove moves into the fresh zone what it would hide in the zone above.
// It fails when there are hosts among that, unless force is set, and when an
// alias stands at the very name.
func (d *draft) takeFromAbove(fresh *zone.Zone, force bool) error {
	name := fresh.Origin()
	above := d.state.Zones.Find(name.Parent())
	if above == nil || isHidden(above, name) || above.Node(name).Lookup(zone.TypeNS).Len() > 0 {
		return nil // nothing new is hidden
	}
	if hosts := d.hiddenHosts(above, name); len(hosts) > 0 && !force {
		return conflict("zone %s would hide hosts of %s: %s", name, above.Origin(), someNames(hosts)).
			but("delete these hosts first, or force to move them into the new zone")
	}
	for n, node := range above.NodesBelow(name) {
		if err := d.move(above, fresh, n, node); err != nil {
			return err
		}
	}
	return nil
}

// hiddenHosts returns the hosts of the zone above that a zone with the given
// name would hide.
func (d *draft) hiddenHosts(above *zone.Zone, name zone.Name) []account.Host {
	var out []account.Host
	for h := range d.state.Accounts.HostsBelow(name) {
		if d.state.Zones.Find(h.Name) == above {
			out = append(out, h)
		}
	}
	return out
}

// move takes what stands at one name from one zone to the other. What the new
// zone has of its own stays.
func (d *draft) move(from, to *zone.Zone, name zone.Name, node zone.Node) error {
	there := to.Node(name)
	if isAlias(node) && !there.IsEmpty() {
		return conflict("%s is an alias in zone %s", name, from.Origin())
	}
	for r := range node.All() {
		if there.Lookup(r.Type()).Len() == 0 {
			d.put(to.Origin(), r.RRset(name))
		}
	}
	d.clear(from.Origin(), name, node)
	return nil
}

// delegate makes zones of ours delegate to the zones of ours below them, in the
// set that will stand after the edit. It looks at the given zones, which are new
// or have new content, and at those whose zone above is another one than before.
// A delegation that stands in a given zone stays as it is. It fails where an alias
// stands at the name of a child.
func (d *draft) delegate(after zone.Set, given map[zone.Name]bool) error {
	for child := range after.All() {
		above := after.Find(child.Origin().Parent())
		if above == nil || above == child || !d.needsLink(above, child, given) {
			continue
		}
		if err := d.link(above, child); err != nil {
			return err
		}
	}
	return nil
}

// needsLink tells whether the edit makes it necessary that the zone above
// delegates to child.
func (d *draft) needsLink(above, child *zone.Zone, given map[zone.Name]bool) bool {
	origin := child.Origin()
	if given[above.Origin()] {
		return above.Node(origin).Lookup(zone.TypeNS).Len() == 0
	}
	before := d.state.Zones.Find(origin.Parent())
	return given[origin] || before == nil || before.Origin() != above.Origin()
}

// link makes the zone above delegate to child: its NS set and the addresses of
// those name servers that are within it (RFC 9471). An alias bears no NS beside
// it (RFC 1034 §3.6.2, RFC 6672 §2.3).
func (d *draft) link(above, child *zone.Zone) error {
	origin := child.Origin()
	ns := child.Node(origin).Lookup(zone.TypeNS)
	if isHidden(above, origin) || ns.Len() == 0 {
		return nil
	}
	if isAlias(above.Node(origin)) {
		return conflict("%s is an alias in zone %s", origin, above.Origin())
	}
	d.unlink(above, origin)
	d.put(above.Origin(), ns.RRset(origin))
	for target := range targets(ns, origin) {
		node := child.Node(target)
		for _, t := range [...]zone.Type{zone.TypeA, zone.TypeAAAA} {
			if r := node.Lookup(t); r.Len() > 0 {
				d.put(above.Origin(), r.RRset(target))
			}
		}
	}
	return nil
}

func isAlias(node zone.Node) bool {
	return node.Lookup(zone.TypeCNAME).Len()+node.Lookup(zone.TypeDNAME).Len() > 0
}

// unlink removes the delegation of the name, and the addresses of the name
// servers within it, from the zone above.
func (d *draft) unlink(above *zone.Zone, name zone.Name) {
	ns := above.Node(name).Lookup(zone.TypeNS)
	if ns.Len() == 0 {
		return
	}
	for target := range targets(ns, name) {
		d.put(above.Origin(), zone.RRset{Name: target, Type: zone.TypeA}, zone.RRset{Name: target, Type: zone.TypeAAAA})
	}
	d.put(above.Origin(), zone.RRset{Name: name, Type: zone.TypeNS})
}

// withdraw removes all that the zone above, if it is ours, says of a zone that
// goes. It returns the zones as they stand then.
func (d *draft) withdraw(name zone.Name) zone.Set {
	after := d.state.Zones.Without(name)
	above := after.Find(name.Parent())
	if above == nil {
		return after
	}
	d.unlink(above, name)
	d.put(above.Origin(), zone.RRset{Name: name, Type: zone.TypeDS})
	return after.With(d.preview(above))
}

// preview returns z with the records that the draft has for it so far.
func (d *draft) preview(z *zone.Zone) *zone.Zone {
	changed := z.Edit()
	for _, records := range d.changes.Records {
		if records.Zone != z.Origin() {
			continue
		}
		for _, set := range records.Sets {
			_ = changed.Put(set) // what cannot be put, the registry refuses
		}
	}
	return changed.View()
}

// isHidden tells whether name lies below a zone cut or a DNAME of z.
func isHidden(z *zone.Zone, name zone.Name) bool {
	r := z.Lookup(name, zone.TypeDS) // at a cut, DS is answered from above it
	return r.Outcome == zone.Redirect || r.Outcome == zone.Delegation
}

// targets yields the names of an NS set that are within the given name.
func targets(ns zone.Records, within zone.Name) func(yield func(zone.Name) bool) {
	return func(yield func(zone.Name) bool) {
		for data := range ns.All() {
			target, _, err := zone.NameFromWire(data)
			if err == nil && target.IsWithin(within) && !yield(target) {
				return
			}
		}
	}
}
