package web_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/update"
	"stayput.dev/test/browser"
	"stayput.dev/test/rig"
)

// TestFirstHost is the way of a customer who has never heard of DNS: sign in, choose a
// name, say which device it is, copy the lines, and see the page turn green when the
// device has reported, without doing anything.
func TestFirstHost(t *testing.T) {
	w := newWorld(t)
	tab := browser.Start(t).Open(t, browser.View{Width: 360, Site: w.url})
	tab.Goto("/")
	tab.Type("#name", "bob")
	tab.Type("#password", password)
	tab.Click("main button")
	tab.WaitFor(".empty")
	tab.Click(".empty .button")
	tab.WaitFor("#label")
	tab.Type("#label", "home")
	tab.Click("main button")
	tab.WaitFor("#filter")
	tab.Type("#filter", "inadyn")
	tab.Click(".devices > li:not([hidden]) a")
	tab.WaitFor("form.card")
	tab.Click("form.card button")
	tab.WaitFor("#recipe")
	lines := tab.Text("#recipe")
	said := func(name string) string {
		m := regexp.MustCompile(name + `\s*=\s*"?([^"\s]+)`).FindStringSubmatch(lines)
		if m == nil {
			t.Fatalf("the lines lack %s:\n%s", name, lines)
		}
		return m[1]
	}
	tab.WaitFor("#live.wait")

	// A wrong password is explained on the spot.
	w.report(0, said("username"), "mistyped", "home", "myip=192.0.2.7")
	tab.WaitFor("#live.bad")
	if got := tab.Text("#live"); !strings.Contains(got, "wrong password") {
		t.Errorf("the page says %q", got)
	}
	w.at(-time.Minute)
	if got := w.report(-time.Minute, said("username"), said("password"), "home", "myip=192.0.2.7"); got != "good 192.0.2.7" {
		t.Fatalf("the router is told %q", got)
	}
	w.at(-2 * time.Minute)
	tab.WaitFor("#live.good")
	if got := tab.Text("#live"); !strings.Contains(got, "It works") || !strings.Contains(got, "192.0.2.7") {
		t.Errorf("the page says %q", got)
	}
	if got := tab.Text("#head"); !strings.Contains(got, "Up to date") {
		t.Errorf("the head of the page says %q", got)
	}
	tab.Click("#live .button")
	tab.WaitForText(".lanes", "192.0.2.7") // at once, although it is written down later
	for _, fault := range tab.Faults() {
		t.Errorf("the console: %s", fault)
	}
}

// TestQuickDevice: a device that reports within the second in which its key was made, as
// a program does, is not waited for.
func TestQuickDevice(t *testing.T) {
	w := newWorld(t)
	w.addHost("bob", "home")
	bob := w.as("bob")
	path := bob.post("/hosts/home.dyn.example.org/setup/ddclient").leads(t, "/hosts/home")
	lines := bob.get(path).shows(t, http.StatusOK, "Waiting for the first update").body
	m := regexp.MustCompile(`login=(\S+)\s+password=&#39;([^&]+)`).FindStringSubmatch(lines)
	if m == nil {
		t.Fatalf("there are no lines:\n%s", lines)
	}
	w.report(0, m[1], "mistyped", "home", "myip=192.0.2.7")
	bob.get(path).shows(t, http.StatusOK, "Still waiting")
	w.report(0, m[1], m[2], "home", "myip=192.0.2.7")
	bob.get(path).shows(t, http.StatusOK, "It works")
}

// TestReportedElsewhere: an address that came to another node, or of which the history does
// not tell yet, is shown, and what was refused before it is no trouble any more.
func TestReportedElsewhere(t *testing.T) {
	w := newWorld(t)
	w.addHost("bob", "home")
	bob := w.as("bob")
	path := bob.post("/hosts/home.dyn.example.org/setup/ddclient").leads(t, "/hosts/home")
	m := regexp.MustCompile(`login=(\S+)\s+password=&#39;([^&]+)`).FindStringSubmatch(bob.get(path).body)
	if m == nil {
		t.Fatal("there are no lines")
	}
	w.report(0, m[1], "mistyped", "home", "myip=192.0.2.7")
	bob.get(path).shows(t, http.StatusOK, "Updates fail", "Still waiting")
	w.at(-time.Minute)
	results := ok(w.updates.Update(t.Context(), update.Request{
		Username: m[1], Secret: m[2], Hosts: []string{"home.dyn.example.org"}, Via: "dyndns2",
		V4: update.Family{Action: update.Set, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.7")}},
	}))(t)
	if len(results) != 1 || results[0].Outcome != update.Good {
		t.Fatalf("the update came to %v", results)
	}
	bob.get(path).shows(t, http.StatusOK, "Up to date", "It works", "192.0.2.7").lacks(t, "Updates fail")
}

// TestFirstHostWithoutScripts is the same with forms alone.
func TestFirstHostWithoutScripts(t *testing.T) {
	w := newWorld(t)
	tab := browser.Start(t).Open(t, browser.View{Width: 1280, NoScripts: true, Site: w.url})
	tab.Goto("/hosts/new")
	tab.Type("#name", "bob")
	tab.Type("#password", password)
	tab.Click("main button")
	tab.WaitFor("#label")
	tab.Type("#label", "home")
	tab.Click("main button")
	tab.WaitFor(".devices")
	tab.Click(`a[href$="/setup/curl"]`)
	tab.WaitFor("form.card")
	tab.Click("form.card button")
	tab.WaitFor("#live.wait")
	path := tab.Path()
	if p := w.as("bob").get(path); !strings.Contains(p.body, `http-equiv="refresh"`) {
		t.Error("the page does not look again by itself")
	}
}

// TestKeyboard signs in, skips to what a page is about, and reaches a host without a
// mouse; whatever has the focus shows it.
func TestKeyboard(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	tab := browser.Start(t).Open(t, browser.View{Width: 1280, Site: w.url})
	tab.Goto("/signin") // the first field has the focus
	tab.Press("alice\t" + password + "\r")
	tab.WaitFor(".rows")
	tab.Press("\t")
	if got := browser.Eval[string](tab, "document.activeElement.className"); got != "skip" {
		t.Errorf("the first Tab leads to %q", got)
	}
	tab.Press("\r")
	if got := browser.Eval[string](tab, "document.activeElement.id"); got != "main" {
		t.Errorf("the link leads to %q", got)
	}
	for range 10 {
		tab.Press("\t")
		if browser.Eval[string](tab, "getComputedStyle(document.activeElement).outlineStyle") == "none" {
			t.Errorf("nobody sees the focus on %s", browser.Eval[string](tab, "document.activeElement.outerHTML"))
		}
		if browser.Eval[bool](tab, "document.activeElement.classList.contains('name')") {
			break
		}
	}
	tab.Press("\r")
	tab.WaitFor(".tabs")
	if got := tab.Path(); got != "/hosts/home.dyn.example.org" {
		t.Errorf("Enter leads to %s", got)
	}
}

// TestLivePage: a page that changes while somebody reads it leaves alone what they do.
func TestLivePage(t *testing.T) {
	w := newWorld(t)
	var user, secret string
	for i := range 30 { // so many that there is a search
		user, secret = w.addHost("alice", fmt.Sprintf("host-%02d", i))
	}
	tab := browser.Start(t).Open(t, browser.View{Width: 1280, Site: w.url, Cookies: map[string]string{sessionCookie: w.session("alice")}})
	w.report(0, user, secret, "host-29", "myip=192.0.2.7")
	tab.Goto("/hosts/host-29.dyn.example.org")
	tab.Click(".story summary")
	w.report(-time.Minute, user, secret, "host-29", "myip=192.0.2.8")
	tab.WaitFor(".story li:nth-child(2) details[open]")

	tab.Goto("/?from=host-25.dyn.example.org")
	tab.Type("#q", "host-1")
	w.report(-2*time.Minute, user, secret, "host-29", "myip=192.0.2.9")
	tab.WaitForText("#live", "192.0.2.9")
	if got := browser.Eval[string](tab, "document.querySelector('#q').value"); got != "host-1" {
		t.Errorf("what was typed has become %q", got)
	}
	for _, fault := range tab.Faults() {
		t.Errorf("the console: %s", fault)
	}
}

// TestSecondFactors: a customer sets up an app that makes codes and a passkey, and signs
// in with each.
func TestSecondFactors(t *testing.T) {
	w := newWorld(t)
	tab := browser.Start(t).Open(t, browser.View{Width: 1280, Site: w.url})
	tab.Authenticator()
	signIn := func() {
		tab.Goto("/signin")
		tab.Type("#name", "bob")
		tab.Type("#password", password)
		tab.Click(`form[action="/signin"] button`)
	}
	signOut := func() {
		tab.Click(`main form[action="/signout"] button`)
		tab.WaitFor("#password")
	}
	signIn()
	tab.WaitFor(".empty")

	tab.Goto("/account/totp")
	secret := tab.Text(".hint .mono")
	tab.Type("#code", rig.TOTP(t, secret, w.clock()))
	tab.Click("main form button")
	tab.WaitFor("#codes")
	if codes := strings.Fields(tab.Text("#codes")); len(codes) < 8 {
		t.Errorf("there are %d recovery codes", len(codes))
	}
	tab.Goto("/account/passkey")
	tab.Type("#passkey-name", "blue key <b id=evil>")
	tab.Click("main form button")
	tab.WaitFor(".notice.good")
	if got := tab.Text("main"); !strings.Contains(got, "blue key <b id=evil>") {
		t.Errorf("the account lacks the passkey: %s", got)
	}
	signOut()

	tab.Click(`[data-passkey] button`) // without a name and a password
	tab.WaitFor(".empty")
	tab.Goto("/account")
	signOut()

	w.at(-time.Minute) // a code works once
	signIn()
	tab.WaitFor("#code")
	tab.Type("#code", rig.TOTP(t, secret, w.clock()))
	tab.Click(`form[action="/signin/code"] button`)
	tab.WaitFor(".empty")
	for _, fault := range tab.Faults() {
		t.Errorf("the console: %s", fault)
	}
}

// TestEvents: a stream says that something has changed when it has, and ends with
// the pages.
func TestEvents(t *testing.T) {
	w := newWorld(t)
	user, secret := w.addHost("alice", "home")
	where := regexp.MustCompile(`data-events="([^"]+)"`).FindStringSubmatch(w.as("alice").get("/").body)
	open := func(path string) *bufio.Scanner {
		r := ok(http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+strings.ReplaceAll(path, "&amp;", "&"), nil))(t)
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: w.session("alice")})
		reply := ok(http.DefaultClient.Do(r))(t)
		t.Cleanup(func() { reply.Body.Close() })
		if kind := reply.Header.Get("Content-Type"); kind != "text/event-stream" {
			t.Fatalf("the stream is %s", kind)
		}
		lines := bufio.NewScanner(reply.Body)
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), "retry: ") {
			t.Fatalf("the stream begins with %q", lines.Text())
		}
		return lines
	}
	stream := open(where[1])
	w.report(0, user, secret, "home", "myip=192.0.2.7")
	said := ""
	for stream.Scan() {
		said += stream.Text() + "\n"
	}
	if !strings.Contains(said, "event: changed\n") {
		t.Errorf("the stream says %q", said)
	}
	// What the page shows is not so any more: it is told at once.
	stream = open(where[1])
	stream.Scan()
	if stream.Scan(); stream.Text() != "event: changed" {
		t.Errorf("the stream says %q", stream.Text())
	}
}
