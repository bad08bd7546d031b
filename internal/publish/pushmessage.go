package publish

import (
	"encoding/hex"
	"slices"

	"github.com/miekg/dns"

	"stayput.dev/internal/zone"
)

// What a target has of its own: what makes the zone itself, and signatures.
const (
	typeNSEC3      zone.Type = 50
	typeNSEC3PARAM zone.Type = 51
	typeCDS        zone.Type = 59
	typeCDNSKEY    zone.Type = 60
)

var (
	neverPushed = []zone.Type{zone.TypeSOA, zone.TypeRRSIG, zone.TypeNSEC, typeNSEC3, typeNSEC3PARAM}
	notAtApex   = []zone.Type{zone.TypeNS, zone.TypeDNSKEY, typeCDS, typeCDNSKEY}
)

// fenceName returns the name of the record that says whose a zone is.
func fenceName(origin zone.Name) zone.Name {
	const label = "_stayput-push"
	return zone.Name(string(rune(len(label))) + label + string(origin))
}

// isPushed tells whether records of a type at a name are ours to carry.
func isPushed(origin, name zone.Name, t zone.Type) bool {
	return !slices.Contains(neverPushed, t) && (name != origin || !slices.Contains(notAtApex, t)) && name != fenceName(origin)
}

// pushedTypes returns the types of a node that are ours to carry.
func pushedTypes(origin, name zone.Name, n zone.Node) (types []zone.Type) {
	for r := range n.All() {
		if isPushed(origin, name, r.Type()) {
			types = append(types, r.Type())
		}
	}
	return types
}

// addressTypes stand for whom a name is: where we have a name, nobody else has these
// there.
var addressTypes = []zone.Type{zone.TypeA, zone.TypeAAAA, zone.TypeCNAME}

// appendName appends to an UPDATE what makes a name at the target what the node says
// (RFC 2136 §2.5): sets that may be there of us and are not here any more are deleted, and
// so is what may be wrong, which then is added as it is here. had are types that the target
// may have of us, wrong those that it may not have as they are here; nil: any.
func appendName(m *dns.Msg, origin, name zone.Name, n zone.Node, had, wrong []zone.Type) {
	types := pushedTypes(origin, name, n)
	drop := slices.Clone(had)
	if len(types) > 0 {
		drop = union(drop, addressTypes)
	}
	drop = slices.DeleteFunc(union(drop, types), func(t zone.Type) bool {
		return !isPushed(origin, name, t) || slices.Contains(types, t) && !isSuspect(wrong, t)
	})
	slices.Sort(drop)
	for _, t := range drop {
		m.Ns = append(m.Ns, record(name, t, dns.ClassANY, 0, ""))
	}
	for _, t := range types {
		if !isSuspect(wrong, t) {
			continue
		}
		records := n.Lookup(t)
		for data := range records.All() {
			m.Ns = append(m.Ns, record(name, t, dns.ClassINET, records.TTL(), zone.Rdata(data)))
		}
	}
}

// isSuspect tells whether a type is among those that may be wrong; nil: all are.
func isSuspect(wrong []zone.Type, t zone.Type) bool { return wrong == nil || slices.Contains(wrong, t) }

// record returns a record whose data is known as octets.
func record(name zone.Name, t zone.Type, class uint16, ttl uint32, data zone.Rdata) dns.RR {
	header := dns.RR_Header{Name: fqdn(name), Rrtype: uint16(t), Class: class, Ttl: ttl}
	if data == "" {
		return &dns.ANY{Hdr: header}
	}
	return &dns.RFC3597{Hdr: header, Rdata: hex.EncodeToString([]byte(data))}
}

// recordSet returns the records of a message that have a name and type, and whether
// their data could be read.
func recordSet(records []dns.RR, name zone.Name, t zone.Type) (zone.RRset, bool) {
	set := zone.RRset{Name: name, Type: t}
	for _, rr := range records {
		if h := rr.Header(); h.Rrtype != uint16(t) || !isName(h.Name, name) {
			continue
		}
		data, ok := octets(rr)
		if !ok {
			return zone.RRset{}, false
		}
		set.TTL = rr.Header().Ttl
		set.Data = append(set.Data, data.Canonical(t))
	}
	return set.Sorted(), true
}

// isName tells whether a name of a message is the given one. As text they may differ: not
// everybody escapes the same octets.
func isName(text string, name zone.Name) bool {
	n, err := zone.ParseName(text)
	return err == nil && n == name
}

// octets returns the data of a record as octets, names in it not compressed.
func octets(rr dns.RR) (zone.Rdata, bool) {
	wire := make([]byte, dns.Len(rr)+64)
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return "", false
	}
	_, at, err := dns.UnpackDomainName(wire, 0)
	if err != nil || at+10 > end {
		return "", false
	}
	return zone.Rdata(wire[at+10 : end]), true
}
