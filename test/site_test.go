package test

import (
	"io"
	"mime/quotedprintable"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"stayput.dev/test/browser"
	"stayput.dev/test/rig"
)

// site is a daemon behind a proxy, as a company runs it, with a mail server and people
// who look at its pages in Chromium.
type site struct {
	*world
	t        *testing.T
	url      string                 // where people and devices find it
	home     atomic.Pointer[string] // the address that they all come from
	mail     *rig.MailServer
	chromium *browser.Browser
	view     browser.View // of whoever looks, unless it is another
	pictures string       // directory; empty: none are taken
}

// passphrase is everybody's.
const passphrase = "correct horse battery"

func newSite(t *testing.T, name string, view browser.View) *site {
	t.Helper()
	need(t, "chromium")
	s := &site{world: newWorld(t, ""), t: t, mail: rig.StartMailServer(t, rig.MailServerOptions{TLS: "none"}), view: view}
	if pictures := os.Getenv("STAYPUT_SCREENSHOTS"); pictures != "" {
		s.pictures = filepath.Join(pictures, "journey", name)
	}
	s.moveTo("203.0.113.9")
	front := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(front.Listener.Addr().String(), ":")
	s.url = "http://localhost:" + port // passkeys want a name
	s.env = append(s.env, "STAYPUT_HTTP_PUBLIC_URL="+s.url, "STAYPUT_HTTP_TRUSTED_PROXIES=127.0.0.0/8",
		"STAYPUT_MAIL_SERVER="+s.mail.Addr, "STAYPUT_MAIL_SECURITY=none", "STAYPUT_MAIL_FROM=Example DNS <dns@example.org>")
	s.start()
	target := &url.URL{Scheme: "http", Host: s.http}
	front.Config.Handler = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.Header.Set("X-Forwarded-For", *s.home.Load())
	}}
	front.Start()
	t.Cleanup(front.Close)
	s.chromium = browser.Start(t)
	return s
}

// moveTo gives everybody another address, as a provider does overnight.
func (s *site) moveTo(address string) { s.home.Store(&address) }

// open opens a tab for somebody who looks as all do.
func (s *site) open() *browser.Tab { return s.openAs(s.view) }

// openAs opens a tab for somebody whose browser asks for English.
func (s *site) openAs(v browser.View) *browser.Tab {
	s.t.Helper()
	v.Site = s.url
	tab := s.chromium.Open(s.t, v)
	s.t.Cleanup(func() {
		for _, fault := range tab.Faults() {
			s.t.Errorf("the console: %s", fault)
		}
	})
	return tab
}

// shoot takes a picture of what a tab shows, and looks whether it fits.
func (s *site) shoot(tab *browser.Tab, name string) {
	s.t.Helper()
	if tab.Overflows() {
		s.t.Errorf("%s: %s is wider than the window", name, tab.Path())
	}
	if s.pictures != "" {
		tab.Shoot(filepath.Join(s.pictures, name+".png"))
	}
}

// follow opens a link to this site.
func (s *site) follow(tab *browser.Tab, link string) {
	s.t.Helper()
	path, ours := strings.CutPrefix(strings.TrimSpace(link), s.url)
	if !ours {
		s.t.Fatalf("%q does not lead to %s", link, s.url)
	}
	tab.Goto(path)
}

// accept follows an invitation, and chooses a password.
func (s *site) accept(tab *browser.Tab, invitation string) {
	s.t.Helper()
	s.follow(tab, invitation)
	tab.Type("#password", passphrase)
	tab.Click("main button")
	tab.WaitFor(".top nav")
}

// lookAgain loads the page anew where nothing else shows what has changed.
func (s *site) lookAgain(tab *browser.Tab) {
	s.t.Helper()
	if s.view.NoScripts {
		tab.Goto(tab.Path())
	}
}

// mailedLink returns the link in the n-th mail to an address.
func (s *site) mailedLink(to string, n int) string {
	s.t.Helper()
	raw := s.mail.Await(s.t, to, n)[n-1].Raw
	text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(raw)))
	if err != nil {
		s.t.Fatalf("%v in the mail:\n%s", err, raw)
	}
	link := regexp.MustCompile(regexp.QuoteMeta(s.url) + `/[A-Za-z0-9/_-]+`).FindString(string(text))
	if link == "" {
		s.t.Fatalf("there is no link in the mail:\n%s", text)
	}
	return link
}

// ddclient runs the real ddclient with a configuration, as after it was started anew, and
// returns what it says.
func (s *site) ddclient(config string) string {
	s.t.Helper()
	// It takes no name without a dot for that of a server.
	file := s.write("ddclient.conf", strings.ReplaceAll(config, "localhost:", "127.0.0.1:"))
	cache := filepath.Join(s.t.TempDir(), "ddclient.cache")
	out, _ := exec.Command("ddclient", "-file", file, "-cache", cache, "-foreground", "-daemon=0", "-noquiet", "-verbose").CombinedOutput()
	s.t.Logf("ddclient says:\n%s", out)
	return string(out)
}
