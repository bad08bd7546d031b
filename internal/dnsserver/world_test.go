package dnsserver_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/zone"
)

// readZone reads a master file.
func readZone(t testing.TB, origin, text string) *zone.Zone {
	t.Helper()
	z, _, err := zone.ReadMaster(strings.NewReader(text), zone.MustName(origin), zone.MasterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// newZone makes a zone of sets, which need not be what a master file may hold. It
// brings its own SOA record.
func newZone(t testing.TB, origin string, sets ...zone.RRset) *zone.Zone {
	t.Helper()
	apex := zone.MustName(origin)
	soa := zone.DefaultSOA(zone.MustName("ns1.example.net"), zone.MustName("hostmaster.example.net"), 1)
	d := zone.New(apex)
	for _, s := range append(sets, soa.RRset(apex)) {
		if err := d.Put(s); err != nil {
			t.Fatal(err)
		}
	}
	z, _, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func setOf(zones ...*zone.Zone) (set zone.Set) {
	for _, z := range zones {
		set = set.With(z)
	}
	return set
}

// ask returns the reply of a new responder, nil when it gives none.
func ask(t testing.TB, opts dnsserver.Options, zones zone.Set, query *dns.Msg, via dnsserver.Transport) *dns.Msg {
	t.Helper()
	packet, err := query.Pack()
	if err != nil {
		t.Fatal(err)
	}
	out := dnsserver.NewResponder(opts).Answer(zones, packet, nil, via)
	if out == nil {
		return nil
	}
	reply := new(dns.Msg)
	if err := reply.Unpack(out); err != nil {
		t.Fatalf("reply to %s: %v", query.Question[0].String(), err)
	}
	if end := messageEnd(t, out); end != len(out) {
		t.Errorf("reply to %s: %d octets behind its end", query.Question[0].String(), len(out)-end)
	}
	return reply
}

// messageEnd returns where the last record of a message that has one question ends.
func messageEnd(t testing.TB, message []byte) int {
	t.Helper()
	_, at, err := dns.UnpackDomainName(message, 12)
	at += 4
	for section := 6; section < 12; section += 2 {
		for range binary.BigEndian.Uint16(message[section:]) {
			if err == nil {
				_, at, err = dns.UnpackRR(message, at)
			}
		}
	}
	if err != nil {
		t.Fatalf("message %x: %v", message, err)
	}
	return at
}

// question returns a query without flags.
func question(name string, typ uint16) *dns.Msg {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), typ)
	m.RecursionDesired = false
	return m
}

// example is a zone with one of everything, for tests that are not about zones.
const example = `
$TTL 60
@       SOA ns1 hostmaster 7 300 60 1209600 30
@       NS ns1
@       NS ns2
@       MX 10 mail
ns1     A 192.0.2.1
ns1     AAAA 2001:db8::1
ns2     A 192.0.2.2
mail    A 192.0.2.25
home    A 192.0.2.7
home    AAAA 2001:db8::7
*.wild  A 192.0.2.9
www     CNAME home
old     DNAME wild
sub     NS ns.sub
ns.sub  A 192.0.2.53
_sip._udp SRV 0 0 5060 home
`

func exampleZones(t testing.TB) zone.Set {
	t.Helper()
	return setOf(readZone(t, "example.org", example))
}
