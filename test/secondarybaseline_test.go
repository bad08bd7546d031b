//go:build linux

package test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// knotPrimary is what a Knot that is the primary of our zone is told. It keeps as much
// history as its secondaries may want, and is otherwise as shipped.
const knotPrimary = `
server:
    rundir: "{dir}"
    listen: 127.0.0.1@{port}
database:
    storage: "{dir}"
log:
  - target: stderr
    any: warning
key:
{keys}
remote:
{remotes}
acl:
  - id: transfers
    key: [{names}]
    action: transfer
  - id: updates
    address: 127.0.0.1
    action: update
zone:
  - domain: dyn.example.org
    storage: "{dir}"
    file: dyn.zone
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: changes
    journal-max-usage: 2G
    journal-max-depth: 1000000
    notify: [{names}]
    acl: [transfers, updates]
`

// newKnotPrimary runs a Knot as the primary of a zone, as a master file has it, until the
// test ends. It returns it and its secondaries, which do not run yet.
func newKnotPrimary(t *testing.T, file string) (upstream, []*secondary) {
	t.Helper()
	need(t, "knotd")
	dir, address := t.TempDir(), "127.0.0.1:"+freePort(t)
	if err := os.Rename(file, filepath.Join(dir, "dyn.zone")); err != nil {
		t.Fatal(err)
	}
	var all []*secondary
	var keys, remotes strings.Builder
	var names []string
	for _, f := range followers {
		need(t, f.program)
		secret := base64.StdEncoding.EncodeToString(fmt.Append(nil, rand.Uint64(), rand.Uint64()))
		s := &secondary{follower: f, address: "127.0.0.1:" + freePort(t), secret: secret}
		_, port, _ := net.SplitHostPort(s.address)
		fmt.Fprintf(&keys, "  - id: %s\n    algorithm: hmac-sha256\n    secret: %s\n", f.program, secret)
		fmt.Fprintf(&remotes, "  - id: %[1]s\n    address: 127.0.0.1@%[2]s\n    key: %[1]s\n", f.program, port)
		all, names = append(all, s), append(names, f.program)
	}
	_, port, _ := net.SplitHostPort(address)
	config := filepath.Join(dir, "knot.conf")
	text := strings.NewReplacer("{dir}", dir, "{port}", port, "{keys}", keys.String(), "{remotes}", remotes.String(),
		"{names}", strings.Join(names, ", ")).Replace(knotPrimary)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	network{}.start(t, "knotd", "-c", config)
	return upstream{dns: address}, all
}

// behindKnot returns how far behind secondaries of a Knot are that has the zone of the
// daemon and as many updates a second; nil where the campaign has no baseline.
func (c campaign) behindKnot(t *testing.T, w *world, keys []string) (lags []lag) {
	t.Helper()
	if c.baseline == 0 {
		return nil
	}
	t.Run("behind Knot", func(t *testing.T) {
		file := filepath.Join(w.dir, "dyn.zone")
		if err := os.WriteFile(file, []byte(w.run("zone", "export", "dyn.example.org")), 0o600); err != nil {
			t.Fatal(err)
		}
		knot, secondaries := newKnotPrimary(t, file)
		awaitServed(t, knot.dns, c.patient)
		for _, s := range secondaries {
			s.start(t, knot, s.zone, "", "dyn.example.org")
		}
		await(t, secondaries, serialAt(knot.dns, "dyn.example.org."), c.patient)
		var hosts []string
		for _, line := range keys {
			hosts = append(hosts, strings.Split(line, ",")[2:]...)
		}
		stop := follows(knot.dns, secondaries)
		took := c.updateKnot(t, knot.dns, hosts)
		await(t, secondaries, serialAt(knot.dns, "dyn.example.org."), c.patient)
		lags = stop()
		t.Logf("Knot took %d updates in %s, %.0f a second", took, c.baseline, float64(took)/c.baseline.Seconds())
		if took == 0 {
			t.Error("Knot takes no updates")
		}
	})
	return lags
}

// awaitServed returns when a server has the zone.
func awaitServed(t *testing.T, address string, patience time.Duration) {
	t.Helper()
	for end := time.Now().Add(patience); serialAt(address, "dyn.example.org.") == 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not serve the zone after %s", address, patience)
		}
	}
}

// knotClients is how many UPDATEs are under way to a Knot at most, each from a client
// that stays. It takes as one what waits, so with fewer it does not keep the rate. Where
// it does not even so, it has the easier task.
const knotClients = 512

// updateKnot sends updates of random hosts to a Knot at the rate of the campaign until the
// baseline ends, and returns how many of them it took.
func (c campaign) updateKnot(t *testing.T, address string, hosts []string) int {
	t.Helper()
	var took atomic.Int64
	var clients sync.WaitGroup
	due := make(chan struct{}, knotClients)
	for range knotClients {
		clients.Go(func() {
			conn, err := dns.Dial("udp", address)
			if err != nil {
				t.Error(err)
			}
			for range due {
				if err == nil && updateHost(conn, hosts[rand.IntN(len(hosts))]) {
					took.Add(1)
				}
			}
		})
	}
	began := time.Now()
	for i := 0; time.Since(began) < c.baseline; i++ {
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(c.rate))))
		due <- struct{}{}
	}
	close(due)
	clients.Wait()
	return int(took.Load())
}

// updateHost gives a host another address by RFC 2136 and tells whether the server took
// it. It waits as clients do, and does not try again.
func updateHost(conn *dns.Conn, host string) bool {
	name := dns.Fqdn(host)
	m := new(dns.Msg).SetUpdate("dyn.example.org.")
	m.RemoveRRset([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA}}})
	m.Insert([]dns.RR{&dns.A{
		Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
		A:   net.IPv4(198, 18, byte(rand.IntN(256)), byte(rand.IntN(256))),
	}})
	client := dns.Client{Timeout: rig.Patience}
	r, _, err := client.ExchangeWithConnContext(context.Background(), m, conn)
	return err == nil && r.Rcode == dns.RcodeSuccess
}
