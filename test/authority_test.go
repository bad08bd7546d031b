package test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

const rfc2136Page = "../doc/rfc2136.md"

// placeOfSecret is where examples have the word, and not as the end of another.
var placeOfSecret = regexp.MustCompile(`\bSECRET\b`)

// documented returns the examples that a section of doc/rfc2136.md has, as they stand
// there, with the secret filled in.
func documented(t *testing.T, section, secret string) []string {
	t.Helper()
	_, text, ok := strings.Cut(read(t, rfc2136Page), "\n## "+section+"\n")
	if !ok {
		t.Fatalf("%s has no section %s", rfc2136Page, section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var examples []string
	within := false
	for line := range strings.Lines(text) {
		code, indented := strings.CutPrefix(line, "    ")
		switch {
		case indented && within:
			examples[len(examples)-1] += code
		case indented:
			examples = append(examples, code)
		}
		within = indented
	}
	for i := range examples {
		examples[i] = placeOfSecret.ReplaceAllLiteralString(examples[i], secret)
	}
	return examples
}

// acmeTools builds Pebble and lego, once, and returns the directory that has them.
var acmeTools = sync.OnceValues(func() (string, error) {
	file, err := binary()
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(file)
	build := exec.Command("go", "build", "-C", "../tools", "-trimpath", "-o", dir, "./lego", "github.com/letsencrypt/pebble/v2/cmd/pebble")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as stayput is built, with which they share much
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building Pebble and lego: %w\n%s", err, out)
	}
	return dir, nil
})

// authority is an authority for certificates and a daemon that it asks, at 192.0.2.53,
// in a network of their own.
type authority struct {
	*world
	network network
	tools   string // directory of its program, and lego's
}

// pebbleConfig is for its certificate and key.
const pebbleConfig = `{ "pebble": {
  "listenAddress": "127.0.0.1:14000", "managementListenAddress": "",
  "certificate": %q, "privateKey": %q, "keyAlgorithm": "ecdsa",
  "retryAfter": { "authz": 1, "order": 1 }
} }`

const directory = "https://127.0.0.1:14000/dir"

// newAuthority starts both. The daemon has the hosts home and nas.
func newAuthority(t *testing.T) *authority {
	t.Helper()
	needRoot(t)
	need(t, "ip", "nsenter", "unshare", "dig", "curl")
	tools, err := acmeTools()
	if err != nil {
		missing(t, err.Error())
	}
	a := &authority{newWorldAtHome(t), newNetwork(t), tools}
	a.prefix = a.network
	a.makeCertificate()
	a.start()
	a.seedAtHome()
	config := a.write("pebble.json", fmt.Sprintf(pebbleConfig, a.certificate(), filepath.Join(a.dir, "key.pem")))
	a.network.start(t, "env", "PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0", "PEBBLE_WFE_NONCEREJECT=0", filepath.Join(tools, "pebble"), "-config", config, "-dnsserver", a.dns)
	until(t, "Pebble answers", func() bool {
		args := slices.Concat(a.network[1:], []string{"curl", "--silent", "--fail", "--cacert", a.certificate(), directory})
		return exec.Command(a.network[0], args...).Run() == nil
	})
	return a
}

// certificate returns the file of who vouches for the authority's own certificate.
func (a *authority) certificate() string { return filepath.Join(a.dir, "cert.pem") }

// shell runs a line of shell in the network, where lego is to be found, and the
// authority is trusted.
func (a *authority) shell(line string) (string, error) {
	const environment = `export PATH="$1:$PATH" LEGO_CA_CERTIFICATES="$2" REQUESTS_CA_BUNDLE="$2" CURL_CA_BUNDLE="$2"; shift 2; `
	args := slices.Concat(a.network[1:], []string{"sh", "-c", environment + line, "sh", a.tools, a.certificate()})
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience) // there are many steps
	defer cancel()
	out, err := exec.CommandContext(ctx, a.network[0], args...).CombinedOutput()
	return string(out), err
}

// certified checks that a chain of certificates is of the authority and for the host
// home and its wildcard, and returns its serial.
func certified(t *testing.T, chain string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(chain))
	if block == nil {
		t.Fatalf("no certificate: %s", chain)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(cert.DNSNames)
	if want := []string{"*." + home, home}; !slices.Equal(cert.DNSNames, want) || !strings.HasPrefix(cert.Issuer.CommonName, "Pebble ") {
		t.Errorf("a certificate for %q by %s, want %q by Pebble", cert.DNSNames, cert.Issuer, want)
	}
	return cert.SerialNumber.String()
}

// challenges returns what is there at the host home for an authority.
func (a *authority) challenges(t *testing.T) string {
	t.Helper()
	return a.askAtHome(t, "_acme-challenge."+home, "TXT")
}

// newWorldAtHome prepares a daemon that listens where it would at home: the address
// of the documentation and the ports of the protocols, in a network that is its own.
func newWorldAtHome(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "")
	w.write("stayput.toml", fmt.Sprintf("data = %q\n[dns]\nlisten = [\"192.0.2.53:53\"]\n[http]\nlisten = [\"192.0.2.53:80\"]\n", w.data))
	return w
}

// seedAtHome is seed for such a daemon, with two hosts and without a key.
func (w *world) seedAtHome() {
	w.t.Helper()
	w.run("zone", "add", "dyn.example.org", "--ns", "ns1.dyn.example.org=192.0.2.53")
	w.run("account", "add", "alice")
	w.run("host", "add", home, "--account", "alice")
	w.run("host", "add", nas, "--account", "alice")
}

// askAtHome returns the data of the records of one type.
func (w *world) askAtHome(t *testing.T, name, qtype string) string {
	t.Helper()
	return strings.TrimSpace(network(w.prefix).run(t, "dig", "+short", "@192.0.2.53", name, qtype))
}

// documentedKey makes the TSIG key that an example makes, and returns its secret.
func (w *world) documentedKey(example string) string {
	w.t.Helper()
	_, args, _ := strings.Cut(example, "stayput tsig add ")
	return w.tsigKey(strings.Fields(args)...)
}
