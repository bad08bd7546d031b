package sample_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/bench/internal/sample"
)

func TestZoneIsAValidMasterFile(t *testing.T) {
	t.Parallel()
	const hosts = 301
	zone := sample.Zone{Hosts: hosts}
	var b bytes.Buffer
	n, err := zone.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo = %v, %v, want %v, nil", n, err, b.Len())
	}

	got := make(map[uint16]int)
	p := dns.NewZoneParser(&b, "", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		got[rr.Header().Rrtype]++
		if name := rr.Header().Name; strings.HasPrefix(name, "h") {
			checkHost(t, zone, rr)
		}
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	want := map[uint16]int{dns.TypeSOA: 1, dns.TypeNS: 1, dns.TypeA: hosts + 1, dns.TypeAAAA: (hosts + 1) / 2}
	for typ, n := range want {
		if got[typ] != n {
			t.Errorf("%s records = %v, want %v", dns.TypeToString[typ], got[typ], n)
		}
	}
}

// checkHost checks rr against what the zone says of its host 300.
func checkHost(t *testing.T, zone sample.Zone, rr dns.RR) {
	t.Helper()
	if rr.Header().Name != zone.Host(300)+"." {
		return
	}
	if got := rr.Header().Ttl; got != sample.TTL {
		t.Errorf("TTL = %v, want %v", got, sample.TTL)
	}
	switch rr := rr.(type) {
	case *dns.A:
		if got, want := rr.A.String(), zone.IPv4(300).String(); got != want {
			t.Errorf("A = %v, want %v", got, want)
		}
	case *dns.AAAA:
		want, _ := zone.IPv6(300)
		if got := rr.AAAA.String(); got != want.String() {
			t.Errorf("AAAA = %v, want %v", got, want)
		}
	}
}

func TestMovesAlwaysChange(t *testing.T) {
	t.Parallel()
	zone := sample.Zone{Hosts: 600}
	moves := sample.NewMoves(zone.Hosts)
	allowed := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24")}
	for _, host := range []int{0, 255, 256, 599} {
		last := zone.IPv4(host)
		for turn := range 1100 {
			got := netip.AddrFrom4(moves.Next(host))
			if got == last {
				t.Fatalf("host %d, turn %d: address stays %v", host, turn, got)
			}
			if told := netip.AddrFrom4(moves.Last(host)); told != got {
				t.Fatalf("Last(%d) = %v, want %v", host, told, got)
			}
			if !allowed[0].Contains(got) && !allowed[1].Contains(got) {
				t.Fatalf("host %d, turn %d: %v is no documentation address", host, turn, got)
			}
			last = got
		}
	}
}
