package daemon_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
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

const secret = "a-secret-of-some-length"

// town makes alice with an update key and the host home.
func (r *running) town(t *testing.T) {
	t.Helper()
	_, err := r.admin.AddZone(t.Context(), admin.NewZone{
		Name: zone.MustName("dyn.example.org"), NameServers: []admin.NameServer{{Name: zone.MustName("ns1.example.net")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = r.admin.AddAccount(t.Context(), admin.NewAccount{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err = r.admin.AddKey(t.Context(), admin.NewKey{Account: "alice", Username: "alice", Secret: secret}); err != nil {
		t.Fatal(err)
	}
	r.addHost(t, "home")
}

// addHost makes a host and returns its TTL.
func (r *running) addHost(t *testing.T, label string) uint32 {
	t.Helper()
	h, err := r.admin.AddHost(t.Context(), admin.NewHost{Name: zone.MustName(label + ".dyn.example.org"), Account: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	return h.TTL
}

// version asks for version.bind, and returns "" when that is refused.
func (r *running) version(t *testing.T) string {
	t.Helper()
	m := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	m.Question[0].Qclass = dns.ClassCHAOS
	m, err := rig.Exchange(m, r.DNS[0].String())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Answer) == 0 {
		return ""
	}
	return m.Answer[0].(*dns.TXT).Txt[0]
}

// logFile returns a new file for a daemon's log.
func logFile(t *testing.T, dir string) *os.File {
	t.Helper()
	to, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = to.Close() })
	return to
}

// hangup sends SIGHUP and waits until the log has the word of it for the n-th
// time. It returns the log.
func (r *running) hangup(t *testing.T, log string, n int) string {
	t.Helper()
	r.hup <- syscall.SIGHUP
	for range 6000 {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(text), "configuration reloaded") == n {
			return string(text)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the daemon says nothing of a reload")
	return ""
}

// TestReload: what may change while the daemon runs does so on SIGHUP, in every
// room, and what may not is named.
func TestReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	to := logFile(t, dir)
	const later = `
trusted_proxies = ["127.0.0.1"]
allow_metrics = []
checkip_hosts = ["ip.example.org"]
update_hosts = ["update.*"]
[updates]
nonglobal = "accept"
unchanged_reply = "good"
ttl = 77
expire_after = "90d"
cgnat_pools = ["203.0.113.0/24"]
device_options = "ignore"
[log]
level = "debug"
format = "json"
`
	d := start(t, load(t, dir, ""), daemon.Options{LogTo: to, Reload: func() (*config.Config, error) {
		cfg := load(t, dir, later)
		cfg.DNS.Version = "ours"
		return cfg, nil
	}})
	d.town(t)
	ask := func(path, forwarded, host string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.HTTP[0].String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("alice", secret)
		r.Host = host
		r.Header.Set("X-Forwarded-For", forwarded)
		return body(t, r)
	}
	const update = "/nic/update?hostname=home.dyn.example.org&myip="
	const kept = "?hostname=home.dyn.example.org&myipv4=preserve&myipv6=preserve"
	steps := []struct{ path, host, before, after string }{
		{update + "203.0.113.9", "", "200 good 203.0.113.9", "200 good 203.0.113.9"}, // after: unchanged
		{update + "203.0.113.9", "", "200 nochg 203.0.113.9", "200 good 203.0.113.9"},
		{update + "203.0.113.9,10.0.0.7", "", "200 good 203.0.113.9,10.0.0.7", "200 good 203.0.113.9,10.0.0.7"},
		{"/myip", "", "200 127.0.0.1", "200 198.51.100.7"},
		{"/?format=json", "ip.example.org", "404 404 page not found", `200 {"ip":"198.51.100.7"}`},
		{"/some/where" + kept, "update.example.org", "404 404 page not found", "200 good"},
		{"/some//where/" + kept, "update.example.org", "404 404 page not found", "200 good"},
		{"/" + kept, "update.example.org:8080", "200 nochg 203.0.113.9", "200 good"},
		{"/nic/update" + kept, "update.example.org", "200 nochg 203.0.113.9", "200 good 10.0.0.7,203.0.113.9"},
		{"/healthz", "update.example.org", "200 ok", "200 ok"},
	}
	for _, step := range steps {
		if got := ask(step.path, "198.51.100.7", step.host); got != step.before {
			t.Errorf("before, %s: got = %q, want %q", step.path, got, step.before)
		}
	}
	if got := d.version(t); got != "" {
		t.Errorf("before: version = %q, want none", got)
	}
	if h, err := d.admin.Host(zone.MustName("home.dyn.example.org")); err != nil || !h.Expires.IsZero() || h.CGNAT {
		t.Errorf("before: %+v, %v, want a host that neither expires nor is behind CGNAT", h, err)
	}
	text := d.hangup(t, to.Name(), 1)
	for _, step := range steps {
		if got := ask(step.path, "198.51.100.7", step.host); got != step.after {
			t.Errorf("after, %s: got = %q, want %q", step.path, got, step.after)
		}
	}
	h, err := d.admin.Host(zone.MustName("home.dyn.example.org"))
	if err != nil || len(h.Addresses) != 2 {
		t.Errorf("addresses = %v, %v, want the private one as well", h.Addresses, err)
	}
	if h.Expires.IsZero() || !h.CGNAT {
		t.Errorf("after: %+v, want a host that expires and is behind CGNAT", h)
	}
	_ = ask(update+"203.0.113.9&wildcard=ON", "198.51.100.7", "")
	if h, err := d.admin.Host(zone.MustName("home.dyn.example.org")); err != nil || h.Options.Wildcard {
		t.Errorf("after: %+v, %v, want no wildcard, since its device may not choose", h, err)
	}
	if got := ask("/metrics", "127.0.0.1", ""); !strings.HasPrefix(got, "404 ") {
		t.Errorf("after: metrics = %.80q, want none", got)
	}
	if got := d.addHost(t, "nas"); got != 77 {
		t.Errorf("TTL of a new host = %d, want 77", got)
	}
	if got := d.version(t); got != "ours" {
		t.Errorf("version = %q, want %q", got, "ours")
	}
	if !strings.Contains(text, `"msg":"configuration reloaded"`) || strings.Contains(text, "restart") {
		t.Errorf("log:\n%s", text)
	}
}

// body returns status and body of an answer.
func body(t *testing.T, r *http.Request) string {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(answer.StatusCode) + " " + strings.TrimSpace(string(text))
}

// TestReloadNamesWhatNeedsARestart names these settings and no others, and goes
// on with the old ones.
func TestReloadNamesWhatNeedsARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	to := logFile(t, dir)
	d := start(t, load(t, dir, ""), daemon.Options{LogTo: to, Reload: func() (*config.Config, error) {
		cfg := load(t, dir, "[updates]\nttl = 77\n")
		cfg.HTTP.Listen = nil
		cfg.DNS.Listen = append(cfg.DNS.Listen, cfg.DNS.Listen...)
		cfg.HTTP.Certificates = []config.Certificate{{Cert: "cert.pem", Key: "key.pem"}}
		return cfg, nil
	}})
	text := d.hangup(t, to.Name(), 1)
	if want := `msg="settings changed that need a restart" settings="[dns.listen http.listen http.certificate]"`; !strings.Contains(text, want) {
		t.Errorf("log has no line %s:\n%s", want, text)
	}
	if status, _ := get(t, "http://"+d.HTTP[0].String()+"/healthz"); status != http.StatusOK {
		t.Errorf("after the reload: %d", status)
	}
	d.hangup(t, to.Name(), 2)
}

// TestExpiredCertificate: the log warns of it at the start, and at each reload
// until there is a new one.
func TestExpiredCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	to := logFile(t, dir)
	cfg := loadTLS(t, dir)
	writeCertificate(t, dir, 2, time.Now().Add(-time.Minute))
	d := start(t, cfg, daemon.Options{LogTo: to, Reload: func() (*config.Config, error) { return cfg, nil }})
	warnings := func(n int) int {
		return strings.Count(d.hangup(t, to.Name(), n), `msg="a certificate has expired, clients refuse it" names=[ns1.example.org]`)
	}
	if got := warnings(1); got != 2 {
		t.Errorf("got = %d warnings after a start and a reload, want 2", got)
	}
	writeCertificate(t, dir, 3, time.Now().Add(time.Hour))
	if got := warnings(2); got != 2 {
		t.Errorf("got = %d warnings after the certificate was renewed, want 2", got)
	}
}
