package dnsserver_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// dialogue is one client that is made of miekg/dns, as those of these tests are: what
// they send, in their order and in their spelling, was read in their sources in 2026.
type dialogue struct {
	t              *testing.T
	u              *updated
	network        string
	key, algorithm string // as the client writes them
}

func (d *dialogue) client() *dns.Client {
	c := &dns.Client{Net: d.network, Timeout: time.Minute, TsigSecret: map[string]string{dns.Fqdn(d.key): tsigSecret}}
	if dns.Fqdn(d.algorithm) == dns.HmacMD5 {
		c.TsigProvider = rig.HMACMD5(tsigSecret)
	}
	return c
}

// ask sends a message, which it signs, and returns the reply, which must be signed.
func (d *dialogue) ask(m *dns.Msg) *dns.Msg {
	d.t.Helper()
	m.SetTsig(dns.Fqdn(d.key), dns.Fqdn(d.algorithm), 300, time.Now().Unix())
	address := d.u.udp
	if d.network == "tcp" {
		address = d.u.tcp
	}
	reply, _, err := d.client().Exchange(m, address)
	if err != nil || reply.IsTsig() == nil {
		d.t.Fatalf("%v\nis answered %v\n%v", m, err, reply)
	}
	return reply
}

// update sends an UPDATE, which must be taken.
func (d *dialogue) update(build func(*dns.Msg)) {
	d.t.Helper()
	m := new(dns.Msg).SetUpdate("example.org.")
	build(m)
	if reply := d.ask(m); reply.Rcode != dns.RcodeSuccess {
		d.t.Fatalf("%v\nis answered %s", m, dns.RcodeToString[reply.Rcode])
	}
}

// list returns the records of some types that a transfer of the zone has.
func (d *dialogue) list(types ...uint16) (all []string) {
	d.t.Helper()
	transfer := rig.NewTransfer()
	transfer.TsigSecret = map[string]string{dns.Fqdn(d.key): tsigSecret}
	query := new(dns.Msg).SetAxfr("example.org.").SetTsig(dns.Fqdn(d.key), dns.Fqdn(d.algorithm), 300, time.Now().Unix())
	messages, err := transfer.In(query, d.u.tcp)
	if err != nil {
		d.t.Fatal(err)
	}
	for m := range messages {
		if m.Error != nil {
			d.t.Fatal(m.Error)
		}
		for _, rr := range m.RR {
			if slices.Contains(types, rr.Header().Rrtype) {
				all = append(all, strings.ReplaceAll(rr.String(), "\t", " "))
			}
		}
	}
	return all
}

func rrs(t *testing.T, lines ...string) (all []dns.RR) {
	t.Helper()
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	return all
}

func newDialogue(t *testing.T, network, key, algorithm string) *dialogue {
	t.Helper()
	state := streetState(t)
	both := tsigKey(t, "cluster", "subdomain example.org ANY")
	both.Transfers = []zone.Name{zone.MustName("example.org")}
	state.TSIG = ringOf(both)
	return &dialogue{t: t, u: serveUpdates(t, state, update.Options{}), network: network, key: key, algorithm: algorithm}
}

// external-dns lists the zone by AXFR, adds an endpoint and what it knows of it as a text,
// one message each, and changes it by deleting each old record, with its TTL, and adding
// each new one.
func TestExternalDNS(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{dns.HmacSHA256, dns.HmacMD5} {
		d := newDialogue(t, "udp", "cluster", algorithm)
		heritage := `a-shop.example.org. 300 IN TXT "heritage=external-dns,external-dns/owner=default,external-dns/resource=ingress/default/shop"`
		d.update(func(m *dns.Msg) {
			m.Insert(rrs(t, "shop.example.org 300 A 192.0.2.8", "shop.example.org 300 A 192.0.2.9"))
		})
		d.update(func(m *dns.Msg) { m.Insert(rrs(t, heritage)) })
		if algorithm != dns.HmacMD5 { // a transfer of miekg/dns knows no provider
			want := []string{heritage, "shop.example.org. 300 IN A 192.0.2.8", "shop.example.org. 300 IN A 192.0.2.9"}
			got := slices.DeleteFunc(d.list(dns.TypeA, dns.TypeTXT), func(line string) bool { return !strings.Contains(line, "shop") })
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("it lists\n%s", strings.Join(got, "\n"))
			}
		}
		d.update(func(m *dns.Msg) {
			m.Remove(rrs(t, "shop.example.org 300 A 192.0.2.8", "shop.example.org 300 A 192.0.2.9"))
			m.Insert(rrs(t, "shop.example.org 60 A 192.0.2.9"))
		})
		d.u.want(t, "shop", "60 A 192.0.2.9")
		d.update(func(m *dns.Msg) { m.Remove(rrs(t, "shop.example.org 60 A 192.0.2.9")) })
		d.update(func(m *dns.Msg) { m.Remove(rrs(t, heritage)) })
		d.u.want(t, "shop")
		d.u.want(t, "a-shop")
	}
}

// Terraform looks for the zone from the name upwards, reads what it is about to change with
// signed queries without recursion, and deletes sets.
func TestTerraform(t *testing.T) {
	t.Parallel()
	d := newDialogue(t, "udp", "cluster.", dns.HmacSHA512)
	read := func(name string, qtype uint16) *dns.Msg {
		t.Helper()
		q := new(dns.Msg).SetQuestion(name, qtype)
		q.RecursionDesired = false
		return d.ask(q)
	}
	if r := read("www.example.org.", dns.TypeSOA); r.Rcode != dns.RcodeNameError {
		t.Errorf("a new name is answered %v", r)
	}
	if r := read("home.example.org.", dns.TypeSOA); r.Rcode != dns.RcodeSuccess || len(r.Answer) > 0 {
		t.Errorf("a name in the zone is answered %v", r)
	}
	if r := read("example.org.", dns.TypeSOA); len(r.Answer) != 1 || !r.Authoritative {
		t.Errorf("the zone is answered %v", r)
	}
	d.update(func(m *dns.Msg) {
		m.Insert(rrs(t, "www.example.org. 3600 A 192.0.2.1", "www.example.org. 3600 A 192.0.2.2"))
	})
	d.update(func(m *dns.Msg) {
		m.Remove(rrs(t, "www.example.org. 3600 A 192.0.2.1"))
		m.Insert(rrs(t, "www.example.org. 3600 A 192.0.2.3"))
	})
	d.update(func(*dns.Msg) {}) // nothing has changed
	if r := read("www.example.org.", dns.TypeA); len(r.Answer) != 2 || r.Answer[0].Header().Ttl != 3600 {
		t.Errorf("what it made is answered %v", r)
	}
	d.update(func(m *dns.Msg) { m.Insert(rrs(t, "lab.example.org. 3600 NS ns.example.net.")) })
	if r := read("lab.example.org.", dns.TypeNS); len(r.Ns) != 1 {
		t.Errorf("a delegation is answered %v", r)
	}
	d.update(func(m *dns.Msg) { m.RemoveRRset(rrs(t, "www.example.org. 0 A")) })
	if r := read("www.example.org.", dns.TypeA); r.Rcode != dns.RcodeNameError {
		t.Errorf("what it deleted is answered %v", r)
	}
}

// Caddy (libdns) speaks over TCP, spells key and algorithm as they were written, deletes a
// set once for each record of it that it adds, and leaves other texts alone.
func TestCaddy(t *testing.T) {
	t.Parallel()
	for _, spelling := range []struct{ key, algorithm string }{
		{"cluster", "hmac-sha256"}, {"cluster.", "hmac-sha256."}, {"Cluster", "HMAC-SHA256"},
	} {
		d := newDialogue(t, "tcp", spelling.key, spelling.algorithm)
		texts := rrs(t, `_acme-challenge.www.example.org. 0 TXT "one"`, `_acme-challenge.www.example.org. 0 TXT "two"`)
		for range 2 {
			d.update(func(m *dns.Msg) { m.RemoveRRset(texts); m.Insert(texts) })
		}
		d.update(func(m *dns.Msg) { m.Insert(rrs(t, `_acme-challenge.www.example.org. 0 TXT "three"`)) })
		d.update(func(m *dns.Msg) { m.Remove(texts) })
		d.u.want(t, "_acme-challenge.www", `0 TXT "three"`)
		if got := d.list(dns.TypeTXT); !slices.Contains(got, `_acme-challenge.www.example.org. 0 IN TXT "three"`) {
			t.Errorf("%v: it lists\n%s", spelling, strings.Join(got, "\n"))
		}
	}
}

// cert-manager signs with MD5 unless it is told otherwise, and takes away one text of two.
func TestCertManager(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		d := newDialogue(t, network, "cluster", dns.HmacMD5)
		one, two := rrs(t, `_acme-challenge.www.example.org. 60 TXT "one"`), rrs(t, `_acme-challenge.www.example.org. 60 TXT "two"`)
		d.update(func(m *dns.Msg) { m.Insert(one) })
		d.update(func(m *dns.Msg) { m.Insert(two) })
		d.update(func(m *dns.Msg) { m.Remove(one) })
		d.u.want(t, "_acme-challenge.www", `60 TXT "two"`)
	}
}
