package dnsserver

import (
	"encoding/binary"

	"stayput.dev/internal/zone"
)

// section is a part of a reply that records stand in, in order.
type section uint8

const (
	answer section = iota
	authority
	additional
)

// shrinkage is how many octets shorter compression can make data: those of two names.
const shrinkage = 2 * (zone.MaxName - 2)

// message is a reply in the making. Sections are written in order.
type message struct {
	b        []byte // from the start of the message
	limit    int    // octets that the sections may fill
	question int    // where the question ends
	counts   [3]uint16
	aa, tc   bool

	// Suffixes of names that later names may point to (RFC 1035 §4.1.4).
	known []suffix
}

// maxKnown bounds the work of looking for one.
const maxKnown = 24

// suffix is a name, or the end of one, that stands in the message.
type suffix struct {
	at   uint16 // where it starts
	size uint8  // octets without compression
}

// start begins a reply in buf with the question, which may be empty.
func (m *message) start(buf []byte, limit int, question []byte) {
	*m = message{b: append(buf[:0], make([]byte, headerSize)...), limit: limit, known: m.known[:0]}
	m.b = append(m.b, question...)
	m.question = len(m.b)
	if len(question) > 0 {
		m.learnQuestion(question[:len(question)-4])
	}
}

// learnQuestion remembers the name in the question and its ends.
func (m *message) learnQuestion(name []byte) {
	for i := 0; i+1 < len(name); i += 1 + int(name[i]) {
		m.learn(headerSize+i, len(name)-i)
	}
}

// learn remembers that the end of a name stands at at, size octets of it.
func (m *message) learn(at, size int) {
	if at <= maxPointer && len(m.known) < maxKnown {
		m.known = append(m.known, suffix{uint16(at), uint8(size)})
	}
}

// clear takes away everything after the question.
func (m *message) clear() {
	m.b = m.b[:m.question]
	m.counts = [3]uint16{}
	m.known = m.known[:0] // nothing follows that has a name
}

// putSet appends an RRset under owner. When it does not fit, it appends nothing
// and returns false.
func (m *message) putSet(s section, owner zone.Name, set zone.Records) bool {
	before, t, ttl := m.mark(), set.Type(), set.TTL()
	for data := range set.All() {
		if len(m.b)+len(data) > m.limit+shrinkage {
			m.reset(before)
			return false
		}
		m.putOwner(owner, before.octets)
		m.putData(t, ttl, data)
	}
	return m.keep(s, set.Len(), before)
}

// putSOA appends the SOA record of a negative answer (RFC 2308 §3). When it does
// not fit, it appends nothing and returns false.
func (m *message) putSOA(origin zone.Name, soa zone.SOA) bool {
	return m.putNegative(origin, soa, soa.NegativeTTL())
}

// putNegative is putSOA for an answer that may be kept for ttl seconds.
func (m *message) putNegative(origin zone.Name, soa zone.SOA, ttl uint32) bool {
	before := m.mark()
	m.putName(origin)
	start := m.putFixed(zone.TypeSOA, ttl)
	m.putName(soa.MName)
	m.putName(soa.RName)
	for _, v := range [...]uint32{soa.Serial, soa.Refresh, soa.Retry, soa.Expire, soa.Minimum} {
		m.b = binary.BigEndian.AppendUint32(m.b, v)
	}
	m.putLength(start)
	return m.keep(authority, 1, before)
}

// putAlias appends the CNAME record that a DNAME makes of a name (RFC 6672
// §3.1). When it does not fit, it appends nothing and returns false.
func (m *message) putAlias(owner, target zone.Name, ttl uint32) bool {
	before := m.mark()
	m.putName(owner)
	start := m.putFixed(zone.TypeCNAME, ttl)
	m.putName(target)
	m.putLength(start)
	return m.keep(answer, 1, before)
}

// mark is a place in a message to go back to.
type mark struct{ octets, known int }

func (m *message) mark() mark { return mark{len(m.b), len(m.known)} }

func (m *message) reset(to mark) { m.b, m.known = m.b[:to.octets], m.known[:to.known] }

// keep counts the records that were appended since before, or takes them away
// again, and returns false, when they passed the limit.
func (m *message) keep(s section, records int, before mark) bool {
	if len(m.b) > m.limit {
		m.reset(before)
		return false
	}
	m.counts[s] += uint16(records)
	return true
}

// putOwner appends the owner of a record of the set that starts at first.
func (m *message) putOwner(owner zone.Name, first int) {
	switch {
	case len(m.b) == first || first > maxPointer:
		m.putName(owner)
	case m.b[first] >= pointerMark:
		m.b = append(m.b, m.b[first], m.b[first+1])
	case len(owner) == 1:
		m.b = append(m.b, 0)
	default:
		m.putPointer(first)
	}
}

// putData appends what follows the owner of a record. Names in the data are
// compressed where that is allowed (RFC 3597 §4).
func (m *message) putData(t zone.Type, ttl uint32, data []byte) {
	start := m.putFixed(t, ttl)
	skip, names := compressible(t)
	if names > 0 && len(data) > skip {
		m.b = append(m.b, data[:skip]...)
		data = data[skip:]
		for ; names > 0; names-- {
			n := nameLength(data)
			if n == 0 {
				break // not what the type says: send it as it is
			}
			m.putName(viewName(data[:n]))
			data = data[n:]
		}
	}
	m.b = append(m.b, data...)
	m.putLength(start)
}

// putFixed appends what stands between the owner and the data of a record, and
// returns where the data starts, for putLength.
func (m *message) putFixed(t zone.Type, ttl uint32) (start int) {
	m.b = binary.BigEndian.AppendUint16(m.b, uint16(t))
	m.b = binary.BigEndian.AppendUint16(m.b, classIN)
	m.b = binary.BigEndian.AppendUint32(m.b, ttl)
	m.b = append(m.b, 0, 0)
	return len(m.b)
}

// putLength writes the length of the data that starts at start.
func (m *message) putLength(start int) {
	binary.BigEndian.PutUint16(m.b[start-2:], uint16(len(m.b)-start))
}

// compressible tells how many octets of the type's data stand before names that
// may be compressed, and how many such names follow.
func compressible(t zone.Type) (skip, names int) {
	switch t {
	case zone.TypeNS, zone.TypeCNAME, zone.TypePTR:
		return 0, 1
	case zone.TypeMX:
		return 2, 1
	case zone.TypeSOA:
		return 0, 2
	}
	return 0, 0
}

// maxPointer is the farthest place that a compression pointer can name.
const maxPointer = 1<<14 - 1

func (m *message) putPointer(to int) {
	m.b = binary.BigEndian.AppendUint16(m.b, pointerMark<<8|uint16(to))
}

// putName appends a name, whose end is a pointer when the message holds it
// already. Case counts for nothing there (RFC 1035 §2.3.3), so that the owner
// of an answer has the case of the question.
func (m *message) putName(name zone.Name) {
	for len(name) > 1 {
		if at, ok := m.find(name); ok {
			m.putPointer(at)
			return
		}
		m.learn(len(m.b), len(name))
		size := 1 + int(name[0])
		m.b = append(m.b, name[:size]...)
		name = name[size:]
	}
	m.b = append(m.b, 0)
}

func (m *message) find(name zone.Name) (at int, ok bool) {
	for _, s := range m.known {
		if int(s.size) == len(name) && m.holds(int(s.at), name) {
			return int(s.at), true
		}
	}
	return 0, false
}

// holds tells whether the name at at, which takes as many octets without
// compression, is name.
func (m *message) holds(at int, name zone.Name) bool {
	for len(name) > 1 {
		if m.b[at] >= pointerMark {
			at = int(binary.BigEndian.Uint16(m.b[at:])) & maxPointer
			continue
		}
		size := 1 + int(name[0])
		for i := range size {
			if lower(m.b[at+i]) != lower(name[i]) {
				return false
			}
		}
		at += size
		name = name[size:]
	}
	return true
}

// Bits of the third and fourth octet of a header (RFC 1035 §4.1.1).
const (
	bitQR = 0x80
	bitAA = 0x04
	bitTC = 0x02
	bitRD = 0x01
)

// finish writes the header of the reply to packet and returns the message. RD is
// the client's; RA and AD are never ours to set, and CD is cleared (RFC 4035
// §3.1.6).
func (m *message) finish(packet []byte, code rcode) []byte {
	copy(m.b, packet[:2])
	m.b[2] = bitQR | packet[2]&(0x0f<<3|bitRD)
	if m.aa {
		m.b[2] |= bitAA
	}
	if m.tc {
		m.b[2] |= bitTC
	}
	m.b[3] = uint8(code & 15)
	if m.question > headerSize {
		m.b[5] = 1
	}
	for s, count := range m.counts {
		binary.BigEndian.PutUint16(m.b[6+2*s:], count)
	}
	return m.b
}
