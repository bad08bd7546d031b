package dnsserver_test

import (
	"fmt"
	"slices"
	"strings"
)

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
