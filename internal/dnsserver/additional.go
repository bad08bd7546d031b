package dnsserver

import "stayput.dev/internal/zone"

// maxTargets is how many records of a set get addresses beside them as a help.
const maxTargets = 16

// addAddresses adds the addresses of the hosts that an answer names, as far as z
// is the one of the zones that answers for them and they fit. Owner is that of
// the answer.
func (r *Responder) addAddresses(zones zone.Set, z *zone.Zone, owner zone.Name, set zone.Records) {
	skip, ok := beforeTarget(set.Type())
	if !ok {
		return
	}
	n := 0
	for data := range set.All() {
		if n++; n > maxTargets {
			return
		}
		wire := targetIn(data, skip)
		if wire == nil || namedBefore(set, skip, n-1, wire) {
			continue
		}
		if target := lowerName(&r.target, 0, wire); zones.Find(target) == z {
			isAlias := skip == 2 && data[0]|data[1] == 0 && target != owner
			r.addTarget(z, target, set.Type(), isAlias)
		}
	}
}

// addTarget adds what the client of a record of type t will ask for next of the
// host that the record names. Glue is no answer, and so no help either. Of SVCB
// and HTTPS records, isAlias tells those in AliasMode (RFC 9460 §2.4.2).
func (r *Responder) addTarget(z *zone.Zone, target zone.Name, t zone.Type, isAlias bool) {
	found := z.Lookup(target, zone.TypeA)
	if found.Outcome != zone.Found && found.Outcome != zone.NoData {
		return
	}
	if t != zone.TypeSVCB && t != zone.TypeHTTPS {
		r.putAddresses(target, found.Node)
		return
	}
	if found.Wildcard {
		return
	}
	r.putAddresses(target, found.Node)
	if set := found.Node.Lookup(t); isAlias && set.Len() > 0 { // RFC 9460 §4.1
		r.reply.putSet(additional, target, set)
	}
}

// beforeTarget returns how many octets of the type's data stand before the name
// of a host whose addresses the client will want next.
func beforeTarget(t zone.Type) (skip int, ok bool) {
	switch t {
	case zone.TypeNS:
		return 0, true
	case zone.TypeMX, zone.TypeSVCB, zone.TypeHTTPS:
		return 2, true
	case zone.TypeSRV:
		return 6, true
	}
	return 0, false
}

// targetIn returns the name that stands in data after skip octets, nil when
// there is none.
func targetIn(data []byte, skip int) []byte {
	if len(data) <= skip {
		return nil
	}
	n := nameLength(data[skip:])
	if n == 0 {
		return nil
	}
	return data[skip : skip+n]
}

// namedBefore tells whether one of the first n records of the set names the
// target too, so that its addresses are there already.
func namedBefore(set zone.Records, skip, n int, target []byte) bool {
	for data := range set.All() {
		if n--; n < 0 {
			return false
		}
		if isSameName(targetIn(data, skip), target) {
			return true
		}
	}
	return false
}

// isSameName tells whether two names differ in case alone, and that in ASCII (RFC 4343
// §3): other octets are no letters.
func isSameName(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// addGlue adds the addresses of the name servers of a delegation. A resolver
// needs those of servers inside the child: only the child could tell them
// otherwise (RFC 9471 §3.1). It returns false when one of these does not fit.
// The others are a help.
func (r *Responder) addGlue(zones zone.Set, z *zone.Zone, child zone.Name, servers zone.Records) bool {
	for data := range servers.All() {
		target := lowerName(&r.target, 0, data)
		if target != "" && target.IsWithin(child) && !r.putAddresses(target, z.Node(target)) {
			return r.via != UDP // which never says that it left out something
		}
	}
	n := 0
	for data := range servers.All() {
		if n++; n > maxTargets {
			break
		}
		target := lowerName(&r.target, 0, data)
		if target != "" && !target.IsWithin(child) && target.IsWithin(z.Origin()) {
			r.putAddresses(target, nodeForReferral(zones, z, target))
		}
	}
	return true
}

// nodeForReferral returns what stands at a name server that the child itself
// does not know: what the zone would answer from, or glue of another child.
func nodeForReferral(zones zone.Set, z *zone.Zone, name zone.Name) zone.Node {
	if zones.Find(name) != z {
		return z.Node(name)
	}
	switch found := z.Lookup(name, zone.TypeA); found.Outcome {
	case zone.Found, zone.NoData:
		return found.Node
	case zone.Delegation:
		return z.Node(name)
	}
	return zone.Node{}
}

// putAddresses adds the addresses at a node, and returns false when not all fit.
func (r *Responder) putAddresses(name zone.Name, n zone.Node) bool {
	for _, t := range [...]zone.Type{zone.TypeA, zone.TypeAAAA} {
		if set := n.Lookup(t); set.Len() > 0 && !r.reply.putSet(additional, name, set) {
			return false
		}
	}
	return true
}
