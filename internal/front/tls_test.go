package front_test

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/front"
)

// rsaKey makes one key for all tests, since making it takes a while.
var rsaKey = sync.OnceValue(func() crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func ecdsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// writePair writes a self-signed certificate for name to files in dir.
func writePair(t testing.TB, dir, name string, key crypto.Signer) (certFile, keyFile string) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, certFile, "CERTIFICATE", cert)
	writePEM(t, keyFile, "PRIVATE KEY", private)
	return certFile, keyFile
}

func writePEM(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newCertificate(t testing.TB, name string, key crypto.Signer) *front.Certificate {
	t.Helper()
	c, err := front.LoadCertificate(writePair(t, t.TempDir(), name, key))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newTLSConfig is a server with an ECDSA and an RSA certificate.
func newTLSConfig(t testing.TB) *tls.Config {
	return &tls.Config{GetCertificate: front.PickCertificate(
		newCertificate(t, "a.example.org", ecdsaKey(t)), newCertificate(t, "a.example.org", rsaKey()))}
}

// dialTLS connects as a client that takes any certificate.
func dialTLS(t testing.TB, addr string, cfg *tls.Config) (*tls.Conn, error) {
	t.Helper()
	cfg.InsecureSkipVerify = true
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", addr, cfg)
	if err == nil {
		c.SetDeadline(time.Now().Add(time.Minute))
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// secure answers with the protocol, the TLS state and the client.
var secure = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	state := "plain"
	if r.TLS != nil {
		state = tls.VersionName(r.TLS.Version)
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	io.WriteString(w, r.Proto+" "+r.URL.Path+" "+state+" "+host)
})

func secureTable() front.Table {
	return front.Table{Devices: map[string]http.Handler{"/nic/update": secure}, Rest: secure}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{Table: secureTable(), TLS: newTLSConfig(t)}, front.TLS)
	tests := []struct{ protocol, path, want string }{
		{"http/1.1", "/NIC/update", "HTTP/1.1 /nic/update TLS 1.3 127.0.0.1"},
		{"http/1.1", "/page", "HTTP/1.1 /page TLS 1.3 127.0.0.1"},
		{"h2", "/NIC/update/", "HTTP/2.0 /nic/update TLS 1.3 127.0.0.1"},
		{"h2", "/page", "HTTP/2.0 /page TLS 1.3 127.0.0.1"},
	}
	for _, test := range tests {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(test.protocol == "http/1.1")
		protocols.SetHTTP2(test.protocol == "h2")
		transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		client := http.Client{Transport: transport, Timeout: time.Minute}
		resp, err := client.Get("https://" + addr + test.path)
		if err != nil {
			t.Errorf("%s %s: %v", test.protocol, test.path, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		transport.CloseIdleConnections()
		if got := string(body); got != test.want || resp.ContentLength != int64(len(body)) {
			t.Errorf("got = %q of length %d, want %q", got, resp.ContentLength, test.want)
		}
	}
}

// TestTLSVersions: old clients have a listener of their own.
func TestTLSVersions(t *testing.T) {
	t.Parallel()
	s, modern := newServer(t, front.Config{Table: secureTable(), TLS: newTLSConfig(t)}, front.TLS)
	legacy := serve(t, s, front.LegacyTLS)
	rsaCBC := []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	tests := []struct {
		name           string
		version        uint16
		suites         []uint16
		modern, legacy string // the version that is agreed on, "" for a failure
	}{
		{"today", 0, nil, "TLS 1.3", "TLS 1.3"},
		{"TLS 1.2", tls.VersionTLS12, nil, "TLS 1.2", "TLS 1.2"},
		{"TLS 1.2 with RSA key exchange", tls.VersionTLS12, rsaCBC, "", "TLS 1.2"},
		{"TLS 1.1", tls.VersionTLS11, rsaCBC, "", "TLS 1.1"},
		{"TLS 1.0", tls.VersionTLS10, rsaCBC, "", "TLS 1.0"},
		{"TLS 1.0 with 3DES", tls.VersionTLS10, []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}, "", "TLS 1.0"},
		{"TLS 1.0 with ECDHE", tls.VersionTLS10, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA}, "", "TLS 1.0"},
		{"RC4", tls.VersionTLS10, []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for addr, want := range map[string]string{modern: test.modern, legacy: test.legacy} {
				c, err := dialTLS(t, addr, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: test.version, CipherSuites: test.suites})
				if err != nil {
					if want != "" {
						t.Errorf("handshake: %v, want %s", err, want)
					}
					continue
				}
				io.WriteString(c, "GET /nic/update HTTP/1.0\r\n\r\n")
				got := readReply(t, bufio.NewReader(c), "GET").body
				if want := "HTTP/1.0 /nic/update " + want + " 127.0.0.1"; got != want {
					t.Errorf("got = %q, want %q", got, want)
				}
			}
		})
	}
}

// TestLegacyTLSHasNoHTTP2: its suites are forbidden there.
func TestLegacyTLSHasNoHTTP2(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{Table: secureTable(), TLS: newTLSConfig(t)}, front.LegacyTLS)
	c, err := dialTLS(t, addr, &tls.Config{NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("protocol = %q, want http/1.1", got)
	}
}

func TestPlainRequestToTLS(t *testing.T) {
	t.Parallel()
	s, addr := newServer(t, front.Config{Table: secureTable(), TLS: newTLSConfig(t)}, front.TLS)
	got := askOnce(t, addr, "GET /nic/update HTTP/1.0\r\n\r\n").String()
	if want := "HTTP/1.0 400 Bad Request; close; Bad Request\nThis port speaks HTTPS.\n"; got != want {
		t.Errorf("got = %q, want %q", got, want)
	}
	if got := ask1(addr, "\x00\x01\x02\x03\x04\x05\x06"); strings.Contains(got, "HTTP/") {
		t.Errorf("got = %q after garbage", got)
	}
	eventually(t, "failed handshakes counted", func() bool { return s.Stats().Handshakes == 2 })
}

func TestProxyHeaderBeforeTLS(t *testing.T) {
	t.Parallel()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	_, addr := newServer(t, front.Config{Table: secureTable(), TLS: newTLSConfig(t), TrustedProxies: loopback}, front.TLS)
	for _, path := range []string{"/nic/update", "/page"} {
		raw := dial(t, addr)
		io.WriteString(raw, "PROXY TCP4 203.0.113.9 127.0.0.1 1000 80\r\n")
		c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
		io.WriteString(c, "GET "+path+" HTTP/1.0\r\n\r\n")
		if got, want := readReply(t, bufio.NewReader(c), "GET").body, "HTTP/1.0 "+path+" TLS 1.3 203.0.113.9"; got != want {
			t.Errorf("got = %q, want %q", got, want)
		}
	}
}

// TestTLSClosesProperly: a reply over TLS ends with close_notify, so that it is
// no truncation.
func TestTLSClosesProperly(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{Table: secureTable(), TLS: newTLSConfig(t)}, front.TLS)
	for _, raw := range []string{"GET /nic/update HTTP/1.0\r\n\r\n", "GET /page HTTP/1.0\r\n\r\n", "nonsense\r\n"} {
		c, err := dialTLS(t, addr, &tls.Config{})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, raw)
		if n, err := io.Copy(io.Discard, c); n == 0 || err != nil {
			t.Errorf("%q: got %d bytes, then %v", raw, n, err)
		}
	}
}

// TestPickCertificate: by name, then by what the client can do.
func TestPickCertificate(t *testing.T) {
	t.Parallel()
	cfg := &tls.Config{GetCertificate: front.PickCertificate(
		newCertificate(t, "a.example.org", ecdsaKey(t)),
		newCertificate(t, "a.example.org", rsaKey()),
		newCertificate(t, "b.example.org", ecdsaKey(t)))}
	_, addr := newServer(t, front.Config{Table: secureTable(), TLS: cfg}, front.LegacyTLS)
	onlyRSA := []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	tests := []struct {
		asked    string
		suites   []uint16
		name     string
		wantsRSA bool
	}{
		{"a.example.org", nil, "a.example.org", false},
		{"b.example.org", nil, "b.example.org", false},
		{"", nil, "a.example.org", false},
		{"members.example.net", nil, "a.example.org", false},
		{"a.example.org", onlyRSA, "a.example.org", true},
		{"", onlyRSA, "a.example.org", true},
		{"members.example.net", onlyRSA, "a.example.org", true},
	}
	for _, test := range tests {
		version := uint16(0)
		if test.suites != nil {
			version = tls.VersionTLS12
		}
		c, err := dialTLS(t, addr, &tls.Config{ServerName: test.asked, CipherSuites: test.suites, MaxVersion: version})
		if err != nil {
			t.Errorf("%q: %v", test.asked, err)
			continue
		}
		leaf := c.ConnectionState().PeerCertificates[0]
		if got := leaf.Subject.CommonName; got != test.name || (leaf.PublicKeyAlgorithm == x509.RSA) != test.wantsRSA {
			t.Errorf("%q: got = %s with %v, want %s, RSA %v", test.asked, got, leaf.PublicKeyAlgorithm, test.name, test.wantsRSA)
		}
	}
}

func TestReloadKeepsWhatWorks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, "a.example.org", ecdsaKey(t))
	c, err := front.LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	name := func() string {
		pair, err := c.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.Subject.CommonName
	}
	if err := os.WriteFile(certFile, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil || name() != "a.example.org" {
		t.Errorf("Reload of a broken file = %v, then %s", err, name())
	}
	oldKey, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	writePair(t, dir, "b.example.org", ecdsaKey(t))
	newKey, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, oldKey, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil || name() != "a.example.org" {
		t.Errorf("Reload of a certificate without its key = %v, then %s", err, name())
	}
	if err := os.WriteFile(keyFile, newKey, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err != nil || name() != "b.example.org" {
		t.Errorf("Reload = %v, then %s", err, name())
	}
	if _, err := front.LoadCertificate(certFile, filepath.Join(dir, "absent")); err == nil {
		t.Error("LoadCertificate without a key file succeeded")
	}
}

// TestShutdownHTTP2 has a reply in flight when the server closes.
func TestShutdownHTTP2(t *testing.T) {
	t.Parallel()
	entered, release := make(chan bool), make(chan bool)
	s, addr := newServer(t, front.Config{TLS: newTLSConfig(t), Table: front.Table{
		Rest: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			entered <- true
			<-release
			io.WriteString(w, "done")
		}),
	}}, front.TLS)
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	got := make(chan string, 1)
	go func() {
		resp, err := (&http.Client{Transport: transport}).Get("https://" + addr + "/")
		if err != nil {
			got <- err.Error()
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		got <- string(body)
	}()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(context.Background()) }()
	eventually(t, "the listener closed", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	close(release)
	if got := <-got; got != "done" {
		t.Errorf("got = %q, want done", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if open := s.Stats().Open; open != 0 {
		t.Errorf("%d connections open after Shutdown", open)
	}
}
