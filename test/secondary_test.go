package test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// follower is a server of another make that has zones from us.
type follower struct {
	program string
	args    []string // before the path of the configuration
	config  string   // {dir}, {port}, {primary}, our port, {secure}, that for TLS, our {cert}, {key} and its {secret}, and {zones}
	zone    string   // {zone} for each
	tls     string   // the same for transfers over TLS; "" when it knows none
	catalog string   // {zone} for a catalog of them; "" when it knows none
	options string   // {options} where there is a catalog
}

var followers = []follower{
	{
		program: "named", args: []string{"-g", "-n", "1", "-c"},
		config: `
options {
	directory "{dir}"; listen-on port {port} { 127.0.0.1; }; listen-on-v6 { none; };
	pid-file none; session-keyfile none; managed-keys-directory "{dir}";
	recursion no; dnssec-validation no; notify no; allow-notify { key "{key}"; }; allow-transfer { 127.0.0.1; };
	{options}
};
controls { };
key "{key}" { algorithm hmac-sha256; secret "{secret}"; };
{zones}
`,
		zone: `zone "{zone}" { type secondary; primaries { 127.0.0.1 port {primary} key "{key}"; }; };` + "\n",
		tls: `
tls primary { ca-file "{cert}"; remote-hostname "ns1.example.org"; };
zone "{zone}" { type secondary; primaries { 127.0.0.1 port {secure} key "{key}" tls primary; }; };
`,
		catalog: `zone "{zone}" { type secondary; primaries { 127.0.0.1 port {primary} key "{key}"; }; };` + "\n",
		options: `catalog-zones { zone "{zone}" default-primaries { 127.0.0.1 port {primary} key "{key}"; } in-memory yes min-update-interval 1; };`,
	},
	{
		program: "knotd", args: []string{"-c"},
		config: `
server:
    rundir: "{dir}"
    listen: 127.0.0.1@{port}
database:
    storage: "{dir}"
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: {secret}
remote:
  - id: primary
    address: 127.0.0.1@{primary}
    key: {key}
acl:
  - id: notices
    address: 127.0.0.1
    key: {key}
    action: notify
  - id: test
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    storage: "{dir}"
    master: primary
    acl: [notices, test]
  - id: member
    storage: "{dir}"
    master: primary
    acl: [notices, test]
zone:
{zones}
`,
		zone:    "  - domain: {zone}\n",
		catalog: "  - domain: {zone}\n    catalog-role: interpret\n    catalog-template: member\n",
	},
	{
		program: "nsd", args: []string{"-d", "-c"},
		config: `
server:
	ip-address: 127.0.0.1@{port}
	server-count: 1
	username: ""
	zonesdir: "{dir}"
	database: ""
	pidfile: ""
	zonelistfile: "{dir}/zones"
	xfrdfile: ""
	xfrdir: "{dir}"
	xfrd-reload-timeout: 0
	rrl-ratelimit: 0
remote-control:
	control-enable: no
key:
	name: {key}
	algorithm: hmac-sha256
	secret: {secret}
{zones}
`,
		zone: `
zone:
	name: {zone}
	zonefile: dyn
	request-xfr: 127.0.0.1@{primary} {key}
	allow-notify: 127.0.0.1 {key}
	provide-xfr: 127.0.0.1 NOKEY
`,
		tls: `
server:
	tls-cert-bundle: "{cert}"
tls-auth:
	name: primary
	auth-domain-name: ns1.example.org
zone:
	name: {zone}
	zonefile: dyn
	request-xfr: 127.0.0.1@{secure} {key} primary
	allow-notify: 127.0.0.1 {key}
	provide-xfr: 127.0.0.1 NOKEY
`,
	},
}

// secondary is a follower of a daemon, which knows it by its key alone.
type secondary struct {
	follower
	prefix  []string // what it is run by
	address string
	secret  string // of its key, which has the name of its program
}

// newSecondaries returns followers, each on a port of its own, of a daemon that it
// starts for them. All are run by prefix.
func newSecondaries(t *testing.T, prefix []string, all ...follower) (*world, []*secondary) {
	t.Helper()
	var list []*secondary
	var told []string
	for _, f := range all {
		need(t, f.program)
		s := &secondary{follower: f, prefix: prefix, address: "127.0.0.1:" + freePort(t)}
		list, told = append(list, s), append(told, fmt.Sprintf("%q", s.address+" key "+f.program))
	}
	w := newWorld(t, "")
	w.prefix = prefix
	w.makeCertificate()
	w.write("stayput.toml", fmt.Sprintf("data = %q\n[dns]\nlisten = [\"127.0.0.1:0\"]\ntls_listen = [\"127.0.0.1:0\"]\nsecondaries = [%s]\n[http]\nlisten = [\"127.0.0.1:0\"]\n%s",
		w.data, strings.Join(told, ", "), w.certificateSection()))
	w.stayOnPorts()
	w.start()
	w.makeKeys(list)
	return w, list
}

// makeKeys makes the keys of secondaries.
func (w *world) makeKeys(list []*secondary) {
	w.t.Helper()
	for _, s := range list {
		s.secret = w.tsigKey(s.program)
	}
}

// upstream is where secondaries have their zones from.
type upstream struct {
	dns, dnsTLS string
	certificate string // its file
}

func (w *world) upstream() upstream {
	return upstream{w.dns, w.dnsTLS, filepath.Join(w.dir, "cert.pem")}
}

// start runs the secondary of a primary until the test ends, with zones and options
// from among those of the follower for one origin.
func (s *secondary) start(t *testing.T, from upstream, zones, options, origin string) {
	t.Helper()
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(s.address)
	_, primary, _ := net.SplitHostPort(from.dns)
	_, secure, _ := net.SplitHostPort(from.dnsTLS)
	text := strings.NewReplacer("{zones}", zones, "{options}", options).Replace(s.config)
	text = strings.NewReplacer("{dir}", dir, "{port}", port, "{primary}", primary, "{zone}", origin, "{secure}", secure,
		"{cert}", from.certificate, "{key}", s.program, "{secret}", s.secret).Replace(text)
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	network{}.start(t, slices.Concat(s.prefix, []string{s.program}, s.args, []string{config})...)
}

// serialAt returns the serial of a zone that a server has, 0 when it has none.
func serialAt(address, origin string) uint32 {
	client := dns.Client{Timeout: time.Second}
	r, _, err := client.Exchange(new(dns.Msg).SetQuestion(origin, dns.TypeSOA), address)
	if err != nil || len(r.Answer) != 1 {
		return 0
	}
	return r.Answer[0].(*dns.SOA).Serial
}

// zoneAt returns the records of the zone that a server has, in order. With a key, it
// signs.
func zoneAt(t *testing.T, address, key, secret string) []string {
	t.Helper()
	transfer, query := rig.NewTransfer(), new(dns.Msg).SetAxfr("dyn.example.org.")
	if key != "" {
		transfer.TsigSecret = map[string]string{key + ".": secret}
		query.SetTsig(key+".", dns.HmacSHA256, 300, time.Now().Unix())
	}
	messages, err := transfer.In(query, address)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for m := range messages {
		if m.Error != nil {
			t.Fatalf("transferring from %s: %v", address, m.Error)
		}
		for _, rr := range m.RR {
			all = append(all, rr.String())
		}
	}
	slices.Sort(all)
	return all
}

// freePort returns a port that is free for UDP and TCP.
func freePort(t testing.TB) string {
	t.Helper()
	addr, err := rig.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(addr.Port())
}

// transfers returns how many transfers of a kind the daemon counted.
func (w *world) transfers(kind string) int {
	w.t.Helper()
	return w.count(fmt.Sprintf("stayput_dns_transfers_total{kind=%q}", kind))
}

// count returns what the daemon counted by a name.
func (w *world) count(name string) int {
	w.t.Helper()
	status, body, err := get(w.http, "/metrics", "", "")
	if err != nil || status != http.StatusOK {
		w.t.Fatalf("metrics: %d %v", status, err)
	}
	return counted(w.t, body, name)
}

// counted returns what a page of metrics has by a name, 0 when it is not there.
func counted(t testing.TB, page, name string) (n int) {
	t.Helper()
	for line := range strings.Lines(page) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			n = must(strconv.Atoi(strings.TrimSpace(rest)))(t)
		}
	}
	return n
}

// BIND, Knot and NSD follow a zone that moves all the time: told by NOTIFY they fetch
// differences, all of it signed, and end with the very zone. So they do over TLS
// (RFC 9103), those that know how.
func TestSecondariesFollow(t *testing.T) {
	t.Parallel()
	t.Run("TCP", func(t *testing.T) {
		t.Parallel()
		follow(t, followers, func(f follower) string { return f.zone })
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		all := slices.DeleteFunc(slices.Clone(followers), func(f follower) bool { return f.tls == "" })
		w := follow(t, all, func(f follower) string { return f.tls })
		if n := w.count("stayput_dns_queries_total{transport=\"tls\"}"); n < 2*len(all) {
			t.Errorf("%d queries over TLS", n)
		}
	})
}

// follow lets followers follow a daemon, which it returns.
func follow(t *testing.T, all []follower, zones func(follower) string) *world {
	t.Helper()
	const origin = "dyn.example.org."
	w, secondaries := newSecondaries(t, nil, all...)
	var hosts []string
	for i := range 20 {
		hosts = append(hosts, fmt.Sprintf("h%d.dyn.example.org", i))
	}
	user, secret := w.seed(hosts...)
	for _, s := range secondaries {
		s.start(t, w.upstream(), zones(s.follower), "", "dyn.example.org")
	}
	caughtUp := func() bool {
		serial := w.serial()
		return !slices.ContainsFunc(secondaries, func(s *secondary) bool { return serialAt(s.address, origin) != serial })
	}
	until(t, "all secondaries have the zone", caughtUp)
	for round := range 30 {
		for i, h := range hosts[:10] {
			target := fmt.Sprintf("/nic/update?hostname=%s&myip=192.0.2.%d,2001:db8::%x", h, round%250+1, round*16+i)
			if status, body, err := get(w.http, target, user, secret); err != nil || status != http.StatusOK || !strings.HasPrefix(body, "good ") {
				t.Fatalf("%s: %d %q %v", target, status, body, err)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	until(t, "all secondaries have the latest version", caughtUp)
	w.run("host", "delete", hosts[19])
	until(t, "all secondaries know that a host is gone", caughtUp)
	until(t, "zone status finds all up to date", func() bool { // who answers late looks as if it were away
		return strings.Count(w.run("zone", "status", "dyn.example.org"), "up to date") == len(all)
	})
	want := zoneAt(t, w.dns, secondaries[0].program, secondaries[0].secret)
	for _, s := range secondaries {
		if got := zoneAt(t, s.address, "", ""); !slices.Equal(got, want) {
			t.Errorf("%s has\n%s\nwant\n%s", s.program, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if n := w.transfers("axfr") - 1; n > len(all) { // one was ours
		t.Errorf("%d whole zones went out, want one to each", n)
	}
	if n := w.transfers("ixfr"); n < len(all) {
		t.Errorf("%d differences went out", n)
	}
	return w
}

// Secondaries that were settled for one zone follow it at once, and go on after a
// restart; one that is taken away gets nothing more.
func TestSecondariesOfOneZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.stayOnPorts()
	w.start()
	user, secret := w.seed("home.dyn.example.org")
	var list []*secondary
	for _, f := range followers {
		need(t, f.program)
		list = append(list, &secondary{follower: f, address: "127.0.0.1:" + freePort(t)})
	}
	w.makeKeys(list)
	for _, s := range list {
		s.start(t, w.upstream(), s.zone, "", "dyn.example.org")
		w.run("zone", "set", "dyn.example.org", "--secondary", s.address+",tsig="+s.program)
	}
	has := func(s *secondary) func() bool {
		return func() bool { return serialAt(s.address, "dyn.example.org.") == w.serial() }
	}
	update := func(address string) {
		t.Helper()
		if _, body, err := get(w.http, "/nic/update?hostname=home.dyn.example.org&myip="+address, user, secret); err != nil || !strings.HasPrefix(body, "good ") {
			t.Fatalf("%q, %v", body, err)
		}
	}
	for i, restart := range []func(){func() {}, func() { w.kill(); w.start() }} {
		restart()
		update(fmt.Sprintf("192.0.2.%d", i+1))
		for _, s := range list {
			until(t, s.program+" follows", has(s))
		}
	}
	until(t, "zone status finds all up to date", func() bool { // who answers late looks as if it were away
		return strings.Count(w.run("zone", "status"), "up to date") == len(list)
	})
	gone, stays := list[0], list[1]
	w.run("zone", "set", "dyn.example.org", "--no-secondary", gone.address)
	update("192.0.2.3")
	until(t, stays.program+" follows", has(stays))
	if status := w.run("zone", "status"); strings.Contains(status, gone.address) || has(gone)() {
		t.Errorf("%s still follows; zone status prints\n%s", gone.program, status)
	}
}

// cutOff is how long secondaries are cut off: ten seconds, or as long as the
// environment says, as `make soak-cutoff` does.
func cutOff(t *testing.T) time.Duration {
	t.Helper()
	if text := os.Getenv("STAYPUT_CUTOFF"); text != "" {
		return must(time.ParseDuration(text))(t)
	}
	return 10 * time.Second
}

// Secondaries that were cut off from the daemon have what they missed as a difference,
// also when the daemon has restarted meanwhile. They have the whole zone where the
// journal does not reach back that far any more.
func TestSecondariesCutOff(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ip", "nsenter", "unshare", "curl")
	for _, tt := range []struct {
		name              string
		restarts, trimmed bool
	}{
		{"stays", false, false},
		{"restarts", true, false},
		{"restarts with a short journal", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.trimmed && rig.OnPostgres() {
				t.Skip("the process before the restart may trim for 30 seconds, and no other")
			}
			away(t, tt.restarts, tt.trimmed)
		})
	}
}

// away cuts secondaries off from a daemon, which may restart meanwhile, and whose journal
// may begin anew meanwhile, and sees how they catch up.
func away(t *testing.T, restarts, trimmed bool) {
	t.Helper()
	network := newNetwork(t)
	w, secondaries := newSecondaries(t, network, followers...)
	if trimmed {
		config := read(t, filepath.Join(w.dir, "stayput.toml"))
		w.write("stayput.toml", config+"[store]\nsnapshot_after = \"1MiB\"\njournal_keep = \"1MiB\"\n")
		w.stop()
		w.start()
	}
	// Without many hosts, the whole zone would be less than the difference.
	w.run("seed", "--zone", "dyn.example.org", "--hosts", "3000", "--accounts", "1", "--out", filepath.Join(w.dir, "keys.csv"))
	var many []struct{ Name string }
	if err := json.Unmarshal([]byte(w.run("account", "list", "--json")), &many); err != nil || len(many) != 1 {
		t.Fatal(many, err)
	}
	w.run("account", "add", "alice")
	w.run("host", "add", "home.dyn.example.org", "--account", "alice")
	w.run("host", "add", "away.dyn.example.org", "--account", "alice")
	for _, s := range secondaries {
		s.start(t, w.upstream(), s.zone, "", "dyn.example.org")
	}
	caughtUp := func() bool {
		return strings.Count(w.run("zone", "status", "dyn.example.org"), "up to date") == len(secondaries)
	}
	count := func(kind string) int {
		page := network.run(t, "curl", "--silent", "--fail", "http://"+w.http+"/metrics")
		return counted(t, page, fmt.Sprintf("stayput_dns_transfers_total{kind=%q}", kind))
	}
	until(t, "all secondaries have the zone", caughtUp)
	whole, differences := count("axfr"), count("ixfr")

	network.run(t, "ip", "link", "set", "lo", "down")
	began := time.Now()
	if trimmed {
		for range 10 {
			w.run("account", "set", many[0].Name, "--suspended=true")
			w.run("account", "set", many[0].Name, "--suspended=false")
		}
	}
	for i := 0; time.Since(began) < cutOff(t); i++ {
		w.run("host", "set", "home.dyn.example.org", "--address", fmt.Sprintf("192.0.2.%d", i%250+1))
		time.Sleep(50 * time.Millisecond)
	}
	w.run("host", "delete", "away.dyn.example.org")
	if restarts {
		w.stop()
		whole, differences = 0, 0
	}
	network.run(t, "ip", "link", "set", "lo", "up")
	back := time.Now()
	if restarts {
		w.start()
	}
	until(t, "all secondaries have caught up", caughtUp)
	whole, differences = count("axfr")-whole, count("ixfr")-differences
	t.Logf("cut off for %s; all caught up within %s, by %d whole zones and %d differences",
		back.Sub(began).Round(time.Second), time.Since(back).Round(time.Millisecond), whole, differences)
	if trimmed && whole < len(secondaries) || !trimmed && whole > 0 {
		t.Errorf("%d whole zones went out", whole)
	}
	if !trimmed && differences < len(secondaries) {
		t.Errorf("%d differences went out", differences)
	}
}

// stayOnPorts lets the daemon listen at the same ports whenever it starts, which nobody
// else is given in between.
func (w *world) stayOnPorts() {
	w.t.Helper()
	config := string(must(os.ReadFile(filepath.Join(w.dir, "stayput.toml")))(w.t))
	for _, section := range []string{"[dns]", "[http]"} {
		const anywhere = "\nlisten = [\"127.0.0.1:0\"]\n"
		if !strings.Contains(config, section+anywhere) {
			w.t.Fatalf("%s does not listen anywhere:\n%s", section, config)
		}
		config = strings.Replace(config, section+anywhere, section+strings.Replace(anywhere, ":0", ":"+freePort(w.t), 1), 1)
	}
	w.write("stayput.toml", config)
}

// A zone that is added appears on BIND and Knot by the catalog alone, and goes with
// it (RFC 9432).
func TestCatalog(t *testing.T) {
	t.Parallel()
	for _, f := range followers {
		if f.catalog == "" {
			continue
		}
		t.Run(f.program, func(t *testing.T) {
			t.Parallel()
			w, secondaries := newSecondaries(t, nil, f)
			address := secondaries[0].address
			w.run("zone", "add", "catalog.example.org", "--catalog")
			w.run("zone", "add", "early.example.org", "--ns", "ns1.early.example.org=192.0.2.53")
			secondaries[0].start(t, w.upstream(), f.catalog, f.options, "catalog.example.org")
			until(t, "a zone that was there is served", func() bool { return serialAt(address, "early.example.org.") > 0 })
			w.run("zone", "add", "late.example.org", "--ns", "ns1.late.example.org=192.0.2.53")
			until(t, "a new zone is served", func() bool { return serialAt(address, "late.example.org.") > 0 })
			w.run("zone", "delete", "early.example.org", "--force")
			until(t, "a zone that is gone is not", func() bool { return serialAt(address, "early.example.org.") == 0 })
		})
	}
}
