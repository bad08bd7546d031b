package dnsserver

import (
	"encoding/binary"

	"stayput.dev/internal/zone"
)

const (
	minUDPSize = 512 // octets that every client takes (RFC 1035 §2.3.4, RFC 6891 §6.2.3)

	flagDO = 1 << 15 // in the TTL of OPT
)

// readOPT reads the OPT record r (RFC 6891 §6.1). It returns false when it is
// broken or not the first.
func (q *query) readOPT(r record) bool {
	if q.edns || len(r.name) != 1 {
		return false
	}
	q.edns = true
	q.size = r.class
	q.version = uint8(r.ttl >> 16)
	q.do = r.ttl&flagDO != 0
	// What another version writes there nobody knows: it gets BADVERS.
	return q.version != 0 || q.options.read(r.data)
}

// udpLimit returns the octets that a reply over UDP may have, when we send at
// most most.
func (q *query) udpLimit(most int) int {
	if !q.edns {
		return minUDPSize
	}
	return min(max(int(q.size), minUDPSize), most)
}

// respondEDNS answers what EDNS alone decides, whatever the question. It returns
// false when it does not.
func (r *Responder) respondEDNS() (code rcode, done bool) {
	q := &r.query
	switch {
	case q.edns && q.version != 0:
		return rcodeBadVers, true
	case r.brokenOption():
		return rcodeFormErr, true
	case q.question == nil:
		return r.respondCookie(), true
	case r.via == UDP && r.opts.RequireCookies && len(r.opts.CookieSecrets) > 0 && !r.cookie.proven() && !r.isTrusted():
		return r.demandCookie(), true
	}
	return rcodeNoError, false
}

// optSize is the octets of an OPT record without options.
const optSize = 11

// putEDNS appends the OPT record of the reply, with the options that the client
// asked for.
func (r *Responder) putEDNS() {
	start := r.reply.putOPT(r.opts.UDPSize, r.code, r.query.do)
	r.putExtendedError()
	r.putCookie()
	r.putNSID()
	r.putKeepalive()
	r.putPadding()
	r.reply.putLength(start)
}

// putOPT appends an OPT record: what we take over UDP, and the upper bits of the
// response code. It returns where the options start, for putLength.
func (m *message) putOPT(udpSize int, code rcode, do bool) (start int) {
	var ttl uint32
	if do {
		ttl = flagDO
	}
	ttl |= uint32(code>>4) << 24
	m.b = append(m.b, 0)
	m.b = binary.BigEndian.AppendUint16(m.b, uint16(zone.TypeOPT))
	m.b = binary.BigEndian.AppendUint16(m.b, uint16(udpSize))
	m.b = binary.BigEndian.AppendUint32(m.b, ttl)
	m.b = append(m.b, 0, 0)
	m.counts[additional]++
	return len(m.b)
}
