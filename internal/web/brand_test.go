package web_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"stayput.dev/internal/mail"
)

// sendBrand sends the form for the brand, with a logo unless it is empty.
func (v *visitor) sendBrand(logo string, pairs ...string) page {
	v.w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(pairs); i += 2 {
		done(v.w.t, form.WriteField(pairs[i], pairs[i+1]))
	}
	if logo != "" {
		file := ok(form.CreateFormFile("logo", "logo.svg"))(v.w.t)
		ok(file.Write([]byte(logo)))(v.w.t)
	}
	done(v.w.t, form.Close())
	r := ok(http.NewRequest(http.MethodPost, v.w.url+"/staff/brand", &body))(v.w.t)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return v.do(r)
}

// TestBrand: what an admin chooses stands on every page, in colours that can be
// read, and nowhere is it obeyed.
func TestBrand(t *testing.T) {
	w := newWorld(t)
	root := w.as("root")
	root.sendBrand(`<svg viewBox="0 0 1 1" onload="alert(1)"><path d="M0 0h1"/></svg>`,
		"name", "Example <Net>", "colour", "#FFCC00", "welcome", "Hello & welcome", "help", "Call 555 0100",
		"legal-text", "Privacy", "legal-url", "https://www.example.org/privacy").leads(t, "/staff/brand?saved")
	p := w.as("").get("/signin").shows(t, http.StatusOK,
		"<span>Example &lt;Net&gt;</span>", "Hello &amp; welcome", "Call 555 0100", `href="https://www.example.org/privacy"`)

	style := regexp.MustCompile(`href="(/brand/style-[^"]+)"`).FindStringSubmatch(p.body)
	logo := regexp.MustCompile(`src="(/brand/logo-[^"]+)"`).FindStringSubmatch(p.body)
	if style == nil || logo == nil {
		t.Fatalf("the page lacks a style or a logo:\n%s", p.body)
	}
	w.as("").get(style[1]).shows(t, http.StatusOK, "--brand: light-dark(#").lacks(t, "#FFCC00")
	picture := w.as("").get(logo[1]).shows(t, http.StatusOK, "<path").lacks(t, "onload")
	if got := picture.header.Get("Content-Security-Policy"); got != "default-src 'none'; style-src 'unsafe-inline'; sandbox" {
		t.Errorf("the logo has the policy %q", got)
	}
	if got := picture.header.Get("Content-Type"); got != "image/svg+xml" {
		t.Errorf("the logo is %s", got)
	}
	root.sendBrand("", "name", "Example Net", "plain", "on", "no-logo", "on", "footer", "1 Example\nStreet").leads(t, "/staff/brand?saved")
	w.as("").get("/signin").shows(t, http.StatusOK, "Example Net").lacks(t, "/brand/")
	if want, got := (mail.Brand{Name: "Example Net", Footer: "1 Example Street"}), w.brand.Now().Mail(); got != want {
		t.Errorf("mails look like %v, want %v", got, want)
	}
	w.waitFor(func() bool { return strings.Contains(root.get("/staff/audit?subject=brand").body, "→ Example Net") })
	root.get("/staff/audit?subject=brand").shows(t, http.StatusOK, `href="/staff/brand"`, "name Example &lt;Net&gt; → Example Net", "logo", "legal links")
	w.as("desk").get("/staff/audit?subject=brand").shows(t, http.StatusOK, "name Example &lt;Net&gt; → Example Net").lacks(t, `href="/staff/brand"`)
}

func TestBadBrands(t *testing.T) {
	w := newWorld(t)
	root := w.as("root")
	for _, c := range []struct {
		logo  string
		pairs []string
		says  string
	}{
		{"<svg><script/></svg>", nil, "script"},
		{"GIF89a", nil, "neither an SVG nor a PNG"},
		{"", []string{"colour", "red;}"}, "not a colour"},
		{"", []string{"legal-text", "Privacy", "legal-url", "javascript:alert(1)"}, "begins with https://"},
		{"", []string{"legal-text", "", "legal-url", "https://www.example.org/"}, "begins with https://"},
		{"", []string{"name", string(bytes.Repeat([]byte("a"), 41))}, "At most 40 characters"},
	} {
		root.sendBrand(c.logo, c.pairs...).shows(t, http.StatusUnprocessableEntity, c.says)
	}
	w.as("desk").sendBrand("", "name", "Mine").shows(t, http.StatusForbidden)
	w.as("").get("/signin").shows(t, http.StatusOK, "<span>Stayput</span>")
}
