package dnsserver_test

import (
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"stayput.dev/internal/dnsserver"
)

func TestStats(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{}, nil)
	ignored, err := net.Dial("udp", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer ignored.Close()
	if _, err := ignored.Write([]byte("short")); err != nil {
		t.Fatal(err)
	}
	exchange(t, "udp", s.udp, question("home.example.org", dns.TypeA))
	exchange(t, "udp", s.udp, question("nowhere.example.org", dns.TypeA))
	exchange(t, "udp", s.udp, question("home.example.org", dns.TypeNSEC))
	exchange(t, "tcp", s.tcp, question("www.example.net", dns.TypeANY))
	exchange(t, "tcp", s.tcp, question("example.org", dns.TypeAXFR))

	// A reply may be there before it is counted: the next one waits for that.
	s.Shutdown(t.Context())
	want := dnsserver.Stats{
		Queries:   map[string]uint64{"udp": 4, "tcp": 2, "tls": 0},
		Replies:   map[string]uint64{"NOERROR": 2, "NXDOMAIN": 1, "REFUSED": 2},
		Questions: map[string]uint64{"A": 2, "other": 1, "ANY": 1, "transfer": 1},
		Cookies:   map[string]uint64{"good": 0, "other": 0},
		Dropped:   1,
		Transfers: map[string]uint64{"axfr": 0, "ixfr": 0, "none": 0},
	}
	got := s.Stats()
	got.Flat = 0 // how many depends on when the table was made
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(s.Collector())
	if err := testutil.GatherAndCompare(metrics, strings.NewReader(`
# HELP stayput_dns_replies_total DNS replies, by response code.
# TYPE stayput_dns_replies_total counter
stayput_dns_replies_total{rcode="NOERROR"} 2
stayput_dns_replies_total{rcode="NXDOMAIN"} 1
stayput_dns_replies_total{rcode="REFUSED"} 2
# HELP stayput_dns_tcp_connections TCP connections that are open, those with TLS among them.
# TYPE stayput_dns_tcp_connections gauge
stayput_dns_tcp_connections 0
`), "stayput_dns_replies_total", "stayput_dns_tcp_connections"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(metrics); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}
