package dnsserver

import (
	"encoding/binary"
	"net/netip"

	"stayput.dev/internal/zone"
)

// answer writes the reply to the i-th packet of a batch, that lookUp was told of, over
// it and returns its octets. It returns 0, having changed nothing, when the packet is not usual.
func (u *usual) answer(i int, packet []byte, client netip.Addr, opts *Options, now uint32) int {
	a, f := &u.asked[i], &u.found[i]
	if !a.usual || f.view == nil || !a.checkCookie(opts, client, now) {
		return 0
	}
	if opts.Whoami && !f.known && isWhoami(viewName(u.names[i][:a.length]), f.view.origin) {
		return 0
	}
	m := packet[:cap(packet)]
	code, counts := rcodeNoError, uint64(1<<48|1<<32) // a question and an answer
	at := f.putAddress(m, a)
	if at == 0 {
		if !f.denies(a, u.names[i][:a.label]) {
			return 0
		}
		at = f.putDenial(m, a)
		counts = 1<<48 | 1<<16
		if !f.known {
			code = rcodeNXDomain
		}
	}
	if a.edns {
		at = a.putOPT(m, at, opts, client, now)
		counts |= 1
	}
	m[2] = bitQR | bitAA | m[2]&bitRD
	m[3] = uint8(code)
	binary.BigEndian.PutUint64(m[4:], counts)
	u.count(code, a.typ)
	return at
}

// questionEnd returns where the question ends.
func (a *asked) questionEnd() int { return headerSize + int(a.length) + 4 }

// putAddress puts the address that is asked for behind the question, and returns
// where it ends; 0 when there is none.
func (f *finding) putAddress(m []byte, a *asked) int {
	switch e := &f.entry; {
	case f.known && a.typ == zone.TypeA && e.flags&entryA != 0:
		return e.putA(m, a.questionEnd())
	case f.known && a.typ == zone.TypeAAAA && e.flags&entryAAAA != 0:
		return e.putAAAA(m, a.questionEnd())
	}
	return 0
}

// putDenial puts the zone's denial behind the question, and returns where it ends.
func (f *finding) putDenial(m []byte, a *asked) int {
	at, d := a.questionEnd(), f.view.denial
	d.put(m, at, headerSize+int(a.label))
	return at + len(d.record)
}

// denies tells whether the reply is that there is nothing, and the denial of the
// zone says it. Label is the first of the name that is asked for.
func (f *finding) denies(a *asked, label []byte) bool {
	if a.typ != zone.TypeA && a.typ != zone.TypeAAAA {
		if refusal(a.typ) != rcodeNoError {
			return false
		}
		if f.known && (f.entry.flags&entryAddresses == 0 || a.typ == zone.TypeANY) {
			return false
		}
	}
	d := f.view.denial
	return d != nil && len(label)+len(f.view.origin) == int(a.length) && d.fits(label) &&
		a.questionEnd()+len(d.record)+optSize+cookieOptionSize <= minUDPSize
}

// putA appends the A record of the name in the question at at, and returns where
// it ends.
func (e *entry) putA(m []byte, at int) int {
	b := m[at : at+16]
	binary.BigEndian.PutUint64(b, recordOf(zone.TypeA))
	binary.BigEndian.PutUint32(b[6:], e.ttl)
	b[10], b[11] = 0, 4
	binary.LittleEndian.PutUint32(b[12:], e.v4)
	return at + len(b)
}

func (e *entry) putAAAA(m []byte, at int) int {
	b := m[at : at+28]
	binary.BigEndian.PutUint64(b, recordOf(zone.TypeAAAA))
	binary.BigEndian.PutUint32(b[6:], e.ttl)
	b[10], b[11] = 0, 16
	binary.LittleEndian.PutUint64(b[12:], e.v6[0])
	binary.LittleEndian.PutUint64(b[20:], e.v6[1])
	return at + len(b)
}

// recordOf returns the first six octets of a record of the name in the question,
// and two more.
func recordOf(t zone.Type) uint64 {
	return (pointerMark<<8|headerSize)<<48 | uint64(t)<<32 | classIN<<16
}

// putOPT appends the OPT record of a reply, as message.putOPT does for one without an error.
func (a *asked) putOPT(m []byte, at int, opts *Options, client netip.Addr, now uint32) int {
	b := m[at : at+optSize]
	binary.BigEndian.PutUint64(b, uint64(zone.TypeOPT)<<40|uint64(uint16(opts.UDPSize))<<24)
	if a.do {
		b[7] = flagDO >> 8
	}
	b[8], b[9], b[10] = 0, 0, 0
	if at += len(b); a.proven == cookieNone {
		return at
	}
	b[10] = cookieOptionSize
	option := m[at : at+4 : at+cookieOptionSize]
	binary.BigEndian.PutUint32(option, optionCookie<<16|cookieSize)
	if a.proven == cookieGood {
		return at + len(append(option, a.cookie[:]...))
	}
	return at + len(opts.appendCookie(option, a.cookie[:], client, now))
}

// count counts a reply, until flush.
func (u *usual) count(code rcode, t zone.Type) {
	u.replies[code&1]++ // NOERROR and NXDOMAIN
	u.questions[classOf(t)]++
}

// flush counts what was replied since the last time.
func (u *usual) flush(c *counters) {
	for code := range u.replies {
		if n := u.replies[code]; n > 0 {
			c.replies[code*int(rcodeNXDomain)].Add(n)
			c.flat.Add(n)
		}
	}
	for class, n := range u.questions {
		if n > 0 {
			c.questions[class].Add(n)
		}
	}
	u.replies, u.questions = [2]uint64{}, [typeClasses]uint64{}
}
