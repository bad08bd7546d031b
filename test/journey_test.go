package test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"stayput.dev/test/browser"
	"stayput.dev/test/rig"
)

// TestJourney is the life of a service, from the first administrator to a customer whose
// router fails and who is helped, in a real browser with a real daemon, mail server and
// ddclient: on a wide screen, on a phone, and by forms alone.
func TestJourney(t *testing.T) {
	need(t, "ddclient")
	t.Parallel()
	for name, view := range map[string]browser.View{"wide": {Width: 1280}, "phone": {Width: 360}, "no-scripts": {Width: 1280, NoScripts: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newSite(t, name, view).live()
		})
	}
}

// live goes through it all.
func (s *site) live() {
	// The first administrator comes in by a link of the command line.
	root := s.open()
	s.run("account", "add", "root", "--role", "admin")
	s.accept(root, s.run("account", "invite", "root"))
	s.shoot(root, "01-first-administrator")
	s.openForBusiness(root)

	// Staff make a customer, who hears of it by mail.
	root.Goto("/staff/customers/new")
	root.Type("#name", "alice")
	root.Type("#full", "Alice Example")
	root.Type("#email", "alice@example.org")
	root.Type("#plan", "home")
	s.shoot(root, "02-new-customer")
	root.Click("main form button")
	root.WaitFor("[name=by]")
	if got := root.Text(".facts"); !strings.Contains(got, "home") {
		s.t.Errorf("the customer has no plan: %s", got)
	}
	root.Click("[name=by]")
	root.WaitFor(".notice.good")
	s.shoot(root, "03-customer-invited")

	alice := s.open()
	invitation := s.mailedLink("alice@example.org", 1)
	s.follow(alice, invitation)
	s.shoot(alice, "04-invitation")
	s.accept(alice, invitation)
	s.shoot(alice, "05-nothing-yet")
	code := s.secure(alice)

	lines := s.connect(alice)
	s.addKey(alice)
	s.renumber(alice, lines)
	s.help(root)
	s.rebrand(root)
	s.goAbroad(code)
}

// openForBusiness makes a zone and a plan.
func (s *site) openForBusiness(root *browser.Tab) {
	s.t.Helper()
	root.Goto("/staff/newzone")
	root.Type("#name", "dyn.example.org")
	root.Type("#servers", "ns1.dyn.example.org 192.0.2.53")
	s.shoot(root, "02-zone")
	root.Click("main form button")
	root.WaitFor(".tabs")
	s.shoot(root, "02-zone-made")
	root.Goto("/staff/plans/new")
	root.Type("#name", "home")
	root.Type("#text", "Three names for a household")
	root.Type("#hosts", "3")
	root.Click("main form button")
	root.WaitFor(".rows")
	s.shoot(root, "02-plans")
}

// secure sets up an app that makes codes and, where there are scripts, a passkey, signs
// out, and comes in again. It returns a recovery code that is left.
func (s *site) secure(tab *browser.Tab) (code string) {
	s.t.Helper()
	tab.Goto("/account/totp")
	s.shoot(tab, "06-codes")
	tab.Type("#code", rig.TOTP(s.t, tab.Text(".hint .mono"), time.Now()))
	tab.Click("main form button")
	tab.WaitFor("#codes")
	s.shoot(tab, "07-recovery-codes")
	codes := strings.Fields(tab.Text("#codes"))
	if len(codes) < 2 {
		s.t.Fatalf("there are %d recovery codes", len(codes))
	}
	if s.view.NoScripts {
		s.signOut(tab)
		tab.Type("#name", "alice")
		tab.Type("#password", passphrase+"\r")
		tab.WaitFor("#code")
		tab.Type("#code", codes[1]+"\r")
	} else {
		tab.Authenticator()
		tab.Goto("/account/passkey")
		tab.Type("#passkey-name", "phone")
		tab.Click("main form button")
		tab.WaitFor(".notice.good")
		s.signOut(tab)
		tab.Click("[data-passkey] button")
	}
	tab.WaitFor(".empty")
	return codes[0]
}

func (s *site) signOut(tab *browser.Tab) {
	s.t.Helper()
	tab.Goto("/account")
	s.shoot(tab, "08-account")
	tab.Click(`main form[action="/signout"] button`)
	tab.WaitFor("#password")
	s.shoot(tab, "09-sign-in")
}

// connect goes through the wizard until the page is green, and returns what stands in the
// configuration of ddclient.
func (s *site) connect(tab *browser.Tab) (lines string) {
	s.t.Helper()
	tab.Click(".empty .button")
	tab.WaitFor("#label")
	tab.Type("#label", "home")
	s.shoot(tab, "10-name")
	tab.Click("main button")
	tab.WaitFor(".devices")
	if !s.view.NoScripts {
		tab.Type("#filter", "ddclient")
	}
	s.shoot(tab, "11-device")
	tab.Click(`.devices > li:not([hidden]) a[href$="/setup/ddclient"]`)
	tab.WaitFor("form.card")
	tab.Click("form.card button")
	tab.WaitFor("#live.wait")
	s.shoot(tab, "12-lines")
	lines = tab.Text("#recipe")
	out := s.ddclient(lines)
	s.lookAgain(tab) // as the page does by itself every few seconds
	tab.WaitFor("#live.good")
	s.shoot(tab, "13-green")
	if got := tab.Text("#live"); !strings.Contains(got, "203.0.113.9") {
		s.t.Errorf("the page says %q, ddclient:\n%s", got, out)
	}
	tab.Click("#live .button")
	tab.WaitForText(".lanes", "203.0.113.9")
	return lines
}

// addKey makes another update key, and goes back to the host.
func (s *site) addKey(tab *browser.Tab) {
	s.t.Helper()
	host := tab.Path()
	tab.Goto("/keys")
	tab.Click(`a[href="/newkey"]`)
	tab.WaitFor("main form")
	tab.Click("main form button")
	tab.WaitFor("#secret")
	s.shoot(tab, "13-another-key")
	tab.Goto(host)
}

// renumber has the provider give out another address, and then somebody mistype the
// password. The open page tells both.
func (s *site) renumber(tab *browser.Tab, lines string) {
	s.t.Helper()
	for range 600 { // a provider takes longer than we need to write down the first
		if strings.Contains(s.run("host", "addresses", home), "203.0.113.9") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.moveTo("198.51.100.7")
	s.ddclient(lines)
	s.lookAgain(tab)
	tab.WaitForText(".lanes", "198.51.100.7")
	if got := tab.Text(".lanes"); !strings.Contains(got, "203.0.113.9") {
		s.t.Errorf("the first address is forgotten: %s", got)
	}
	s.shoot(tab, "14-two-addresses")
	wrong := regexp.MustCompile(`password='[^']*'`).ReplaceAllString(lines, "password='mistyped'")
	if out := s.ddclient(wrong); !strings.Contains(out, "FAILED") {
		s.t.Errorf("ddclient is content:\n%s", out)
	}
	s.lookAgain(tab)
	tab.WaitForText(".story", "wrong password")
	s.shoot(tab, "15-wrong-password")
}

// help has support come in, find the customer by the address of before, and see what is
// wrong.
func (s *site) help(root *browser.Tab) {
	s.t.Helper()
	root.Goto("/staff/customers/new")
	root.Type("#name", "desk")
	root.Click("[name=role][value=support]")
	root.Click("main form button")
	root.WaitFor(`form[action$="/invite"] button`)
	root.Click(`form[action$="/invite"] button`)
	root.WaitFor("#link")
	s.shoot(root, "16-link")

	desk := s.open()
	s.accept(desk, root.Text("#link"))
	desk.Goto("/staff/search")
	for range 240 { // who had which address is written down a moment later
		desk.Goto("/staff/search")
		desk.Type("#q", "203.0.113.9\r")
		desk.WaitFor(".card.flush, .notice")
		if browser.Eval[bool](desk, "document.querySelector('.rows .name') !== null") {
			break
		}
		time.Sleep(250 * time.Millisecond)
	}
	s.shoot(desk, "17-who-had-it")
	if got := desk.Text(".rows"); !strings.Contains(got, "alice") {
		s.t.Errorf("the search does not say whose it was: %s", got)
	}
	desk.Click(".rows .name")
	desk.WaitFor(".story")
	s.shoot(desk, "18-support-sees")
	if got := desk.Text(".story li"); !strings.Contains(got, "Your device sent a wrong password") || !strings.Contains(got, "Make a new update key") {
		s.t.Errorf("support reads %q", got)
	}
}

// rebrand puts the pages under the name and colour of a company.
func (s *site) rebrand(root *browser.Tab) {
	s.t.Helper()
	root.Goto("/staff/brand")
	browser.Eval[string](root, `document.querySelector("#name").value = ""`)
	root.Type("#name", "Example Net")
	browser.Eval[bool](root, `(() => {
		const colour = document.querySelector("#colour");
		colour.value = "#8a1c7c";
		return colour.dispatchEvent(new Event("input", { bubbles: true }));
	})()`)
	if s.view.NoScripts {
		root.Click("[name=plain]") // which a script would do
	}
	root.Type("#welcome", "Names for your home, by Example Net.")
	root.Click("main form button:not(.quiet)")
	root.WaitFor(".notice.good")
	s.shoot(root, "19-look")
	stranger := s.open()
	stranger.Goto("/signin")
	s.shoot(stranger, "20-branded")
	if got := stranger.Text(".mark"); got != "Example Net" {
		s.t.Errorf("the pages are those of %q", got)
	}
	if got := stranger.Text("body"); !strings.Contains(got, "Names for your home, by Example Net.") {
		s.t.Errorf("who signs in reads %q", got)
	}
	if got := browser.Eval[string](stranger, "getComputedStyle(document.querySelector('main button')).backgroundColor"); got != "rgb(138, 28, 124)" {
		s.t.Errorf("the button is %s", got)
	}
}

// goAbroad has the customer look at the host on a phone in Spanish and in the dark, and
// come in by the password and a recovery code.
func (s *site) goAbroad(code string) {
	s.t.Helper()
	phone := s.openAs(browser.View{Width: 360, Dark: true, NoScripts: s.view.NoScripts})
	inSpanish := func() {
		phone.Type("#tongue", "Esp")
		phone.Click(`form[action="/language"] button`)
		phone.WaitFor(`html[lang="es"]`)
	}
	phone.Goto("/signin")
	inSpanish()
	s.shoot(phone, "21-entrar")
	phone.Type("#name", "alice")
	phone.Type("#password", passphrase+"\r")
	phone.WaitFor("#code")
	s.shoot(phone, "22-segundo-factor")
	phone.Type("#code", code+"\r")
	phone.WaitFor(".rows .name")
	inSpanish() // the account has a language, too
	s.shoot(phone, "23-equipos")
	phone.Click(".rows .name")
	phone.WaitFor(".story")
	s.shoot(phone, "24-equipo")
	if got := phone.Text(".story li"); !strings.Contains(got, "contraseña") {
		s.t.Errorf("in Spanish it reads %q", got)
	}
	if got := browser.Eval[string](phone, "getComputedStyle(document.body).color"); !strings.HasPrefix(got, "oklch(0.9") {
		s.t.Errorf("the text is not bright in the dark, but %s", got)
	}
}
