package dnsserver_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
)

// floodSize is how many questions a flood has: few enough for the socket.
const floodSize = 100

// flood sends a flood of questions from an address, and returns how many were
// answered in whole, truncated, and not at all.
func flood(t *testing.T, s *served, from string, ask func(i int) *dns.Msg) (whole, truncated, dropped int) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))}
	conn, err := dialer.Dial("udp", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := s.Stats()
	for i := range floodSize {
		packet, err := ask(i).Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 1500)
	for deadline := time.Now().Add(time.Minute); whole+truncated+dropped < floodSize && time.Now().Before(deadline); {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		n, err := conn.Read(buf)
		if err != nil { // nothing more for now
			dropped = int(s.Stats().Limited - before.Limited)
			continue
		}
		var m dns.Msg
		if err := m.Unpack(buf[:n]); err != nil {
			t.Fatalf("reply %x: %v", buf[:n], err)
		}
		if !m.Truncated {
			whole++
			continue
		}
		if truncated++; len(m.Question) != 1 || len(m.Answer)+len(m.Ns) > 0 || m.IsEdns0() == nil {
			t.Errorf("truncated reply: %v", &m)
		}
	}
	if whole+truncated+dropped != floodSize {
		t.Fatalf("%d answered, %d truncated, %d dropped of %d", whole, truncated, dropped, floodSize)
	}
	return whole, truncated, dropped
}

// TestRateLimit lets one source ask for the same again and again, in every way
// that the limit should see through, and in those that it should let pass.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	state := &registry.State{Zones: setOf(readZone(t, "example.org", `
$TTL 60
@        SOA ns1.example.net. hostmaster.example.net. 1 300 60 1209600 60
@        NS  ns1.example.net.
home     A   192.0.2.7
nas      A   192.0.2.8
*.guests A   192.0.2.9
sub      NS  ns.example.net.
`))}
	edns := func(name string, typ uint16) *dns.Msg { return question(name, typ).SetEdns0(1232, false) }
	always := func(name string) func(int) *dns.Msg {
		return func(int) *dns.Msg { return edns(name, dns.TypeA) }
	}
	tests := []struct {
		why     string
		from    string
		limited bool
		ask     func(i int) *dns.Msg
	}{
		{"one name", "127.0.1.1", true, always("home.example.org")},
		{"one name in any case and type", "127.0.2.1", true, func(i int) *dns.Msg {
			name := []string{"home.example.org.", "HOME.example.org.", "hOmE.eXample.org."}[i%3]
			return edns(name, []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT}[i%3])
		}},
		{"names that do not exist", "127.0.3.1", true, func(i int) *dns.Msg {
			return edns(fmt.Sprintf("x%d.example.org", i), dns.TypeA)
		}},
		{"names below a wildcard", "127.0.4.1", true, func(i int) *dns.Msg {
			return edns(fmt.Sprintf("x%d.guests.example.org", i), dns.TypeA)
		}},
		{"referrals", "127.0.5.1", true, func(i int) *dns.Msg {
			return edns(fmt.Sprintf("x%d.sub.example.org", i), dns.TypeA)
		}},
		{"names that are not ours", "127.0.6.1", true, func(i int) *dns.Msg {
			return edns(fmt.Sprintf("x%d.example.net", i), dns.TypeA)
		}},
		{"a source that is exempt", "127.0.7.1", false, always("home.example.org")},
	}
	const rate = 10
	s := serve(t, dnsserver.Options{RateLimit: dnsserver.RateLimit{
		PerSecond: rate, Slip: 2, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.7.0/24")},
	}}, func() *registry.State { return state })
	for _, tt := range tests {
		began := time.Now()
		whole, truncated, dropped := flood(t, s, tt.from, tt.ask)
		took := time.Since(began)
		if !tt.limited {
			if whole != floodSize {
				t.Errorf("%s: %d answered, %d truncated, %d not at all", tt.why, whole, truncated, dropped)
			}
			continue
		}
		most := rate + 1 + int(took*rate/time.Second)
		if whole < rate || whole > most {
			t.Errorf("%s: %d answered in %v, want %d to %d", tt.why, whole, took, rate, most)
		}
		if truncated < dropped-1 || truncated > dropped+1 {
			t.Errorf("%s: %d truncated and %d dropped, want as many", tt.why, truncated, dropped)
		}
	}

	// The source that has had its share for one name gets another, and over TCP
	// all that it wants.
	if m := exchange(t, "tcp", s.tcp, question("home.example.org", dns.TypeA)); len(m.Answer) != 1 {
		t.Errorf("over TCP: %v", m)
	}
	if whole, _, _ := flood(t, s, "127.0.1.2", func(i int) *dns.Msg {
		return edns([]string{"nas.example.org", "home.example.org"}[i%2], dns.TypeA)
	}); whole < rate {
		t.Errorf("another name: %d answered, want %d", whole, rate)
	}
}

// TestRateLimitCookie lets a client with a cookie ask as often as it likes.
func TestRateLimitCookie(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{
		RateLimit: dnsserver.RateLimit{PerSecond: 1}, CookieSecrets: []dnsserver.CookieSecret{{1}},
	}, nil)
	ask := func(cookie string) *dns.Msg { return withCookie(question("home.example.org", dns.TypeA), cookie) }
	const client = "0102030405060708"
	cookie := cookieIn(exchange(t, "udp", s.udp, ask(client)))
	if whole, _, _ := flood(t, s, "127.0.0.1", func(int) *dns.Msg { return ask(cookie) }); whole != floodSize {
		t.Errorf("%d answered, want all %d", whole, floodSize)
	}
	if whole, _, _ := flood(t, s, "127.0.0.1", func(int) *dns.Msg { return ask(client) }); whole > floodSize/2 {
		t.Errorf("%d answered without a cookie of ours, want few", whole)
	}
}
