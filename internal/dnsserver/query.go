package dnsserver

import (
	"encoding/binary"

	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

const headerSize = 12 // octets (RFC 1035 §4.1.1)

// Types and classes that only ever stand in messages.
const (
	typeSIG   zone.Type = 24  // SIG(0) in messages (RFC 2931)
	typeTKEY  zone.Type = 249 // RFC 2930
	typeTSIG  zone.Type = 250 // RFC 8945
	typeMAILB zone.Type = 253 // RFC 1035 §3.2.3
	typeMAILA zone.Type = 254

	classIN  = 1
	classCH  = 3
	classANY = 255
)

// query is what a packet asks, read in place: the slices are parts of the
// packet, and name is kept in lowered.
type query struct {
	opcode   uint8
	question []byte    // name, type and class as they came; nil when unreadable or not there
	name     zone.Name // of the question, in lower case
	typ      zone.Type
	class    uint16

	edns    bool
	version uint8  // of EDNS
	do      bool   // the client wants DNSSEC records (RFC 3225)
	size    uint16 // octets that the client takes over UDP
	options ednsOptions

	known  bool   // the client tells which version of the zone it has
	serial uint32 // of that version

	signed bool        // with TSIG
	tsig   tsig.Record // if it is
	sig0   bool        // the query is signed with SIG(0)

	lowered *[zone.MaxName]byte
}

// read reads a packet that has at least a header; one that is an UPDATE only if updates
// is set. It returns rcodeNoError, or what is to be answered instead; with EDNS, if
// the packet had it, because a reply without it would say that we know none (RFC 6891
// §7).
func (q *query) read(packet []byte, updates bool) rcode {
	*q = query{lowered: q.lowered, opcode: packet[2] >> 3 & 15}
	code := rcodeNotImp
	switch {
	case q.opcode == 0:
		code = q.readSections(packet)
	case q.opcode == opcodeUpdate && updates:
		code = q.readUpdateSections(packet)
	}
	if code != rcodeNoError {
		if q.edns = q.findOPT(packet); !q.edns {
			q.options = ednsOptions{}
		}
	}
	return code
}

// count returns how many records the header of a packet says a section has;
// section 0 is that of the questions.
func count(packet []byte, section int) int {
	return int(binary.BigEndian.Uint16(packet[4+2*section:]))
}

func (q *query) readSections(packet []byte) rcode {
	// Without a question, a packet can ask for a cookie (RFC 7873 §5.4).
	if n := count(packet, 0); n > 1 || n == 1 && !q.readQuestion(packet[headerSize:]) {
		return rcodeFormErr
	}
	// Only IXFR brings a record of another section: the SOA that the client
	// has (RFC 1995 §3).
	if authority := count(packet, 2); count(packet, 1) != 0 || authority > 1 || authority == 1 && q.typ != zone.TypeIXFR {
		return rcodeFormErr
	}
	at := headerSize + len(q.question)
	for range count(packet, 2) {
		var soa record
		if soa, at = readRecord(packet, at); at == 0 {
			return rcodeFormErr
		}
		q.readKnown(soa)
	}
	return q.readAdditional(packet, at, count(packet, 3))
}

// readUpdateSections is readSections for an UPDATE, whose zone section stands in the
// place of the question, and the prerequisites and the changes behind it (RFC 2136 §2).
func (q *query) readUpdateSections(packet []byte) rcode {
	if count(packet, 0) != 1 || !q.readQuestion(packet[headerSize:]) {
		return rcodeFormErr
	}
	at := headerSize + len(q.question)
	for range count(packet, 1) + count(packet, 2) {
		if _, at = readRecord(packet, at); at == 0 {
			return rcodeFormErr
		}
	}
	return q.readAdditional(packet, at, count(packet, 3))
}

// findOPT looks for one good OPT record where it would stand if the packet were
// any DNS message, and reads it. It returns false when there is none.
func (q *query) findOPT(packet []byte) bool {
	at := headerSize
	for range count(packet, 0) {
		end := skipName(packet, at)
		if end == 0 || end+4 > len(packet) {
			return false
		}
		at = end + 4
	}
	for range count(packet, 1) + count(packet, 2) {
		if _, at = readRecord(packet, at); at == 0 {
			return false
		}
	}
	q.edns, q.options = false, ednsOptions{}
	for range count(packet, 3) {
		var r record
		if r, at = readRecord(packet, at); at == 0 || r.typ == zone.TypeOPT && !q.readOPT(r) {
			return false
		}
	}
	return q.edns
}

func (q *query) readQuestion(wire []byte) bool {
	n := q.readName(wire)
	if n == 0 || len(wire) < n+4 {
		return false
	}
	q.question = wire[:n+4]
	q.typ = zone.Type(binary.BigEndian.Uint16(wire[n:]))
	q.class = binary.BigEndian.Uint16(wire[n+2:])
	return true
}

// readName reads the name at the start of wire and returns the octets that it
// takes; 0 when it is none, compressed names among them: there is nothing
// before a question that it could point to.
func (q *query) readName(wire []byte) int {
	for i := 0; i < len(wire); {
		size := int(wire[i])
		if size == 0 {
			q.lowered[i] = 0
			q.name = viewName(q.lowered[:i+1])
			return i + 1
		}
		end := i + 1 + size
		if size > maxLabel || end >= len(wire) || end >= zone.MaxName {
			return 0
		}
		q.lowered[i] = wire[i]
		for i++; i < end; i++ {
			q.lowered[i] = lower(wire[i])
		}
	}
	return 0
}

// readAdditional reads the last section, which starts at at. Records that mean
// nothing in a query are passed over, and so is what stands behind the last
// unless the packet is signed.
func (q *query) readAdditional(packet []byte, at, count int) rcode {
	for left := count; left > 0; left-- {
		var r record
		start := at
		if r, at = readRecord(packet, at); at == 0 {
			return rcodeFormErr
		}
		ok := true
		switch r.typ {
		case zone.TypeOPT:
			ok = q.readOPT(r)
		case typeTSIG: // must be the last (RFC 8945 §5.1)
			ok = left == 1 && q.readTSIG(packet, start)
		case typeSIG:
			q.sig0 = true
		}
		if !ok {
			return rcodeFormErr
		}
	}
	return rcodeNoError
}

// readTSIG reads the TSIG record at at. It returns false when it is broken, or does not
// end the packet.
func (q *query) readTSIG(packet []byte, at int) bool {
	var err error
	q.tsig, err = tsig.Read(packet, at)
	q.signed = err == nil
	return q.signed
}

// record is one record of a packet, as parts of the packet.
type record struct {
	name  []byte // may end in a compression pointer
	typ   zone.Type
	class uint16
	ttl   uint32
	data  []byte
}

// readRecord reads the record at at and returns where the next one starts; 0
// when the packet is broken there.
func readRecord(packet []byte, at int) (record, int) {
	end := skipName(packet, at)
	if end == 0 || len(packet) < end+10 {
		return record{}, 0
	}
	fixed := packet[end : end+10]
	next := end + 10 + int(binary.BigEndian.Uint16(fixed[8:]))
	if next > len(packet) {
		return record{}, 0
	}
	return record{
		name:  packet[at:end],
		typ:   zone.Type(binary.BigEndian.Uint16(fixed)),
		class: binary.BigEndian.Uint16(fixed[2:]),
		ttl:   binary.BigEndian.Uint32(fixed[4:]),
		data:  packet[end+10 : next],
	}, next
}

// skipName returns where the name at at ends, 0 when it is none. It follows no
// pointer, and only takes those that lead backwards.
func skipName(packet []byte, at int) int {
	for start := at; at < len(packet) && at-start < zone.MaxName; {
		size := int(packet[at])
		switch {
		case size == 0:
			return at + 1
		case size <= maxLabel:
			at += 1 + size
		case size >= pointerMark && at+1 < len(packet):
			if to := int(binary.BigEndian.Uint16(packet[at:])) &^ (pointerMark << 8); to < headerSize || to >= start {
				return 0
			}
			return at + 2
		default:
			return 0
		}
	}
	return 0
}
