package dnsserver

import (
	"encoding/binary"

	"stayput.dev/internal/zone"
)

// view is what a table needs of one version of a zone to answer in its name. It
// never changes.
type view struct {
	origin zone.Name
	denial *denial // nil when it is too rare a case
	empty  bool    // whether a name right below the origin that the table does not know does not exist
}

// newView makes the view of z.
func newView(z *zone.Zone) *view {
	v := &view{origin: z.Origin(), denial: newDenial(z.Origin(), z.SOA())}
	wildcard := zone.Name("\x01*") + v.origin
	// What would stand in for such names: a wildcard, or a DNAME at the apex.
	v.empty = len(wildcard) <= zone.MaxName && z.Lookup(wildcard, zone.TypeA).Outcome == zone.NXDomain
	return v
}

// A denial is the SOA record of negative answers (RFC 2308 §3), ready but for the
// places that its compression pointers lead to. It is octet for octet what
// putSOA makes of it, for names that are one label longer than the origin.
type denial struct {
	record   []byte
	pointers []pointer
	below    [2]string // labels of MNAME and RNAME right below the origin, with their lengths; "" for none
}

// pointer is a compression pointer in a denial.
type pointer struct {
	at     int  // where it stands in the record
	to     int  // octets from the start of the record, or of the origin in the question
	inside bool // which of the two
}

// newDenial makes the denial of a zone. It returns nil when the names in it have
// so many labels that putSOA would not compress all of them.
func newDenial(origin zone.Name, soa zone.SOA) *denial {
	if 1+origin.CountLabels()+soa.MName.CountLabels()+soa.RName.CountLabels() > maxKnown {
		return nil
	}
	d := &denial{}
	known := map[zone.Name]pointer{} // suffixes that can be pointed to
	for n := origin; n != zone.Root; n = n.Parent() {
		known[n] = pointer{to: len(origin) - len(n)}
	}
	d.putName(origin, known)
	m := message{b: d.record}
	start := m.putFixed(zone.TypeSOA, soa.NegativeTTL())
	d.record = m.b
	for i, n := range [...]zone.Name{soa.MName, soa.RName} {
		d.below[i] = labelBelow(n, origin)
		d.putName(n, known)
	}
	for _, v := range [...]uint32{soa.Serial, soa.Refresh, soa.Retry, soa.Expire, soa.Minimum} {
		d.record = binary.BigEndian.AppendUint32(d.record, v)
	}
	binary.BigEndian.PutUint16(d.record[start-2:], uint16(len(d.record)-start))
	return d
}

// putName appends a name, compressed as message.putName does it.
func (d *denial) putName(name zone.Name, known map[zone.Name]pointer) {
	for ; name != zone.Root; name = name.Parent() {
		if p, ok := known[name]; ok {
			p.at = len(d.record)
			d.pointers = append(d.pointers, p)
			d.record = append(d.record, 0, 0)
			return
		}
		known[name] = pointer{to: len(d.record), inside: true}
		d.record = append(d.record, name[:1+int(name[0])]...)
	}
	d.record = append(d.record, 0)
}

// labelBelow returns the label of name that stands right below origin, with its
// length; "" when name is not below it.
func labelBelow(name, origin zone.Name) string {
	if name == origin || !name.IsWithin(origin) {
		return ""
	}
	for name.Parent() != origin {
		name = name.Parent()
	}
	return string(name[:len(name)-len(origin)])
}

// fits tells whether the denial can be used for the name that has the label below
// the origin, in lower case and with its length: it must not be one that the
// record could point to.
func (d *denial) fits(label []byte) bool {
	return string(label) != d.below[0] && string(label) != d.below[1]
}

// put writes the record into the message m at at; the question's name has the
// zone's origin at origin.
func (d *denial) put(m []byte, at, origin int) {
	copy(m[at:], d.record)
	for _, p := range d.pointers {
		to := origin + p.to
		if p.inside {
			to = at + p.to
		}
		binary.BigEndian.PutUint16(m[at+p.at:], pointerMark<<8|uint16(to))
	}
}
