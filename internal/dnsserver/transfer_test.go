package dnsserver_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// everybody lets loopback have all zones.
var everybody = []dnsserver.Secondary{{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}

// moving is a state that a test replaces.
type moving struct{ atomic.Pointer[registry.State] }

func (m *moving) set(zones ...*zone.Zone) {
	was, revision := m.Load(), registry.Revision(1)
	if was != nil {
		revision = was.Revision + 1
	}
	m.Store(&registry.State{Revision: revision, Zones: setOf(zones...)})
}

// records is the records of a zone as text, each once.
type records map[string]bool

func recordsOf(t testing.TB, z *zone.Zone) records {
	t.Helper()
	all := records{}
	var text strings.Builder
	if err := z.WriteMaster(&text); err != nil {
		t.Fatal(err)
	}
	parser := dns.NewZoneParser(strings.NewReader(text.String()), z.Origin().String(), "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		all[rr.String()] = true
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// transferred returns the records of a transfer in order.
func transferred(t testing.TB, address string, query *dns.Msg) ([]dns.RR, error) {
	t.Helper()
	messages, err := rig.NewTransfer().In(query, address)
	if err != nil {
		t.Fatal(err)
	}
	var all []dns.RR
	for m := range messages {
		if m.Error != nil {
			return nil, m.Error
		}
		all = append(all, m.RR...)
	}
	return all, nil
}

func axfr(origin string) *dns.Msg {
	m := new(dns.Msg)
	m.SetAxfr(origin)
	return m
}

func ixfr(origin string, serial uint32) *dns.Msg {
	m := new(dns.Msg)
	m.SetIxfr(origin, serial, "ns1.example.net.", "hostmaster.example.net.")
	return m
}

// largeZone has n hosts, long texts, and a record that no usual message holds.
func largeZone(t testing.TB, n int) *zone.Zone {
	t.Helper()
	sets := []zone.RRset{
		{Name: zone.MustName("long.dyn.example.org"), Type: zone.TypeTXT, TTL: 60, Data: []zone.Rdata{zone.Rdata(strings.Repeat("\xff"+strings.Repeat("x", 255), 200))}},
	}
	for i := range n {
		name := zone.MustName(fmt.Sprintf("h%d.dyn.example.org", i))
		v4, v6 := zone.AddressSets(name, 60, []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), netip.MustParseAddr("2001:db8::1")})
		sets = append(sets, v4, v6)
	}
	return newZone(t, "dyn.example.org", sets...)
}

// A zone goes out whole, its SOA record first and last (RFC 5936 §2.2).
func TestAXFR(t *testing.T) {
	t.Parallel()
	var state moving
	z := largeZone(t, 3000)
	state.set(z)
	s := serve(t, dnsserver.Options{Secondaries: everybody}, state.Load)
	got, err := transferred(t, s.tcp, axfr("dyn.example.org."))
	if err != nil {
		t.Fatal(err)
	}
	first, last := got[0], got[len(got)-1]
	if first.Header().Rrtype != dns.TypeSOA || first.String() != last.String() {
		t.Errorf("begins with %v and ends with %v", first, last)
	}
	have := records{}
	for _, rr := range got[:len(got)-1] {
		if have[rr.String()] {
			t.Errorf("%v comes twice", rr)
		}
		have[rr.String()] = true
	}
	if want := recordsOf(t, z); !maps.Equal(have, want) {
		t.Errorf("%d records, want %d", len(have), len(want))
	}
}

// A record that takes nearly all of a message may follow many short ones.
func TestAXFRWithAVeryLongRecord(t *testing.T) {
	t.Parallel()
	const hosts = 300
	longest := zone.RRset{
		Name: zone.MustName("last.example.org"), Type: zone.TypeTXT, TTL: 60,
		Data: []zone.Rdata{zone.Rdata(strings.Repeat("\xff"+strings.Repeat("x", 255), 253))},
	}
	sets := []zone.RRset{longest}
	for i := range hosts {
		sets = append(sets, zone.RRset{Name: zone.MustName(fmt.Sprintf("h%d.example.org", i)), Type: zone.TypeA, TTL: 60, Data: []zone.Rdata{"\xc0\x00\x02\x01"}})
	}
	var state moving
	state.set(newZone(t, "example.org", sets...))
	s := serve(t, dnsserver.Options{Secondaries: everybody}, state.Load)
	got, err := transferred(t, s.tcp, axfr("example.org."))
	if err != nil {
		t.Fatal(err)
	}
	if want := hosts + 3; len(got) != want { // the text, and the SOA record twice
		t.Errorf("%d records, want %d", len(got), want)
	}
}

// Nobody but secondaries gets anything, whichever zone they ask for.
func TestTransferRefused(t *testing.T) {
	t.Parallel()
	var state moving
	us := []policy.Secondary{{Addr: netip.MustParseAddrPort("127.0.0.1:53")}}
	state.Store(&registry.State{Zones: setOf(largeZone(t, 1)), Policy: policy.Book{}.With(&policy.Changes{Zones: []policy.Zone{
		{Origin: zone.MustName("other.example.org"), Secondaries: us}, {Origin: zone.MustName("gone.example.org"), Secondaries: us},
	}})})
	s := serve(t, dnsserver.Options{Secondaries: []dnsserver.Secondary{
		{From: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}},
	}}, state.Load)
	for _, c := range []struct {
		query *dns.Msg
		net   string
		want  int
	}{
		{axfr("dyn.example.org."), "tcp", dns.RcodeRefused},
		{ixfr("dyn.example.org.", 1), "tcp", dns.RcodeRefused},
		{ixfr("dyn.example.org.", 1), "udp", dns.RcodeRefused},
		{axfr("nowhere.example.org."), "tcp", dns.RcodeRefused},
		{axfr("gone.example.org."), "tcp", dns.RcodeNotAuth},
		{ixfr("gone.example.org.", 1), "udp", dns.RcodeNotAuth},
	} {
		address := map[string]string{"tcp": s.tcp, "udp": s.udp}[c.net]
		reply, _, err := (&dns.Client{Net: c.net, Timeout: rig.Patience}).Exchange(c.query, address)
		if err != nil {
			t.Fatal(err)
		}
		if reply.Rcode != c.want || len(reply.Answer) > 0 {
			t.Errorf("%v over %s = %s with %d records, want %s", c.query.Question, c.net,
				dns.RcodeToString[reply.Rcode], len(reply.Answer), dns.RcodeToString[c.want])
		}
	}
}

// secondary is a server that keeps a zone by transfers.
type secondary struct {
	address string
	records records
	soa     *dns.SOA
}

// refresh makes the secondary's zone the primary's and returns whether that took a
// whole zone.
func (s *secondary) refresh(t testing.TB) (whole bool) {
	t.Helper()
	query := axfr("dyn.example.org.")
	if s.soa != nil {
		query = ixfr("dyn.example.org.", s.soa.Serial)
	}
	got, err := transferred(t, s.address, query)
	if err != nil {
		t.Fatal(err)
	}
	latest := got[0].(*dns.SOA)
	if len(got) == 1 {
		if s.soa == nil || latest.Serial != s.soa.Serial {
			t.Fatalf("only %v", latest)
		}
		return false
	}
	if _, whole = got[1].(*dns.SOA); !whole {
		s.records = records{}
		for _, rr := range got[:len(got)-1] {
			s.records[rr.String()] = true
		}
		s.soa = latest
		return true
	}
	adding := true
	for _, rr := range got[1 : len(got)-1] {
		if _, isSOA := rr.(*dns.SOA); isSOA {
			adding = !adding
		}
		if s.records[rr.String()] == adding {
			t.Fatalf("%v is to be added (%v), which it is", rr, adding)
		}
		if adding {
			s.records[rr.String()] = true
		} else {
			delete(s.records, rr.String())
		}
	}
	s.soa = latest
	return false
}

// shuffled returns a version of the zone with so many changes.
func shuffled(t testing.TB, z *zone.Zone, changes int) *zone.Zone {
	t.Helper()
	d := z.Edit()
	for range changes {
		name := zone.MustName(fmt.Sprintf("h%d.dyn.example.org", rand.IntN(400)))
		var addrs []netip.Addr
		for range rand.IntN(3) {
			addrs = append(addrs, netip.AddrFrom4([4]byte{203, 0, 113, byte(rand.IntN(8))}))
		}
		slices.SortFunc(addrs, netip.Addr.Compare)
		v4, v6 := zone.AddressSets(name, 60+uint32(rand.IntN(2)), slices.Compact(addrs))
		for _, set := range []zone.RRset{v4, v6} {
			if err := d.Put(set); err != nil {
				t.Fatal(err)
			}
		}
	}
	soa := z.SOA()
	soa.Serial++
	if err := d.Put(soa.RRset(z.Origin())); err != nil {
		t.Fatal(err)
	}
	z, _, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Whatever changes meanwhile and however often they ask, secondaries end with the
// zone, and once they have it hear of differences alone.
func TestIXFR(t *testing.T) {
	t.Parallel()
	var state moving
	z := largeZone(t, 400)
	state.set(z)
	s := serve(t, dnsserver.Options{Secondaries: everybody}, state.Load)
	one, other := secondary{address: s.tcp}, secondary{address: s.tcp}
	if !one.refresh(t) || !other.refresh(t) {
		t.Fatal("the first transfer was none of the whole zone")
	}
	for range 20 {
		for range rand.IntN(4) {
			z = shuffled(t, z, 1+rand.IntN(3))
			state.set(z)
		}
		if one.refresh(t) || rand.IntN(2) == 0 && other.refresh(t) {
			t.Error("a whole zone for a few changes")
		}
		if want := recordsOf(t, z); !maps.Equal(one.records, want) {
			t.Fatalf("%d records at serial %d, want %d", len(one.records), one.soa.Serial, len(want))
		}
	}
	for range 100 {
		z = shuffled(t, z, 400)
	}
	state.set(z)
	if !one.refresh(t) || !maps.Equal(one.records, recordsOf(t, z)) {
		t.Error("what is larger than the zone is not the zone")
	}
}

// Over UDP there is what fits, or else the SOA record alone (RFC 1995 §2).
func TestIXFROverUDP(t *testing.T) {
	t.Parallel()
	var state moving
	z := largeZone(t, 400)
	state.set(z)
	s := serve(t, dnsserver.Options{Secondaries: everybody}, state.Load)
	have := secondary{address: s.tcp}
	have.refresh(t)
	for _, c := range []struct {
		changes int
		serial  uint32 // of the client
		want    func(n int) bool
	}{
		{1, 1, func(n int) bool { return n >= 4 }},
		{200, 1, func(n int) bool { return n == 1 }},
		{1, 77, func(n int) bool { return n == 1 }}, // a serial of the future
	} {
		z = shuffled(t, z, c.changes)
		state.set(z)
		reply, err := rig.Exchange(ixfr("dyn.example.org.", c.serial), s.udp)
		if err != nil {
			t.Fatal(err)
		}
		if !c.want(len(reply.Answer)) || reply.Truncated || reply.Answer[0].(*dns.SOA).Serial != z.Serial() {
			t.Errorf("%d changes since %d: %v", c.changes, c.serial, reply)
		}
	}
}

// What a catalog lists is told to secondaries alone (RFC 9432 §7), over each way.
func TestCatalogIsNotForAll(t *testing.T) {
	t.Parallel()
	catalog := newZone(t, "catalog.example.org",
		zone.RRset{Name: zone.MustName("catalog.example.org"), Type: zone.TypeNS, Data: []zone.Rdata{zone.Rdata(zone.MustName("invalid"))}},
		zone.RRset{Name: zone.MustName("version.catalog.example.org"), Type: zone.TypeTXT, Data: []zone.Rdata{zone.TextData("2")}},
	)
	var state moving
	state.set(catalog, largeZone(t, 1))
	for _, c := range []struct {
		secondaries []dnsserver.Secondary
		want        int
	}{{nil, dns.RcodeRefused}, {everybody, dns.RcodeSuccess}} {
		s := serve(t, dnsserver.Options{Secondaries: c.secondaries}, state.Load)
		for network, address := range map[string]string{"udp": s.udp, "tcp": s.tcp} {
			for _, q := range []*dns.Msg{
				question("catalog.example.org.", dns.TypeSOA), question("catalog.example.org.", dns.TypeA),
				question("version.catalog.example.org.", dns.TypeTXT), question("version.catalog.example.org.", dns.TypeA),
			} {
				reply, _, err := (&dns.Client{Net: network, Timeout: rig.Patience}).Exchange(q, address)
				if err != nil {
					t.Fatal(err)
				}
				if reply.Rcode != c.want {
					t.Errorf("%v over %s = %s, want %s", q.Question, network, dns.RcodeToString[reply.Rcode], dns.RcodeToString[c.want])
				}
			}
		}
	}
}

// A zone that takes the place of a catalog is for all, every name of it, and no name is
// when a catalog takes its place.
func TestCatalogGivesWay(t *testing.T) {
	t.Parallel()
	served := func(by string) *zone.Zone {
		return newZone(t, "example.org",
			zone.RRset{Name: zone.MustName("example.org"), Type: zone.TypeNS, Data: []zone.Rdata{zone.Rdata(zone.MustName(by))}},
			zone.RRset{Name: zone.MustName("version.example.org"), Type: zone.TypeTXT, Data: []zone.Rdata{zone.TextData("2")}},
			zone.RRset{Name: zone.MustName("home.example.org"), Type: zone.TypeA, Data: []zone.Rdata{"\xc0\x00\x02\x01"}},
		)
	}
	var state moving
	state.set(served("invalid"))
	s := serve(t, dnsserver.Options{}, state.Load)
	for _, c := range []struct {
		by   string
		want int
	}{{"invalid", dns.RcodeRefused}, {"ns1.example.net", dns.RcodeSuccess}, {"invalid", dns.RcodeRefused}} {
		state.set(served(c.by))
		exchange(t, "udp", s.udp, question("home.example.org", dns.TypeA))
		for range 10 { // of which some are answered from the table
			if got := exchange(t, "udp", s.udp, question("home.example.org", dns.TypeA)).Rcode; got != c.want {
				t.Fatalf("served by %s: %s, want %s", c.by, dns.RcodeToString[got], dns.RcodeToString[c.want])
			}
		}
	}
}

// A customer's host may have the name and the text by which a catalog says its version,
// and its zone is none for that.
func TestVersionOfACustomer(t *testing.T) {
	t.Parallel()
	state := streetState(t)
	d := state.Accounts.Edit()
	d.Apply(&account.Changes{Hosts: []account.Host{{ID: 5, Name: zone.MustName("version.example.org"), Account: 2, TTL: 60}}})
	state.Accounts = d.Freeze()
	u := serveUpdates(t, state, update.Options{})
	if got := u.tell(t, "tcp", signed(t, "bob", `update version 60 IN TXT "2"`)); got != "NOERROR" {
		t.Errorf("update: %s", got)
	}
	for network, address := range map[string]string{"udp": u.udp, "tcp": u.tcp} {
		reply := exchange(t, network, address, question("home.example.org", dns.TypeA))
		if reply.Rcode != dns.RcodeSuccess || len(reply.Answer) != 1 {
			t.Errorf("over %s, another host of the zone: %v", network, reply)
		}
	}
}

// manyHosts has n hosts, each with two addresses.
func manyHosts(b *testing.B, n int) *zone.Zone {
	b.Helper()
	var sets []zone.RRset
	for i := range n {
		name := zone.MustName(fmt.Sprintf("h%07d.dyn.example.org", i))
		v4, v6 := zone.AddressSets(name, 60, []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), netip.MustParseAddr("2001:db8::1")})
		sets = append(sets, v4, v6)
	}
	return newZone(b, "dyn.example.org", sets...)
}

// benchmarkTransfer asks for a transfer of so many records again and again.
func benchmarkTransfer(b *testing.B, address string, query *dns.Msg, want int) {
	b.Helper()
	packet, err := query.Pack()
	if err != nil {
		b.Fatal(err)
	}
	packet = append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	in, message := bufio.NewReaderSize(conn, 1<<18), make([]byte, 1<<16)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(packet); err != nil {
			b.Fatal(err)
		}
		for records := 0; records < want; {
			if _, err := io.ReadFull(in, message[:2]); err != nil {
				b.Fatal(err)
			}
			n := binary.BigEndian.Uint16(message)
			if _, err := io.ReadFull(in, message[:n]); err != nil {
				b.Fatal(err)
			}
			records += int(binary.BigEndian.Uint16(message[6:]))
		}
	}
}

func BenchmarkAXFR(b *testing.B) {
	const hosts = 100_000
	var state moving
	state.set(manyHosts(b, hosts))
	s := serve(b, dnsserver.Options{Secondaries: everybody}, state.Load)
	benchmarkTransfer(b, s.tcp, axfr("dyn.example.org."), 2*hosts+2)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(2*hosts), "ns/record")
}

// One change in a large zone: what a secondary asks after every notice.
func BenchmarkIXFR(b *testing.B) {
	var state moving
	z := manyHosts(b, 1_000_000)
	state.set(z)
	s := serve(b, dnsserver.Options{Secondaries: everybody}, state.Load)
	d := z.Edit()
	v4, _ := zone.AddressSets(zone.MustName("h0500000.dyn.example.org"), 60, []netip.Addr{netip.MustParseAddr("203.0.113.1")})
	if err := errors.Join(d.Put(v4), d.SetSerial(z.Serial()+1)); err != nil {
		b.Fatal(err)
	}
	next, _, err := d.Finish()
	if err != nil {
		b.Fatal(err)
	}
	state.set(next)
	benchmarkTransfer(b, s.tcp, ixfr("dyn.example.org.", z.Serial()), 6)
}
