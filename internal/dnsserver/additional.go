package dnsserver

import (
	"bytes"

	"stayput.dev/internal/zone"
)

// maxTargets is how many records of a set get addresses beside them as a help.
const maxTargets = 16

// addAddresses adds the addresses of the hosts that an answer names, as far as
// this zone knows them and they fit.
func (r *Responder) addAddresses(z *zone.Zone, set zone.Records) {
	skip, ok := beforeTarget(set.Type())
	if !ok {
		return
	}
	n := 0
	for data := range set.All() {
		if n++; n > maxTargets {
			return
		}
		if len(data) <= skip || namedBefore(set, skip, n-1, data[skip:]) {
			continue
		}
		if target := lowerName(&r.target, 0, data[skip:]); target != "" && target.IsWithin(z.Origin()) {
			r.putAddresses(target, nodeOf(z, target))
		}
	}
}

// beforeTarget returns how many octets of the type's data stand before the name
// of a host whose addresses the client will want next.
func beforeTarget(t zone.Type) (skip int, ok bool) {
	switch t {
	case zone.TypeNS:
		return 0, true
	case zone.TypeMX:
		return 2, true
	case zone.TypeSRV:
		return 6, true
	}
	return 0, false
}

// namedBefore tells whether one of the first n records of the set names the
// target too, so that its addresses are there already.
func namedBefore(set zone.Records, skip, n int, target []byte) bool {
	for data := range set.All() {
		if n--; n < 0 {
			return false
		}
		if len(data) > skip && bytes.Equal(data[skip:], target) {
			return true
		}
	}
	return false
}

// addGlue adds the addresses of the name servers of a delegation. A resolver
// needs those of servers inside the child: only the child could tell them
// otherwise (RFC 9471 §3.1). It returns false when one of these does not fit.
// The others are a help.
func (r *Responder) addGlue(z *zone.Zone, child zone.Name, servers zone.Records) bool {
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
			r.putAddresses(target, nodeOf(z, target))
		}
	}
	return true
}

// nodeOf returns what stands at name for additional data: what the zone would
// answer from, or glue.
func nodeOf(z *zone.Zone, name zone.Name) zone.Node {
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
