package dnsserver_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/zone"
)

// The questions that make up nearly all traffic cost no allocation.
func TestAnswerDoesNotAllocate(t *testing.T) {
	zones := exampleZones(t)
	r := dnsserver.NewResponder(dnsserver.Options{})
	buf := make([]byte, dnsserver.BufferSize)
	for _, q := range []struct {
		why, name string
		typ       uint16
	}{
		{"address", "home.example.org", dns.TypeA},
		{"case of the question", "hOmE.eXample.Org", dns.TypeAAAA},
		{"no data", "home.example.org", dns.TypeTXT},
		{"no name", "nowhere.example.org", dns.TypeA},
		{"wildcard", "x.wild.example.org", dns.TypeA},
		{"alias", "www.example.org", dns.TypeA},
		{"renamed", "x.old.example.org", dns.TypeA},
		{"delegation", "www.sub.example.org", dns.TypeA},
		{"apex", "example.org", dns.TypeSOA},
		{"mail", "example.org", dns.TypeMX},
		{"any", "home.example.org", dns.TypeANY},
		{"refused", "www.example.net", dns.TypeA},
	} {
		for _, edns := range []bool{false, true} {
			query := question(q.name, q.typ)
			if edns {
				query.SetEdns0(1232, true)
			}
			packet, err := query.Pack()
			if err != nil {
				t.Fatal(err)
			}
			allocs := testing.AllocsPerRun(100, func() { r.Answer(zones, packet, buf, dnsserver.UDP) })
			if allocs != 0 {
				t.Errorf("%s, EDNS %v: %v allocations, want 0", q.why, edns, allocs)
			}
		}
	}
}

// A truncated reply costs none either: who makes us send them must not cost us more.
func TestOverflowDoesNotAllocate(t *testing.T) {
	zones := setOf(newZone(t, "example.org", texts("big", 40, 250)))
	packet, err := question("big.example.org", dns.TypeTXT).Pack()
	if err != nil {
		t.Fatal(err)
	}
	r := dnsserver.NewResponder(dnsserver.Options{})
	buf := make([]byte, 512+dnsserver.Slack)
	if allocs := testing.AllocsPerRun(100, func() { r.Answer(zones, packet, buf, dnsserver.UDP) }); allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

// texts returns a TXT set of n records with size octets each.
func texts(host string, n, size int) zone.RRset {
	s := zone.RRset{Name: zone.MustName(host + ".example.org"), Type: zone.TypeTXT, TTL: 60}
	for i := range n {
		s.Data = append(s.Data, zone.TextData(fmt.Sprintf("%0*d", size, i)))
	}
	return s
}

// A reply over UDP is the whole one, octet for octet what TCP would bring, or it
// is truncated: exactly when the whole one is longer than the limit.
func TestTruncation(t *testing.T) {
	t.Parallel()
	const largest = 1400
	for records := range 8 {
		for size := 180; size <= 200; size++ {
			zones := setOf(newZone(t, "example.org", texts("text", records+1, size)))
			for _, client := range []int{0, 100, 512, 777, 1232, 1400, 4096} {
				query, limit := question("text.example.org", dns.TypeTXT), 512
				if client > 0 {
					query.SetEdns0(uint16(client), false)
					limit = min(max(client, 512), largest)
				}
				packet, err := query.Pack()
				if err != nil {
					t.Fatal(err)
				}
				r := dnsserver.NewResponder(dnsserver.Options{UDPSize: largest})
				whole := bytes.Clone(r.Answer(zones, packet, nil, dnsserver.TCP))
				got := r.Answer(zones, packet, nil, dnsserver.UDP)
				if len(whole) <= limit && !bytes.Equal(got, whole) {
					t.Errorf("%d records of %d, client %d: whole reply of %d octets was not sent", records+1, size, client, len(whole))
				}
				if len(whole) > limit && (got[2]&2 == 0 || len(got) > 60) {
					t.Errorf("%d records of %d, client %d: %d octets, want a short truncated reply", records+1, size, client, len(got))
				}
			}
		}
	}
}

// What is too much for any message is a failure, over TCP too; there is no way
// to say it.
func TestTooMuchForTCP(t *testing.T) {
	t.Parallel()
	// 4,096 records of 9 octets and what stands around them: 86,016 octets.
	zones := setOf(newZone(t, "example.org", texts("big", 4096, 8)))
	reply := ask(t, dnsserver.Options{}, zones, question("big.example.org", dns.TypeTXT), dnsserver.TCP)
	if got, want := strings.Join(render(reply), "\n"), "SERVFAIL"; got != want {
		t.Errorf("got = %v, want %v", got, want)
	}
}

// Long replies have names beyond the reach of compression pointers.
func TestLongReply(t *testing.T) {
	t.Parallel()
	set := zone.RRset{Name: zone.MustName("long.example.org"), Type: zone.TypeMX, TTL: 60}
	for i := range 1000 {
		host := zone.MustName(fmt.Sprintf("mail-%04d.a-label-that-recurs-%d.example.org", i, i%30))
		set.Data = append(set.Data, zone.Rdata("\x00\x0a"+string(host)))
	}
	zones := setOf(newZone(t, "example.org", set))
	reply := ask(t, dnsserver.Options{}, zones, question("LONG.example.org", dns.TypeMX), dnsserver.TCP)
	var got []zone.Rdata
	for _, rr := range reply.Answer {
		if rr.Header().Name != "LONG.example.org." || rr.Header().Ttl != 60 {
			t.Fatalf("record %v", rr)
		}
		got = append(got, zone.Rdata("\x00\x0a"+string(zone.MustName(rr.(*dns.MX).Mx))))
	}
	if diff := cmp.Diff(set.Sorted().Data, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// So have the owners of what follows a long answer.
func TestLongReplyWithAddresses(t *testing.T) {
	t.Parallel()
	services := zone.RRset{Name: zone.MustName("long.example.org"), Type: zone.TypeSRV, TTL: 60}
	sets := []zone.RRset{}
	for i := range 700 {
		host := zone.MustName(fmt.Sprintf("h%03d.hosts.example.org", i))
		services.Data = append(services.Data, zone.Rdata("\x00\x01\x00\x02\x13\xc4"+string(host)))
		sets = append(sets, zone.RRset{Name: host, Type: zone.TypeA, TTL: 60, Data: []zone.Rdata{"\xc0\x00\x02\x01", "\xc0\x00\x02\x02"}})
	}
	zones := setOf(newZone(t, "example.org", append(sets, services)...))
	reply := ask(t, dnsserver.Options{}, zones, question("long.example.org", dns.TypeSRV), dnsserver.TCP)
	if len(reply.Answer) != 700 || len(reply.Extra) != 32 {
		t.Fatalf("%d and %d records, want 700 and 32", len(reply.Answer), len(reply.Extra))
	}
	for i, rr := range reply.Extra {
		if got, want := rr.Header().Name, fmt.Sprintf("h%03d.hosts.example.org.", i/2); got != want {
			t.Errorf("got = %v, want %v", got, want)
		}
	}
}

// Names of hosts whose octets are no letters are not the same in another case.
func TestAddressesOfUnusualNames(t *testing.T) {
	t.Parallel()
	var servers []zone.Rdata
	var sets []zone.RRset
	for _, text := range []string{`\200.example.org`, `\201.example.org`} {
		name := zone.MustName(text)
		servers = append(servers, zone.Rdata("\x00\x05"+string(name)))
		sets = append(sets, zone.RRset{Name: name, Type: zone.TypeA, Data: []zone.Rdata{"\xc0\x00\x02\x01"}})
	}
	sets = append(sets, zone.RRset{Name: zone.MustName("example.org"), Type: zone.TypeMX, Data: servers})
	reply := ask(t, dnsserver.Options{}, setOf(newZone(t, "example.org", sets...)), question("example.org", dns.TypeMX), dnsserver.UDP)
	if len(reply.Extra) != len(servers) {
		t.Errorf("got = %v, want the addresses of both", reply)
	}
}

// Names in data are compressed where that is allowed (RFC 3597 §4), and nowhere
// else.
func TestCompression(t *testing.T) {
	t.Parallel()
	zones := setOf(readZone(t, "example.org", `
$TTL 60
@    SOA ns1 hostmaster 7 300 60 1209600 30
@    NS ns1
@    NS ns2.EXAMPLE.org.
@    MX 10 mail
_sip SRV 1 2 5060 home
old  DNAME new
ptr  PTR home
`))
	for _, tt := range []struct {
		name string
		typ  uint16
		want int // octets of the reply after the question
	}{
		{"example.org", dns.TypeNS, 2 * (12 + 4 + 2)},
		{"example.org", dns.TypeMX, 12 + 2 + 5 + 2},
		{"example.org", dns.TypeSOA, 12 + 4 + 2 + 11 + 2 + 20},
		{"ptr.example.org", dns.TypePTR, 12 + 5 + 2},
		{"_sip.example.org", dns.TypeSRV, 12 + 6 + 18},
		{"old.example.org", dns.TypeDNAME, 12 + 17},
	} {
		packet, err := question(tt.name, tt.typ).Pack()
		if err != nil {
			t.Fatal(err)
		}
		reply := dnsserver.NewResponder(dnsserver.Options{}).Answer(zones, packet, nil, dnsserver.UDP)
		if got := len(reply) - len(packet); got != tt.want {
			t.Errorf("%s %s: %d octets after the question, want %d", tt.name, dns.TypeToString[tt.typ], got, tt.want)
		}
		if err := new(dns.Msg).Unpack(reply); err != nil {
			t.Errorf("%s %s: %v", tt.name, dns.TypeToString[tt.typ], err)
		}
	}
}

// Data that is not what its type says goes out as it is, and leads nowhere.
func TestBrokenData(t *testing.T) {
	t.Parallel()
	name := zone.MustName("broken.example.org")
	for _, typ := range []zone.Type{zone.TypeCNAME, zone.TypeDNAME, zone.TypeMX, zone.TypeSRV, zone.TypePTR, zone.TypeNS} {
		for _, data := range []zone.Rdata{"", "\x00", "\xc0\x0c", "\x3fshort", "\x00\x0a", "\x00\x0a\x80", "\x00\x01\x00\x02\x13\xc4\x05abc"} {
			zones := setOf(newZone(t, "example.org", zone.RRset{Name: name, Type: typ, TTL: 60, Data: []zone.Rdata{data}}))
			for _, q := range []*dns.Msg{
				question("broken.example.org", uint16(typ)),
				question("broken.example.org", dns.TypeA),
				question("x.broken.example.org", dns.TypeA),
			} {
				packet, err := q.Pack()
				if err != nil {
					t.Fatal(err)
				}
				reply := dnsserver.NewResponder(dnsserver.Options{}).Answer(zones, packet, nil, dnsserver.UDP)
				if reply == nil || !bytes.Equal(reply[:2], packet[:2]) {
					t.Errorf("%s %x: reply %x", typ, data, reply)
				}
			}
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	zones := exampleZones(b)
	for _, name := range []string{"home", "nowhere", "www", "x.sub", strings.Repeat("x.", 115) + "nowhere"} {
		query := question(name+".example.org", dns.TypeA)
		query.SetEdns0(1232, false)
		packet, err := query.Pack()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name[:min(len(name), 10)], func(b *testing.B) {
			r := dnsserver.NewResponder(dnsserver.Options{})
			buf := make([]byte, dnsserver.BufferSize)
			b.ReportAllocs()
			for b.Loop() {
				r.Answer(zones, packet, buf, dnsserver.UDP)
			}
		})
	}
}
