package web_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
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
	"stayput.dev/test/browser"
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
	change, reset, signUp := w.openDoors()
	return []sight{
		{"home", "alice", "/", nil},
		{"home-empty", "bob", "/", nil},
		{"host", "alice", "/hosts/home.dyn.example.org", nil},
		{"host-failing", "alice", "/hosts/office.dyn.example.org", nil},
		{"host-waiting", "alice", "/hosts/holiday.dyn.example.org", nil},
		{"host-support", "desk", "/hosts/office.dyn.example.org", nil},
		{"newhost", "alice", "/hosts/new", nil},
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
		{"customers", "root", "/staff/customers", nil},
		{"customer", "root", "/staff/customers/alice", nil},
		{"newcustomer", "root", "/staff/customers/new", nil},
		{"customerchange", "root", "/staff/customers/alice/change", nil},
		{"overview", "root", "/staff", nil},
		{"overview-day", "desk", "/staff?span=day", nil},
		{"cluster", "root", "/staff/cluster", nil},
		{"abuse", "root", "/staff/abuse", nil},
		{"audit", "desk", "/staff/audit", nil},
		{"audit-signin", "desk", "/staff/audit?of=signin", nil},
		{"plans", "root", "/staff/plans", nil},
		{"plan", "root", "/staff/plans/home/change", nil},
		{"zones", "root", "/staff/zones", nil},
		{"newzone", "root", "/staff/newzone", nil},
		{"importzone", "root", "/staff/importzone?zone=dyn.example.org", nil},
		{"zone", "root", "/staff/zones/dyn.example.org", nil},
		{"recordtype", "root", "/staff/zones/dyn.example.org/record", nil},
		{"record", "root", "/staff/zones/dyn.example.org/record?type=MX", nil},
		{"record-host", "root", "/staff/zones/dyn.example.org/record?type=A&name=home", nil},
		{"zoneservers", "desk", "/staff/zones/dyn.example.org/servers", nil},
		{"zonecheck", "desk", "/staff/zones/dyn.example.org/check?look", nil},
		{"zonesettings", "root", "/staff/zones/dyn.example.org/settings", nil},
		{"zonedelete", "root", "/staff/zones/dyn.example.org/delete", nil},
		{"brand", "root", "/staff/brand", nil},
		{"account", "alice", "/account", nil},
		{"prove", "alice", "/account/prove", nil},
		{"tokens", "alice", "/account/tokens", nil},
		{"newtoken", "alice", "/account/newtoken", nil},
		{"token", "alice", w.addToken("alice"), nil},
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
	carol := w.as("carol")
	m := regexp.MustCompile(`(?s)<span class="mono">([A-Z2-7 ]+)</span>.*name="ticket" value="([^"]+)"`).FindStringSubmatch(carol.get("/account/totp").body)
	safe := carol.post("/account/totp", "code", rig.TOTP(w.t, m[1], w.clock()), "ticket", html.UnescapeString(m[2])).shows(w.t, http.StatusOK, `id="codes"`)
	w.sessions["carol"] = ok(http.ParseSetCookie(safe.header.Get("Set-Cookie")))(w.t).Value // a new one, as she is better known now

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

// TestEveryPageIsLookedAt: no page is left out of the sights.
func TestEveryPageIsLookedAt(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	shown := regexp.MustCompile(`data-page="([a-z]+)"`)
	seen := map[string]bool{}
	for _, s := range w.sights() {
		m := shown.FindStringSubmatch(s.comesTo(w).body)
		if m == nil {
			t.Fatalf("%s: %s is no page", s.name, s.path)
		}
		seen[m[1]] = true
	}
	for _, file := range ok(filepath.Glob("pages/*.html"))(t) {
		if name := strings.TrimSuffix(filepath.Base(file), ".html"); !seen[name] {
			t.Errorf("nobody looks at the page %s", name)
		}
	}
}

// sessionOf is session for an account, or for nobody.
func (w *world) sessionOf(name string) string {
	if name == "" {
		return ""
	}
	return w.session(name)
}

// refused is what the console says of a page with the status of a failure.
var refused = regexp.MustCompile(`the server responded with a status of 4(04|10)`)

// TestLooks goes to every page on a phone and on a wide screen, in light and dark:
// axe-core finds nothing to object to (with STAYPUT_LOOKS), the console says nothing,
// nobody has to scroll sideways, no button is higher than wide. With
// STAYPUT_SCREENSHOTS a picture of each stands in that directory.
func TestLooks(t *testing.T) {
	pictures, judges := os.Getenv("STAYPUT_SCREENSHOTS"), os.Getenv("STAYPUT_LOOKS") != ""
	if pictures == "" && !judges {
		t.Skip("`make looks` looks at every page, which takes minutes")
	}
	l := &looker{newWorld(t), browser.Start(t), judges, pictures}
	l.furnish()
	sights := l.sights()
	t.Run("pages", func(t *testing.T) {
		l.look(t, sights)
		l.lookInLanguages(t, sights)
	})

	// The same in a colour that nobody can read as it is, and with a logo.
	l.as("root").sendBrand(`<svg viewBox="0 0 90 30"><rect width="90" height="30" rx="8" fill="#e2b100"/></svg>`,
		"name", "Example Net", "colour", "#ffd400", "welcome", "Welcome to Example Net.", "legal-text", "Privacy", "legal-url", "https://www.example.org/privacy",
	).leads(t, "/staff/brand")
	var branded []sight
	for _, s := range sights {
		if slices.Contains([]string{"home", "host", "brand", "signin"}, s.name) {
			branded = append(branded, sight{"branded-" + s.name, s.as, s.path, nil})
		}
	}
	t.Run("branded", func(t *testing.T) { l.look(t, branded) })
}

// looker looks at pages.
type looker struct {
	*world
	chromium *browser.Browser
	judges   bool   // by axe-core, which takes most of the time
	pictures string // directory; empty: none are taken
}

// look goes to the pages at every width and in both themes.
func (l *looker) look(t *testing.T, sights []sight) {
	for _, width := range []int{360, 1280} {
		for _, dark := range []bool{false, true} {
			theme := map[bool]string{false: "light", true: "dark"}[dark]
			t.Run(fmt.Sprintf("%d-%s", width, theme), func(t *testing.T) {
				t.Parallel()
				tabs := map[string]*browser.Tab{}
				for _, s := range sights {
					if tabs[s.as] == nil {
						tabs[s.as] = l.chromium.Open(t, browser.View{
							Width: width, Dark: dark, Site: l.url, Cookies: map[string]string{sessionCookie: l.sessionOf(s.as), "language": "en"},
						})
					}
					l.lookAt(t, tabs[s.as], s, fmt.Sprintf("%s-%d-%s.png", s.name, width, theme))
				}
				for _, tab := range tabs {
					for _, fault := range tab.Faults() {
						if !refused.MatchString(fault) {
							t.Errorf("the console: %s", fault)
						}
					}
				}
			})
		}
	}
}

// lookAt goes to one page.
func (l *looker) lookAt(t *testing.T, tab *browser.Tab, s sight, picture string) {
	s.open(tab)
	if l.judges {
		for _, fault := range tab.Accessibility() {
			t.Errorf("%s: %s", s.path, fault)
		}
	}
	s.fits(t, tab)
	if l.pictures != "" {
		tab.Shoot(filepath.Join(l.pictures, picture))
	}
}

// open goes to the page, and sends the form there if it has one.
func (s sight) open(tab *browser.Tab) {
	tab.Goto(s.path)
	if s.form == nil {
		return
	}
	for i := 0; i < len(s.form); i += 2 {
		tab.Type(fmt.Sprintf("main [name=%q]", s.form[i]), s.form[i+1])
	}
	left := tab.Page()
	tab.Click("main form button")
	tab.WaitFor(fmt.Sprintf("main:not([data-page=%q])", left))
}

// fits fails the test unless the page and its buttons find room in the window.
func (s sight) fits(t *testing.T, tab *browser.Tab) {
	t.Helper()
	if tab.Overflows() {
		t.Errorf("%s is wider than the window", s.path)
	}
	for _, button := range tab.Squeezed() {
		t.Errorf("%s: a button is higher than wide: %s", s.path, button)
	}
}

// lookInLanguages looks whether longer words find room on a phone.
func (l *looker) lookInLanguages(t *testing.T, sights []sight) {
	for _, tag := range []string{"de", "es", "fr", "pt"} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			tabs := map[string]*browser.Tab{}
			for _, s := range sights {
				if tabs[s.as] == nil {
					tabs[s.as] = l.chromium.Open(t, browser.View{
						Width: 360, Site: l.url, Cookies: map[string]string{sessionCookie: l.sessionOf(s.as), "language": tag},
					})
				}
				tab := tabs[s.as]
				s.open(tab)
				s.fits(t, tab)
				if l.pictures != "" {
					tab.Shoot(filepath.Join(l.pictures, tag, s.name+".png"))
				}
			}
		})
	}
}
