package dnsserver

import (
	"slices"

	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

const classNONE = 254 // RFC 2136 §2.4

// checkPrerequisites tells whether all is in the zone as the UPDATE wants it to be
// (RFC 2136 §3.2). Sets that must be as given are compared when all else holds.
func (u *updateMessage) checkPrerequisites(r *update.Records, s *sheet) rcode {
	type key struct {
		name zone.Name
		typ  zone.Type
	}
	wanted := map[key][]zone.Rdata{}
	for i := range u.prerequisites {
		p := &u.prerequisites[i]
		switch {
		case p.ttl != 0 || p.broken:
			return rcodeFormErr
		case !p.name.IsWithin(u.zone):
			return rcodeNotZone
		case p.class == classIN:
			k := key{p.name, p.typ}
			wanted[k] = append(wanted[k], p.data)
			continue
		}
		if code := p.check(s.at(r, p.name)); code != rcodeNoError {
			return code
		}
	}
	for k, data := range wanted {
		set := zone.RRset{Data: data}.Sorted()
		if !slices.Equal(set.Data, s.at(r, k.name).sets[k.typ].Data) {
			return rcodeNXRRSet
		}
	}
	return rcodeNoError
}

// check holds a prerequisite that has no data against what stands at its name.
func (r *updateRecord) check(n *sheetName) rcode {
	exists, missing, there := len(n.sets) > 0, rcodeNXDomain, rcodeYXDomain
	if r.typ != zone.TypeANY {
		_, exists = n.sets[r.typ]
		missing, there = rcodeNXRRSet, rcodeYXRRSet
	}
	switch {
	case len(r.data) > 0 || r.class != classANY && r.class != classNONE:
		return rcodeFormErr
	case r.class == classANY && !exists:
		return missing
	case r.class == classNONE && exists:
		return there
	}
	return rcodeNoError
}
