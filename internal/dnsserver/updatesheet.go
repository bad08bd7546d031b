package dnsserver

import (
	"maps"
	"net/netip"
	"slices"

	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// sheet is what becomes of a zone while the records of an UPDATE are gone through. It
// holds the names that these are about.
type sheet struct {
	zone  *zone.Zone
	names map[zone.Name]*sheetName
	order []*sheetName // as they came
}

// sheetName is all sets at a name.
type sheetName struct {
	name  zone.Name
	host  bool // its addresses are those of a host
	heard bool // the UPDATE says which addresses the host has
	sets  map[zone.Type]zone.RRset
	was   map[zone.Type]zone.RRset
}

// at returns what stands at a name now. What is made of the options of a host, its
// placeholder among that, counts as nothing.
func (s *sheet) at(r *update.Records, name zone.Name) *sheetName {
	if n := s.names[name]; n != nil {
		return n
	}
	n := &sheetName{name: name, host: r.IsHost(s.zone, name), was: map[zone.Type]zone.RRset{}}
	for _, set := range r.Standing(s.zone, name) {
		n.was[set.Type] = set
	}
	n.sets = maps.Clone(n.was)
	if s.names == nil {
		s.names = map[zone.Name]*sheetName{}
	}
	s.names[name] = n
	s.order = append(s.order, n)
	return n
}

// isApex tells whether the name is that of the zone.
func (s *sheet) isApex(n *sheetName) bool { return n.name == s.zone.Origin() }

// What an UPDATE may bring about at a name; what was imported may have more.
const (
	maxSetRecords = 100 // of one type
	maxNameSets   = 100
)

// grows tells whether there is more than may be, and more than there was.
func (n *sheetName) grows(set zone.RRset) bool {
	was := len(n.was[set.Type].Data)
	return len(set.Data) > max(maxSetRecords, was) || was == 0 && len(set.Data) > 0 && len(n.sets) > maxNameSets
}

// crowds tells whether more names come to stand below a host than may.
func (s *sheet) crowds(r *update.Records) bool {
	more := map[zone.Name]int{}
	for _, n := range s.order {
		host, was, is := r.HostAbove(s.zone, n.name), len(n.was) > 0, len(n.sets) > 0
		switch {
		case host == "" || was == is:
		case is:
			more[host]++
		default:
			more[host]--
		}
	}
	for host, n := range more {
		if n > 0 && r.CountBelow(s.zone, host)+n > update.MaxBelow {
			return true
		}
	}
	return false
}

// put puts all changes into r. It fails with an update.ErrRejected when they cannot
// stand.
func (s *sheet) put(r *update.Records) error {
	if s.crowds(r) {
		return reject(rcodeRefused)
	}
	for _, n := range s.order {
		changed := n.changed()
		for _, set := range changed {
			if set.Check(s.zone.Origin()) != nil || n.grows(set) || r.IsMade(s.zone, n.name, set.Type) {
				return reject(rcodeRefused)
			}
			if len(set.Data) > 0 && len(n.was[set.Type].Data) == 0 && r.Hides(s.zone, n.name, set.Type) {
				return reject(rcodeRefused)
			}
		}
		switch {
		case !n.host:
			r.Put(s.zone.Origin(), changed...)
		case len(changed) > 0 || n.heard:
			others := slices.DeleteFunc(changed, func(set zone.RRset) bool { return isAddress(set.Type) })
			if err := r.PutHost(s.zone, n.name, others, n.addresses(zone.TypeA), n.addresses(zone.TypeAAAA), n.heard); err != nil {
				return err
			}
		}
	}
	return nil
}

func isAddress(t zone.Type) bool { return t == zone.TypeA || t == zone.TypeAAAA }

func (n *sheetName) addresses(t zone.Type) []netip.Addr { return n.sets[t].Addresses() }

// changed returns the sets that differ from what they were, in order of type; without
// data those that go.
func (n *sheetName) changed() []zone.RRset {
	var out []zone.RRset
	for _, t := range slices.Sorted(maps.Keys(n.was)) {
		if _, stays := n.sets[t]; !stays {
			out = append(out, zone.RRset{Name: n.name, Type: t})
		}
	}
	for _, t := range slices.Sorted(maps.Keys(n.sets)) {
		if set := n.sets[t].Sorted(); !set.Equal(n.was[t]) {
			out = append(out, set)
		}
	}
	return out
}
