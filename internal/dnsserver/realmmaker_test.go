package dnsserver_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"stayput.dev/internal/zone"
)

// families is how many times the made realm holds a zone with zones beside and
// below it.
const families = 8

// relatives are the zones of a family: below one another, in a delegation, in an
// empty non-terminal, in what another zone calls its own, and below a name that
// is a wildcard for others.
var relatives = [...]string{"", "b.", "a.b.", "a.c.", "d.d.", "e.d.d.", "x.*.e."}

// makeRealm makes zones rich in what is hard to answer, the same ones for the
// same seed.
func makeRealm(seed uint64) *realm {
	m := &realmMaker{Rand: rand.New(rand.NewPCG(seed, 1)), realm: &realm{zones: map[string]content{}}}
	for i := range families {
		top := fmt.Sprintf("f%d.example.org.", i)
		for _, relative := range relatives {
			m.realm.zones[relative+top] = content{}
		}
	}
	for _, origin := range m.realm.origins() {
		m.fill(origin)
	}
	m.renameAll("moved.example.org.")
	m.clearDNAMEAbove()
	m.realm.findNames()
	return m.realm
}

// realmMaker makes one zone after the other.
type realmMaker struct {
	*rand.Rand
	realm  *realm
	origin string
	zone   content
}

// fill makes what stands in a zone.
func (m *realmMaker) fill(origin string) {
	m.origin, m.zone = origin, m.realm.zones[origin]
	m.putApex()
	for range 60 + m.IntN(40) {
		m.putSomething(m.name())
	}
	for length := 1; length <= 4; length++ {
		m.putCircle(length)
	}
	m.putChains()
	m.putWide()
	m.clearBelowDNAME()
	m.clearForOthers()
}

// clearForOthers leaves nothing in the zone of what belongs to the zones below
// it, since NSD takes such names for theirs, and delegates to them.
func (m *realmMaker) clearForOthers() {
	for _, other := range m.realm.origins() {
		if !isBelow(other, m.origin) {
			continue
		}
		maps.DeleteFunc(m.zone, func(owner string, _ map[string][]string) bool { return owner == other || isBelow(owner, other) })
		if m.realm.zoneAt(parent(other)) == m.origin {
			m.put(other, "NS", "ns1."+other, "ns.example.net.")
			m.put("ns1."+other, "A", "192.0.2.1")
			m.put("ns1."+other, "AAAA", "2001:db8::1")
			if m.IntN(2) == 0 {
				m.put(other, "DS", "1 13 2 "+strings.Repeat("00", 32))
			}
		}
	}
}

func (m *realmMaker) putApex() {
	soa := fmt.Sprintf("ns1.%s hostmaster.%s %d 300 60 1209600 %d", m.origin, m.origin, m.Uint32(), m.ttl())
	m.put(m.origin, "SOA", soa)
	m.put(m.origin, "NS", "ns1."+m.origin, "ns.example.net.", m.serverElsewhere())
	m.put("ns1."+m.origin, "A", "192.0.2.1")
	m.put("ns1."+m.origin, "AAAA", "2001:db8::1")
	for range m.IntN(4) {
		m.putLeaf(m.origin)
	}
}

// serverElsewhere returns a name server of another zone that is not below this
// one: named wants to see the addresses of all others.
func (m *realmMaker) serverElsewhere() string {
	origins := m.realm.origins()
	if other := origins[m.IntN(len(origins))]; !isBelow(other, m.origin) {
		return "ns1." + other
	}
	return "ns2.example.net."
}

// renameAll makes a zone with a DNAME at its apex.
func (m *realmMaker) renameAll(origin string) {
	m.origin, m.zone = origin, content{}
	m.realm.zones[origin] = m.zone
	m.put(origin, "SOA", "ns.example.net. hostmaster.example.net. 1 300 60 1209600 30")
	m.put(origin, "NS", "ns.example.net.", "ns1.f0.example.org.")
	m.put(origin, "TXT", `"all below me is elsewhere"`)
	m.put(origin, "DNAME", "f0.example.org.")
}

// isName tells whether labels that were put together are a name: not too long.
func isName(labels string) bool {
	_, err := zone.ParseName(labels)
	return err == nil
}

func isWildcard(name string) bool { return strings.HasPrefix(name, "*.") }

// labels are few, so that names meet.
var labels = [...]string{"a", "b", "c", "d", "e", "a", "b", "c", "d", "e", "*", "_tcp", `\000`, "x-" + strings.Repeat("y", 61)}

func (m *realmMaker) label() string { return labels[m.IntN(len(labels))] }

// name returns a name of the zone, whether it is there or not.
func (m *realmMaker) name() string {
	name := m.origin
	for range 1 + m.IntN(3) {
		name = m.label() + "." + name
	}
	return name
}

// target returns a name for others to lead to: most are of the same zone.
func (m *realmMaker) target() string {
	switch m.IntN(8) {
	case 0:
		return m.label() + ".example.net."
	case 1:
		others := m.realm.origins()
		return m.label() + "." + others[m.IntN(len(others))]
	case 2:
		return m.origin
	case 3, 4: // where something stands already
		names := slices.Sorted(maps.Keys(m.zone))
		return names[m.IntN(len(names))]
	}
	return m.name()
}

func (m *realmMaker) ttl() int { return []int{0, 60, 300, 3600, 86400}[m.IntN(5)] }

// put adds an RRset, unless there is one, or an alias that bears nothing beside
// itself. All its records share a TTL.
func (m *realmMaker) put(owner, typ string, data ...string) {
	sets := m.zone[owner]
	if !isName(owner) || sets[typ] != nil || sets["CNAME"] != nil || typ == "CNAME" && sets != nil {
		return
	}
	if sets == nil {
		m.zone[owner] = map[string][]string{}
	}
	ttl := m.ttl()
	for _, d := range data {
		m.zone[owner][typ] = append(m.zone[owner][typ], fmt.Sprintf("%d %s", ttl, d))
	}
}

// putSomething puts something of any kind at a name where nothing stands yet.
func (m *realmMaker) putSomething(owner string) {
	if m.zone[owner] != nil {
		return
	}
	switch kind := m.IntN(20); {
	case kind < 4:
		m.put(owner, "CNAME", m.target())
	case kind < 6 && !isWildcard(owner): // RFC 4592 §4.4 advises against a wildcard
		m.put(owner, "DNAME", m.target())
		if m.IntN(2) == 0 {
			m.putLeaf(owner)
		}
	case kind < 8 && !isWildcard(owner): // RFC 4592 §4.2 leaves open what a wildcard means
		m.delegate(owner)
	case kind < 11:
		m.putSomething("*." + owner)
	default:
		for range 1 + m.IntN(3) {
			m.putLeaf(owner)
		}
	}
}

// leafTypes are the types that lead nowhere by themselves.
var leafTypes = [...]string{"A", "A", "AAAA", "TXT", "MX", "SRV", "PTR", "CAA", "HTTPS", "NAPTR", "TYPE65280"}

func (m *realmMaker) putLeaf(owner string) {
	typ := leafTypes[m.IntN(len(leafTypes))]
	var data []string
	for i := range 1 + m.IntN(3) {
		data = append(data, m.leaf(typ, i))
	}
	if typ == "HTTPS" && m.IntN(2) == 0 { // an alias stands alone (RFC 9460 §2.4.2)
		data = []string{"0 " + m.target()}
	}
	m.put(owner, typ, data...)
}

// leaf returns the data of the i-th record of a set.
func (m *realmMaker) leaf(typ string, i int) string {
	switch typ {
	case "A":
		return fmt.Sprintf("192.0.2.%d", 10*i+m.IntN(10))
	case "AAAA":
		return fmt.Sprintf("2001:db8::%d:%d", i, m.IntN(10))
	case "TXT":
		return fmt.Sprintf(`"text %d"`, i)
	case "MX":
		return fmt.Sprintf("%d %s", i, m.target())
	case "SRV":
		return fmt.Sprintf("%d 0 5060 %s", i, m.target())
	case "PTR":
		return m.target()
	case "CAA":
		return fmt.Sprintf(`0 issue "ca%d.example.net"`, i)
	case "HTTPS":
		return fmt.Sprintf("%d %s", i+1, []string{".", m.target()}[m.IntN(2)])
	case "NAPTR":
		return fmt.Sprintf(`%d 1 "u" "E2U+sip" "!^.*$!sip:a@example.net!" .`, i)
	}
	return fmt.Sprintf(`\# 2 ff%02x`, i)
}

// delegate makes a zone cut. Its servers are within it, beside it and elsewhere,
// with and without glue, and things that the cut hides stand at and below it.
func (m *realmMaker) delegate(cut string) {
	if m.zone[cut] != nil {
		return
	}
	within := m.label() + "." + cut
	servers := [][]string{{within}, {cut}, {m.target()}, {within, m.target()}, {within, "ns1." + m.origin, "ns.example.net."}}
	m.put(cut, "NS", slices.Compact(servers[m.IntN(len(servers))])...)
	if m.IntN(2) == 0 {
		m.put(cut, "DS", "1 13 2 "+strings.Repeat("00", 32))
	}
	for _, at := range []string{cut, within, m.label() + "." + within} {
		if m.IntN(3) > 0 {
			m.put(at, "A", m.leaf("A", 0))
		}
		if m.IntN(3) == 0 {
			m.put(at, "AAAA", m.leaf("AAAA", 0))
		}
		if m.IntN(3) == 0 {
			m.putLeaf(at)
		}
	}
	m.putSomething(m.label() + "." + cut)
}

// putCircle makes aliases that lead to one another.
func (m *realmMaker) putCircle(length int) {
	for i := range length {
		owner := fmt.Sprintf("circle%d-%d.%s", length, i, m.origin)
		m.put(owner, "CNAME", fmt.Sprintf("circle%d-%d.%s", length, (i+1)%length, m.origin))
	}
	m.put(m.label()+".circle."+m.origin, "CNAME", fmt.Sprintf("circle%d-0.%s", length, m.origin))
	m.put(fmt.Sprintf("round%d.%s", length, m.origin), "DNAME", fmt.Sprintf("round%d.%s", length%3+1, m.origin))
}

// putChains makes chains of aliases and renames that end somewhere, and a rename
// that never does.
func (m *realmMaker) putChains() {
	to := []string{m.target(), m.target()}
	for i := range 4 {
		alias, rename := fmt.Sprintf("alias%d.%s", i, m.origin), fmt.Sprintf("rename%d.%s", i, m.origin)
		m.put(alias, "CNAME", to[0])
		m.put(rename, "DNAME", to[1])
		to = []string{alias, rename}
	}
	m.put("grow."+m.origin, "DNAME", "more.grow."+m.origin)
}

// putWide makes sets that do not fit into every reply.
func (m *realmMaker) putWide() {
	for _, owner := range []string{"wide." + m.origin, "*.wide." + m.origin} {
		var data []string
		for i := range 20 + m.IntN(80) {
			data = append(data, fmt.Sprintf("198.51.100.%d", i))
		}
		m.put(owner, "A", data...)
		m.put(owner, "MX", "10 wide."+m.origin)
	}
}

// clearBelowDNAME removes what no zone may hold: anything below a DNAME
// (RFC 6672 §2.4).
func (m *realmMaker) clearBelowDNAME() {
	for _, owner := range slices.Sorted(maps.Keys(m.zone)) {
		for _, above := range pathTo(owner, m.origin) {
			if above != owner && m.zone[above]["DNAME"] != nil {
				delete(m.zone, owner)
			}
		}
	}
}

// clearDNAMEAbove removes DNAMEs that stand above data of another zone: NSD does
// not load them.
func (m *realmMaker) clearDNAMEAbove() {
	for _, zone := range m.realm.zones {
		for owner := range zone {
			for _, other := range m.realm.zones {
				for above := parent(owner); above != "."; above = parent(above) {
					delete(other[above], "DNAME")
				}
			}
		}
	}
	for _, zone := range m.realm.zones {
		maps.DeleteFunc(zone, func(_ string, sets map[string][]string) bool { return len(sets) == 0 })
	}
}
