package web_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"html"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/web"
	"stayput.dev/internal/zone"
)

// split parts a pattern into its method and a path of alice's.
func (w *world) split(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	return method, strings.NewReplacer(
		"{apitoken}", w.tokenOf("alice"), "{host}", "home.dyn.example.org", "{username}", "alice-home", "{device}", "curl", "{id}", "nobody", "{$}", "",
	).Replace(path)
}

// ask sends what the pattern takes, without a form.
func (v *visitor) ask(pattern string) page {
	method, path := v.w.split(pattern)
	if method == http.MethodPost {
		return v.post(path)
	}
	return v.get(path)
}

// TestStrangersSignIn: who is not signed in gets nothing but the way in, and comes back
// from there.
func TestStrangersSignIn(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	patterns := w.pages.Patterns()
	if len(patterns) < 30 {
		t.Fatalf("there are %d patterns", len(patterns))
	}
	for _, pattern := range patterns {
		w.as("").ask(pattern).leads(t, "/signin")
	}
	to := w.as("").get("/hosts/home.dyn.example.org/options").leads(t, "/signin")
	signed := w.as("").post("/signin", "name", "alice", "password", password, "next", ok(url.Parse(to))(t).Query().Get("next"))
	signed.leads(t, "/hosts/home.dyn.example.org/options")
}

// TestOthersAreOutOfReach: what is another customer's does not exist; support sees
// it and changes nothing.
func TestOthersAreOutOfReach(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	w.addToken("alice")
	reached := 0
	for _, pattern := range w.pages.Patterns() {
		if !regexp.MustCompile(`\{(host|username|apitoken)\}`).MatchString(pattern) {
			continue
		}
		reached++
		w.as("bob").ask(pattern).shows(t, http.StatusNotFound)
		if strings.HasPrefix(pattern, "POST") {
			if p := w.as("desk").ask(pattern); p.status != http.StatusForbidden && p.status != http.StatusNotFound {
				t.Errorf("%s by support: status = %d", pattern, p.status)
			}
		}
	}
	if reached < 13 {
		t.Errorf("only %d patterns were tried", reached)
	}
	if w.tokenOf("alice") == "none" {
		t.Error("somebody else revoked alice's API token")
	}
	w.as("desk").get("/hosts/home.dyn.example.org").shows(t, http.StatusOK, "home")
	w.as("bob").get("/events?host=home.dyn.example.org").shows(t, http.StatusNotFound)
	w.as("bob").post("/newkey", "for", "some", "host", "home.dyn.example.org").shows(t, http.StatusNotFound)
	ok(w.admin.Host(zone.MustName("home.dyn.example.org")))(t)
}

// TestForeignForms: no form that another site sends changes anything or signs anybody in,
// whatever it is for and whoever is signed in.
func TestForeignForms(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	w.addToken("alice")
	before, forms := w.admin.State().Revision, w.pages.Forms()
	if len(forms) < 50 {
		t.Fatalf("there are %d forms", len(forms))
	}
	for _, pattern := range forms {
		_, path := w.split(pattern)
		for _, sender := range [][2]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"}, // such as a customer's host
			{"Origin", "https://elsewhere.example.net"},
			{"Origin", "null"},
		} {
			for _, as := range []string{"", "alice", "root"} {
				r := ok(http.NewRequest(http.MethodPost, w.url+path, strings.NewReader(url.Values{"name": {"alice"}, "password": {password}}.Encode())))(t)
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set(sender[0], sender[1])
				p := w.as(as).do(r).shows(t, http.StatusForbidden, "another site")
				if p.header.Get("Set-Cookie") != "" {
					t.Errorf("%s from another site sets the cookie %s", pattern, p.header.Get("Set-Cookie"))
				}
			}
		}
	}
	if after := w.admin.State().Revision; after != before {
		t.Errorf("the revision is %d, it was %d", after, before)
	}
	w.as("alice").get("/").shows(t, http.StatusOK) // nor was anybody signed out
}

// TestRedirectsStayHere: no link of ours leads to another site.
func TestRedirectsStayHere(t *testing.T) {
	w := newWorld(t)
	for _, next := range []string{"//elsewhere.example.net", "https://elsewhere.example.net/", `/\elsewhere.example.net`, "/\t/elsewhere.example.net", "javascript:alert(1)", ""} {
		for _, p := range []page{
			w.as("").post("/signin", "name", "alice", "password", password, "next", next),
			w.as("").post("/language", "language", "de", "back", next),
		} {
			if to := p.leads(t, "/"); to != "/" {
				t.Errorf("%q leads to %q", next, to)
			}
		}
	}
}

// TestSessionsAreNew: a cookie that somebody planted is worth nothing after signing in,
// and after signing out neither is the right one.
func TestSessionsAreNew(t *testing.T) {
	w := newWorld(t)
	const planted = "planted-by-somebody-else"
	r := ok(http.NewRequest(http.MethodPost, w.url+"/signin", strings.NewReader(url.Values{"name": {"alice"}, "password": {password}}.Encode())))(t)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: planted})
	p := w.as("").do(r)
	p.leads(t, "/")
	cookie := p.header.Get("Set-Cookie")
	if cookie == "" || strings.Contains(cookie, planted) || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
		t.Errorf("the cookie is %q", cookie)
	}
	w.sessions["planted"] = planted
	w.as("planted").get("/").leads(t, "/signin")
	w.as("alice").get("/").shows(t, http.StatusOK)
	w.as("alice").post("/signout").leads(t, "/signin")
	w.as("alice").get("/").leads(t, "/signin")
}

// evil is markup that must be seen, not obeyed; devices and customers write it into
// whatever they may.
const evil = `<b/id=evil>"'><script>alert(1)</script>`

// TestMarkupIsText: what devices and customers wrote is text on every page.
func TestMarkupIsText(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	token, _, err := w.admin.AddToken(t.Context(), admin.NewToken{Account: "alice", Name: evil})
	done(t, err)
	evilKey := `<b/id=evil>"'><script>alert(1)</script>`
	_, secret, err := w.admin.AddKey(t.Context(), admin.NewKey{Account: "alice", Username: evilKey})
	done(t, err)
	for _, query := range []string{"myip=192.0.2.7&txt=", "myip=192.0.2.8&system=", "myip=junk", "x="} {
		r := ok(http.NewRequest(http.MethodGet, w.url+"/nic/update?hostname=home.dyn.example.org&"+query+url.QueryEscape(evil), nil))(t)
		r.SetBasicAuth(evilKey, secret)
		r.Header.Set("User-Agent", evil)
		w.as("").do(r)
		r = ok(http.NewRequest(http.MethodGet, w.url+"/nic/update?hostname=home.dyn.example.org&"+query+url.QueryEscape(evil), nil))(t)
		r.SetBasicAuth(evilKey, "wrong"+evil)
		r.Header.Set("User-Agent", evil)
		w.as("").do(r)
	}
	shown := 0
	for _, path := range []string{
		"/", "/?q=" + url.QueryEscape(evil), "/hosts/home.dyn.example.org", "/hosts/home.dyn.example.org/setup/curl?key=" + url.QueryEscape(evilKey),
		"/keys", "/keys/" + url.PathEscape(evilKey), "/keys/" + url.PathEscape(evilKey) + "/revoke", "/nowhere/" + url.PathEscape(evil) + "?" + evil,
		"/account/tokens", "/account/tokens/" + token.ID, "/account/tokens/" + token.ID + "/revoke", "/account/tokens/" + url.PathEscape(evil),
		"/hosts/new?label=" + url.QueryEscape(evil), "/account/prove?next=" + url.QueryEscape("/"+evil),
	} {
		p := w.as("alice").get(path)
		if p.status >= 500 {
			t.Errorf("%s: status = %d", path, p.status)
		}
		p.lacks(t, "<b/id=evil", "<script>alert")
		if strings.Contains(p.body, html.EscapeString("<b/id=evil>")) {
			shown++
		}
	}
	if shown < 9 {
		t.Errorf("the text was seen on %d pages, so little was tried", shown)
	}
	w.as("alice").post("/account/newtoken", "name", evil, "days", evil, "sources", evil).shows(t, http.StatusUnprocessableEntity, "is not a network").lacks(t, "<b/id=evil", "<script>alert")
	p := w.as("alice").post("/hosts/new", "label", evil, "zone", "dyn.example.org").shows(t, http.StatusUnprocessableEntity)
	p.lacks(t, "<script>alert")
	w.as("alice").post("/hosts/home.dyn.example.org/options", "ttl", "60", "when", "nodata", "addresses", evil).
		shows(t, http.StatusUnprocessableEntity, "is not an address").lacks(t, "<script>alert")
}

// TestSecretsAreShownOnce: a secret is for who made the key, for half an hour.
func TestSecretsAreShownOnce(t *testing.T) {
	w := newWorld(t)
	key := w.as("alice").post("/newkey", "for", "all").leads(t, "/keys/")
	p := w.as("alice").get(key).shows(t, http.StatusOK, `id="secret"`)
	secret := regexp.MustCompile(`id="secret">([a-z0-9]+)<`).FindStringSubmatch(p.body)[1]
	w.as("root").get(key).shows(t, http.StatusOK).lacks(t, secret)
	w.as("bob").get(key).shows(t, http.StatusNotFound)
	w.at(-31 * time.Minute)
	w.as("alice").get(key).shows(t, http.StatusOK).lacks(t, secret)
}

// TestCrawl follows every link that a customer, support and an admin see: each leads
// somewhere, and every page has the headers that keep it to itself.
func TestCrawl(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	w.addToken("alice")
	_, _, err := w.admin.AddKey(t.Context(), admin.NewKey{Account: "alice", Username: "odd/%2F?&#<name>;"})
	done(t, err)
	for name, least := range map[string]int{"alice": 40, "desk": 10, "root": 40} {
		t.Run(name, func(t *testing.T) {
			private := func(path string, p page) { p.isPrivate(t, path) }
			if n := w.as(name).crawl(t, private, "/", "/hosts/office.dyn.example.org", "/keys/alice-office"); n < least {
				t.Errorf("the crawl found %d pages", n)
			}
		})
	}
}

// crawl looks at pages and all that they link to, and returns how many these are.
func (v *visitor) crawl(t *testing.T, look func(path string, p page), todo ...string) int {
	link := regexp.MustCompile(`(?:href|src)="(/[^"#]*)`)
	seen := map[string]bool{}
	for len(todo) > 0 && len(seen) < 500 {
		path := todo[0]
		if todo = todo[1:]; seen[path] {
			continue
		}
		seen[path] = true
		p := v.get(path)
		if p.status >= 400 {
			t.Errorf("%s is linked and has the status %d", path, p.status)
		}
		look(path, p)
		for _, m := range link.FindAllStringSubmatch(p.body, -1) {
			todo = append(todo, html.UnescapeString(m[1]))
		}
	}
	return len(seen)
}

var (
	// inline is what the policy forbids to stand in a page, or to come from elsewhere.
	inline    = regexp.MustCompile(`<[a-z]+[^>]* (?:style|on[a-z]+)=|<style|javascript:|<[a-z]+[^>]* src="(?:https?:)?//`)
	scriptTag = regexp.MustCompile(`<script\b[^>]*>`)
)

// isPrivate fails the test unless the page has the headers that all have, and nothing
// that its policy forbids.
func (p page) isPrivate(t *testing.T, path string) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
		"Cross-Origin-Opener-Policy": "same-origin", "Permissions-Policy": "camera=()", "X-Frame-Options": "DENY",
	} {
		if got := p.header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s: %s = %q, want %q in it", path, name, got, want)
		}
	}
	cached := strings.Contains(p.header.Get("Cache-Control"), "immutable")
	if isAsset := strings.HasPrefix(path, "/assets/"); cached != isAsset {
		t.Errorf("%s: Cache-Control = %q", path, p.header.Get("Cache-Control"))
	}
	if p.header.Get("Content-Type") != "text/html; charset=utf-8" {
		return
	}
	if bad := inline.FindString(p.body); bad != "" {
		t.Errorf("%s has %s", path, bad)
	}
	for _, tag := range scriptTag.FindAllString(p.body, -1) {
		if !strings.Contains(tag, ` src="/assets/`) {
			t.Errorf("%s has a script of its own: %s", path, tag)
		}
	}
}

// TestTLS: browsers that came by HTTPS, here or to a proxy, are told to do so always.
func TestTLS(t *testing.T) {
	w := newWorld(t)
	secured := func(r *http.Request) bool {
		answer := httptest.NewRecorder()
		w.pages.ServeHTTP(answer, r)
		return answer.Header().Get("Strict-Transport-Security") != ""
	}
	if secured(httptest.NewRequest(http.MethodGet, "http://dyn.example.org/signin", nil)) {
		t.Error("plain HTTP promises HTTPS")
	}
	if !secured(httptest.NewRequest(http.MethodGet, "https://dyn.example.org/signin", nil)) {
		t.Error("HTTPS promises nothing")
	}
	proxied := httptest.NewRequest(http.MethodGet, "http://dyn.example.org/signin", nil)
	proxied.Header.Set("X-Forwarded-Proto", "https")
	if !secured(proxied) {
		t.Error("HTTPS at a proxy that says so promises nothing")
	}
	w.pages.SetOptions(web.Options{PublicURL: &url.URL{Scheme: "https", Host: "dyn.example.org"}})
	if !secured(httptest.NewRequest(http.MethodGet, "http://dyn.example.org/signin", nil)) {
		t.Error("HTTPS at a proxy promises nothing")
	}
}

// TestCookiesAreForTLS: those of the language and of the session are both for HTTPS alone
// where the visitor came by it, here or to a proxy, and both for everything elsewhere.
func TestCookiesAreForTLS(t *testing.T) {
	w := newWorld(t)
	public := func(scheme string) {
		u := &url.URL{Scheme: scheme, Host: "dyn.example.org"}
		w.pages.SetOptions(web.Options{PublicURL: u})
		w.signin.SetOptions(signin.Options{PublicURL: u})
	}
	for _, tt := range []struct {
		why, public, scheme, forwarded string
		want                           bool
	}{
		{"plain HTTP", "http", "http", "", false},
		{"HTTPS here", "http", "https", "", true},
		{"HTTPS to a proxy", "http", "http", "https", true},
		{"pages that are reached by HTTPS", "https", "http", "", true},
	} {
		public(tt.public)
		for path, form := range map[string]url.Values{"/language": {"language": {"de"}}, "/signin": {"name": {"alice"}, "password": {password}}} {
			r := httptest.NewRequest(http.MethodPost, tt.scheme+"://dyn.example.org"+path, strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Forwarded-Proto", tt.forwarded)
			answer := httptest.NewRecorder()
			w.pages.ServeHTTP(answer, r)
			cookies := answer.Result().Cookies()
			if len(cookies) != 1 || cookies[0].Secure != tt.want {
				t.Errorf("%s: %s sets %v, want one, Secure: %t", tt.why, path, cookies, tt.want)
			}
		}
	}
}

// TestWeight: a page and all that it needs come in less than 150 KB, also with the largest
// logo that there can be.
func TestWeight(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	var logo bytes.Buffer
	noise := image.NewGray(image.Rect(0, 0, 254, 254))
	_, _ = rand.Read(noise.Pix)
	done(t, png.Encode(&logo, noise))
	if logo.Len() < 63<<10 {
		t.Errorf("the logo has %d octets, which is little", logo.Len())
	}
	w.as("root").sendBrand(logo.String(), "name", "Example Net", "plain", "on").leads(t, "/staff/brand")
	w.as("").get("/signin").shows(t, http.StatusOK, `src="/brand/logo-`)
	need := regexp.MustCompile(`(?:href|src)="(/(?:assets/|brand/|staff/brand/preview\.css)[^"]*)`)
	for _, s := range w.sights() {
		p := s.comesTo(w)
		size, came := len(p.body), map[string]bool{}
		for _, m := range need.FindAllStringSubmatch(p.body, -1) {
			if came[m[1]] {
				continue
			}
			came[m[1]] = true
			r := ok(http.NewRequest(http.MethodGet, w.url+html.UnescapeString(m[1]), nil))(t)
			r.Header.Set("Accept-Encoding", "gzip")
			size += len(w.as(s.as).do(r).body)
		}
		if size > 150_000 {
			t.Errorf("%s weighs %d octets", s.path, size)
		}
	}
}

// TestProxiesTellWhoAsks: who comes by a trusted proxy is known by what the proxy says,
// also to those who ask later who did what.
func TestProxiesTellWhoAsks(t *testing.T) {
	w := newWorld(t)
	const there = "203.0.113.77"
	by := func(as, path string, pairs ...string) page {
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		r := ok(http.NewRequest(http.MethodPost, w.url+path, strings.NewReader(form.Encode())))(t)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", there)
		return w.as(as).do(r)
	}
	by("", "/signin", "name", "alice", "password", password).leads(t, "/")
	alice, _ := w.admin.State().Accounts.Account("alice")
	sessions := ok(w.signin.Sessions(t.Context(), alice.ID))(t)
	if len(sessions) != 1 || sessions[0].Addr.String() != there {
		t.Errorf("sessions = %+v, want one from %s", sessions, there)
	}
	by("root", "/staff/customers/alice/invite").shows(t, http.StatusOK)
	events := ok(w.signin.EventsOf(t.Context(), alice.ID))(t)
	if !slices.ContainsFunc(events, func(e signin.Event) bool { return e.What == signin.LinkMade && e.From.String() == there }) {
		t.Errorf("events = %+v, want a link made from %s", events, there)
	}
}

// TestNamesOfTheHouse: customers get no name at which records stand that are no host's.
func TestNamesOfTheHouse(t *testing.T) {
	w := newWorld(t)
	file := admin.ZoneFile{Zone: zone.MustName("house.example.org"), Content: strings.NewReader(`
@ 60 SOA ns1.example.org. hostmaster.example.org. 1 3600 600 86400 60
@ 60 NS ns1.example.org.
shop 60 A 192.0.2.80
`)}
	ok(w.admin.Import(t.Context(), func(yield func(admin.ZoneFile, error) bool) { yield(file, nil) }))(t)
	w.as("alice").post("/hosts/new", "zone", "house.example.org", "label", "shop").shows(t, http.StatusUnprocessableEntity, "reserved")
	w.as("root").post("/hosts/new", "zone", "house.example.org", "label", "shop").leads(t, "/hosts/shop.house.example.org")
}

// TestLogsHoldNoTokens: the page of a link that fails is logged without its token.
func TestLogsHoldNoTokens(t *testing.T) {
	w := newWorld(t)
	link := ok(w.signin.Invite(t.Context(), registry.Actor{}, "alice", "en"))(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // so that the store cannot be asked
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	r.Header.Set("Accept", "text/html")
	answer := httptest.NewRecorder()
	w.pages.ServeHTTP(answer, r)
	token := link[strings.LastIndex(link, "/")+1:]
	if log := w.log.String(); answer.Code != http.StatusInternalServerError || !strings.Contains(log, "a page failed") || strings.Contains(log, token) {
		t.Errorf("status %d, the log says\n%s", answer.Code, log)
	}
}
