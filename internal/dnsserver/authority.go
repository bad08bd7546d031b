package dnsserver

import "stayput.dev/internal/zone"

// maxLinks is how many CNAME records one answer may follow.
const maxLinks = 16

// chain is the aliases that one answer has followed, with the memory for the
// names that they lead to.
type chain struct {
	length int
	names  [maxLinks]zone.Name // where each link leads
	owners [maxLinks]zone.Name // of the DNAME that made the link; "" for a CNAME
	bufs   [maxLinks][zone.MaxName]byte
}

// answerFrom answers the question from z, step 3 of RFC 1034 §4.3.2. It follows
// aliases as long as z is the one of the zones that answers for where they lead.
// fits is false when something that had to be said did not fit.
func (r *Responder) answerFrom(zones zone.Set, z *zone.Zone) (code rcode, fits bool) {
	m, t := &r.reply, r.query.typ
	m.aa = true
	r.chain.length = 0
	for name := r.query.name; ; {
		found := z.Lookup(name, t)
		r.wildcard = r.wildcard || found.Wildcard
		switch found.Outcome {
		case zone.Found:
			return rcodeNoError, r.putFound(zones, z, name, found.Records)
		case zone.NoData:
			return rcodeNoError, m.putSOA(z.Origin(), z.SOA())
		case zone.NXDomain:
			return rcodeNXDomain, m.putSOA(z.Origin(), z.SOA())
		case zone.Delegation:
			return rcodeNoError, r.refer(zones, z, found)
		}
		if name, code, fits = r.follow(found, name); name == "" {
			return code, fits
		}
		if !r.goesOn(name, zones, z) {
			return rcodeNoError, true
		}
	}
}

// putFound appends the records that were asked for, and what helps with them. It
// returns false when they do not fit. A DNAME that led to its own name is there
// already.
func (r *Responder) putFound(zones zone.Set, z *zone.Zone, name zone.Name, set zone.Records) bool {
	if set.Type() == zone.TypeDNAME && r.chain.has(name) {
		return true
	}
	if !r.reply.putSet(answer, name, set) {
		return false
	}
	r.addAddresses(zones, z, name, set)
	return true
}

// follow appends the alias that was found at or above name, and returns where
// it leads. With "", the answer is complete.
func (r *Responder) follow(found zone.Result, name zone.Name) (next zone.Name, code rcode, fits bool) {
	if found.Outcome == zone.Redirect {
		return r.rename(found, name)
	}
	c := &r.chain
	if !r.reply.putSet(answer, name, found.Records) {
		return "", rcodeNoError, false
	}
	c.owners[c.length] = ""
	return lowerName(&c.bufs[c.length], 0, first(found.Records)), rcodeNoError, true
}

// rename follows the DNAME that was found above name (RFC 6672 §3.2).
func (r *Responder) rename(found zone.Result, name zone.Name) (next zone.Name, code rcode, fits bool) {
	c, m := &r.chain, &r.reply
	if !c.has(found.Owner) && !m.putSet(answer, found.Owner, found.Records) {
		return "", rcodeNoError, false
	}
	c.owners[c.length] = found.Owner
	buf := &c.bufs[c.length]
	kept := copy(buf[:], name[:len(name)-len(found.Owner)])
	next = lowerName(buf, kept, first(found.Records))
	if next == "" { // too long (RFC 6672 §2.2)
		return "", rcodeYXDomain, true
	}
	if !m.putAlias(name, next, found.Records.TTL()) {
		return "", rcodeNoError, false
	}
	if r.query.typ == zone.TypeCNAME {
		return "", rcodeNoError, true // the alias is what was asked for
	}
	return next, rcodeNoError, true
}

// has tells whether the answer already holds the DNAME at owner.
func (c *chain) has(owner zone.Name) bool {
	for _, o := range c.owners[:c.length] {
		if o == owner {
			return true
		}
	}
	return false
}

// goesOn adds a link that leads to name to the chain, and tells whether to go
// there: not into another zone, be it one of ours below this one, not in a
// circle, and not too far.
func (r *Responder) goesOn(name zone.Name, zones zone.Set, z *zone.Zone) bool {
	c := &r.chain
	if !name.IsWithin(z.Origin()) || name == r.query.name {
		return false
	}
	if other := zoneFor(zones, name, r.query.typ); other != z && other.Origin().IsWithin(z.Origin()) {
		return false
	}
	for _, n := range c.names[:c.length] {
		if n == name {
			return false
		}
	}
	c.names[c.length] = name
	c.length++
	return c.length < maxLinks
}

// first returns the data of the first record of a set, nil for no set.
func first(set zone.Records) []byte {
	for data := range set.All() {
		return data
	}
	return nil
}

// refer answers with the delegation that was found: the child's name servers,
// and how to reach them. It returns false when that does not fit.
func (r *Responder) refer(zones zone.Set, z *zone.Zone, found zone.Result) bool {
	r.reply.aa = r.chain.length > 0
	if !r.reply.putSet(authority, found.Owner, found.Records) {
		return false
	}
	return r.addGlue(zones, z, found.Owner, found.Records)
}
