package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"stayput.dev/test/browser"
)

// TestLooks goes to every page, and looks at it on a phone and on a wide screen, in light
// and dark, and on a phone in all languages: axe-core finds nothing to object to (with
// STAYPUT_LOOKS), the console says nothing, nobody has to scroll sideways, no button is
// higher than wide. With STAYPUT_SCREENSHOTS a picture of each stands in that directory.
func TestLooks(t *testing.T) {
	pictures, judges := os.Getenv("STAYPUT_SCREENSHOTS"), os.Getenv("STAYPUT_LOOKS") != ""
	if pictures == "" && !judges {
		t.Skip("`make looks` looks at every page, which takes minutes")
	}
	l := &looker{newWorld(t), browser.Start(t), judges, pictures}
	l.furnish()
	sights := l.sights()
	t.Run("pages", func(t *testing.T) {
		for _, s := range sights {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				l.look(t, s)
			})
		}
	})

	// The same in a colour that nobody can read as it is, and with a logo.
	l.as("root").sendBrand(`<svg viewBox="0 0 90 30"><rect width="90" height="30" rx="8" fill="#e2b100"/></svg>`,
		"name", "Example Net", "colour", "#ffd400", "welcome", "Welcome to Example Net.", "legal-text", "Privacy", "legal-url", "https://www.example.org/privacy",
	).leads(t, "/staff/brand")
	t.Run("branded", func(t *testing.T) {
		for _, s := range sights {
			if !slices.Contains([]string{"home", "host", "brand", "signin"}, s.name) {
				continue
			}
			s.name = "branded-" + s.name
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				l.look(t, s)
			})
		}
	})
}

// looker looks at pages.
type looker struct {
	*world
	chromium *browser.Browser
	judges   bool   // by axe-core, which takes most of the time
	pictures string // directory; empty: none are taken
}

// refused is what the console says of a page with the status of a failure.
var refused = regexp.MustCompile(`the server responded with a status of 4(04|10|22)`)

// look goes to a page once in each language; in English it turns the page to every width
// and theme.
func (l *looker) look(t *testing.T, s sight) {
	tab := l.chromium.Open(t, browser.View{Width: 360, Site: l.url, Cookies: map[string]string{sessionCookie: l.sessionOf(s.as), "language": "en"}})
	s.open(tab)
	for _, width := range []int{360, 1280} {
		for _, dark := range []bool{false, true} {
			theme := map[bool]string{false: "light", true: "dark"}[dark]
			tab.Turn(width, dark)
			l.judge(t, tab, fmt.Sprintf("%d pixels wide, %s", width, theme), dark)
			s.fits(t, tab, "en")
			l.shoot(tab, fmt.Sprintf("%s-%d-%s.png", s.name, width, theme))
		}
	}
	tab.Turn(360, false)
	for _, tag := range []string{"de", "es", "fr", "pt"} {
		tab.SetCookie("language", tag)
		s.open(tab)
		s.fits(t, tab, tag)
		l.shoot(tab, filepath.Join(tag, s.name+".png"))
	}
	for _, fault := range tab.Faults() {
		if !refused.MatchString(fault) {
			t.Errorf("the console: %s", fault)
		}
	}
}

// judge fails the test if axe-core finds something. What is wrong in the dark is wrong in
// the light as well, but for colours.
func (l *looker) judge(t *testing.T, tab *browser.Tab, how string, dark bool) {
	t.Helper()
	if !l.judges {
		return
	}
	rules := tab.Accessibility
	if dark {
		rules = tab.Colours
	}
	for _, fault := range rules() {
		t.Errorf("%s: %s", how, fault)
	}
}

func (l *looker) shoot(tab *browser.Tab, picture string) {
	if l.pictures != "" {
		tab.Shoot(filepath.Join(l.pictures, picture))
	}
}

// sessionOf is session for an account, or for nobody.
func (w *world) sessionOf(name string) string {
	if name == "" {
		return ""
	}
	return w.session(name)
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
	tab.WaitFor(fmt.Sprintf("main:not([data-page=%q]), main .error, main [role=alert]", left))
}

// fits fails the test unless the page, its parts and its buttons find room in the window.
func (s sight) fits(t *testing.T, tab *browser.Tab, language string) {
	t.Helper()
	if tab.Overflows() {
		t.Errorf("%s is wider than the window in %s", s.path, language)
	}
	for _, part := range tab.Cut() {
		t.Errorf("%s: only a piece of this is to be seen in %s: %s", s.path, language, part)
	}
	for _, button := range tab.Squeezed() {
		t.Errorf("%s: a button is higher than wide in %s: %s", s.path, language, button)
	}
}
