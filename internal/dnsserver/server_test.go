package dnsserver_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// served is a server on loopback, over UDP and TCP.
type served struct {
	*dnsserver.Server
	udp, tcp string
	ends     sync.WaitGroup // of the calls that serve
}

// serve runs a server until the test ends. A nil state is that of exampleZones.
func serve(t testing.TB, opts dnsserver.Options, state func() *registry.State) *served {
	t.Helper()
	if state == nil {
		fixed := &registry.State{Zones: exampleZones(t)}
		state = func() *registry.State { return fixed }
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	s := &served{Server: dnsserver.New(state, opts)}
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	s.udp = s.listenUDP(t, loopback)
	s.tcp = s.listenTCP(t, loopback)
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		s.ends.Wait()
	})
	return s
}

func (s *served) listenUDP(t testing.TB, addr netip.AddrPort) string {
	t.Helper()
	conn, err := dnsserver.ListenUDP(addr)
	if err != nil {
		t.Fatal(err)
	}
	s.ends.Go(func() {
		if err := s.ServeUDP(context.Background(), conn); err != nil {
			t.Error(err)
		}
	})
	return conn.LocalAddr().String()
}

func (s *served) listenTCP(t testing.TB, addr netip.AddrPort) string {
	t.Helper()
	l, err := dnsserver.ListenTCP(addr)
	if err != nil {
		t.Fatal(err)
	}
	s.ends.Go(func() {
		if err := s.ServeTCP(context.Background(), l); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// exchange asks over the network and fails the test when there is no reply.
func exchange(t testing.TB, network, address string, query *dns.Msg) *dns.Msg {
	t.Helper()
	client := dns.Client{Net: network, Timeout: time.Minute}
	reply, _, err := client.Exchange(query, address)
	if err != nil {
		t.Fatalf("asking %s over %s: %v", address, network, err)
	}
	return reply
}

func TestServe(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{}, nil)
	loopback6 := netip.MustParseAddrPort("[::1]:0")
	for network, address := range map[string]string{
		"udp4": s.udp, "tcp4": s.tcp, "udp6": s.listenUDP(t, loopback6), "tcp6": s.listenTCP(t, loopback6),
	} {
		reply := exchange(t, network, address, question("home.example.org", dns.TypeA))
		if got, want := strings.Join(render(reply), "\n"), "NOERROR aa\nanswer home.example.org. 60 IN A 192.0.2.7"; got != want {
			t.Errorf("%s: got = %v, want %v", network, got, want)
		}
	}
}

// The tool that everybody uses.
func TestDig(t *testing.T) {
	t.Parallel()
	dig := program(t, "dig")
	s := serve(t, dnsserver.Options{Version: "Stayput"}, nil)
	v6 := s.listenUDP(t, netip.MustParseAddrPort("[::1]:0"))
	for _, tt := range []struct{ address, args, want string }{
		{s.udp, "home.example.org A +short", "192.0.2.7\n"},
		{s.udp, "home.example.org AAAA +short +dnssec +cookie", "2001:db8::7\n"},
		{s.udp, "www.example.org A +short +noedns", "home.example.org.\n192.0.2.7\n"},
		{s.tcp, "home.example.org A +short +tcp", "192.0.2.7\n"},
		{s.tcp, "example.org SOA +short +tcp +keepopen +keepalive", "ns1.example.org. hostmaster.example.org. 7 300 60 1209600 30\n"},
		{v6, "home.example.org A +short", "192.0.2.7\n"},
		{s.udp, "version.bind TXT CH +short", "\"Stayput\"\n"},
		{s.udp, "www.example.net A +noall +comments", "status: REFUSED"},
		{s.udp, "www.example.net A +noall +comments", "EDE: 20 (Not Authoritative)"},
		{s.udp, "home.example.org A +edns=1 +noednsneg +noall +comments", "status: BADVERS"},
	} {
		host, port, err := net.SplitHostPort(tt.address)
		if err != nil {
			t.Fatal(err)
		}
		args := append([]string{"@" + host, "-p", port, "+time=60", "+tries=1", "+norecurse"}, strings.Fields(tt.args)...)
		out, err := exec.Command(dig, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), tt.want) {
			t.Errorf("dig %s: %v\n got = %s\nwant %s", tt.args, err, out, tt.want)
		}
	}
}

// onLinux skips a test of what only Linux is asked for.
func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux")
	}
}

// A reply leaves from the address that was asked, though the socket takes what
// comes to any: a client hears no other.
func TestWildcardAddress(t *testing.T) {
	t.Parallel()
	onLinux(t)
	s := serve(t, dnsserver.Options{}, nil)
	any4 := s.listenUDP(t, netip.MustParseAddrPort("0.0.0.0:0"))
	port := netip.MustParseAddrPort(any4).Port()
	s.listenUDP(t, netip.AddrPortFrom(netip.IPv6Unspecified(), port)) // beside it, of the other family
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"} {
		address := netip.AddrPortFrom(netip.MustParseAddr(host), port)
		reply := exchange(t, "udp", address.String(), question("home.example.org", dns.TypeA))
		if len(reply.Answer) != 1 {
			t.Errorf("%s: %v", host, reply)
		}
	}
}

// Several sockets share one address.
func TestSharedAddress(t *testing.T) {
	t.Parallel()
	onLinux(t)
	s := serve(t, dnsserver.Options{}, nil)
	for range 3 {
		if got := s.listenUDP(t, netip.MustParseAddrPort(s.udp)); got != s.udp {
			t.Fatalf("got = %v, want %v", got, s.udp)
		}
	}
	for range 20 { // from as many ports, so to several sockets
		exchange(t, "udp", s.udp, question("home.example.org", dns.TypeA))
	}
	if got := s.Stats().Queries["udp"]; got != 20 {
		t.Errorf("got = %v queries, want 20", got)
	}
}

// Who asks after a change sees it, on a connection that was there before, too.
func TestFreshState(t *testing.T) {
	t.Parallel()
	var state atomic.Pointer[registry.State]
	at := func(host string) {
		z := newZone(t, "example.org", zone.RRset{Name: zone.MustName(host + ".example.org"), Type: zone.TypeA, TTL: 60, Data: []zone.Rdata{"\xc0\x00\x02\x01"}})
		state.Store(&registry.State{Zones: setOf(z)})
	}
	at("before")
	s := serve(t, dnsserver.Options{}, state.Load)
	for network, address := range map[string]string{"udp": s.udp, "tcp": s.tcp} {
		at("before")
		client := dns.Client{Net: network, Timeout: time.Minute}
		conn, err := client.Dial(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		for _, host := range []string{"before", "after"} {
			at(host)
			reply, _, err := client.ExchangeWithConn(question(host+".example.org", dns.TypeA), conn)
			if err != nil || len(reply.Answer) != 1 {
				t.Errorf("%s over %s: %v %v", host, network, reply, err)
			}
		}
	}
}

// A fault that a packet brings to light costs its reply, and no more.
func TestPanic(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var broken atomic.Bool
	good := &registry.State{Zones: exampleZones(t)}
	s := serve(t, dnsserver.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func() *registry.State {
		if broken.Load() {
			panic("broken")
		}
		return good
	})
	for i, network := range []string{"udp", "tcp"} {
		broken.Store(true)
		address := map[string]string{"udp": s.udp, "tcp": s.tcp}[network]
		conn := send(t, network, address)
		for end := time.Now().Add(time.Minute); s.Stats().Panics == uint64(i) && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		broken.Store(false)
		exchange(t, network, address, question("home.example.org", dns.TypeA))
		_ = conn.SetDeadline(time.Now().Add(50 * time.Millisecond))
		if reply, err := conn.ReadMsg(); err == nil {
			t.Errorf("%s: %v", network, reply)
		}
	}
	if got := s.Stats().Panics; got != 2 {
		t.Errorf("got = %v panics, want 2", got)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "panic=broken") || !strings.Contains(log.String(), "server_test.go") {
		t.Errorf("log = %s", log.String())
	}
}

// Options can change while the server runs.
func TestSetOptions(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{}, nil)
	query := question("version.bind", dns.TypeTXT)
	query.Question[0].Qclass = dns.ClassCHAOS
	if got := exchange(t, "udp", s.udp, query).Rcode; got != dns.RcodeRefused {
		t.Errorf("got = %v, want REFUSED", dns.RcodeToString[got])
	}
	s.SetOptions(dnsserver.Options{Version: "2"})
	if got := exchange(t, "udp", s.udp, query).Answer; len(got) != 1 || got[0].(*dns.TXT).Txt[0] != "2" {
		t.Errorf("got = %v, want 2", got)
	}
}
