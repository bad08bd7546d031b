package daemon_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/config"
	"stayput.dev/internal/daemon"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// writeCertificate puts a certificate with that serial number, which is good for the
// two hours before until, into cert.pem and key.pem.
func writeCertificate(t *testing.T, dir string, serial int64, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "ns1.example.org"}, DNSNames: []string{"ns1.example.org"},
		NotBefore: until.Add(-2 * time.Hour), NotAfter: until, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		write(t, filepath.Join(dir, name), string(pem.EncodeToMemory(block)))
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// addZone makes the zone dyn.example.org.
func (r *running) addZone(t *testing.T) {
	t.Helper()
	servers := []admin.NameServer{{Name: zone.MustName("ns1.example.net")}}
	if _, err := r.admin.AddZone(t.Context(), admin.NewZone{Name: zone.MustName("dyn.example.org"), NameServers: servers}); err != nil {
		t.Fatal(err)
	}
}

// loadTLS returns a configuration for a daemon that speaks DNS over TLS.
func loadTLS(t *testing.T, dir string) *config.Config {
	t.Helper()
	writeCertificate(t, dir, 1, time.Now().Add(time.Hour))
	cfg := load(t, dir, "[[http.certificate]]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n")
	cfg.DNS.TLSListen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	return cfg
}

// loadSecrets returns a configuration with a file of cookie secrets that holds text.
func loadSecrets(t *testing.T, dir, text string) *config.Config {
	t.Helper()
	cfg := load(t, dir, "")
	cfg.DNS.CookieSecretFile = filepath.Join(dir, "secrets")
	write(t, cfg.DNS.CookieSecretFile, text)
	return cfg
}

// DNS over TLS has the certificates of HTTPS, and new ones of them after a reload.
func TestDNSOverTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := loadTLS(t, dir)
	d := start(t, cfg, daemon.Options{Reload: func() (*config.Config, error) { return cfg, nil }})
	d.addZone(t)
	client := dns.Client{Net: "tcp-tls", Timeout: rig.Patience, TLSConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"dot"}}}
	serial := func() int64 {
		conn, err := client.Dial(d.DNSTLS[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		reply, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion("dyn.example.org.", dns.TypeSOA), conn)
		if err != nil || len(reply.Answer) != 1 {
			t.Errorf("got = %v, %v", reply, err)
		}
		return conn.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("got = certificate %v, want 1", got)
	}
	writeCertificate(t, dir, 2, time.Now().Add(time.Hour))
	d.hup <- syscall.SIGHUP
	for deadline := time.Now().Add(rig.Patience); serial() != 2; {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate is not served")
		}
	}
}

// cookie asks over UDP, with a cookie in hexadecimal, and returns the one in the
// reply.
func (r *running) cookie(t *testing.T, with string) string {
	t.Helper()
	query := new(dns.Msg).SetQuestion("dyn.example.org.", dns.TypeSOA).SetEdns0(1232, false)
	query.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: with}}
	reply, err := rig.Exchange(query, r.DNS[0].String())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range reply.IsEdns0().Option {
		if c, ok := o.(*dns.EDNS0_COOKIE); ok {
			return c.Cookie
		}
	}
	return ""
}

const clientCookie = "0102030405060708"

// Cookies are good after a restart, and for a while after their secret has changed.
func TestCookieSecretsLast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := load(t, dir, "")
	file := filepath.Join(cfg.Data, "cookie.secrets")
	restart := func(d *running) *running {
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
		return start(t, cfg, daemon.Options{})
	}
	d := start(t, cfg, daemon.Options{})
	first := d.cookie(t, clientCookie)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v, want mode 0600", info, err)
	}
	d = restart(d)
	if got := d.cookie(t, first); got != first || len(got) != 48 {
		t.Errorf("after a restart %s is answered by %s", first, got)
	}

	// A secret of long ago makes no cookies any more.
	secrets, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Split(strings.TrimSpace(string(secrets)), "\n")[1]
	old, _, _ := strings.Cut(line, " ")
	write(t, file, old+" 2001-02-03T04:05:06Z\n")
	d = restart(d)
	renewed := d.cookie(t, first)
	if renewed == first || renewed == "" {
		t.Errorf("%s is answered by %s, want a new cookie", first, renewed)
	}
	secrets, err = os.ReadFile(file)
	if err != nil || strings.Count(string(secrets), "\n") != 3 || !strings.Contains(string(secrets), old) {
		t.Errorf("got = %s, %v, want a new secret before %s", secrets, err, old)
	}
	d = restart(d)
	for _, c := range []string{first, renewed} {
		if got := d.cookie(t, c); got != renewed && c == renewed || !strings.HasPrefix(got, clientCookie) {
			t.Errorf("%s is answered by %s", c, got)
		}
	}

	// Secrets that are lost are no reason not to start.
	write(t, file, "nonsense")
	d = restart(d)
	if got := d.cookie(t, renewed); got == renewed || got == "" {
		t.Errorf("%s is answered by %s, want a new cookie", renewed, got)
	}
}

// Servers that share a file of secrets know each other's cookies.
func TestSharedCookieSecrets(t *testing.T) {
	t.Parallel()
	const one, two = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"
	a := start(t, loadSecrets(t, t.TempDir(), "# one after the other\n"+one+"\n"), daemon.Options{})
	cfg := loadSecrets(t, t.TempDir(), two+" # the new one\n\n"+strings.ToUpper(one)+"\n")
	b := start(t, cfg, daemon.Options{Reload: func() (*config.Config, error) { return cfg, nil }})
	cookie := a.cookie(t, clientCookie)
	renewed := b.cookie(t, cookie)
	if renewed == cookie {
		t.Error("a cookie of an old secret is not renewed")
	}
	if got := b.cookie(t, renewed); got != renewed {
		t.Errorf("%s is answered by %s", renewed, got)
	}
	// When the old secret goes first again, its cookies are as good as new.
	write(t, cfg.DNS.CookieSecretFile, one+"\n"+two+"\n")
	b.hup <- syscall.SIGHUP
	for deadline := time.Now().Add(rig.Patience); b.cookie(t, cookie) != cookie; {
		if time.Now().After(deadline) {
			t.Fatal("the secrets are not read again")
		}
	}
	if _, err := os.Stat(filepath.Join(cfg.Data, "cookie.secrets")); err == nil {
		t.Error("secrets were made that nobody needs")
	}
}

// A file of secrets that is wrong is refused, and not repeated.
func TestBrokenCookieSecrets(t *testing.T) {
	t.Parallel()
	const digits = "e5e973e5a6b2a43f48e7dc849e37bfc"
	for _, tt := range []struct{ text, want string }{
		{"", "has no secret"},
		{"# " + digits + "f\n", "has no secret"},
		{digits + "\n", "secrets:1: a secret has 32 hexadecimal digits"},
		{"\n" + digits + "g\n", "secrets:2: a secret has 32 hexadecimal digits"},
		{digits + "ff\n", "secrets:1: a secret has 32 hexadecimal digits"},
		{digits + "f and more\n", "secrets:1: a secret stands alone on its line"},
	} {
		err := daemon.Run(t.Context(), loadSecrets(t, t.TempDir(), tt.text), daemon.Options{LogTo: devNull(t)})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), digits) {
			t.Errorf("%q: error = %v, want %s", tt.text, err, tt.want)
		}
	}
}

func devNull(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// What operators and resolvers have, against all of it together.
func TestDNSTools(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := loadTLS(t, dir)
	cfg.DNS.Identity, cfg.DNS.Whoami, cfg.DNS.Cookies = "ns1", true, config.CookiesRequire
	d := start(t, cfg, daemon.Options{})
	d.addZone(t)
	for _, tt := range []struct {
		tool string
		addr netip.AddrPort
		args string
		want []string
	}{
		{"dig", d.DNS[0], "+nocookie dyn.example.org SOA", []string{"Truncated, retrying in TCP", "ns1.example.net."}},
		{"dig", d.DNS[0], "+cookie=" + clientCookie + " dyn.example.org SOA", []string{"BADCOOKIE, retrying", "(good)", "ns1.example.net."}},
		{"dig", d.DNS[0], "+cookie=" + clientCookie + " +header-only", []string{"NOERROR", "(good)"}},
		{"dig", d.DNS[0], "+tcp +nsid +keepalive whoami.dyn.example.org A", []string{"\"ns1\"", "TCP KEEPALIVE: 10.0 secs", "127.0.0.1"}},
		{"dig", d.DNS[0], "+tcp +keepopen dyn.example.org SOA whoami.dyn.example.org TXT", []string{"ns1.example.net.", "\"127.0.0.1\""}},
		{"dig", d.DNS[0], "+tcp dyn.example.org AXFR +edns=0", []string{"Transfer failed"}},
		{"kdig", d.DNS[0], "+cookie +badcookie dyn.example.org SOA", []string{"ns1.example.net.", "COOKIE"}},
		{"kdig", d.DNS[0], "+nocookie dyn.example.org SOA", []string{"ns1.example.net.", "(TCP)"}},
		{"kdig", d.DNSTLS[0], "+tls +nsid whoami.dyn.example.org A", []string{"TLS session (TLS1.3)", "\"ns1\"", "PADDING", "127.0.0.1"}},
		{"kdig", d.DNSTLS[0], "+tls-hostname=ns1.example.org +tls-ca=" + filepath.Join(dir, "cert.pem") + " +keepopen dyn.example.org SOA whoami.dyn.example.org TXT", []string{"ns1.example.net.", "\"127.0.0.1\""}},
	} {
		path, err := exec.LookPath(tt.tool)
		if err != nil {
			if os.Getenv("CI") == "true" {
				t.Error(err)
			}
			t.Logf("%s is not installed", tt.tool)
			continue
		}
		port := tt.addr.String()[strings.LastIndexByte(tt.addr.String(), ':')+1:]
		args := append([]string{"@" + tt.addr.Addr().String(), "-p", port, "+norecurse", "+time=60"}, strings.Fields(tt.args)...)
		out, _ := exec.Command(path, args...).CombinedOutput()
		for _, want := range tt.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s %s:\n%s\nwant %s", tt.tool, tt.args, out, want)
			}
		}
	}
}
