package dnsserver

import (
	"encoding/binary"

	"stayput.dev/internal/zone"
)

const (
	minUDPSize = 512 // octets that every client takes (RFC 1035 §2.3.4, RFC 6891 §6.2.3)

	optionEDE           = 15 // extended DNS error (RFC 8914)
	edeNotAuthoritative = 20

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
	return q.version != 0 || optionsFit(r.data)
}

// optionsFit tells whether the options fill their record exactly. What they say
// is ignored: we know none that a client may send.
func optionsFit(options []byte) bool {
	for len(options) > 0 {
		if len(options) < 4 {
			return false
		}
		size := 4 + int(binary.BigEndian.Uint16(options[2:]))
		if size > len(options) {
			return false
		}
		options = options[size:]
	}
	return true
}

// udpLimit returns the octets that a reply over UDP may have, when we send at
// most most.
func (q *query) udpLimit(most int) int {
	if !q.edns {
		return minUDPSize
	}
	return min(max(int(q.size), minUDPSize), most)
}

// optSize is the octets of an OPT record without options. Replies with an
// extended error are short.
const optSize = 11

// putOPT appends the OPT record of a reply: what we take over UDP, the upper
// bits of the response code, and an extended error unless that is 0.
func (m *message) putOPT(udpSize int, code rcode, do bool, extendedError uint16) {
	var ttl uint32
	if do {
		ttl = flagDO
	}
	ttl |= uint32(code>>4) << 24
	m.b = append(m.b, 0)
	m.b = binary.BigEndian.AppendUint16(m.b, uint16(zone.TypeOPT))
	m.b = binary.BigEndian.AppendUint16(m.b, uint16(udpSize))
	m.b = binary.BigEndian.AppendUint32(m.b, ttl)
	if extendedError == 0 {
		m.b = append(m.b, 0, 0)
	} else {
		m.b = append(m.b, 0, 6, 0, optionEDE, 0, 2)
		m.b = binary.BigEndian.AppendUint16(m.b, extendedError)
	}
	m.counts[additional]++
}
