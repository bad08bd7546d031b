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
