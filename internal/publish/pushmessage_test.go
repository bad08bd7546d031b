package publish

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// TestAppendName: what goes into an UPDATE for a name that has an address of either kind
// and a text, or nothing any more.
func TestAppendName(t *testing.T) {
	t.Parallel()
	origin, name := zone.MustName("dyn.example.org"), zone.MustName("home.dyn.example.org")
	draft := zone.New(origin)
	for _, set := range []zone.RRset{
		zone.DefaultSOA(origin, origin, 1).RRset(origin),
		{Name: origin, Type: zone.TypeNS, TTL: 60, Data: []zone.Rdata{zone.Rdata(zone.MustName("ns1.example.net"))}},
		{Name: name, Type: zone.TypeA, TTL: 60, Data: []zone.Rdata{"\xc0\x00\x02\x01"}},
		{Name: name, Type: zone.TypeAAAA, TTL: 60, Data: []zone.Rdata{"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"}},
		{Name: name, Type: zone.TypeTXT, TTL: 60, Data: []zone.Rdata{zone.TextData("x")}},
	} {
		if err := draft.Put(set); err != nil {
			t.Fatal(err)
		}
	}
	z, _, err := draft.Finish()
	if err != nil {
		t.Fatal(err)
	}
	const a, aaaa, txt, mx = zone.TypeA, zone.TypeAAAA, zone.TypeTXT, zone.Type(dns.TypeMX)
	gone := zone.MustName("gone.dyn.example.org")
	for _, test := range []struct {
		about      string
		name       zone.Name
		had, wrong []zone.Type
		want       string
	}{
		{"nothing is known of the target", name, nil, nil, "-A -CNAME -TXT -AAAA +A +TXT +AAAA"},
		{"nor is it of what it had", name, []zone.Type{mx}, nil, "-A -CNAME -MX -TXT -AAAA +A +TXT +AAAA"},
		{"one address changed", name, []zone.Type{a, aaaa, txt}, []zone.Type{a}, "-CNAME -A +A"},
		{"a set came", name, []zone.Type{a, aaaa}, []zone.Type{txt}, "-CNAME -TXT +TXT"},
		{"a set went", name, []zone.Type{a, aaaa, txt, mx}, []zone.Type{mx}, "-CNAME -MX"},
		{"all went", gone, []zone.Type{a, txt}, []zone.Type{a, txt}, "-A -TXT"},
		{"all went, of what is not known", gone, []zone.Type{a, txt}, nil, "-A -TXT"},
	} {
		m := new(dns.Msg)
		appendName(m, origin, test.name, z.Node(test.name), test.had, test.wrong)
		var got []string
		for _, rr := range m.Ns {
			h := rr.Header()
			sign := map[uint16]string{dns.ClassANY: "-", dns.ClassINET: "+"}[h.Class]
			got = append(got, fmt.Sprint(sign, dns.TypeToString[h.Rrtype]))
		}
		want := strings.Fields(test.want)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", test.about, got, want)
		}
	}
}

// TestUnusualNames: records are found in a reply, and its signature is, whatever octets
// the names have.
func TestUnusualNames(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"home", "HOME", `front\032door`, "o'brien", `a$b`, `a\.b`, `a\@b`, `a\200b`, `a\;b\(c\)d\"e\\f`} {
		name := zone.MustName(text + ".dyn.example.org")
		key := &tsig.Key{Name: name, Schemes: []tsig.Scheme{{Algorithm: tsig.HMACSHA256, Octets: 32}}, Secret: tsig.NewSecret()}
		m := new(dns.Msg)
		m.Answer = []dns.RR{record(name, zone.TypeTXT, dns.ClassINET, 60, zone.TextData("x"))}
		m.SetTsig(fqdn(key.Name), fqdn(key.Algorithm()), tsig.Fudge, time.Now().Unix())
		wire, _, err := dns.TsigGenerateWithProvider(m, signer{key}, "", false)
		if err != nil {
			t.Fatal(err)
		}
		if err := dns.TsigVerifyWithProvider(wire, signer{key}, "", false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		reply := new(dns.Msg)
		if err := reply.Unpack(wire); err != nil {
			t.Fatal(err)
		}
		if set, ok := recordSet(reply.Answer, name, zone.TypeTXT); !ok || len(set.Data) != 1 {
			t.Errorf("%s: %v, want one text", name, set)
		}
	}
}

// TestNextLimit: messages become shorter while the target is slow, and longer again.
func TestNextLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		limit, names int
		took         time.Duration
		want         int
	}{
		{maxNames, maxNames, 10 * time.Millisecond, maxNames},
		{maxNames, maxNames, 2 * time.Second, maxNames / 2},
		{maxNames, 10, 2 * time.Second, 5},
		{50, 50, 700 * time.Millisecond, 50},
		{50, 3, 10 * time.Millisecond, 100},
		{1, 1, linkTimeout, 1},
	} {
		if got := nextLimit(test.limit, test.names, test.took); got != test.want {
			t.Errorf("after %d names of %d took %s: %d, want %d", test.names, test.limit, test.took, got, test.want)
		}
	}
}
