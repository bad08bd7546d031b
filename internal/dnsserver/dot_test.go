package dnsserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
)

// newCertificate makes a certificate of 127.0.0.1, which is its own authority.
func newCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ns1.example.org"}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"ns1.example.org"},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// servedTLS is a server that speaks TLS too.
type servedTLS struct {
	*served
	tls    string
	client *tls.Config // that trusts it
	der    []byte      // the certificate
}

func serveTLS(t testing.TB, opts dnsserver.Options, state func() *registry.State) *servedTLS {
	t.Helper()
	cert := newCertificate(t)
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	s := &servedTLS{served: serve(t, opts, state), client: &tls.Config{RootCAs: roots, NextProtos: []string{"dot"}}, der: cert.Certificate[0]}
	l, err := dnsserver.ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	s.ends.Go(func() {
		if err := s.ServeTLS(context.Background(), l, &tls.Config{Certificates: []tls.Certificate{cert}}); err != nil {
			t.Error(err)
		}
	})
	s.tls = l.Addr().String()
	return s
}

// dialTLS connects, and fails the test when that fails.
func (s *servedTLS) dialTLS(t testing.TB) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", s.tls, s.client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// A connection with TLS is one like any other, but that its replies can be padded.
func TestTLS(t *testing.T) {
	t.Parallel()
	s := serveTLS(t, dnsserver.Options{Identity: "ns1.example.org"}, nil)
	conn := s.dialTLS(t)
	if got := conn.ConnectionState(); got.NegotiatedProtocol != "dot" || got.Version != tls.VersionTLS13 {
		t.Errorf("protocol %q, version %x", got.NegotiatedProtocol, got.Version)
	}
	c := dns.Conn{Conn: conn}
	for _, name := range []string{"home.example.org", "nowhere.example.org", "www.example.net"} {
		for _, padded := range []bool{false, true} {
			query := question(name, dns.TypeA).SetEdns0(1232, false)
			if padded {
				query.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}}
			}
			if err := c.WriteMsg(query); err != nil {
				t.Fatal(err)
			}
			reply, err := c.ReadMsgHeader(nil)
			if err != nil {
				t.Fatal(err)
			}
			if (len(reply)%468 == 0) != padded {
				t.Errorf("%s: %d octets, padded: %v", name, len(reply), padded)
			}
		}
	}
	if got := s.Stats().Queries["tls"]; got != 6 {
		t.Errorf("got = %v queries, want 6", got)
	}
}

// A reply that is too long for another block is padded to what a message can hold.
func TestLongReplyIsPadded(t *testing.T) {
	t.Parallel()
	long := longAnswers(t)
	s := serveTLS(t, dnsserver.Options{}, func() *registry.State { return long })
	c := dns.Conn{Conn: s.dialTLS(t)}
	query := question("long.example.org", dns.TypeTXT).SetEdns0(1232, false)
	query.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{}}
	if err := c.WriteMsg(query); err != nil {
		t.Fatal(err)
	}
	reply, err := c.ReadMsgHeader(nil)
	if err != nil || len(reply)%468 != 0 || len(reply) < 50000 {
		t.Errorf("got = %d octets, %v", len(reply), err)
	}
}

// What clients may ask for in a handshake.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	s := serveTLS(t, dnsserver.Options{}, nil)
	for _, tt := range []struct {
		name   string
		change func(*tls.Config)
		ok     bool
	}{
		{"usual", func(*tls.Config) {}, true},
		{"no protocol", func(c *tls.Config) { c.NextProtos = nil }, true},
		{"one of several protocols", func(c *tls.Config) { c.NextProtos = []string{"h2", "dot"} }, true},
		{"another protocol", func(c *tls.Config) { c.NextProtos = []string{"h2"} }, false},
		{"TLS 1.2", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, true},
		{"TLS 1.1", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, false},
		{"by name", func(c *tls.Config) { c.ServerName = "ns1.example.org" }, true},
	} {
		config := s.client.Clone()
		tt.change(config)
		client := dns.Client{Net: "tcp-tls", TLSConfig: config, Timeout: time.Minute}
		reply, _, err := client.Exchange(question("home.example.org", dns.TypeA), s.tls)
		if ok := err == nil && len(reply.Answer) == 1; ok != tt.ok {
			t.Errorf("%s: %v, %v", tt.name, reply, err)
		}
	}
	// Who speaks no TLS is not answered either.
	conn := dialTCP(t, "127.0.0.1", s.tls)
	if _, err := conn.Write(message(t, 1, "home.example.org")); err != nil {
		t.Fatal(err)
	}
	if reply, err := (&dns.Conn{Conn: conn}).ReadMsg(); err == nil {
		t.Errorf("got = %v in the clear", reply)
	}
	s.Shutdown(t.Context())
	if got := s.Stats().Handshakes; got != 3 {
		t.Errorf("got = %v failures, want 3", got)
	}
}

// The client hears that nothing more comes, so that it need not think that somebody
// cut the connection.
func TestTLSEnds(t *testing.T) {
	t.Parallel()
	s := serveTLS(t, dnsserver.Options{TCPIdle: 20 * time.Millisecond}, nil)
	conn := s.dialTLS(t)
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got = %d octets, %v", n, err)
	}
}

// Connections that do not even shake hands keep nobody out, of TCP or TLS.
func TestHalfOpenHandshakesMakeRoom(t *testing.T) {
	t.Parallel()
	const limit = 50
	s := serveTLS(t, dnsserver.Options{TCPConnections: limit, TCPConnectionsPerSource: limit}, nil)
	hello := "\x16\x03\x01\x02\x00\x01"
	for i := range 300 {
		conn := dialTCP(t, "127.0.0.1", s.tls)
		if _, err := io.WriteString(conn, hello[:i%len(hello)]); err != nil {
			t.Fatal(err)
		}
	}
	for id := range uint16(60) {
		for _, conn := range []net.Conn{s.dialTLS(t), dialTCP(t, "127.0.0.1", s.tcp)} {
			if _, err := conn.Write(message(t, id, "home.example.org")); err != nil {
				t.Fatal(err)
			}
			if err := answered(conn, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := s.Stats().Connections; got > limit {
		t.Errorf("got = %v connections, want %v at most", got, limit)
	}
}

// The other tool that everybody uses.
func TestKdig(t *testing.T) {
	t.Parallel()
	kdig := program(t, "kdig")
	opts := dnsserver.Options{
		Identity: "ns1.example.org", Whoami: true, CookieSecrets: []dnsserver.CookieSecret{secret(t, secretA)}, RequireCookies: true,
		Secondaries: everybody,
	}
	s := serveTLS(t, opts, nil)
	pemFile := filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.der})
	writeFile(t, pemFile, string(ca))
	for _, tt := range []struct {
		address, args string
		want          []string
	}{
		{s.tls, "+tls home.example.org A", []string{"TLS session (TLS1.3)", "192.0.2.7", "PADDING"}},
		{s.tls, "+tls-ca=" + pemFile + " +tls-hostname=ns1.example.org +keepopen home.example.org A ns1.example.org AAAA", []string{"192.0.2.7", "2001:db8::1"}},
		{s.tls, "+tls whoami.example.org TXT", []string{"\"127.0.0.1\""}},
		{s.tls, "+tls example.org AXFR", []string{"SOA", "home.example.org.", "(1 messages, "}},
		{s.udp, "+cookie +badcookie home.example.org A", []string{"192.0.2.7", "COOKIE"}},
		{s.tcp, "+tcp +nsid +keepopen home.example.org A www.example.org A", []string{"192.0.2.7", "home.example.org.", "\"ns1.example.org\""}},
	} {
		host, port, err := net.SplitHostPort(tt.address)
		if err != nil {
			t.Fatal(err)
		}
		args := append([]string{"@" + host, "-p", port, "+time=60", "+retry=0", "+norec"}, strings.Fields(tt.args)...)
		out, err := exec.Command(kdig, args...).CombinedOutput()
		for _, want := range tt.want {
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("kdig %s: %v\n got = %s\nwant %s", tt.args, err, out, want)
			}
		}
	}
}
