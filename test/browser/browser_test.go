package browser_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stayput.dev/test/browser"
)

// TestFaultsAreFound keeps the checks of pages able to fail.
func TestFaultsAreFound(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/style.css" {
			w.Header().Set("Content-Type", "text/css")
			_, _ = w.Write([]byte(`.cut { overflow: auto; width: 9rem } .cut p { width: 10rem } @media (prefers-color-scheme: dark) { body { background: #222; color: #333 } }`))
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		_, _ = w.Write([]byte(`<!doctype html><html><title>bad</title><link rel="stylesheet" href="/style.css"><img src="x"><input><p style="color: red">x</p><div class="cut"><p>cut</p></div><table><td><button>long<br>and<br>thin</button></table><pre>` + strings.Repeat("wide", 500)))
	}))
	defer site.Close()
	tab := browser.Start(t).Open(t, browser.View{Width: 360, Site: site.URL})
	tab.Goto("/")
	found := strings.Join(tab.Accessibility(), "\n")
	for _, rule := range []string{"image-alt", "label", "html-has-lang"} {
		if !strings.Contains(found, rule) {
			t.Errorf("axe-core does not find %s, but:\n%s", rule, found)
		}
	}
	if !tab.Overflows() {
		t.Error("the page is not found to be too wide")
	}
	if got := tab.Squeezed(); len(got) != 1 {
		t.Errorf("the squeezed buttons are %q, want one", got)
	}
	if got := tab.Cut(); len(got) != 1 || !strings.Contains(got[0], "cut") {
		t.Errorf("what is cut is %q, want one", got)
	}
	if got := tab.Colours(); len(got) != 0 {
		t.Errorf("in the light nobody could read %q", got)
	}
	tab.Turn(1280, true)
	if got := strings.Join(tab.Colours(), "\n"); !strings.Contains(got, "color-contrast") {
		t.Errorf("in the dark everybody could read dark grey on dark grey: %q", got)
	}
	if faults := strings.Join(tab.Faults(), "\n"); !strings.Contains(faults, "style") {
		t.Errorf("the console says nothing of the inline style, but:\n%s", faults)
	}
}
