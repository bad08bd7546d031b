package dnsserver

import (
	"encoding/binary"
)

// badKey is the error in the TSIG record of a reply to a query whose key we do
// not know (RFC 8945 §5.2.1).
const badKey = 17

// signature is the TSIG record of a query, as parts of the packet.
type signature struct {
	name      []byte // of the key, uncompressed
	algorithm []byte
	time      []byte // when it was signed, and the fudge
	id        []byte // of the message when it was signed
}

// readTSIG reads the TSIG record r. It returns false when it is broken.
func (q *query) readTSIG(r record) bool {
	algorithm := nameLength(r.data)
	if r.class != classANY || r.ttl != 0 || nameLength(r.name) == 0 || algorithm == 0 {
		return false
	}
	rest := r.data[algorithm:]
	if len(rest) < 10 {
		return false
	}
	mac := 10 + int(binary.BigEndian.Uint16(rest[8:]))
	if len(rest) < mac+6 || len(rest) != mac+6+int(binary.BigEndian.Uint16(rest[mac+4:])) {
		return false
	}
	q.tsig = signature{r.name, r.data[:algorithm], rest[:8], rest[mac : mac+2]}
	return true
}

// putBadKey appends the unsigned TSIG record that says that we do not know the
// key (RFC 8945 §5.3.2), unless it does not fit.
func (m *message) putBadKey(s signature) {
	const fixed = 10 + 8 + 2 + 2 + 2 + 2
	if len(m.b)+len(s.name)+len(s.algorithm)+fixed > m.limit {
		return
	}
	m.b = append(m.b, s.name...)
	m.b = binary.BigEndian.AppendUint16(m.b, uint16(typeTSIG))
	m.b = binary.BigEndian.AppendUint16(m.b, classANY)
	m.b = append(m.b, 0, 0, 0, 0)
	m.b = binary.BigEndian.AppendUint16(m.b, uint16(len(s.algorithm)+fixed-10))
	m.b = append(m.b, s.algorithm...)
	m.b = append(m.b, s.time...)
	m.b = append(m.b, 0, 0) // no MAC
	m.b = append(m.b, s.id...)
	m.b = append(m.b, 0, badKey, 0, 0)
	m.counts[additional]++
}
