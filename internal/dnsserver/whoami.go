package dnsserver

import (
	"strings"

	"stayput.dev/internal/zone"
)

const whoamiLabel = "\x06whoami"

// isWhoami tells whether name asks a zone for the address of who asks.
func isWhoami(name, origin zone.Name) bool {
	return len(name) == len(whoamiLabel)+len(origin) && strings.HasPrefix(string(name), whoamiLabel)
}

// answerIn answers the question from z, or from who asks it.
func (r *Responder) answerIn(zones zone.Set, z *zone.Zone) (code rcode, fits bool) {
	if r.asksWhoami(z) {
		return r.answerWhoami(z)
	}
	return r.answerFrom(zones, z)
}

// asksWhoami tells whether the question is answered with the address of who asks.
// That is not so where the zone has something at the name, or everything
// below its apex lies elsewhere (RFC 6672).
func (r *Responder) asksWhoami(z *zone.Zone) bool {
	if !r.opts.Whoami || !r.client.Addr.IsValid() || !isWhoami(r.query.name, z.Origin()) {
		return false
	}
	found := z.Lookup(r.query.name, r.query.typ)
	return found.Outcome != zone.Redirect && z.Node(r.query.name).IsEmpty()
}

// answerWhoami answers with the address of who asks. Nobody may keep it, nor
// that an address of the other family is not there.
func (r *Responder) answerWhoami(z *zone.Zone) (code rcode, fits bool) {
	m, q, addr := &r.reply, &r.query, r.client.Addr.Unmap()
	m.aa = true
	own := zone.TypeAAAA
	if addr.Is4() {
		own = zone.TypeA
	}
	switch q.typ {
	case own, zone.TypeANY:
		return rcodeNoError, m.putOwn(q.name, own, addr.AsSlice())
	case zone.TypeTXT:
		text := addr.WithZone("").String()
		return rcodeNoError, m.putOwn(q.name, zone.TypeTXT, append([]byte{uint8(len(text))}, text...))
	}
	return rcodeNoError, m.putNegative(z.Origin(), z.SOA(), 0)
}

// putOwn appends a record of the answer that is for nobody else and not to be kept.
// When it does not fit, it appends nothing and returns false.
func (m *message) putOwn(owner zone.Name, t zone.Type, data []byte) bool {
	before := m.mark()
	m.putName(owner)
	m.putData(t, 0, data)
	return m.keep(answer, 1, before)
}
