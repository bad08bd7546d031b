package dnsserver

import (
	"github.com/miekg/dns"

	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// updateMessage is an UPDATE (RFC 2136 §2) whose zone section has been found good.
type updateMessage struct {
	zone          zone.Name
	key           tsig.Key // that signed it
	prerequisites []updateRecord
	updates       []updateRecord
}

// updateRecord is a record of an UPDATE.
type updateRecord struct {
	name   zone.Name
	typ    zone.Type
	class  uint16
	ttl    uint32
	data   zone.Rdata
	broken bool // the data is not what the type says
}

// readUpdate reads the records of an UPDATE, whose zone section ends at at. It returns
// rcodeFormErr when a name is none.
func (u *updateMessage) readUpdate(packet []byte, at int) rcode {
	for i, section := range []*[]updateRecord{&u.prerequisites, &u.updates} {
		for range count(packet, i+1) {
			r, next := readRecord(packet, at)
			if next == 0 {
				return rcodeFormErr
			}
			name, _, err := zone.NameFromMessage(packet, at)
			if err != nil {
				return rcodeFormErr
			}
			record := updateRecord{name: name, typ: r.typ, class: r.class, ttl: r.ttl}
			record.readData(packet, next-len(r.data), next)
			*section = append(*section, record)
			at = next
		}
	}
	return rcodeNoError
}

// readData reads the data that stands in packet[at:end].
func (r *updateRecord) readData(packet []byte, at, end int) {
	var err error
	if r.data, err = zone.DataFromMessage(packet, at, end, r.typ); err != nil {
		r.broken = true
		return
	}
	if len(r.data) > 0 || r.class == classIN && !mayBeEmpty(r.typ) {
		r.broken = !isData(r.typ, r.data)
	}
	r.data = r.data.Canonical(r.typ)
}

// Types that may have no data.
const (
	typeNULL zone.Type = 10
	typeAPL  zone.Type = 42
)

// mayBeEmpty tells whether a record of the type may have no data; of types that we do
// not know, it may.
func mayBeEmpty(t zone.Type) bool {
	_, known := dns.TypeToRR[uint16(t)]
	return !known || t == typeNULL || t == typeAPL
}

// isData tells whether data is what its type says.
func isData(t zone.Type, data zone.Rdata) bool {
	if t.IsMeta() {
		return true // the record is judged by its type
	}
	m := message{b: []byte{0}}
	start := m.putFixed(t, 0)
	m.b = append(m.b, data...)
	m.putLength(start)
	_, end, err := dns.UnpackRR(m.b, 0)
	return err == nil && end == len(m.b) && len(data) > 0
}
