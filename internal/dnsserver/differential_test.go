package dnsserver_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/miekg/dns"

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
loop3          CNAME loop4
loop4          CNAME loop5
loop5          CNAME loop3
intoloop       CNAME loop3
self           CNAME self
*.loops        CNAME x.loops
r1             DNAME r2
r2             DNAME r1
grow           DNAME more.grow
l1             CNAME l2
l2             CNAME l3
l3             CNAME l4
l4             CNAME l5
l5             CNAME l6
l6             CNAME l7
l7             CNAME l8
l8             CNAME l9
l9             CNAME l10
l10            CNAME l11
l11            CNAME l12
l12            CNAME l13
l13            CNAME l14
l14            CNAME l15
l15            CNAME l16
l16            CNAME l17
l17            CNAME home
old            DNAME new
older          DNAME old
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
wildmail       MX 10 some.wild
lostmail       MX 10 ns.lost
childmail      MX 10 www.child
aliasmail      MX 10 www
twice          MX 10 mail
twice          MX 20 MAIL
twice          MX 20 mail
svc            HTTPS 1 . alpn=h2
svc            A 192.0.2.44
svcalias       HTTPS 0 svc
svcaway        HTTPS 0 www.example.net.
svchome        HTTPS 1 home
svclost        HTTPS 1 ns.lost
svcb           SVCB 1 home port=8443
naptr          NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:a@example.org!" .
caa            CAA 0 issue "ca.example.net"
_25._tcp.mail  TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
keys           SSHFP 4 2 0000000000000000000000000000000000000000000000000000000000000000
place          LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
pointer        PTR home
bare           NS ns.bare
selfns         NS selfns
selfns         A 192.0.2.58
below.*.mid    TXT "a label like any other"
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

// TestLikeOthers asks us, BIND, Knot and NSD for all that may be asked about a
// few zones: every name in them and around them, and every type of note.
func TestLikeOthers(t *testing.T) {
	t.Parallel()
	zones := readZones(t, comparedZones)
	questions := comparedQuestions(t, zones)
	if len(questions) < 5000 {
		t.Fatalf("%d questions, want 5000 at least", len(questions))
	}
	compare(t, comparedZones, zones, questions)
}

// comparedQuestions asks for all types of the names in the zones, and of those
// around them, wildcards among them.
func comparedQuestions(t testing.TB, zones zone.Set) []*dns.Msg {
	t.Helper()
	names := map[string]bool{"org.": true, "example.net.": true, ".": true, "xexample.org.": true}
	for z := range zones.All() {
		for name := range z.Nodes() {
			n := name.FQDN()
			for _, around := range []string{n, name.Parent().FQDN(), "x." + n, "y.x." + n, "*." + n, "x.*." + n} {
				names[around] = true
			}
		}
	}
	var out []*dns.Msg
	for _, name := range slices.Sorted(maps.Keys(names)) {
		for _, typ := range askedTypes {
			out = append(out, question(name, typeNamed(t, typ)))
		}
	}
	return out
}
