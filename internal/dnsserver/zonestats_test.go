package dnsserver_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Each zone has counts of its own, as long as it stands.
func TestZoneStats(t *testing.T) {
	t.Parallel()
	org, net := readZone(t, "example.org", example), readZone(t, "example.net", example)
	var state atomic.Pointer[registry.State]
	serving := func(zones ...*zone.Zone) { state.Store(&registry.State{Zones: setOf(zones...)}) }
	serving(org, net)
	s := serve(t, dnsserver.Options{}, state.Load)
	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(s.Collector())
	check := func(want string) {
		t.Helper()
		const names = "stayput_dns_zone_queries_total stayput_dns_zone_replies_total stayput_dns_zone_questions_total"
		if err := testutil.GatherAndCompare(metrics, strings.NewReader(want), strings.Fields(names)...); err != nil {
			t.Error(err)
		}
	}
	ask := func(network, name string, typ uint16) {
		t.Helper()
		// A reply may be there before it is counted: that of the next query waits for that.
		for _, q := range []*dns.Msg{question(name, typ), question("example.com", dns.TypeA)} {
			exchange(t, network, map[string]string{"udp": s.udp, "tcp": s.tcp}[network], q)
		}
	}
	check("")
	ask("udp", "home.example.org", dns.TypeA)
	ask("udp", "nowhere.EXAMPLE.org", dns.TypeA)
	ask("udp", "home.example.net", dns.TypeNSEC)
	ask("tcp", "home.example.org", dns.TypeAAAA)
	const help = `
# HELP stayput_dns_zone_queries_total DNS queries that a zone answered.
# TYPE stayput_dns_zone_queries_total counter
`
	check(help + `stayput_dns_zone_queries_total{transport="tcp",zone="example.org"} 1
stayput_dns_zone_queries_total{transport="udp",zone="example.net"} 1
stayput_dns_zone_queries_total{transport="udp",zone="example.org"} 2
# HELP stayput_dns_zone_questions_total DNS questions that a zone answered, by type.
# TYPE stayput_dns_zone_questions_total counter
stayput_dns_zone_questions_total{type="A",zone="example.org"} 2
stayput_dns_zone_questions_total{type="AAAA",zone="example.org"} 1
stayput_dns_zone_questions_total{type="other",zone="example.net"} 1
# HELP stayput_dns_zone_replies_total DNS replies of a zone, by response code.
# TYPE stayput_dns_zone_replies_total counter
stayput_dns_zone_replies_total{rcode="NOERROR",zone="example.net"} 1
stayput_dns_zone_replies_total{rcode="NOERROR",zone="example.org"} 2
stayput_dns_zone_replies_total{rcode="NXDOMAIN",zone="example.org"} 1
`)
	serving(net)
	ask("udp", "home.example.org", dns.TypeA)
	count := func(want string) {
		t.Helper()
		if err := testutil.GatherAndCompare(metrics, strings.NewReader(help+want), "stayput_dns_zone_queries_total"); err != nil {
			t.Error(err)
		}
	}
	count("stayput_dns_zone_queries_total{transport=\"udp\",zone=\"example.net\"} 1\n")
	// One that comes back begins anew.
	serving(org)
	ask("udp", "home.example.org", dns.TypeA)
	count("stayput_dns_zone_queries_total{transport=\"udp\",zone=\"example.org\"} 1\n")
}

// What cookies were worth is counted.
func TestCookieStats(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{CookieSecrets: []dnsserver.CookieSecret{secret(t, secretA)}}, nil)
	first := exchange(t, "udp", s.udp, withCookie(question("home.example.org", dns.TypeA), "2464c4abcf10c957"))
	exchange(t, "udp", s.udp, withCookie(question("home.example.org", dns.TypeA), cookieIn(first)))
	exchange(t, "udp", s.udp, question("home.example.org", dns.TypeA))
	s.Shutdown(t.Context())
	if got := s.Stats().Cookies; got["good"] != 1 || got["other"] != 1 {
		t.Errorf("got = %v, want one of each", got)
	}
}
