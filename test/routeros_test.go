package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/routeros"
)

// routerScripts are the recipes for RouterOS, and the versions that they are for.
var routerScripts = []struct {
	recipe   string
	versions []routeros.Version
	first    map[uint16]string // what the DNS says after the first run
	second   map[uint16]string // and after the address has changed
}{
	{
		"routeros",
		[]routeros.Version{{Major: 6, Minor: 43}, {Major: 6, Minor: 49}, {Major: 7, Minor: 1}, {Major: 7, Minor: 21}},
		map[uint16]string{dns.TypeA: "203.0.113.9"},
		map[uint16]string{dns.TypeA: "198.51.100.4"},
	},
	{
		"routeros-nat",
		[]routeros.Version{{Major: 6, Minor: 43}, {Major: 7, Minor: 21}},
		map[uint16]string{dns.TypeA: "127.0.0.9"},
		map[uint16]string{dns.TypeA: "127.0.0.10"},
	},
	{
		"routeros-ipv6",
		[]routeros.Version{{Major: 6, Minor: 43}, {Major: 6, Minor: 49}, {Major: 7, Minor: 21}},
		map[uint16]string{dns.TypeAAAA: "2001:db8:9::1"},
		map[uint16]string{dns.TypeAAAA: "2001:db8:a::1"},
	},
	{
		"routeros7",
		[]routeros.Version{{Major: 7, Minor: 15}, {Major: 7, Minor: 21}},
		map[uint16]string{dns.TypeA: "203.0.113.9", dns.TypeAAAA: "2001:db8:9::1"},
		map[uint16]string{dns.TypeA: "198.51.100.4", dns.TypeAAAA: "2001:db8:a::1"},
	},
}

// The life of a script: it says the address and the prefix once, and again when that changes, on
// another day and after a restart. A service that is away does no harm.
func TestRouterScripts(t *testing.T) {
	t.Parallel()
	for _, s := range routerScripts {
		for _, v := range s.versions {
			t.Run(s.recipe+" "+v.String(), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, "")
				w.stayOnPorts()
				w.start()
				_, secret := w.seed(home, nas)
				w.run("host", "set", home, "--nonglobal", "accept")
				w.run("host", "set", nas, "--interface-id", "::1:2", "--follows", home)
				stays := s.recipe != "routeros-nat" // the others need not ask to know that nothing changed

				r := newHousehold(v)
				script := w.recipe(s.recipe, "http://"+w.http, secret)
				for range 2 { // who pastes it again has it once
					paste(t, r, script)
				}
				r.tick(t, 1, "info stayput: "+home)
				w.says(s.first)
				if s.first[dns.TypeAAAA] != "" {
					w.follows("2001:db8:9::1:2")
				}

				if stays {
					r.tick(t, 0)
				} else {
					r.tick(t, 1)
				}
				r.move()
				r.tick(t, 1, "info stayput: "+home)
				w.says(s.second)
				if s.second[dns.TypeAAAA] != "" {
					w.follows("2001:db8:a::1:2")
				}

				if stays {
					r.Set("/system clock", routeros.Item{"date": "2026-03-02"})
					r.tick(t, 1, "info stayput: "+home) // nochg
					r.Forget()
					r.tick(t, 1, "info stayput: "+home)
				}

				w.stop()
				r.home()
				r.tick(t, 1, "warning stayput: "+home+" is not updated: ")
				w.start()
				r.tick(t, 1, "info stayput: "+home)
				w.says(s.first)

				w.run("host", "delete", home)
				r.move()
				r.tick(t, 1, "error stayput: "+home+" is not updated, the service says nohost\n")
				if strings.Contains(w.log.String(), secret) {
					t.Error("the secret is in the log")
				}
			})
		}
	}
}

// Scripts as they have been on routers for years, with what their authors did not
// think of: the length behind the address, a question mark that was escaped twice,
// the newline at the end of the answer.
func TestOldRouterScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start()
	user, secret := w.seed(home)
	host, port, _ := strings.Cut(w.http, ":")
	fill := strings.NewReplacer("SERVER", w.http, "ADDRESS", host, "PORT", port, "USER", user, "SECRET", secret)
	for _, script := range []string{
		`:local now [/ip address get [find interface="ether1" disabled=no] address]
/tool fetch mode=http address=ADDRESS port=PORT src-path="/nic/update\3Fhostname=home.dyn.example.org&myip=$now" user="USER" password="SECRET" dst-path="dyndns.txt"
:local answer [/file get [find name="dyndns.txt"] contents]
:if ($answer = "good 203.0.113.9\n") do={ :log info "done" }`,

		`:local now [/ip address get [find interface="ether1" disabled=no] address]
:set now [:pick $now 0 [:find $now "/"]]
:if ([:tostr [:resolve "home.dyn.example.org"]] != $now) do={
  /tool fetch url="http://SERVER/nic/update%3Fhostname=home.dyn.example.org&myip=$now" user="USER" password="SECRET" keep-result=no
}
:if ([:tostr [:resolve "home.dyn.example.org"]] = $now) do={ :log info "done" }`,

		`:local now [/ip address get [find interface="ether1" disabled=no] address]
:for i from=([:len $now] - 1) to=0 step=-1 do={
  :if ([:pick $now $i] = "/") do={ :set now [:pick $now 0 $i] }
}
/tool fetch mode=http url="http://SERVER//nic/update/\3Fsystem=dyndns&hostname=home.dyn.example.org&myip=$now&wildcard=no&username=USER&password=SECRET" dst-path=answer
:local answer [/file get answer contents]
:if ([:typeof [:find $answer "good"]] = "num") do={ :log info "done" }`,
	} {
		w.reset(user, secret)
		r := newHousehold(routeros.Version{Major: 6, Minor: 43})
		r.Resolver = w.dns
		if err := r.Run(fill.Replace(script)); err != nil {
			t.Errorf("%v in\n%s", err, script)
		}
		if !slices.Equal(r.Log, []string{"info done"}) {
			t.Errorf("the log has %q after\n%s", r.Log, script)
		}
		w.says(map[uint16]string{dns.TypeA: "203.0.113.9"})
	}
}

// A wrong secret, an overloaded service and a house without an address are told
// to the log, and the next run tries again.
func TestRouterScriptsThatFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start()
	w.seed(home)
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "911", http.StatusServiceUnavailable)
	}))
	defer busy.Close()
	for _, s := range routerScripts {
		v := s.versions[len(s.versions)-1]
		for server, reason := range map[string]string{
			"http://" + w.http: "failure: Status 401, Unauthorized",
			busy.URL:           "failure: Status 503, Service Unavailable",
		} {
			r := newHousehold(v)
			paste(t, r, w.recipe(s.recipe, server, "wrong"))
			for range 2 {
				r.tick(t, 1, "warning stayput: "+home+" is not updated: ")
			}
			if last := r.Log[len(r.Log)-1]; s.recipe == "routeros7" && !strings.Contains(last, reason) {
				t.Errorf("the log says %q, want %q in it", last, reason)
			}
		}
		if s.recipe == "routeros-nat" {
			continue // it does not look at its addresses
		}
		r := newHousehold(v)
		paste(t, r, w.recipe(s.recipe, "http://"+w.http, "wrong"))
		r.Set("/ip address")
		r.Set("/ipv6 address", routeros.Item{"interface": "bridge", "address": "fe80::1/64", "link-local": "yes"})
		r.Set("/ipv6 pool")
		r.tick(t, 0, "warning stayput: ")
	}
	w.says(map[uint16]string{dns.TypeA: "", dns.TypeAAAA: ""})
}

// Over HTTPS, RouterOS 7 looks at the certificate.
func TestRouterScriptsOverTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	roots := w.certify()
	w.start()
	_, secret := w.seed(home)
	for _, s := range routerScripts {
		if s.recipe == "routeros-nat" {
			continue // the source is one that updates ignore
		}
		v := s.versions[len(s.versions)-1]
		script := w.recipe(s.recipe, "https://"+w.https, secret)
		r := newHousehold(v)
		r.Roots = roots
		paste(t, r, script)
		r.tick(t, 1, "info stayput: "+home)
		w.says(s.first)

		r = newHousehold(v)
		r.Roots = x509.NewCertPool()
		paste(t, r, script)
		if s.recipe == "routeros7" {
			r.tick(t, 1, "warning stayput: "+home+" is not updated: failure: tls: ")
		} else {
			r.tick(t, 1, "info stayput: "+home)
		}
	}
}

// household is a router with an address of each family, and a prefix.
type household struct {
	*routeros.Router
}

func newHousehold(v routeros.Version) household {
	r := household{routeros.New(v)}
	r.home()
	return r
}

// home gives the router its first addresses, and move others.
func (r household) home() { r.settle("203.0.113.9/24", "2001:db8:9::", "127.0.0.9") }
func (r household) move() { r.settle("198.51.100.4/32", "2001:db8:a::", "127.0.0.10") }

func (r household) settle(v4, prefix, source string) {
	r.Set("/ip address",
		routeros.Item{"interface": "bridge", "address": "192.168.88.1/24"},
		routeros.Item{"interface": "ether1", "address": "192.0.2.1/24", "disabled": "yes"},
		routeros.Item{"interface": "ether1", "address": v4, "dynamic": "yes"},
	)
	r.Set("/ipv6 address",
		routeros.Item{"interface": "bridge", "address": "fd00:d::1/64", "global": "yes"},
		routeros.Item{"interface": "bridge", "address": prefix + "1/64", "global": "yes", "from-pool": "isp"},
		routeros.Item{"interface": "bridge", "address": "fe80::1/64", "link-local": "yes"},
	)
	r.Set("/ipv6 pool", routeros.Item{"name": "isp", "prefix": prefix + "/56", "dynamic": "yes"})
	r.Source = netip.MustParseAddr(source)
}

// tick runs the scheduler, which must make so many requests and write these lines
// to the log, of which the beginnings are given.
func (r household) tick(t *testing.T, requests int, lines ...string) {
	t.Helper()
	r.Requests, r.Log = nil, nil
	if err := r.Tick(); err != nil {
		t.Fatalf("the script failed: %v", err)
	}
	if len(r.Requests) != requests {
		t.Errorf("requests = %q, want %d", r.Requests, requests)
	}
	if !slices.EqualFunc(r.Log, lines, strings.HasPrefix) {
		t.Errorf("the log says %q, want %q", r.Log, lines)
	}
}

func paste(t *testing.T, r household, script string) {
	t.Helper()
	if err := r.Paste(script); err != nil {
		t.Fatalf("pasting: %v\n%s", err, script)
	}
}

// recipe returns what `stayput host setup` prints for the host home.
func (w *world) recipe(device, server, secret string) string {
	w.t.Helper()
	return strings.ReplaceAll(w.run("host", "setup", home, "--server", server, "--device", device), "SECRET", secret)
}

// says fails the test where the DNS has something else for the host home.
func (w *world) says(want map[uint16]string) {
	w.t.Helper()
	for qtype, address := range want {
		if got := strings.Join(w.ask(home, qtype), " "); got != address {
			w.t.Errorf("%s of %s = %q, want %q", dns.TypeToString[qtype], home, got, address)
		}
	}
}

// follows fails the test where the host nas, which hangs on the prefix, is not at
// the address.
func (w *world) follows(address string) {
	w.t.Helper()
	if got := w.ask(nas, dns.TypeAAAA); !slices.Equal(got, []string{address}) {
		w.t.Errorf("AAAA of %s = %q, want %q", nas, got, address)
	}
}

// certify gives the daemon a certificate for HTTPS, and returns who vouches for it.
func (w *world) certify() *x509.CertPool {
	w.t.Helper()
	pool := w.makeCertificate()
	w.write("stayput.toml", fmt.Sprintf("data = %q\n[dns]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = [\"127.0.0.1:0\"]\ntls_listen = [\"127.0.0.1:0\"]\n%s",
		w.data, w.certificateSection()))
	return pool
}

// certificateSection is the section of the configuration for what makeCertificate
// made.
func (w *world) certificateSection() string {
	return fmt.Sprintf("[[http.certificate]]\ncert = %q\nkey = %q\n", filepath.Join(w.dir, "cert.pem"), filepath.Join(w.dir, "key.pem"))
}

// makeCertificate makes a certificate for 127.0.0.1 and ns1.example.org in the files
// cert.pem and key.pem, and returns who vouches for it.
func (w *world) makeCertificate() *x509.CertPool {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ns1.example.org"}, IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{{127, 0, 0, 1}}, DNSNames: []string{"ns1.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	w.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		w.t.Fatal(err)
	}
	pool.AddCert(parsed)
	return pool
}

// A PPPoE server tells where each of its subscribers is, for all of them with one
// script.
func TestPPPoEServer(t *testing.T) {
	t.Parallel()
	for _, v := range []routeros.Version{{Major: 6, Minor: 43}, {Major: 7, Minor: 19}} {
		w := newWorld(t, "")
		w.stayOnPorts()
		w.start()
		_, secret := w.seed(home, nas)
		r := household{routeros.New(v)}
		r.Set("/ppp profile", routeros.Item{"name": "default"}, routeros.Item{"name": "other"})
		for range 2 {
			paste(t, r, w.recipe("routeros-pppoe", "http://"+w.http, secret))
		}
		connect := func(who, address string, requests int, lines ...string) {
			t.Helper()
			r.Requests, r.Log = nil, nil
			if err := r.Connect("default", who, netip.MustParseAddr(address)); err != nil {
				t.Fatalf("the script failed: %v", err)
			}
			if len(r.Requests) != requests || !slices.EqualFunc(r.Log, lines, strings.HasPrefix) {
				t.Errorf("%s at %s: requests = %q, want %d; the log says %q, want %q", who, address, r.Requests, requests, r.Log, lines)
			}
		}
		connect("home", "203.0.113.9", 1)
		connect("nas", "203.0.113.10", 1)
		connect("home", "203.0.113.9", 1)
		w.says(map[uint16]string{dns.TypeA: "203.0.113.9"})
		if got := w.ask(nas, dns.TypeA); !slices.Equal(got, []string{"203.0.113.10"}) {
			t.Errorf("%s = %q", nas, got)
		}
		connect("stranger", "203.0.113.11", 1, "error stayput: stranger.dyn.example.org is not updated, the service says nohost")
		w.stop()
		away := "warning stayput: home.dyn.example.org is not updated: the service is out of reach"
		connect("home", "203.0.113.12", 5, away, away, away, away, away)
		w.start()
		connect("home", "203.0.113.12", 1)
		w.says(map[uint16]string{dns.TypeA: "203.0.113.12"})
	}
}

// A router without HTTP says its address by /tool dns-update, with the script that
// `stayput tsig add` prints and doc/rfc2136.md shows.
func TestRouterWithoutHTTP(t *testing.T) {
	t.Parallel()
	for _, v := range []routeros.Version{{Major: 6, Minor: 43}, {Major: 7, Minor: 21}} {
		w := newWorld(t, "")
		w.stayOnPorts()
		w.start()
		w.seed(home)
		examples := documented(t, "RouterOS", "SECRET")
		_, printed, err := w.output(strings.Fields(examples[0])[1:]...)
		if err != nil {
			t.Fatal(err)
		}
		_, script, _ := strings.Cut(printed, "paste into a terminal:\n\n")
		_, secret, _ := strings.Cut(script, ` key="`)
		secret, _, _ = strings.Cut(secret, `"`)
		server, port, _ := strings.Cut(w.dns, ":")
		if shown := strings.NewReplacer(secret, "SECRET", "server=SERVER", "server=192.0.2.53").Replace(script); shown != examples[1] {
			t.Errorf("%s does not show what is printed:\n%s", rfc2136Page, shown)
		}
		r := newHousehold(v)
		r.DNSPort = port
		for range 2 {
			paste(t, r, strings.ReplaceAll(script, "server=SERVER", "server="+server))
		}
		r.tick(t, 1, "info stayput: "+home+" is at 203.0.113.9")
		w.says(map[uint16]string{dns.TypeA: "203.0.113.9"})
		r.tick(t, 0)
		r.move()
		r.tick(t, 1, "info stayput: "+home+" is at 198.51.100.4")
		w.says(map[uint16]string{dns.TypeA: "198.51.100.4"})
		r.Set("/system clock", routeros.Item{"date": "2026-03-02"})
		r.tick(t, 1, "info stayput: "+home+" is at ")
		if out := w.run("host", "show", home); !strings.Contains(out, "via rfc2136") {
			t.Errorf("host show says\n%s", out)
		}

		w.stop()
		r.home()
		r.tick(t, 1, "warning stayput: "+home+" is not updated: ")
		w.start()
		r.tick(t, 1, "info stayput: "+home)
		w.says(map[uint16]string{dns.TypeA: "203.0.113.9"})
		w.run("tsig", "delete", "router")
		r.move()
		r.tick(t, 1, "warning stayput: "+home+" is not updated: ")
		if strings.Contains(w.log.String(), secret) {
			t.Error("the secret is in the log")
		}
	}
}

// What else /tool dns-update may be told, and what comes of it.
func TestToolDNSUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start()
	w.seed(home, nas)
	secret := w.tsigKey("router", "--host", home, "--algorithm", "hmac-md5")
	_, port, _ := strings.Cut(w.dns, ":")
	for _, tt := range []struct{ parameters, fault, address string }{
		{`address=203.0.113.9 name=home zone=dyn.example.org ttl=60 key-name=router key="SECRET"`, "", "203.0.113.9"},
		{`address=203.0.113.9 name=home zone=dyn.example.org ttl=60 key-name=ROUTER key="SECRET"`, "", "203.0.113.9"},
		{`address=198.51.100.4 name=HOME zone=Dyn.Example.Org. ttl=1 key-name=router key="SECRET"`, "", "198.51.100.4"},
		{`address=203.0.113.9 name=home zone=dyn.example.org ttl=60`, "REFUSED", "198.51.100.4"},
		{`address=203.0.113.9 name=nas zone=dyn.example.org ttl=60 key-name=router key="SECRET"`, "REFUSED", "198.51.100.4"},
		{`address=203.0.113.9 zone=home.dyn.example.org ttl=60 key-name=router key="SECRET"`, "bad authentication", "198.51.100.4"}, // NOTAUTH: no zone
		{`address=203.0.113.9 name=home zone=dyn.example.org ttl=60 key-name=router key="bm90IHRoZSBzZWNyZXQ="`, "bad authentication", "198.51.100.4"},
		{`address=203.0.113.9 name=home zone=dyn.example.org key-name=router key="SECRET"`, "", ""},
	} {
		r := newHousehold(routeros.Version{Major: 7, Minor: 21})
		r.DNSPort = port
		err := r.Run("/tool dns-update dns-server=127.0.0.1 " + strings.Replace(tt.parameters, "SECRET", secret, 1))
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%s: %v, want %q", tt.parameters, err, tt.fault)
		}
		w.says(map[uint16]string{dns.TypeA: tt.address})
	}
}
