package dnsserver

import (
	"bytes"
	"slices"

	"stayput.dev/internal/tsig"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// prescan tells whether the records of the update section are what may stand there
// (RFC 2136 §3.4.1).
func (u *updateMessage) prescan() rcode {
	for i := range u.updates {
		if code := u.updates[i].prescan(u.zone); code != rcodeNoError {
			return code
		}
	}
	return rcodeNoError
}

func (r *updateRecord) prescan(origin zone.Name) rcode {
	if !r.name.IsWithin(origin) {
		return rcodeNotZone
	}
	ok := false
	switch r.class {
	case classIN:
		ok = !r.typ.IsMeta() && !r.broken
	case classANY:
		ok = r.ttl == 0 && len(r.data) == 0 && (!r.typ.IsMeta() || r.typ == zone.TypeANY)
	case classNONE:
		ok = r.ttl == 0 && !r.typ.IsMeta() && !r.broken && (len(r.data) > 0 || mayBeEmpty(r.typ))
	}
	switch {
	case !ok:
		return rcodeFormErr
	case isMadeByServer(r.typ):
		return rcodeRefused
	}
	return rcodeNoError
}

// Types of denial.
const (
	typeNSEC3      zone.Type = 50
	typeNSEC3PARAM zone.Type = 51
)

// isMadeByServer tells whether records of a type come of signing the zone alone
// (RFC 3007 §3.1.1).
func isMadeByServer(t zone.Type) bool {
	return t == zone.TypeNSEC || t == zone.TypeRRSIG || t == typeNSEC3
}

// checkGrants tells whether the key may change all that the UPDATE would.
func (u *updateMessage) checkGrants(r *update.Records, s *sheet, key *tsig.Key) rcode {
	for i := range u.updates {
		c := &u.updates[i]
		if !r.IsTheirs(s.zone, c.name) || !s.mayChange(key, s.at(r, c.name), c.typ) {
			return rcodeRefused
		}
	}
	return rcodeNoError
}

// mayChange tells whether the key may change records of a type at a name. Who deletes
// all types must be allowed to delete each that stands there and would go.
func (s *sheet) mayChange(key *tsig.Key, n *sheetName, t zone.Type) bool {
	origin := s.zone.Origin()
	if t != zone.TypeANY {
		return key.Allows(origin, n.name, t)
	}
	some := false
	for t := range n.sets {
		if s.isApex(n) && isApexType(t) {
			continue
		}
		if !key.Allows(origin, n.name, t) {
			return false
		}
		some = true
	}
	return some || key.AllowsAny(origin, n.name)
}

func isApexType(t zone.Type) bool { return t == zone.TypeSOA || t == zone.TypeNS }

// run says what the UPDATE comes to in a state (RFC 2136 §3). Its error is an
// update.ErrRejected.
func (u *updateMessage) run(r *update.Records) error {
	s := &sheet{zone: r.State.Zones.Get(u.zone)}
	if s.zone == nil {
		return reject(rcodeNotAuth)
	}
	key, ok := r.State.TSIG.Get(u.key.Name)
	if !ok || !bytes.Equal(key.Secret, u.key.Secret) || !key.AllowsSome(u.zone) {
		return reject(rcodeRefused)
	}
	if code := u.checkPrerequisites(r, s); code != rcodeNoError {
		return reject(code)
	}
	if code := u.prescan(); code != rcodeNoError {
		return reject(code)
	}
	if code := u.checkGrants(r, s, &key); code != rcodeNoError {
		return reject(code)
	}
	for i := range u.updates {
		s.apply(r, &u.updates[i])
	}
	return s.put(r)
}

// apply makes one change (RFC 2136 §3.4.2).
func (s *sheet) apply(r *update.Records, c *updateRecord) {
	n := s.at(r, c.name)
	switch {
	case c.class == classIN:
		n.heard = n.heard || n.host && isAddress(c.typ)
		s.add(n, c)
	case c.class == classANY && c.typ == zone.TypeANY:
		for t := range n.sets {
			s.deleteSet(n, t)
		}
	case c.class == classANY:
		s.deleteSet(n, c.typ)
	default:
		s.deleteRecord(n, c)
	}
}

// add adds a record, or does nothing where it may not stand beside what does
// (§3.4.2.2). All records of a set have the TTL of the one that came last.
func (s *sheet) add(n *sheetName, c *updateRecord) {
	set := n.sets[c.typ]
	switch _, alias := n.sets[zone.TypeCNAME]; {
	case c.typ == zone.TypeCNAME && n.hasOthers(), c.typ != zone.TypeCNAME && alias && !isBesideAlias(c.typ):
		return
	case c.typ == zone.TypeSOA && !s.isNewer(n, c.data):
		return
	case c.typ == zone.TypeCNAME, c.typ == zone.TypeSOA, c.typ == zone.TypeDNAME:
		set.Data = []zone.Rdata{c.data}
	case !slices.Contains(set.Data, c.data):
		set.Data = append(slices.Clone(set.Data), c.data)
	}
	set.Name, set.Type, set.TTL = n.name, c.typ, c.ttl
	n.sets[c.typ] = set
}

// hasOthers tells whether sets stand at the name that bear no CNAME beside them.
func (n *sheetName) hasOthers() bool {
	for t := range n.sets {
		if t != zone.TypeCNAME && !isBesideAlias(t) {
			return true
		}
	}
	return false
}

// isBesideAlias tells whether a set of the type may stand beside a CNAME (RFC 4035
// §2.5).
func isBesideAlias(t zone.Type) bool { return t == zone.TypeRRSIG || t == zone.TypeNSEC }

// isNewer tells whether an SOA record may take the place of the zone's (§3.4.2.2). One
// with the same serial may not, as with BIND and Knot: who has the zone would not notice.
func (s *sheet) isNewer(n *sheetName, data zone.Rdata) bool {
	given, err := zone.ParseSOA(data)
	if err != nil || !s.isApex(n) {
		return false
	}
	now, err := zone.ParseSOA(n.sets[zone.TypeSOA].Data[0])
	return err == nil && zone.SerialLess(now.Serial, given.Serial)
}

// deleteSet deletes a set; those on which the zone rests stay (§3.4.2.3).
func (s *sheet) deleteSet(n *sheetName, t zone.Type) {
	if !s.isApex(n) || !isApexType(t) {
		delete(n.sets, t)
	}
}

// deleteRecord deletes a record, whatever its TTL; the SOA record stays, and the last
// NS record at the apex (§3.4.2.4).
func (s *sheet) deleteRecord(n *sheetName, c *updateRecord) {
	set := n.sets[c.typ]
	if c.typ == zone.TypeSOA || s.isApex(n) && c.typ == zone.TypeNS && len(set.Data) == 1 {
		return
	}
	i := slices.Index(set.Data, c.data)
	switch {
	case i < 0:
	case len(set.Data) == 1:
		delete(n.sets, c.typ)
	default:
		set.Data = slices.Delete(slices.Clone(set.Data), i, i+1)
		n.sets[c.typ] = set
	}
}
