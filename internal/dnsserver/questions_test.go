package dnsserver_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/zone"
)

// How many questions a comparison asks: of each kind at least, and at all.
const (
	quota      = 900
	allAsked   = 22000
	drawnUntil = 100 * allAsked
)

// questionMaker draws questions about a realm.
type questionMaker struct {
	*rand.Rand
	t       testing.TB
	realm   *realm
	origins []string
	owners  map[string][]string
	counts  map[string]int

	zones     zone.Set
	responder *dnsserver.Responder
	buf       []byte
}

// makeQuestions draws questions, the same ones for the same seed, until each
// kind has its quota.
func makeQuestions(t *testing.T, r *realm, zones zone.Set, seed uint64) []*dns.Msg {
	t.Helper()
	m := &questionMaker{
		Rand: rand.New(rand.NewPCG(seed, 2)), t: t, realm: r, origins: r.origins(),
		owners: map[string][]string{}, counts: map[string]int{},
		zones: zones, responder: dnsserver.NewResponder(dnsserver.Options{}), buf: make([]byte, dnsserver.BufferSize),
	}
	for _, origin := range m.origins {
		m.owners[origin] = r.owners(origin)
	}
	var out []*dns.Msg
	drawn := 0
	for ; len(out) < allAsked; drawn++ {
		if drawn == drawnUntil {
			t.Fatalf("%d questions drawn, and still too few of a kind: %v", drawn, m.counts)
		}
		name, typ := m.draw()
		if !isName(name) {
			continue
		}
		tags := r.classify(name, typ)
		wanted := slices.ContainsFunc(tags, func(tag string) bool { return m.counts[tag] < quota })
		if !wanted && len(out)+m.missing() >= allAsked {
			continue
		}
		q := m.query(name, typ)
		if !m.isClear(q) {
			continue
		}
		for _, tag := range tags {
			m.counts[tag]++
		}
		out = append(out, q)
	}
	t.Logf("%d questions of %d drawn: %v", len(out), drawn, m.counts)
	return out
}

// missing returns how many questions the quotas ask for at most.
func (m *questionMaker) missing() (n int) {
	for _, kind := range kinds {
		n += max(0, quota-m.counts[kind])
	}
	return n
}

// draw draws a name at, below or beside one that is there, and a type.
func (m *questionMaker) draw() (name, typ string) {
	origin := m.origins[m.IntN(len(m.origins))]
	owner := m.owners[origin][m.IntN(len(m.owners[origin]))]
	name = owner
	switch m.IntN(20) {
	case 0, 1:
		name = m.label() + "." + owner
	case 2:
		name = "*." + owner
	case 3:
		name = m.label() + "." + m.label() + "." + owner
	case 4, 5:
		name = m.label() + "." + parent(owner)
	case 6:
		name = parent(owner)
	case 7:
		name = origin
	case 8:
		name = []string{".", "org.", "example.org.", "x" + origin, "example.net.", m.label() + ".example.net."}[m.IntN(6)]
	}
	sets := m.realm.zones[origin][owner]
	if sets["DNAME"] != nil && m.IntN(2) == 0 {
		name = m.label() + "." + owner
	}
	return name, m.typeFor(sets)
}

func (m *questionMaker) label() string {
	if m.IntN(4) == 0 {
		return fmt.Sprintf("n%d", m.IntN(1000))
	}
	return labels[m.IntN(len(labels))]
}

// askedTypes are asked for anywhere.
var askedTypes = [...]string{
	"ANY", "DS", "A", "AAAA", "NS", "MX", "TXT", "SRV", "CNAME", "SOA", "DNAME", "PTR", "CAA", "HTTPS", "NAPTR", "TYPE65280",
	"SVCB", "TLSA", "SSHFP", "LOC", "TYPE65534",
}

// typeFor draws a type, half of the time one of the sets.
func (m *questionMaker) typeFor(sets map[string][]string) string {
	if there := slices.Sorted(maps.Keys(sets)); len(there) > 0 && m.IntN(2) == 0 {
		return there[m.IntN(len(there))]
	}
	if m.IntN(6) == 0 {
		return askedTypes[m.IntN(2)] // rare otherwise: kinds of their own
	}
	return askedTypes[m.IntN(len(askedTypes))]
}

// query makes the question, with all that may stand around it.
func (m *questionMaker) query(name, typ string) *dns.Msg {
	q := question(m.mixCase(name), typeNamed(m.t, typ))
	q.RecursionDesired = m.IntN(4) == 0
	q.AuthenticatedData = m.IntN(4) == 0
	q.CheckingDisabled = m.IntN(4) == 0
	if m.IntN(3) > 0 {
		q.SetEdns0([]uint16{700, 1232, 4096}[m.IntN(3)], m.IntN(2) == 0)
	}
	return q
}

// isClear tells whether it is clear that the reply to q is truncated, or that it
// is not. Between, it depends on how hard a server looks for names to compress,
// which is left to it (RFC 1035 §4.1.4).
func (m *questionMaker) isClear(q *dns.Msg) bool {
	limit := 512
	if opt := q.IsEdns0(); opt != nil {
		limit = min(int(opt.UDPSize()), 1232)
	}
	packet, err := q.Pack()
	if err != nil {
		m.t.Fatal(err)
	}
	size := len(m.responder.Answer(m.zones, packet, m.buf, dnsserver.TCP))
	return size < limit/2 || size > limit*3/2
}

// mixCase changes letters, as resolvers do against forged replies.
func (m *questionMaker) mixCase(name string) string {
	if m.IntN(4) > 0 {
		return name
	}
	mixed := []byte(name)
	for i, c := range mixed {
		if 'a' <= c && c <= 'z' && m.IntN(2) == 0 {
			mixed[i] = c - 'a' + 'A'
		}
	}
	return string(mixed)
}
