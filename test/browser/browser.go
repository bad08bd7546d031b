// Package browser drives Debian's Chromium for the tests of the pages: it goes
// where a person would, looks at what is there, and hears what the console says.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// Browser is a Chromium that ends with its test.
type Browser struct {
	ctx context.Context
	end func()
}

// patience is how long one step in the browser may take, on a machine that has much
// else to do.
const patience = 2 * time.Minute

// starts is how often a browser is started that does not come up.
const starts = 3

// Start starts a browser. Where there is none the test skips; in CI it fails.
func Start(t testing.TB) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "chromium is not installed")
	}
	for i := range starts {
		b, err := start(path)
		if err == nil {
			t.Cleanup(b.end)
			return b
		}
		if i == starts-1 {
			t.Fatalf("starting %s, %d times: %v", path, starts, err)
		}
		t.Logf("starting %s: %v", path, err)
	}
	return nil
}

func start(path string) (*Browser, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en"),
		chromedp.Flag("force-color-profile", "srgb"))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(alloc)
	b := &Browser{ctx, func() {
		_ = chromedp.Cancel(ctx)
		end()
		stop()
	}}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		b.end()
		return nil, err
	}
	return b, nil
}

func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why + "; see test/install-peers")
}

// View says how a tab looks at pages.
type View struct {
	Width     int // pixels; below 600 it is a phone
	Dark      bool
	NoScripts bool
	Cookies   map[string]string // of the site
	Site      string            // its URL
}

// Tab is one tab, with cookies of its own. It is not safe for concurrent use.
type Tab struct {
	t    testing.TB
	ctx  context.Context
	site string

	mu     sync.Mutex // guards faults
	faults []string
}

// Open opens a tab, which closes with the test.
func (b *Browser) Open(t testing.TB, v View) *Tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	tab := &Tab{t: t, ctx: ctx, site: v.Site}
	messages := chromedp.Console(ctx)
	go tab.listen(messages)

	tab.try(call(network.Enable, network.EnableParams{}))
	tab.Turn(v.Width, v.Dark)
	tab.try(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.NoScripts}))
	for name, value := range v.Cookies {
		tab.SetCookie(name, value)
	}
	return tab
}

// Turn shows the page that is there in another width, in pixels, and another theme: it
// is not loaded again.
func (t *Tab) Turn(width int, dark bool) {
	t.t.Helper()
	theme := "light"
	if dark {
		theme = "dark"
	}
	t.try(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}), call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: 800, DeviceScaleFactor: 1, Mobile: width < 600,
	}))
}

// SetCookie gives the site a cookie.
func (t *Tab) SetCookie(name, value string) {
	t.t.Helper()
	t.try(call(network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: t.site}))
}

// call is a command of the DevTools protocol as a step.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, command, params)
		return err
	})
}

// listen keeps what the console complains of.
func (t *Tab) listen(messages func(yield func(chromedp.ConsoleMessage, error) bool)) {
	for m, err := range messages {
		if err != nil {
			return
		}
		if m.IsException() || m.Type == "error" || m.Type == "warning" {
			t.mu.Lock()
			t.faults = append(t.faults, m.String()+" ("+m.URL+")")
			t.mu.Unlock()
		}
	}
}

// Faults returns what the console complained of.
func (t *Tab) Faults() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.faults...)
}

// try runs steps, and fails the test if one fails.
func (t *Tab) try(steps ...chromedp.Action[chromedp.Void]) {
	t.t.Helper()
	if err := t.do(steps...); err != nil {
		t.t.Fatal(err)
	}
}

func (t *Tab) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// Goto opens a page of the site by its path.
func (t *Tab) Goto(path string) {
	t.t.Helper()
	t.try(chromedp.Navigate(t.site + path))
}

// Authenticator gives the tab a device that holds passkeys and knows its owner.
func (t *Tab) Authenticator() {
	t.t.Helper()
	t.try(call(webauthn.Enable, webauthn.EnableParams{}))
	t.try(call(webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Transport: "internal", HasResidentKey: true, HasUserVerification: true, IsUserVerified: true,
		AutomaticPresenceSimulation: true,
	}}))
}

// Click clicks on what the CSS selector finds, and waits for what comes of it.
func (t *Tab) Click(selector string) {
	t.t.Helper()
	err := t.do(chromedp.Click(chromedp.CSS(selector)))
	// A live page may put another element in the place of the one that was found.
	for i := 0; i < 10 && err != nil && strings.Contains(err.Error(), "Could not find node with given id"); i++ {
		err = t.do(chromedp.Click(chromedp.CSS(selector)))
	}
	if err != nil {
		t.t.Fatal(err)
	}
}

// Type types into the field that the CSS selector finds.
func (t *Tab) Type(selector, text string) {
	t.t.Helper()
	t.try(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Press presses keys, such as "\t" for Tab and "\r" for Enter.
func (t *Tab) Press(keys string) {
	t.t.Helper()
	t.try(chromedp.KeyEvent(keys))
}

// WaitFor waits until the CSS selector finds something that is to be seen.
func (t *Tab) WaitFor(selector string) {
	t.t.Helper()
	t.try(chromedp.WaitVisible(chromedp.CSS(selector)))
}

// WaitForText waits until what the CSS selector finds holds the text.
func (t *Tab) WaitForText(selector, text string) {
	t.t.Helper()
	t.WaitFor(selector)
	for range 1200 {
		if strings.Contains(t.Text(selector), text) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.t.Fatalf("%s does not come to hold %q, but: %s", selector, text, t.Text(selector))
}

// Text returns the text of what the CSS selector finds.
func (t *Tab) Text(selector string) string {
	t.t.Helper()
	return Eval[string](t, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// Eval returns what a JavaScript expression comes to; a promise is waited for.
func Eval[T any](t *Tab, expression string) T {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// Shoot writes a picture of the whole page to a PNG file, in 256 colours.
func (t *Tab) Shoot(file string) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.t.Fatal(err)
	}
	if picture, err = shrink(picture); err != nil {
		t.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.t.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		t.t.Fatal(err)
	}
}

// Accessibility returns what axe-core finds wrong with the page by WCAG 2.2, levels A
// and AA, and by its own good practices.
func (t *Tab) Accessibility() []string {
	t.t.Helper()
	return t.axe(`"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"`)
}

// Colours returns what axe-core finds wrong with the colours of the page: all that can
// differ between its themes.
func (t *Tab) Colours() []string {
	t.t.Helper()
	return t.axe(`"color-contrast", "link-in-text-block"`)
}

// axe runs rules of axe-core, by their names or their tags.
func (t *Tab) axe(rules string) []string {
	t.t.Helper()
	if !Eval[bool](t, `"axe" in window`) {
		t.try(chromedp.Evaluate[chromedp.Void](axe(t.t)))
	}
	return Eval[[]string](t, `axe.run({runOnly: [`+rules+`], resultTypes: ["violations"]}).then(
		(r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 160) + " — " + n.failureSummary)))`)
}

var readAxe = sync.OnceValues(func() ([]byte, error) {
	_, here, _, _ := runtime.Caller(0)
	return os.ReadFile(filepath.Join(filepath.Dir(here), "node_modules/axe-core/axe.min.js"))
})

func axe(t testing.TB) string {
	t.Helper()
	script, err := readAxe()
	if err != nil {
		missing(t, "axe-core is not installed")
	}
	return string(script) + ";undefined"
}

// Overflows tells whether the page is wider than the window, so that one has to
// scroll sideways.
func (t *Tab) Overflows() bool {
	t.t.Helper()
	return Eval[bool](t, "document.documentElement.scrollWidth > document.documentElement.clientWidth")
}

// Cut returns the parts of the page that show only a piece of what they hold, so that
// one has to scroll sideways in them. What one reaches by Tab to scroll in it, and what
// ends in an ellipsis, is meant so.
func (t *Tab) Cut() []string {
	t.t.Helper()
	return Eval[[]string](t, `[...document.querySelectorAll("body *")].filter((e) => {
		const style = getComputedStyle(e);
		return e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 && style.overflowX !== "visible" && style.textOverflow !== "ellipsis" && !e.hasAttribute("tabindex");
	}).map((e) => e.outerHTML.slice(0, 160))`)
}

// Squeezed returns the buttons that are higher than wide, because their words found no
// room beside one another.
func (t *Tab) Squeezed() []string {
	t.t.Helper()
	return Eval[[]string](t, `[...document.querySelectorAll("button, .button")].filter((b) => b.innerText.trim().length > 1 && b.offsetHeight > b.offsetWidth).map((b) => b.outerHTML.slice(0, 160))`)
}

// Page returns the name of the page's template.
func (t *Tab) Page() string {
	t.t.Helper()
	return Eval[string](t, `document.querySelector("main").dataset.page`)
}

// Path returns where the tab is, without the site.
func (t *Tab) Path() string {
	t.t.Helper()
	return strings.TrimPrefix(Eval[string](t, "location.href"), t.site)
}
