package dnsserver_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// TestUsualLikeResponder asks a server over UDP about random zones that change, and
// a Responder the same: the ways that they go are different, the replies must not
// be, octet for octet.
func TestUsualLikeResponder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			const steps, questions = 12, 200
			w := newRandomWorld(t, seed)
			for step := range steps {
				if step%2 == 0 {
					w.awaitTable() // else it is still being brought up to date
				}
				w.compare(questions)
				w.change()
				if step%3 == 0 { // while the table is being brought up to date
					w.exchange(nil)
					w.change()
				}
			}
			const inStep = steps / 2 * questions // of the others it may know none in time
			if stats := w.Stats(); stats.Flat < inStep/20 || w.tame && stats.Flat < inStep/12 || stats.Panics > 0 {
				t.Errorf("%d replies from the table for %d questions that it was in step for, %d panics", stats.Flat, inStep, stats.Panics)
			}
		})
	}
}

// randomWorld is a server of random zones and a client.
type randomWorld struct {
	*served
	udpClient
	rng   *rand.Rand
	tame  bool // no aliases, cuts and wildcards
	state atomic.Pointer[registry.State]
	plain *dnsserver.Responder
	names []zone.Name // that were put into zones at some time
}

const (
	worldOrigin = "dyn.example.org"
	// This name and its address never change.
	constantHost = "constant.dyn.example.org"
)

func newRandomWorld(t *testing.T, seed uint64) *randomWorld {
	w := &randomWorld{rng: rand.New(rand.NewPCG(seed, 1)), tame: seed%2 == 0, plain: dnsserver.NewResponder(dnsserver.Options{})}
	w.t = t
	w.set(w.randomZone(worldOrigin))
	if w.rng.IntN(2) == 0 {
		w.set(w.randomZone("sub." + worldOrigin))
	}
	if w.rng.IntN(2) == 0 {
		w.set(w.randomZone("a.b." + worldOrigin))
	}
	w.served = serve(t, dnsserver.Options{}, w.state.Load)
	w.udpClient = newUDPClient(t, w.served, constantHost)
	return w
}

func (w *randomWorld) zones() (set zone.Set) {
	if s := w.state.Load(); s != nil {
		set = s.Zones
	}
	return set
}

func (w *randomWorld) set(z *zone.Zone) { w.show(w.zones().With(z)) }

// show shows zones at the next revision, or rarely at one before, as when a database comes
// back without its last commits.
func (w *randomWorld) show(zones zone.Set) {
	next := &registry.State{Zones: zones, Revision: 1}
	if s := w.state.Load(); s != nil {
		next.Revision = s.Revision + 1
		if w.rng.IntN(8) == 0 {
			next.Revision = registry.Revision(1 + w.rng.Uint64N(uint64(s.Revision)))
		}
	}
	w.state.Store(next)
}

// pick returns one of some things.
func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

// label returns a label out of so few that names meet.
func (w *randomWorld) label() string {
	if w.tame {
		return pick(w.rng, "a", "b", "c", "home", "ns1", "hostmaster", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "twenty-three-octets-lon")
	}
	return pick(w.rng, "a", "b", "c", "home", "ns1", "hostmaster", "sub", "x1", "x2", "x3", "x4", "_acme", "*",
		"twenty-three-octets-lon", "twenty-four-octets-long-", "a-label-of-more-octets-than-that", `\000\193z`, "-")
}

// name returns a name within origin.
func (w *randomWorld) name(origin string) string {
	name := origin
	for range pick(w.rng, 0, 1, 1, 1, 1, 1, 1, 2, 2, 3) {
		name = w.label() + "." + name
	}
	return name
}

// randomZone returns a zone with a random SOA record and random sets.
func (w *randomWorld) randomZone(origin string) *zone.Zone {
	server := func() zone.Name {
		return zone.MustName(pick(w.rng, "ns1."+origin, "ns.example.net", "hostmaster."+origin, "x.y."+origin, origin, ".", w.name(origin)))
	}
	soa := zone.DefaultSOA(server(), server(), w.rng.Uint32())
	soa.TTL, soa.Minimum = w.rng.Uint32N(1000), w.rng.Uint32N(1000)
	apex := zone.MustName(origin)
	d := zone.New(apex)
	sets := []zone.RRset{soa.RRset(apex), {Name: apex, Type: zone.TypeNS, TTL: 60, Data: []zone.Rdata{zone.Rdata(soa.MName)}}}
	for range 60 {
		sets = append(sets, w.randomSet(origin))
	}
	if origin == worldOrigin {
		sets = append(sets, zone.RRset{Name: zone.MustName(constantHost), Type: zone.TypeA, TTL: 60, Data: []zone.Rdata{"\xc0\x00\x02\x63"}})
	}
	for _, s := range sets {
		if err := d.Put(s); err != nil {
			w.t.Fatal(err)
		}
	}
	z, _, err := d.Finish()
	if err != nil {
		w.t.Fatal(err)
	}
	return z
}

// randomSet returns a set of those that hosts have, and rarely one of the others.
func (w *randomWorld) randomSet(origin string) zone.RRset {
	s := zone.RRset{Name: zone.MustName(w.name(origin)), TTL: pick(w.rng, uint32(60), 60, 60, 300), Type: zone.TypeA}
	w.names = append(w.names, s.Name)
	octets := 4
	n := w.rng.IntN(100)
	if w.tame {
		n = w.rng.IntN(92)
	}
	switch {
	case n < 40:
	case n < 80:
		s.Type, octets = zone.TypeAAAA, 16
	case n < 92:
		s.Type, octets = pick(w.rng, zone.TypeTXT, 65, zone.TypeMX), 7
	case string(s.Name) == string(zone.MustName(origin)):
	case n < 95:
		s.Type = zone.TypeCNAME
	case n < 97:
		s.Type = zone.TypeNS
	case n < 98:
		s.Type = zone.TypeDNAME
	default:
		octets = 5 // no address after all
	}
	for range pick(w.rng, 1, 1, 1, 1, 2) {
		data := make([]byte, octets)
		for i := range data {
			data[i] = byte(w.rng.Uint32())
		}
		if s.Type == zone.TypeCNAME || s.Type == zone.TypeNS || s.Type == zone.TypeDNAME {
			s.Data = []zone.Rdata{zone.Rdata(zone.MustName(w.name(origin)))}
			break
		}
		s.Data = append(s.Data, zone.Rdata(data))
	}
	return s
}

// change changes some records, rarely a whole zone.
func (w *randomWorld) change() {
	origin := pick(w.rng, worldOrigin, worldOrigin, worldOrigin, "sub."+worldOrigin, "a.b."+worldOrigin)
	z := w.zones().Get(zone.MustName(origin))
	switch {
	case z == nil || w.rng.IntN(20) == 0:
		w.set(w.randomZone(origin))
		return
	case origin != worldOrigin && w.rng.IntN(5) == 0:
		w.show(w.zones().Without(z.Origin()))
		return
	}
	d := z.Edit()
	for range pick(w.rng, 1, 2, 8, 300) {
		s := w.randomSet(origin)
		if w.rng.IntN(3) == 0 {
			s.Name, s.Data = pick(w.rng, w.names...), nil
		}
		if s.Name == zone.MustName(constantHost) || !s.Name.IsWithin(z.Origin()) {
			continue
		}
		if err := d.Put(s); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := d.SetSerial(z.Serial() + 1); err != nil {
		w.t.Fatal(err)
	}
	next, _, err := d.Finish()
	if err != nil {
		w.t.Fatal(err)
	}
	w.set(next)
}

// compare sends n random packets and holds the replies against the Responder's.
func (w *randomWorld) compare(n int) {
	w.t.Helper()
	packets := make([][]byte, n)
	for i := range packets {
		packets[i] = w.packet()
	}
	w.udpClient.compare(w.zones(), packets)
}

// packet returns a packet with a random question, usual or not, whole or broken.
func (w *randomWorld) packet() []byte {
	rng := w.rng
	name := pick(rng, w.names...).FQDN()
	switch rng.IntN(8) {
	case 0:
		name = w.label() + "." + name
	case 1, 2:
		name = w.name(worldOrigin) + "."
	case 3:
		name = w.label() + pick(rng, ".dyn.example.org.", ".example.org.", ".b.dyn.example.org.", ".")
	}
	m := question(constantHost, pick(rng, dns.TypeA, dns.TypeAAAA))
	if rng.IntN(3) == 0 {
		m.Question[0].Qtype = pick(rng, dns.TypeTXT, dns.TypeHTTPS, dns.TypeDS, dns.TypeCNAME, dns.TypeANY, dns.TypeAXFR, dns.TypeOPT,
			dns.TypeNS, dns.TypeSOA, 0, uint16(rng.Uint32()))
	}
	m.Question[0].Name = name
	m.RecursionDesired = rng.IntN(2) == 0
	m.CheckingDisabled = rng.IntN(4) == 0
	m.AuthenticatedData = rng.IntN(4) == 0
	if rng.IntN(10) == 0 {
		m.Question[0].Qclass = pick(rng, uint16(dns.ClassCHAOS), dns.ClassANY, dns.ClassNONE)
	}
	if rng.IntN(3) > 0 {
		w.addOPT(m)
	}
	packet := w.pack(m)
	for i := 12; i < len(packet) && packet[i] != 0; i++ {
		if c := packet[i]; 'a' <= c && c <= 'z' && rng.IntN(2) == 0 {
			packet[i] -= 'a' - 'A'
		}
	}
	if rng.IntN(5) == 0 {
		packet = w.spoil(packet)
	}
	return packet
}

func (w *randomWorld) addOPT(m *dns.Msg) {
	rng := w.rng
	m.SetEdns0(pick(rng, uint16(0), 100, 512, 1232, 4096), rng.IntN(3) == 0)
	opt := m.IsEdns0()
	if rng.IntN(10) == 0 {
		opt.SetVersion(1)
	}
	if rng.IntN(10) == 0 {
		opt.SetExtendedRcode(0x10)
	}
	for range rng.IntN(3) {
		data := make([]byte, rng.IntN(40))
		opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: pick(rng, uint16(dns.EDNS0COOKIE), dns.EDNS0PADDING, 65001), Data: data})
	}
}

// spoil breaks a packet, or makes it strange.
func (w *randomWorld) spoil(packet []byte) []byte {
	rng := w.rng
	switch rng.IntN(5) {
	case 0:
		return packet[:2+rng.IntN(len(packet)-2)]
	case 1:
		return append(packet, make([]byte, 1+rng.IntN(20))...)
	case 2:
		return append(packet, make([]byte, rng.IntN(9000))...)
	case 3:
		packet[2+rng.IntN(10)] ^= 1 << rng.IntN(8)
	default:
		packet[2+rng.IntN(len(packet)-2)] = byte(rng.Uint32())
	}
	return packet
}
