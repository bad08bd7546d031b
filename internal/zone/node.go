package zone

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// Node is all that stands at one name of one version of a zone: a view of the
// zone's own memory, valid as long as anyone keeps it. The zero Node is empty.
// It is safe for concurrent use.
type Node struct{ raw []byte }

// In a node each set lies as: type (2 octets), TTL (4), number of records (2),
// length of what follows (4), then each record as length (2) and rdata; all
// big-endian, as in a DNS message. Sets lie in ascending order of type.
const setHeader = 12

// Records is one RRset of a node, without its name: a view of the zone's
// memory. The zero Records is no set; its Len is 0.
type Records struct{ raw []byte }

// IsEmpty tells whether nothing stands at the name.
func (n Node) IsEmpty() bool { return len(n.raw) == 0 }

// Equal tells whether the same sets stand at both.
func (n Node) Equal(m Node) bool { return bytes.Equal(n.raw, m.raw) }

// Lookup returns the set of type t; a zero Records when there is none. It does
// not allocate.
func (n Node) Lookup(t Type) Records {
	for rest := n.raw; len(rest) >= setHeader; {
		size := setHeader + int(binary.BigEndian.Uint32(rest[8:]))
		if Type(binary.BigEndian.Uint16(rest)) == t {
			return Records{rest[:size:size]}
		}
		rest = rest[size:]
	}
	return Records{}
}

// All yields the sets in ascending order of type.
func (n Node) All() iter.Seq[Records] {
	return func(yield func(Records) bool) {
		for rest := n.raw; len(rest) >= setHeader; {
			size := setHeader + int(binary.BigEndian.Uint32(rest[8:]))
			if !yield(Records{rest[:size:size]}) {
				return
			}
			rest = rest[size:]
		}
	}
}

// Type returns the type of the set, 0 for no set.
func (r Records) Type() Type {
	if r.raw == nil {
		return 0
	}
	return Type(binary.BigEndian.Uint16(r.raw))
}

// TTL returns the set's time to live in seconds.
func (r Records) TTL() uint32 {
	if r.raw == nil {
		return 0
	}
	return binary.BigEndian.Uint32(r.raw[2:])
}

// Len returns the number of records.
func (r Records) Len() int {
	if r.raw == nil {
		return 0
	}
	return int(binary.BigEndian.Uint16(r.raw[6:]))
}

// All yields the data of each record in wire form, which must not be modified.
func (r Records) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if r.raw == nil {
			return
		}
		for rest := r.raw[setHeader:]; len(rest) >= 2; {
			end := 2 + int(binary.BigEndian.Uint16(rest))
			if !yield(rest[2:end:end]) {
				return
			}
			rest = rest[end:]
		}
	}
}

// Has tells whether data is that of a record of the set.
func (r Records) Has(data []byte) bool {
	for d := range r.All() {
		if bytes.Equal(d, data) {
			return true
		}
	}
	return false
}

// RRset returns a copy of the set that stands on its own, under name. For no
// set, it has no data and the type that is asked for as 0.
func (r Records) RRset(name Name) RRset {
	s := RRset{Name: name, Type: r.Type(), TTL: r.TTL()}
	for d := range r.All() {
		s.Data = append(s.Data, Rdata(d))
	}
	return s
}

// appendSet appends the stored form of s, which is sorted and has data.
func appendSet(dst []byte, s RRset) []byte {
	size := 0
	for _, d := range s.Data {
		size += 2 + len(d)
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(s.Type))
	dst = binary.BigEndian.AppendUint32(dst, s.TTL)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s.Data)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	for _, d := range s.Data {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(d)))
		dst = append(dst, d...)
	}
	return dst
}

// with returns the stored form of the node after s has taken the place of the
// set of its type; without data, s only removes it.
func (n Node) with(s RRset) []byte {
	out := make([]byte, 0, len(n.raw)+setHeader+len(s.Data)*18)
	placed := len(s.Data) == 0
	for r := range n.All() {
		if !placed && r.Type() >= s.Type {
			out, placed = appendSet(out, s), true
		}
		if r.Type() != s.Type {
			out = append(out, r.raw...)
		}
	}
	if !placed {
		out = appendSet(out, s)
	}
	return out
}

// checkNode tells whether raw is a node as appendSet writes them, so that the
// views above may trust it.
func checkNode(raw []byte) bool {
	last := -1
	for len(raw) > 0 {
		if len(raw) < setHeader {
			return false
		}
		size := uint64(binary.BigEndian.Uint32(raw[8:]))
		t := int(binary.BigEndian.Uint16(raw))
		if t <= last || size > uint64(len(raw)-setHeader) {
			return false
		}
		last = t
		if !checkRecords(raw[setHeader:setHeader+size], int(binary.BigEndian.Uint16(raw[6:]))) {
			return false
		}
		raw = raw[setHeader+size:]
	}
	return last >= 0
}

func checkRecords(raw []byte, count int) bool {
	for range count {
		if len(raw) < 2 {
			return false
		}
		size := 2 + int(binary.BigEndian.Uint16(raw))
		if size > len(raw) {
			return false
		}
		raw = raw[size:]
	}
	return count > 0 && len(raw) == 0
}
