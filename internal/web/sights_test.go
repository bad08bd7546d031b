package web_test

import (
	"html"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/web"
	"stayput.dev/test/rig"
)

// sight is a page to look at.
type sight struct {
	name, as, path string
	form           []string // names and values of the form on that page to send first; nil: none
}

// comesTo returns the page as a browser without JavaScript gets it.
func (s sight) comesTo(w *world) page {
	if s.form != nil {
		return w.as(s.as).post(s.path, s.form...)
	}
	return w.as(s.as).get(s.path)
}

// sights are the pages that TestLooks goes to, once the world is furnished.
func (w *world) sights() []sight {
	made := w.as("alice").post("/hosts/holiday.dyn.example.org/setup/routeros7").leads(w.t, "/hosts/holiday")
	key := w.as("alice").post("/newkey", "for", "all").leads(w.t, "/keys/")
	invitation := ok(w.signin.Invite(w.t.Context(), registry.Actor{}, "bob", "en"))(w.t)
	token := w.addToken("alice")
	ok(w.admin.AddAccount(w.t.Context(), admin.NewAccount{Name: "erin", Role: account.Customer, Password: password}))(w.t)
	w.apply("frida")
	change, reset, signUp := w.openDoors()
	return []sight{
		{"home", "alice", "/", nil},
		{"home-empty", "erin", "/", nil},
		{"host", "alice", "/hosts/home.dyn.example.org", nil},
		{"host-failing", "alice", "/hosts/office.dyn.example.org", nil},
		{"host-waiting", "alice", "/hosts/holiday.dyn.example.org", nil},
		{"host-support", "desk", "/hosts/office.dyn.example.org", nil},
		{"newhost", "alice", "/hosts/new", nil},
		{"newhost-refused", "alice", "/hosts/new", []string{"label", "-"}},
		{"devices", "alice", "/hosts/holiday.dyn.example.org/setup", nil},
		{"setup-make", "alice", "/hosts/holiday.dyn.example.org/setup/fritzbox", nil},
		{"setup", "alice", made, nil},
		{"options", "alice", "/hosts/home.dyn.example.org/options", nil},
		{"delete", "alice", "/hosts/home.dyn.example.org/delete", nil},
		{"keys", "alice", "/keys", nil},
		{"newkey", "alice", "/newkey", nil},
		{"key", "alice", key, nil},
		{"key-failing", "alice", "/keys/alice-office", nil},
		{"search", "desk", "/staff/search", nil},
		{"search-address", "desk", "/staff/search?q=198.51.100.0/24", nil},
		{"search-name", "desk", "/staff/search?q=ali", nil},
		{"search-nothing", "desk", "/staff/search?q=nobody.example.net", nil},
		{"key-revoke", "alice", "/keys/alice-office/revoke", nil},
		{"customers", "root", "/staff/customers", nil},
		{"applications", "root", "/staff/customers/applications", nil},
		{"applications-none", "desk", "/staff/customers/applications?after=z", nil},
		{"application-decline", "root", "/staff/customers/applications/frida/decline", nil},
		{"customer", "root", "/staff/customers/alice", nil},
		{"newcustomer", "root", "/staff/customers/new", nil},
		{"newcustomer-refused", "root", "/staff/customers/new", []string{"name", "-"}},
		{"customerchange", "root", "/staff/customers/alice/change", nil},
		{"customer-suspend", "root", "/staff/customers/alice/suspend", nil},
		{"customer-resume", "root", "/staff/customers/alice/resume", nil},
		{"customer-terminate", "root", "/staff/customers/alice/terminate", nil},
		{"customer-terminate-refused", "root", "/staff/customers/alice/terminate", []string{"confirm", "bob"}},
		{"customer-factors", "root", "/staff/customers/carol/factors", nil},
		{"customer-sessions", "root", "/staff/customers/alice/sessions", nil},
		{"customer-erase", "root", "/staff/customers/alice/erase", nil},
		{"overview", "root", "/staff", nil},
		{"overview-day", "desk", "/staff?span=day", nil},
		{"cluster", "root", "/staff/cluster", nil},
		{"abuse", "root", "/staff/abuse", nil},
		{"audit", "desk", "/staff/audit", nil},
		{"audit-signin", "desk", "/staff/audit?of=signin", nil},
		{"plans", "root", "/staff/plans", nil},
		{"plan", "root", "/staff/plans/home/change", nil},
		{"plan-delete", "root", "/staff/plans/home/delete", nil},
		{"zones", "root", "/staff/zones", nil},
		{"newzone", "root", "/staff/newzone", nil},
		{"importzone", "root", "/staff/importzone?zone=dyn.example.org", nil},
		{"zone", "root", "/staff/zones/dyn.example.org", nil},
		{"recordtype", "root", "/staff/zones/dyn.example.org/record", nil},
		{"record", "root", "/staff/zones/dyn.example.org/record?type=MX", nil},
		{"record-refused", "root", "/staff/zones/dyn.example.org/record?type=A", []string{"name", "x", "data", "nonsense"}},
		{"record-host", "root", "/staff/zones/dyn.example.org/record?type=A&name=home", nil},
		{"record-delete", "root", "/staff/zones/dyn.example.org/record/delete?name=www&type=TXT", nil},
		{"zoneservers", "desk", "/staff/zones/dyn.example.org/servers", nil},
		{"zonecheck", "desk", "/staff/zones/dyn.example.org/check?look", nil},
		{"zonesettings", "root", "/staff/zones/dyn.example.org/settings", nil},
		{"zonedelete", "root", "/staff/zones/dyn.example.org/delete", nil},
		{"brand", "root", "/staff/brand", nil},
		{"mails", "root", "/staff/brand/mails", nil},
		{"mailtext", "root", "/staff/brand/mails/password-reset", nil},
		{"mailtext-refused", "root", "/staff/brand/mails/host-changed", []string{"subject", "{nonsense}", "body", "=> Go"}},
		{"account", "alice", "/account", nil},
		{"prove", "alice", "/account/prove", nil},
		{"tokens", "alice", "/account/tokens", nil},
		{"newtoken", "alice", "/account/newtoken", nil},
		{"newtoken-refused", "alice", "/account/newtoken", []string{"sources", "nowhere"}},
		{"token", "alice", token, nil},
		{"token-revoke", "alice", token + "/revoke", nil},
		{"password", "alice", "/account/password", nil},
		{"address", "alice", "/account/address", nil},
		{"connect", "bob", "/account/provider", nil},
		{"disconnect", "alice", "/account/identities/nobody/remove", nil},
		{"totp", "alice", "/account/totp", nil},
		{"passkey", "alice", "/account/passkey", nil},
		{"signin", "", "/signin", nil},
		{"forgot", "", "/signin/forgot", nil},
		{"invitation", "", strings.TrimPrefix(invitation, w.url), nil},
		{"expired", "", "/signin/reset/nonsense", nil},
		{"missing", "alice", "/nowhere", nil},
		{"customer-long", "root", "/staff/customers/carol", nil},
		{"host-long", "carol", "/hosts/" + longName, nil},
		{"newplan", "root", "/staff/plans/new", nil},
		{"factor", "", "/signin", []string{"name", "carol", "password", password}},
		{"recovery", "carol", "/account/recovery", []string{}},
		{"recovery-ask", "carol", "/account/recovery", nil},
		{"totp-remove", "carol", "/account/totp/remove", nil},
		{"passkey-remove", "carol", "/account/passkeys/1/remove", nil},
		{"account-safe", "carol", "/account", nil},
		{"done", "", "/signin/forgot", []string{"name", "nobody"}},
		{"reset", "", reset, nil},
		{"email", "", change, nil},
		{"want", "", signin.PathSignUp, nil},
		{"signup", "", signUp, nil},
	}
}

// longName is that of a host whose owner likes long names.
const longName = "the-camera-that-looks-over-the-garden-shed-behind-the-house.dyn.example.org"

// openDoors lets everybody sign up, connects alice with an identity provider, has carol,
// whose names are long, set up a second factor, and returns the links of mails: to change
// an address, to reset a password, to sign up.
func (w *world) openDoors() (change, reset, signUp string) {
	public := ok(url.Parse(w.url))(w.t)
	w.pages.SetOptions(web.Options{PublicURL: public, MaySignUp: true, SendsMail: true})
	w.connect(w.addProvider("alice.sso"), "alice", "alice").leads(w.t, "/account")
	ok(w.admin.AddAccount(w.t.Context(), admin.NewAccount{
		Name: "carol", FullName: "Carolina Beispielhuber-Example, Gesellschaft für lange Namen mbH", Plan: "home",
		Email: "accounts-payable@a-company-with-a-rather-long-name.example.org", Role: account.Customer, Password: password,
	}))(w.t)
	w.addHost("carol", strings.TrimSuffix(longName, ".dyn.example.org"))
	w.secure("carol")

	const bob, dora = "bob@example.org", "dora@example.org"
	w.as("bob").post("/account/address", "email", bob).shows(w.t, http.StatusOK)
	change = w.mailed(mail.ConfirmEmail, bob)
	address := bob
	ok(w.admin.SetAccount(w.t.Context(), "bob", admin.AccountChange{Email: &address}))(w.t)
	w.as("").post("/signin/forgot", "name", "bob").shows(w.t, http.StatusOK)
	reset = w.mailed(mail.PasswordReset, bob)
	w.as("").post(signin.PathSignUp, "email", dora).shows(w.t, http.StatusOK)
	return change, reset, w.mailed(mail.ConfirmSignUp, dora)
}

// secure has somebody set up an app that makes codes.
func (w *world) secure(name string) {
	w.t.Helper()
	v := w.as(name)
	m := regexp.MustCompile(`(?s)<span class="mono">([A-Z2-7 ]+)</span>.*name="ticket" value="([^"]+)"`).FindStringSubmatch(v.get("/account/totp").body)
	safe := v.post("/account/totp", "code", rig.TOTP(w.t, m[1], w.clock()), "ticket", html.UnescapeString(m[2])).shows(w.t, http.StatusOK, `id="codes"`)
	w.sessions[name] = ok(http.ParseSetCookie(safe.header.Get("Set-Cookie")))(w.t).Value // a new one, as they are better known now
}

// noPages are what is asked for by GET and is no page: files, and what scripts hear.
var noPages = []string{
	"GET /events", "GET /account/data", "GET /staff/customers/{account}/data", "GET /staff/zones/{zone}/export", "GET /staff/brand/preview.css",
}

// TestPicturesAreOfSights: `make screenshots` makes each picture of the documentation again.
func TestPicturesAreOfSights(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	made := map[string]bool{}
	for _, s := range w.sights() {
		for _, name := range []string{s.name, "branded-" + s.name} {
			for _, width := range []string{"360", "1280"} {
				made[name+"-"+width+"-light.png"], made[name+"-"+width+"-dark.png"] = true, true
			}
		}
	}
	pictures := ok(filepath.Glob("../../doc/pictures/*"))(t)
	for _, file := range pictures {
		if !made[filepath.Base(file)] {
			t.Errorf("nobody takes the picture %s", file)
		}
	}
	if len(pictures) < 15 {
		t.Errorf("there are %d pictures", len(pictures))
	}
}

// TestEveryPageIsLookedAt: no page is left out of the sights, be it a template of its own
// or one that others share, such as those that ask whether one is sure.
func TestEveryPageIsLookedAt(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	routes := http.NewServeMux()
	for _, pattern := range w.pages.Patterns() {
		routes.HandleFunc(pattern, http.NotFound)
	}
	shown := regexp.MustCompile(`data-page="([a-z]+)"`)
	seen := map[string]bool{}
	for _, s := range w.sights() {
		m := shown.FindStringSubmatch(s.comesTo(w).body)
		if m == nil {
			t.Fatalf("%s: %s is no page", s.name, s.path)
		}
		_, pattern := routes.Handler(ok(http.NewRequest(http.MethodGet, s.path, nil))(t))
		seen[m[1]], seen[pattern] = true, true
	}
	for _, file := range ok(filepath.Glob("pages/*.html"))(t) {
		if name := strings.TrimSuffix(filepath.Base(file), ".html"); !seen[name] {
			t.Errorf("nobody looks at the page %s", name)
		}
	}
	for _, pattern := range w.pages.Patterns() {
		if strings.HasPrefix(pattern, "GET ") && !seen[pattern] && !slices.Contains(noPages, pattern) {
			t.Errorf("nobody looks at %s", pattern)
		}
	}
}
