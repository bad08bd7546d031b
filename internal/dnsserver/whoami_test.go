package dnsserver_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
)

// TestWhoami asks who the client is, in zones that have something at the name and
// in others.
func TestWhoami(t *testing.T) {
	t.Parallel()
	const apex = "@ 60 SOA ns1.example.net. hostmaster.example.net. 7 300 60 1209600 30\n@ 60 NS ns1.example.net.\n"
	zones := setOf(
		readZone(t, "example.org", apex+"*.example.org. 60 A 192.0.2.9\n"),
		readZone(t, "host.example.net", apex+"whoami 60 AAAA 2001:db8::9\n"),
		readZone(t, "alias.example.net", apex+"whoami 60 CNAME ns1.example.net.\n"),
		readZone(t, "below.example.net", apex+"www.whoami 60 A 192.0.2.9\n"),
		readZone(t, "away.example.net", apex+"@ 60 DNAME example.com.\n"),
		readZone(t, "child.example.net", apex+"whoami 60 NS ns1.example.com.\n"),
	)
	const (
		v4, v6 = "192.0.2.1", "2001:db8::1"
		soa    = "authority example.org. 0 IN SOA ns1.example.net. hostmaster.example.net. 7 300 60 1209600 30"
	)
	for _, tt := range []struct{ client, name, typ, want string }{
		{v4, "whoami.example.org", "A", "NOERROR aa\nanswer whoami.example.org. 0 IN A 192.0.2.1"},
		{v4, "WhoAmI.example.org", "A", "NOERROR aa\nanswer WhoAmI.example.org. 0 IN A 192.0.2.1"},
		{v4, "whoami.example.org", "TXT", "NOERROR aa\nanswer whoami.example.org. 0 IN TXT \"192.0.2.1\""},
		{v4, "whoami.example.org", "ANY", "NOERROR aa\nanswer whoami.example.org. 0 IN A 192.0.2.1"},
		{v4, "whoami.example.org", "AAAA", "NOERROR aa\n" + soa},
		{v4, "whoami.example.org", "MX", "NOERROR aa\n" + soa},
		{"::ffff:192.0.2.1", "whoami.example.org", "A", "NOERROR aa\nanswer whoami.example.org. 0 IN A 192.0.2.1"},
		{v6, "whoami.example.org", "AAAA", "NOERROR aa\nanswer whoami.example.org. 0 IN AAAA 2001:db8::1"},
		{v6, "whoami.example.org", "TXT", "NOERROR aa\nanswer whoami.example.org. 0 IN TXT \"2001:db8::1\""},
		{v6, "whoami.example.org", "ANY", "NOERROR aa\nanswer whoami.example.org. 0 IN AAAA 2001:db8::1"},
		{v6, "whoami.example.org", "A", "NOERROR aa\n" + soa},
		{v4, "whoami.below.example.net", "A", "NOERROR aa\nanswer whoami.below.example.net. 0 IN A 192.0.2.1"},

		// What the zone has wins, and nobody else is asked.
		{v4, "who.example.org", "A", "NOERROR aa\nanswer who.example.org. 60 IN A 192.0.2.9"},
		{v4, "www.whoami.example.org", "A", "NOERROR aa\nanswer www.whoami.example.org. 60 IN A 192.0.2.9"},
		{v6, "whoami.host.example.net", "AAAA", "NOERROR aa\nanswer whoami.host.example.net. 60 IN AAAA 2001:db8::9"},
		{v4, "whoami.host.example.net", "A", "NOERROR aa\n" + strings.Replace(soa, "example.org. 0", "host.example.net. 30", 1)},
		{v4, "whoami.alias.example.net", "A", "NOERROR aa\nanswer whoami.alias.example.net. 60 IN CNAME ns1.example.net."},
		{v4, "whoami.away.example.net", "A", "NOERROR aa\nanswer away.example.net. 60 IN DNAME example.com.\n" +
			"answer whoami.away.example.net. 60 IN CNAME whoami.example.com."},
		{v4, "whoami.child.example.net", "A", "NOERROR\nauthority whoami.child.example.net. 60 IN NS ns1.example.com."},
		{"", "whoami.example.org", "A", "NOERROR aa\nanswer whoami.example.org. 60 IN A 192.0.2.9"},
		{v4, "whoami.example.com", "A", "REFUSED"},
	} {
		var client dnsserver.Client
		if tt.client != "" {
			client.Addr = netip.MustParseAddr(tt.client)
		}
		reply := askFrom(t, dnsserver.Options{Whoami: true}, client, zones, question(tt.name, typeNamed(t, tt.typ)))
		if diff := cmp.Diff(strings.Split(tt.want, "\n"), render(reply)); diff != "" {
			t.Errorf("%s %s from %q (-want +got):\n%s", tt.name, tt.typ, tt.client, diff)
		}
	}
	reply := askFrom(t, dnsserver.Options{}, dnsserver.Client{Addr: netip.MustParseAddr(v4)}, zones, question("whoami.example.org", dns.TypeA))
	if got, want := reply.Answer[0].String(), "192.0.2.9"; !strings.HasSuffix(got, want) {
		t.Errorf("unless it is wanted: got = %v, want %v", got, want)
	}
}

// In a zone that is the root, too.
func TestWhoamiOfTheRoot(t *testing.T) {
	t.Parallel()
	zones := setOf(readZone(t, ".", "@ 60 SOA ns1.example.net. hostmaster.example.net. 7 300 60 1209600 30\n@ 60 NS ns1.example.net.\n"))
	client := dnsserver.Client{Addr: netip.MustParseAddr("192.0.2.1")}
	reply := askFrom(t, dnsserver.Options{Whoami: true}, client, zones, question("whoami", dns.TypeA))
	if got, want := strings.Join(render(reply), "\n"), "NOERROR aa\nanswer whoami. 0 IN A 192.0.2.1"; got != want {
		t.Errorf("got = %v, want %v", got, want)
	}
}
