package zone

import (
	"encoding/binary"
	"fmt"
)

// SOA is the start of authority of a zone (RFC 1035 §3.3.13). Times are in
// seconds.
type SOA struct {
	MName, RName                    Name
	Serial                          uint32
	Refresh, Retry, Expire, Minimum uint32
	TTL                             uint32 // of the SOA record itself
}

// DefaultSOA returns the timers for a zone that changes all day: negative
// answers live for a minute, secondaries look every five minutes and serve for
// two weeks without their primary.
func DefaultSOA(mname, rname Name, serial uint32) SOA {
	return SOA{
		MName: mname, RName: rname, Serial: serial,
		Refresh: 300, Retry: 60, Expire: 14 * 86400, Minimum: 60, TTL: 60,
	}
}

// NegativeTTL returns how long a resolver may remember that something does not
// exist (RFC 2308 §5).
func (s SOA) NegativeTTL() uint32 { return min(s.TTL, s.Minimum) }

// Data returns the wire form. The TTL is not part of it.
func (s SOA) Data() Rdata {
	b := append([]byte(s.MName), s.RName...)
	for _, v := range []uint32{s.Serial, s.Refresh, s.Retry, s.Expire, s.Minimum} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return Rdata(b)
}

// RRset returns the SOA record of the zone with the given origin.
func (s SOA) RRset(origin Name) RRset {
	return RRset{Name: origin, Type: TypeSOA, TTL: s.TTL, Data: []Rdata{s.Data()}}
}

// ParseSOA reads the wire form; TTL stays 0.
func ParseSOA(d Rdata) (SOA, error) {
	b := []byte(d)
	mname, n, err := NameFromWire(b)
	if err != nil {
		return SOA{}, fmt.Errorf("reading SOA: %w", err)
	}
	b = b[n:]
	rname, n, err := NameFromWire(b)
	if err != nil {
		return SOA{}, fmt.Errorf("reading SOA: %w", err)
	}
	b = b[n:]
	if len(b) != 20 {
		return SOA{}, fmt.Errorf("reading SOA: %d octets of numbers, want 20", len(b))
	}
	v := func(i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }
	return SOA{mname, rname, v(0), v(1), v(2), v(3), v(4), 0}, nil
}
