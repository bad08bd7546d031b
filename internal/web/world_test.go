package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/brand"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/front"
	"stayput.dev/internal/history"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/metrics"
	"stayput.dev/internal/notice"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/store"
	"stayput.dev/internal/update"
	"stayput.dev/internal/watch"
	"stayput.dev/internal/web"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// noon is when the tests' clock stands, unless they turn it: a Thursday.
var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// world is the pages on the listener that devices call too, over a store on disk.
// alice, bob and the staff "desk" and "root" have accounts; dyn.example.org is a
// zone.
type world struct {
	t       testing.TB
	url     string
	admin   *admin.Service
	updates *update.Service
	history *history.History
	signin  *signin.Service
	pages   *web.Pages
	tally   *watch.Tally
	trend   *watch.Trend

	shelf store.Shelf
	gate  *rig.Gate
	brand *brand.Service

	neighbours neighbours
	log        *rig.Log // of the pages

	mu       sync.Mutex // guards what follows
	now      time.Time
	replies  map[string]uint64 // of a DNS server, by response code
	sessions map[string]string // cookies by account
	letters  []mail.Message    // that were sent
}

// password is everybody's.
const password = "correct horse battery"

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: noon, log: &rig.Log{}, sessions: map[string]string{}}
	dir := t.TempDir()
	kept := ok(store.Open(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{})))(t)
	reg := ok(registry.Open(t.Context(), kept, registry.Options{Now: w.clock}))(t)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = reg.Run(ctx) })
	running.Go(func() {
		archive.New(reg, kept, kept, func() archive.Keep { return archive.Keep{} }, w.clock, nil).Run(ctx)
	})

	seen := ok(update.OpenSeen(ctx, kept, nil))(t)
	w.updates = update.New(reg, update.Options{Logger: slog.New(slog.DiscardHandler), Seen: seen, Now: w.clock})
	w.gate = rig.NewGate(reg, nil)
	w.admin = admin.New(w.gate, admin.Options{Seen: seen, Teller: w, Now: w.clock})
	w.history = history.New(reg, 1<<20, w.clock)
	lis := ok(net.Listen("tcp", "127.0.0.1:0"))(t)
	w.url = fmt.Sprintf("http://localhost:%d", lis.Addr().(*net.TCPAddr).Port)
	public := ok(url.Parse(w.url))(t)
	w.signin = ok(signin.New(signin.Config{
		Registry: reg, Accounts: w.admin, Shelf: kept.Shelf(), Mail: w, Now: w.clock, Options: signin.Options{PublicURL: public},
	}))(t)
	running.Go(func() { w.signin.Run(ctx) })
	w.tally = watch.NewTally(w.clock)
	w.trend = watch.NewTrend(func(counts watch.Counts) {
		for outcome, n := range metrics.Sum(w.updates, "stayput_updates_total", "outcome") {
			counts[web.Updates+outcome] = n
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for rcode, n := range w.replies {
			counts[web.Replies+rcode] = n
		}
	}, w.clock)
	w.shelf = kept.Shelf()
	w.brand = ok(brand.New(ctx, brand.Config{Shelf: w.shelf, Texts: mail.NewTexts(w.shelf), Log: reg}))(t)
	w.pages = web.New(web.Config{
		Admin: w.admin, Registry: reg, History: w.history, Archive: kept, SignIn: w.signin, Brand: w.brand,
		Files: newFiles(w, reg, kept), Notices: notice.New(notice.Config{State: reg, Seen: seen, Shelf: kept.Shelf(), Log: reg, Now: w.clock}), Options: web.Options{PublicURL: public}, Now: w.clock,
		House:  web.House{Trend: w.trend, Tally: w.tally, Servers: &w.neighbours, Checks: &w.neighbours, Certificates: w.neighbours.showCertificates, Nodes: &w.neighbours},
		Logger: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	devices := dyndns.New(w.updates, dyndns.Options{Recorder: watch.Recorders{w.history, w.tally}})
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	server := front.New(front.Config{TrustedProxies: loopback, Table: front.Table{Devices: devices.Paths(), Root: devices.Root, Rest: w.pages}})
	running.Go(func() { _ = server.Serve(ctx, lis, front.Plain) })
	t.Cleanup(func() {
		w.pages.Leave()
		ending, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		done(t, server.Shutdown(ending))
		stop()
		running.Wait()
		done(t, kept.Close())
	})

	w.addZone("dyn.example.org")
	for name, role := range map[string]account.Role{"alice": account.Customer, "bob": account.Customer, "desk": account.Support, "root": account.Admin} {
		ok(w.admin.AddAccount(ctx, admin.NewAccount{Name: name, Role: role, Password: password}))(t)
	}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Send implements signin.Mailer.
func (w *world) Send(_ context.Context, m mail.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.letters = append(w.letters, m)
	return nil
}

// TellTokenMade implements admin.Teller.
func (w *world) TellTokenMade(ctx context.Context, by registry.Actor, made account.Token, language string) {
	w.signin.TellTokenMade(ctx, by, made, language)
}

// mailed returns the path of the link in the mail of that kind to an address, once it is
// sent.
func (w *world) mailed(kind mail.Kind, to string) (path string) {
	w.t.Helper()
	w.waitFor(func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		i := slices.IndexFunc(w.letters, func(m mail.Message) bool { return m.Kind == kind && m.To == to })
		if i >= 0 {
			path = strings.TrimPrefix(w.letters[i].Data.Link, w.url)
		}
		return i >= 0
	})
	return path
}

// at turns the clock to so long before noon.
func (w *world) at(ago time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = noon.Add(-ago)
}

func (w *world) addZone(name string) {
	w.t.Helper()
	origin := zone.MustName(name)
	ok(w.admin.AddZone(w.t.Context(), admin.NewZone{Name: origin, NameServers: []admin.NameServer{
		{Name: zone.MustName("ns1." + name), Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}},
	}}))(w.t)
}

// addHost makes a host of dyn.example.org with an update key of its own, and
// returns the key's user name and secret.
func (w *world) addHost(owner, label string) (username, secret string) {
	w.t.Helper()
	name := zone.MustName(label + ".dyn.example.org")
	ok(w.admin.AddHost(w.t.Context(), admin.NewHost{Name: name, Account: owner}))(w.t)
	k, secret, err := w.admin.AddKey(w.t.Context(), admin.NewKey{Account: owner, Username: owner + "-" + label, Hosts: []zone.Name{name}})
	done(w.t, err)
	return k.Username, secret
}

// report is what a router does, so long before noon. It returns what it is told.
func (w *world) report(ago time.Duration, username, secret, label, query string) string {
	w.t.Helper()
	w.at(ago)
	defer w.at(0)
	r := ok(http.NewRequest(http.MethodGet, w.url+"/nic/update?hostname="+label+".dyn.example.org&"+query, nil))(w.t)
	r.SetBasicAuth(username, secret)
	r.Header.Set("User-Agent", "Mikrotik/7.x Fetch")
	r.Header.Set("X-Forwarded-For", "203.0.113.77")
	reply := ok(http.DefaultClient.Do(r))(w.t)
	defer reply.Body.Close()
	return strings.TrimSpace(string(ok(io.ReadAll(reply.Body))(w.t)))
}

// furnish gives alice hosts in every state, and a history to look at.
func (w *world) furnish() {
	day := 24 * time.Hour
	w.at(10 * day)
	user, secret := w.addHost("alice", "home")
	for i, address := range []string{"198.51.100.17", "203.0.113.84", "198.51.100.201", "192.0.2.7"} {
		w.report(time.Duration(9-2*i)*day-5*time.Hour, user, secret, "home", "myip="+address+"&myipv6=2001:db8:"+fmt.Sprint(i)+"::1")
	}
	for i := range 3 {
		w.report(time.Duration(12-4*i)*time.Hour, user, secret, "home", "myip=192.0.2.7&myipv6=2001:db8:3::1")
	}
	w.report(4*time.Minute, user, secret, "home", "myip=192.0.2.7&myipv6=2001:db8:3::1")

	user, secret = w.addHost("alice", "office")
	w.report(5*day, user, secret, "office", "myip=203.0.113.40")
	for i := range 14 {
		w.report(2*day-time.Duration(i)*3*time.Hour, user, "last-years-password", "office", "myip=203.0.113.41")
	}
	user, secret = w.addHost("alice", "camera-2")
	w.report(20*time.Hour, user, secret, "camera-2", "myip=203.0.113.90")
	w.report(3*time.Hour, user, secret, "camera-2", "myip=192.168.1.20")
	w.addHost("alice", "holiday")
	w.furnishHouse()
}

// waitFor waits until something is so, as what follows commits is a moment later.
func (w *world) waitFor(isSo func() bool) {
	w.t.Helper()
	for range 1200 {
		if isSo() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.t.Fatal("what was waited for does not come")
}

// visitor is a browser.
type visitor struct {
	w  *world
	as string // name of the account; empty: nobody

	language, zone string // cookie, and what the browser asks for
}

func (w *world) as(name string) *visitor {
	return &visitor{w: w, as: name, language: "en", zone: "UTC"}
}

// sessionCookie is the name of the cookie of a session over plain HTTP.
const sessionCookie = "stayput-session"

// session returns the cookie of an account, which signs in the first time.
func (w *world) session(name string) string {
	w.t.Helper()
	w.mu.Lock()
	cookie := w.sessions[name]
	w.mu.Unlock()
	if cookie != "" {
		return cookie
	}
	step := ok(w.signin.Password(w.t.Context(), signin.Client{Agent: "Mozilla/5.0 (X11; Linux x86_64)", Addr: netip.MustParseAddr("192.0.2.7")}, name, password))(w.t)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions[name] = step.Cookie
	return step.Cookie
}

// page is what a visitor got.
type page struct {
	status int
	header http.Header
	body   string
}

func (v *visitor) do(r *http.Request) page {
	v.w.t.Helper()
	if v.as != "" {
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: v.w.session(v.as)})
	}
	r.AddCookie(&http.Cookie{Name: "zone", Value: url.QueryEscape(v.zone)})
	r.Header.Set("Accept-Language", v.language)
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	reply := ok(client.Do(r))(v.w.t)
	defer reply.Body.Close()
	return page{reply.StatusCode, reply.Header, string(ok(io.ReadAll(reply.Body))(v.w.t))}
}

func (v *visitor) get(path string) page {
	v.w.t.Helper()
	return v.do(ok(http.NewRequest(http.MethodGet, v.w.url+path, nil))(v.w.t))
}

// post sends a form as pairs of names and values.
func (v *visitor) post(path string, pairs ...string) page {
	v.w.t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	r := ok(http.NewRequest(http.MethodPost, v.w.url+path, strings.NewReader(values.Encode())))(v.w.t)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.do(r)
}

// shows fails the test unless the page has the status and all the texts.
func (p page) shows(t testing.TB, status int, texts ...string) page {
	t.Helper()
	if p.status != status {
		t.Errorf("status = %d, want %d; the page:\n%s", p.status, status, p.body)
		return p
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Errorf("the page lacks %q:\n%s", text, p.body)
		}
	}
	return p
}

// lacks fails the test if the page has one of the texts.
func (p page) lacks(t testing.TB, texts ...string) page {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			t.Errorf("the page has %q:\n%s", text, p.body)
		}
	}
	return p
}

// leads fails the test unless the page sends the visitor to where, and returns it.
func (p page) leads(t testing.TB, where string) string {
	t.Helper()
	to := p.header.Get("Location")
	if p.status != http.StatusSeeOther || !strings.HasPrefix(to, where) {
		t.Fatalf("%d to %q, want 303 to %q; the page:\n%s", p.status, to, where, p.body)
	}
	return to
}

// ok returns what fails the test if there is an error, and else the value.
func ok[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// done fails the test if there is an error.
func done(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
