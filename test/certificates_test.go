package test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Certbot gets a certificate and renews it, as doc/rfc2136.md has it.
func TestCertbotGetsCertificates(t *testing.T) {
	t.Parallel()
	need(t, "certbot")
	a := newAuthority(t)
	secret := a.documentedKey(documented(t, "Certificates", "")[0])
	examples := documented(t, "Certbot", secret)
	account := fmt.Sprintf(" --server %s --config-dir %[2]s/etc --work-dir %[2]s --logs-dir %[2]s/log --non-interactive", directory, a.dir)
	run := func(line string) string {
		t.Helper()
		out, err := a.shell(line + account)
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		return certified(t, read(t, filepath.Join(a.dir, "etc/live", home, "fullchain.pem")))
	}
	file := a.write("stayput.ini", examples[0])
	line := strings.TrimSpace(strings.ReplaceAll(examples[1], "/etc/letsencrypt/stayput.ini", file))
	line = strings.Replace(line, "--dns-rfc2136-propagation-seconds 5", "--dns-rfc2136-propagation-seconds 1", 1)
	first := run(line + " --agree-tos --register-unsafely-without-email")
	if renewed := run("certbot renew --force-renewal --no-random-sleep-on-renew"); renewed == first {
		t.Error("the certificate is the same after renewal")
	}
	if left := a.challenges(t); left != "" {
		t.Errorf("what is left at the host: %s", left)
	}
}

// A key for the texts of one name gets that name a certificate, and is told REFUSED
// for another.
func TestCertbotRefused(t *testing.T) {
	t.Parallel()
	need(t, "certbot")
	a := newAuthority(t)
	secret := a.tsigKey("acme", "--grant", "name _acme-challenge."+home+" TXT")
	file := a.write("stayput.ini", documented(t, "Certbot", secret)[0])
	for name, want := range map[string]string{home: "Successfully received certificate", nas: "REFUSED"} {
		out, _ := a.shell(fmt.Sprintf("certbot certonly --dns-rfc2136 --dns-rfc2136-credentials %s --dns-rfc2136-propagation-seconds 1 -d %s --server %s"+
			" --config-dir %[4]s/etc --work-dir %[4]s --logs-dir %[4]s/log --non-interactive --agree-tos --register-unsafely-without-email", file, name, directory, a.dir))
		if !strings.Contains(out, want) {
			t.Errorf("Certbot says for %s\n%s\nwant %q in it", name, out, want)
		}
	}
}

// lego gets certificates by RFC 2136, as doc/rfc2136.md has it, and by the two protocols
// over HTTP that doc/protocols.md has.
func TestLego(t *testing.T) {
	t.Parallel()
	const run = "lego run -d " + home + " -d '*." + home + "' --dns "
	for name, tt := range map[string]struct {
		line   string // with USER and PASSWORD of an update key, and a FILE
		fails  string // what the same line says before it succeeds; "" when it succeeds at once
		remain bool   // do the challenges?
	}{
		"dnsupdate":    {line: strings.TrimSpace(documented(t, "lego", "SECRET")[0])},
		"httpreq":      {line: "HTTPREQ_ENDPOINT=http://192.0.2.53 HTTPREQ_USERNAME=USER HTTPREQ_PASSWORD=PASSWORD " + run + "httpreq"},
		"httpreq, raw": {line: "HTTPREQ_ENDPOINT=http://192.0.2.53 HTTPREQ_USERNAME=USER HTTPREQ_PASSWORD=PASSWORD HTTPREQ_MODE=RAW " + run + "httpreq"},
		"acme-dns": {
			line:  "ACME_DNS_API_BASE=http://USER:PASSWORD@192.0.2.53 ACME_DNS_STORAGE_PATH=FILE " + run + "acmedns",
			fails: "new account created", remain: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			secret := a.documentedKey(documented(t, "Certificates", "")[0])
			var key struct{ Username, Secret string }
			if err := json.Unmarshal([]byte(a.run("key", "add", "--account", "alice", "--host", home, "--json")), &key); err != nil {
				t.Fatal(err)
			}
			line := strings.NewReplacer("=USER", "="+key.Username, "=PASSWORD", "="+key.Secret, "=SECRET", "="+secret,
				"USER:PASSWORD", key.Username+":"+key.Secret, "FILE", filepath.Join(a.dir, "accounts.json")).Replace(tt.line)
			// lego finds other name servers by the resolver of the machine, which is not in our network.
			line += " --server " + directory + " --dns.resolvers 192.0.2.53:53 --dns.propagation.disable-ans"
			out, err := a.shell(line)
			if tt.fails != "" {
				if err == nil || !strings.Contains(out, tt.fails) {
					t.Fatalf("%v\n%s\nwant %q in it", err, out, tt.fails)
				}
				out, err = a.shell(line)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			certified(t, out)
			if left := a.challenges(t); left != "" != tt.remain {
				t.Errorf("what is left at the host: %s", left)
			}
			if log := a.log.String(); strings.Contains(log, secret) || strings.Contains(log, key.Secret) {
				t.Error("a secret is in the log")
			}
		})
	}
}

// dehydrated gets certificates with the hook of doc/rfc2136.md, which it calls for one
// challenge at a time or for all at once.
func TestDehydrated(t *testing.T) {
	t.Parallel()
	need(t, "dehydrated", "nsupdate")
	for name, more := range map[string]string{"apart": "", "together": "HOOK_CHAIN=yes\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			secret := a.documentedKey(documented(t, "Certificates", "")[0])
			examples := documented(t, "dehydrated", secret)
			place := strings.NewReplacer("/etc/dehydrated", a.dir)
			a.write("stayput.key", examples[0])
			if err := writeProgram(filepath.Join(a.dir, "hook"), place.Replace(examples[1])); err != nil {
				t.Fatal(err)
			}
			config := a.write("config", "CA="+directory+"\nKEYSIZE=2048\n"+more)
			if out, err := a.shell(place.Replace(strings.TrimSpace(examples[2])) + " --accept-terms --config " + config); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			certified(t, read(t, filepath.Join(a.dir, "certs", home, "fullchain.pem")))
			if left := a.challenges(t); left != "" {
				t.Errorf("what is left at the host: %s", left)
			}
		})
	}
}
