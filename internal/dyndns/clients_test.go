package dyndns_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/front"
	"stayput.dev/internal/zone"
)

// TestDDClientSpeaks: ddclient, which knows many services, takes our replies in
// their dialects for success, and refusals for failures.
func TestDDClientSpeaks(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ddclient"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	tests := []struct {
		protocol, login, password, host string
		want                            string
	}{
		{"dyndns1", "alice", "alices-update-secret", "home.dyn.example.org", "SUCCESS:"},
		{"dyndns1", "alice", "wrong", "home.dyn.example.org", "authorization failed"},
		{"dyndns1", "alice", "alices-update-secret", "printer.dyn.example.org", "There is no such host here"},
		{"duckdns", "", "tok-of-all-alices-hosts", "home", "SUCCESS:"},
		{"duckdns", "", "tok-of-all-alices-hosts", "printer", "KO"},
		{"freedns", "fred", "freds-update-secret", "home.dyn.example.org", "SUCCESS:"},
		{"freedns", "fred", "wrong", "home.dyn.example.org", "failed to get record list"},
		{"namecheap", "dyn.example.org", "tok-of-all-alices-hosts", "home.dyn.example.org", "SUCCESS:"},
		{"namecheap", "dyn.example.org", "wrong", "home.dyn.example.org", "Passwords do not match"},
		{"easydns", "alice", "alices-update-secret", "home.dyn.example.org", "SUCCESS:"},
		{"zoneedit1", "alice", "alices-update-secret", "home.dyn.example.org", "SUCCESS:"},
		{"changeip", "alice", "alices-update-secret", "home.dyn.example.org", "SUCCESS:"},
		{"changeip", "alice", "wrong", "home.dyn.example.org", "authorization failed"},
		{"changeip", "alice", "alices-update-secret", "printer.dyn.example.org", "Invalid reply"},
		{"sitelutions", "alice", "alices-update-secret", "home.dyn.example.org", "SUCCESS:"},
	}
	for _, test := range tests {
		t.Run(test.protocol+" for "+test.host+" with "+test.password, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dyndns.Options{})
			dir := t.TempDir()
			cert := newCertificate(t, filepath.Join(dir, "ca.pem"))
			addr := serveAs(t, w.handler, front.TLS, &tls.Config{Certificates: []tls.Certificate{cert}})
			config := fmt.Sprintf("ssl=yes\nssl_ca_file=%s/ca.pem\nuse=ip, ip=203.0.113.9\nprotocol=%s\nserver=%s\nlogin=%s\npassword='%s'\n%s\n",
				dir, test.protocol, addr, test.login, test.password, test.host)
			if test.protocol == "freedns" {
				config = strings.Replace(config, "use=ip, ip=", "usev4=ipv4, ipv4=", 1)
			}
			out := runDDClient(t, dir, config)
			if !strings.Contains(out, test.want) {
				t.Errorf("ddclient says %s\nwant %q", out, test.want)
			}
			h, _ := w.registry.State().Accounts.Host(zone.MustName("home.dyn.example.org"))
			if got, want := h.Sources[0].Addr.String() == "203.0.113.9", test.want == "SUCCESS:"; got != want {
				t.Errorf("changed = %v, want %v: %s", got, want, out)
			}
		})
	}
}

// runDDClient runs ddclient once and returns all that it says.
func runDDClient(t *testing.T, dir, config string) string {
	t.Helper()
	file := filepath.Join(dir, "ddclient.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ddclient", "-file", file, "-cache", file+".cache", "-foreground", "-daemon=0", "-noquiet", "-verbose").CombinedOutput()
	if err != nil {
		t.Logf("ddclient: %v", err) // it may well have failed
	}
	return string(out)
}

// newCertificate makes a certificate for 127.0.0.1 that signs itself, and writes it
// to a file.
func newCertificate(t *testing.T, file string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
