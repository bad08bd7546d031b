package dnsserver_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/zone"
)

// The zones of the comparison: everything that a lookup may meet. The child is
// served beside its parent; other children are not.
var comparedZones = map[string]string{
	"example.org": `
$TTL 60
@              SOA ns1 hostmaster 7 300 60 1209600 30
@              NS ns1
@              NS ns.example.net.
@              MX 10 mail
@              TXT "apex"
ns1            A 192.0.2.1
ns1            AAAA 2001:db8::1
mail           A 192.0.2.25
home           A 192.0.2.7
home           A 192.0.2.8
home           AAAA 2001:db8::7
home           TXT "text"
_acme.home     TXT "token"
a.b.c          A 192.0.2.10
*.wild         A 192.0.2.9
*.wild         MX 10 mail
there.wild     TXT "hides the wildcard"
x.y.wild       TXT "so does the name above it"
*.alias        CNAME home
sub.*.star     A 192.0.2.11
www            CNAME home
www2           CNAME www
www3           CNAME www2
out            CNAME www.example.net.
gone           CNAME nowhere
notype         CNAME mail
intowild       CNAME some.wild
intochild      CNAME www.child
intolost       CNAME www.lost
intodname      CNAME a.old
loop1          CNAME loop2
loop2          CNAME loop1
self           CNAME self
old            DNAME new
old            TXT "beside the DNAME"
host.new       A 192.0.2.12
www.new        CNAME host.new
away           DNAME example.net.
dead           DNAME nowhere
long           DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccccccccccccccc
child          NS ns.child
child          NS ns1
child          DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.child       A 192.0.2.53
ns.child       AAAA 2001:db8::53
lost           NS ns.lost
lost           NS ns.other
lost           NS ns.example.net.
lost           DS 2 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.lost        A 192.0.2.54
hidden.lost    A 192.0.2.55
deep.hid.lost  NS ns.example.net.
other          NS ns.other
ns.other       A 192.0.2.56
_sip._udp      SRV 1 2 5060 home
_up._tcp       SRV 1 2 5060 ns.lost
unknown        TYPE65280 \# 4 0a000001
`,
	"child.example.org": `
$TTL 120
@         SOA ns hostmaster 9 300 60 1209600 3600
@         NS ns
ns        A 192.0.2.53
ns        AAAA 2001:db8::53
www       A 192.0.2.80
up        CNAME home.example.org.
grand     NS ns.grand
ns.grand  A 192.0.2.57
`,
	// Its parent is delegated to others.
	"far.lost.example.org": `
$TTL 120
@  SOA ns.example.net. hostmaster.example.net. 3 300 60 1209600 3600
@  NS ns.example.net.
`,
}

// known is where the others differ from us on purpose, by program and name.
var known = map[string]map[string]string{
	"named": {
		"loop1.example.org.":     "it calls a circle a failure",
		"loop2.example.org.":     "it calls a circle a failure",
		"self.example.org.":      "it calls a circle a failure",
		"intochild.example.org.": "it does not say where the child is when an alias leads there",
	},
}

// TestLikeOthers asks us and the servers that others trust the same questions.
func TestLikeOthers(t *testing.T) {
	t.Parallel()
	var zones zone.Set
	for origin, text := range comparedZones {
		zones = zones.With(readZone(t, origin, text))
	}
	questions := comparedQuestions(zones)
	if len(questions) < 500 {
		t.Fatalf("%d questions, want 500 at least", len(questions))
	}
	for _, p := range []peer{bind, knot} {
		t.Run(p.program, func(t *testing.T) {
			t.Parallel()
			address := p.start(t, comparedZones)
			client := dns.Client{Net: "tcp"}
			conn, err := client.Dial(address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, q := range questions {
				if known[p.program][q.Question[0].Name] != "" {
					continue
				}
				theirs, _, err := client.ExchangeWithConn(q, conn)
				if err != nil {
					t.Fatalf("asking %s %s: %v", p.program, q.Question[0].String(), err)
				}
				ours := ask(t, dnsserver.Options{}, zones, q, dnsserver.TCP)
				if diff := cmp.Diff(normal(theirs), normal(ours)); diff != "" {
					t.Errorf("%s (-%s +ours):\n%s", q.Question[0].String(), p.program, diff)
				}
			}
		})
	}
}

// normal writes a reply without what servers may do as they like: the order of records,
// the case of names, and addresses that are only a help.
func normal(m *dns.Msg) []string {
	var required []dns.RR
	for _, rr := range m.Extra {
		for _, ns := range m.Ns {
			if ns, ok := ns.(*dns.NS); ok && ns.Ns == rr.Header().Name && dns.IsSubDomain(ns.Hdr.Name, ns.Ns) {
				required = append(required, rr)
			}
		}
	}
	m = m.Copy()
	m.Extra = required
	lines := render(m)
	for i, l := range lines {
		lines[i] = strings.ToLower(l)
	}
	slices.Sort(lines[1:])
	return lines
}

// comparedQuestions asks for all types of the names in the zones, and of those around
// them, wildcards among them.
func comparedQuestions(zones zone.Set) []*dns.Msg {
	types := []uint16{
		dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeMX, dns.TypeTXT, dns.TypeCNAME, dns.TypeSOA,
		dns.TypeDS, dns.TypeSRV, dns.TypeDNAME, 65280,
	}
	var out []*dns.Msg
	for z := range zones.All() {
		for name := range z.Nodes() {
			for _, n := range []string{name.FQDN(), name.Parent().FQDN(), "x." + name.FQDN(), "y.x." + name.FQDN(), "*." + name.FQDN()} {
				for _, typ := range types {
					out = append(out, question(n, typ))
				}
			}
		}
	}
	for _, n := range []string{"org", "example.net", ".", "xexample.org"} {
		out = append(out, question(n, dns.TypeA))
	}
	for i, q := range out {
		q.Id = uint16(i)
	}
	return out
}
