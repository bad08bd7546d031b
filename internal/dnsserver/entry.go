package dnsserver

import (
	"encoding/binary"
	"sync/atomic"
)

// slot is the stored form of an entry: one line of the cache.
type slot [8]atomic.Uint64

const slotOctets = 64

// What the first word of a slot may be beside a hash.
const (
	slotFree    = iota
	slotRemoved // of a name that is gone: who looks for another must go on
	leastHash
)

// entry is what a table knows of a name.
type entry struct {
	flags  entryFlags
	length uint8      // octets of the name before its zone's origin
	zone   uint32     // index of the view
	ttl    uint32     // of the addresses
	v4     uint32     // first octet in the lowest bits
	v6     [2]uint64  // likewise
	label  shortLabel // the name before its zone's origin, when that is short
}

type entryFlags uint8

const (
	entryPlain     entryFlags = 1 << iota // the flags below say all about addresses at this name
	entryA                                // the one A record is here; without it, there is none
	entryAAAA                             // likewise
	entryAddresses                        // no records of another type stand at the name
	entryApex                             // the name is the zone's origin; the rest is not here
)

// shortLabel is the beginning of a name, up to the origin of its zone, in wire
// form, filled up with zeros.
type shortLabel [24]byte

// isShort tells whether the name is in the entry. Where it is not, only its hash
// tells it from others, and the entry is never plain.
func (e *entry) isShort() bool { return int(e.length) <= len(e.label) }

// isAlso tells whether the entry in a slot is about the same name as e, which has
// its hash.
func (e *entry) isAlso(s *slot) bool {
	var o entry
	o.load(s)
	return o.length == e.length && o.zone == e.zone && o.label == e.label
}

func (e *entry) load(s *slot) {
	w := s[1].Load()
	e.flags, e.length, e.zone = entryFlags(w), uint8(w>>8), uint32(w>>32)
	w = s[2].Load()
	e.ttl, e.v4 = uint32(w>>32), uint32(w)
	e.v6[0], e.v6[1] = s[3].Load(), s[4].Load()
	for i := range 3 {
		binary.LittleEndian.PutUint64(e.label[8*i:], s[5+i].Load())
	}
}

func (e *entry) store(s *slot) {
	s[1].Store(uint64(e.flags) | uint64(e.length)<<8 | uint64(e.zone)<<32)
	s[2].Store(uint64(e.ttl)<<32 | uint64(e.v4))
	s[3].Store(e.v6[0])
	s[4].Store(e.v6[1])
	for i := range 3 {
		s[5+i].Store(binary.LittleEndian.Uint64(e.label[8*i:]))
	}
}
