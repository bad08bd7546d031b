package daemon_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
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

// load returns a configuration for a daemon on ports that the kernel chooses.
func load(t *testing.T, dir, more string) *config.Config {
	t.Helper()
	file := filepath.Join(dir, "stayput.toml")
	text := "data = \"data\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = [\"127.0.0.1:0\"]\n" + more
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var env []string
	if url := rig.StoreURL(t, dir); url != "" {
		env = append(env, "STAYPUT_STORE_URL="+url)
	}
	cfg, err := config.Load(file, env)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// running is a daemon within the test.
type running struct {
	daemon.Addresses
	admin *admin.Service
	hup   chan os.Signal
	stop  func() error
}

func start(t *testing.T, cfg *config.Config, opts daemon.Options) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{hup: make(chan os.Signal)}
	if opts.LogTo == nil {
		opts.LogTo, _ = os.Open(os.DevNull)
	}
	opts.Hangup = r.hup
	ready, ended := make(chan struct{}), make(chan error, 1)
	opts.Ready = func(a daemon.Addresses, s *admin.Service) {
		r.Addresses, r.admin = a, s
		close(ready)
	}
	go func() { ended <- daemon.Run(ctx, cfg, opts) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("the daemon ended at once: %v", err)
	}
	r.stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() { _ = r.stop() })
	return r
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(b)
}

// What one daemon keeps the next one on the same data serves, and while one runs
// another is refused.
func TestRunStopRunAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := load(t, dir, "")
	d := start(t, cfg, daemon.Options{Version: "test"})
	origin := zone.MustName("dyn.example.org")
	_, err := d.admin.AddZone(t.Context(), admin.NewZone{Name: origin, NameServers: []admin.NameServer{{Name: zone.MustName("ns1.example.net")}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Run(t.Context(), cfg, daemon.Options{}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second daemon on the same data: %v", err)
	}
	if err := d.stop(); err != nil {
		t.Fatalf("stopping: %v", err)
	}
	d = start(t, cfg, daemon.Options{})
	m, err := rig.Exchange(new(dns.Msg).SetQuestion("dyn.example.org.", dns.TypeSOA), d.DNS[0].String())
	if err != nil || len(m.Answer) != 1 {
		t.Errorf("after a restart: %v, %v", m, err)
	}
}

// Profiles are for who may use the admin socket, and for nobody else.
func TestProfiles(t *testing.T) {
	t.Parallel()
	d := start(t, load(t, t.TempDir(), ""), daemon.Options{})
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", d.Socket)
	}}}
	defer client.CloseIdleConnections()
	r, err := client.Get("http://admin/debug/pprof/heap") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if b, _ := io.ReadAll(r.Body); r.StatusCode != http.StatusOK || len(b) == 0 {
		t.Errorf("status %d, %d octets", r.StatusCode, len(b))
	}
	if status, _ := get(t, "http://"+d.HTTP[0].String()+"/debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("status over HTTP = %d, want 404", status)
	}
}

// An address that the machine does not have is no reason not to serve the others.
func TestAddressThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux")
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cfg := load(t, t.TempDir(), "")
	cfg.DNS.Listen = append(cfg.DNS.Listen, netip.MustParseAddrPort("192.0.2.77:0"))
	d := start(t, cfg, daemon.Options{LogTo: log})
	if len(d.DNS) != 2 || d.DNS[1].Addr() != netip.MustParseAddr("192.0.2.77") {
		t.Errorf("listening on %v", d.DNS)
	}
	text, err := os.ReadFile(log.Name())
	if err != nil || strings.Count(string(text), "does not have an address") != 1 {
		t.Errorf("log: %v\n%s", err, text)
	}
}

func TestOperatorsPages(t *testing.T) {
	t.Parallel()
	d := start(t, load(t, t.TempDir(), ""), daemon.Options{})
	url := "http://" + d.HTTP[0].String()
	for _, tt := range []struct{ path, want string }{
		{"/healthz", "ok\n"},
		{"/readyz", "ready\n"},
		{"/metrics", "stayput_zones 0"},
		{"/myip", "127.0.0.1\n"},
	} {
		if status, body := get(t, url+tt.path); status != http.StatusOK || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %.80q, want %q", tt.path, status, body, tt.want)
		}
	}
	if status, _ := get(t, url+"/nowhere"); status != http.StatusNotFound {
		t.Errorf("/nowhere: %d, want 404", status)
	}
	if i, err := os.Stat(d.Socket); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("admin socket: %v %v, want mode 0600", i, err)
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := load(t, t.TempDir(), "")
	cfg.DNS.Listen = []netip.AddrPort{l.Addr().(*net.TCPAddr).AddrPort()}
	err = daemon.Run(t.Context(), cfg, daemon.Options{})
	want := "cannot listen on " + l.Addr().String() + " (TCP): address already in use"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want %s", err, want)
	}
	var hint interface{ Hint() string }
	for e := err; e != nil && hint == nil; {
		hint, _ = e.(interface{ Hint() string })
		switch u := e.(type) { //nolint:errorlint // as above
		case interface{ Unwrap() error }:
			e = u.Unwrap()
		case interface{ Unwrap() []error }:
			e = u.Unwrap()[0]
		default:
			e = nil
		}
	}
	if hint == nil || !strings.Contains(hint.Hint(), "ss -lnptu") {
		t.Errorf("no hint with the error %v", err)
	}
}

// On SIGHUP the daemon reads its configuration again, and a broken one changes
// nothing.
func TestHangup(t *testing.T) {
	t.Parallel()
	reloads := make(chan error, 2)
	calls := 0
	dir := t.TempDir()
	cfg := load(t, dir, "")
	d := start(t, cfg, daemon.Options{Reload: func() (*config.Config, error) {
		calls++
		if calls == 1 {
			reloads <- os.ErrInvalid
			return nil, os.ErrInvalid
		}
		reloads <- nil
		return load(t, dir, "[log]\nlevel = \"debug\"\n"), nil
	}})
	for range 2 {
		d.hup <- syscall.SIGHUP
		select {
		case <-reloads:
		case <-time.After(rig.Patience):
			t.Fatal("the configuration was not read again")
		}
	}
	if status, _ := get(t, "http://"+d.HTTP[0].String()+"/healthz"); status != http.StatusOK {
		t.Errorf("after a reload: %d", status)
	}
}
