package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/api"
	"stayput.dev/internal/brand"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
)

// TestBrand: an admin sets what the company looks like, part by part; what was wrong is
// told and changes nothing; what was done is noted without the logo.
func TestBrand(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "desk", Role: "support"}))(t)
	root, desk := w.token(api.NewToken{Account: "root", Staff: true}), w.token(api.NewToken{Account: "desk", Staff: true})
	reader := w.token(api.NewToken{Account: "root", Staff: true, ReadOnly: true})
	before := w.revision()
	if text := w.wants(200, root, "GET", "/brand", ""); text != `{"name":"","colour":"","welcome":"","help":"","legal":[],"footer":""}`+"\n" {
		t.Errorf("at first the brand is %s", text)
	}
	w.wants(403, reader, "PATCH", "/brand", `{"name":"Mine"}`)
	for _, secret := range []string{desk, alice["secret"]} {
		w.wants(403, secret, "GET", "/brand", "")
		w.wants(403, secret, "PATCH", "/brand", `{"name":"Mine"}`)
	}

	logo := base64.StdEncoding.EncodeToString([]byte(`<svg onload="alert(1)"><path d="M0 0"/></svg>`))
	change := api.BrandChange{Name: ptr("Example Net"), Logo: &logo, Legal: &[]api.LegalLink{{Text: "Privacy", URL: "https://www.example.org/"}}}
	set := ok(w.SetBrand(t.Context(), change))(t)
	if set.LogoType != "image/svg+xml" || !strings.Contains(string(set.Logo), "<path") || strings.Contains(string(set.Logo), "onload") || len(set.Legal) != 1 {
		t.Errorf("the brand is %+v", set)
	}
	answer, text := w.call(root, "GET", "/brand", "")
	tag := answer.Header.Get("ETag")
	var shown api.Brand
	done(t, json.Unmarshal([]byte(text), &shown))
	if shown.Name != "Example Net" || string(shown.Logo) != string(set.Logo) {
		t.Errorf("the brand is %s", text)
	}
	w.wants(304, root, "GET", "/brand", "", "If-None-Match", tag)
	w.wants(200, root, "PATCH", "/brand", `{"colour":"#0F766E"}`, "If-Match", tag)
	w.wants(412, root, "PATCH", "/brand", `{"colour":""}`, "If-Match", tag)
	for body, why := range map[string]string{
		`{"colour":"red"}`:                           "colour: not a colour such as #0f766e",
		`{"logo":"R0lGODlh"}`:                        "logo: neither SVG nor PNG",
		`{"logo":"%"}`:                               "logo: not base64",
		`{"legal":[{"text":"a","url":"b"}]}`:         "legal: a link has",
		`{"name":"` + strings.Repeat("a", 41) + `"}`: "name: too long, at most 40",
	} {
		if text := w.wants(422, root, "PATCH", "/brand", body); !strings.Contains(text, why) {
			t.Errorf("%s is answered %s", body, text)
		}
	}
	w.wants(200, root, "PATCH", "/brand", `{"logo":"","legal":[]}`)
	if now := ok(w.Brand(t.Context()))(t); now.Logo != nil || now.LogoType != "" || now.Name != "Example Net" || now.Colour != "#0f766e" {
		t.Errorf("the brand is %+v", now)
	}
	got, want := w.deeds(before), []string{
		"api set brand: name Example Net, logo, legal links", "root api set brand: colour #0f766e", "root api set brand: logo, legal links",
	}
	if !slices.Equal(got, want) {
		t.Errorf("noted %q, want %q", got, want)
	}
}

// lateLog is a log before whose next line something happens.
type lateLog struct {
	brand.Log
	meanwhile func()
}

// Note implements brand.Log.
func (l *lateLog) Note(ctx context.Context, by registry.Actor, n registry.Note) error {
	if do := l.meanwhile; do != nil {
		l.meanwhile = nil
		do()
	}
	return l.Log.Note(ctx, by, n)
}

// TestMailTextsOfTwoAtOnce: words that another set since the client looked stay, also when
// they came after its request.
func TestMailTextsOfTwoAtOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "root", Role: "admin"}))(t)
	root := w.token(api.NewToken{Account: "root", Staff: true})
	late := &lateLog{Log: w.brand.Log}
	w.brand.Log = late
	const path, first = "/mail-texts/host-changed/de", "Von A: {host}"
	for method, words := range map[string]string{"PUT": `{"subject":"Von B: {host}","body":"Hallo"}`, "DELETE": ""} {
		answer, _ := w.call(root, "PUT", path, `{"subject":"Neu: {host}","body":"Hallo"}`)
		late.meanwhile = func() {
			ok(w.SetMailText(t.Context(), "host-changed", "de", api.MailWords{Subject: first, Body: "Hallo"}))(t)
		}
		w.wants(409, root, method, path, words, "If-Match", answer.Header.Get("ETag"))
		if now := ok(w.MailText(t.Context(), "host-changed", "de"))(t); now.Subject != first {
			t.Errorf("after %s mails say %q, want %q", method, now.Subject, first)
		}
	}
}

// TestMailTexts: an admin tries words for a mail, sets them, and goes back.
func TestMailTexts(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	root := w.token(api.NewToken{Account: "root", Staff: true})
	before := w.revision()
	const path = "/mail-texts/host-changed/de"
	built := ok(w.MailText(t.Context(), "host-changed", "de"))(t)
	if built.Own || built.Button || !strings.Contains(built.Subject, "{host}") || len(built.Placeholders) != 5 {
		t.Errorf("built in is %+v", built)
	}
	if all := ok(w.MailTexts(t.Context()))(t); len(all) != len(mail.AllKinds())*len(mail.Languages()) {
		t.Errorf("%d texts", len(all))
	}
	const words = `{"subject":"Neu: {host}","body":"Hallo {name},\n\n<b>{address}</b>"}`
	if text := w.wants(200, root, "POST", path+"/preview", words); text != `{"subject":"Neu: home.dyn.example.org","text":"Hallo anna,\n\n<b>192.0.2.2</b>\n\n-- \nStayput\n"}`+"\n" {
		t.Errorf("the preview is %s", text)
	}
	if text := w.wants(200, root, "GET", "/mail-texts?own=true", ""); !strings.Contains(text, `"mail_texts":[]`) {
		t.Errorf("own texts are %s", text)
	}
	answer, _ := w.call(root, "PUT", path, words)
	tag := answer.Header.Get("ETag")
	w.wants(412, root, "PUT", path, words, "If-Match", `"other"`)
	w.wants(200, root, "PUT", path, words, "If-Match", tag)
	if text := w.wants(200, root, "GET", "/mail-texts?own=true", ""); strings.Count(text, `"own":true`) != 1 || !strings.Contains(text, "Neu: {host}") {
		t.Errorf("own texts are %s", text)
	}
	for _, method := range []string{"PUT", "POST"} {
		at := map[string]string{"PUT": "", "POST": "/preview"}[method]
		w.wants(422, root, method, path+at, `{"subject":"","body":"a"}`)
		if text := w.wants(422, root, method, path+at, `{"subject":"a","body":"{secret}"}`); !strings.Contains(text, `the body of the mail: unknown placeholder`) {
			t.Errorf("a placeholder that there is not: %s", text)
		}
		w.wants(404, root, method, "/mail-texts/nonsense/de"+at, words)
		w.wants(404, root, method, "/mail-texts/host-changed/xx"+at, words)
		w.wants(403, alice["secret"], method, path+at, words)
	}
	w.wants(404, root, "DELETE", "/mail-texts/host-changed/xx", "")
	w.wants(204, root, "DELETE", path, "")
	done(t, w.ResetMailText(t.Context(), "host-changed", "de"))
	if now := ok(w.MailText(t.Context(), "host-changed", "de"))(t); now.Own || now.Subject != built.Subject {
		t.Errorf("after the reset mails say %+v", now)
	}
	got := strings.Join(w.deeds(before), "\n")
	if want := "root api set mail-text host-changed/de: subject Neu: {host}, body\nroot api delete mail-text host-changed/de:"; got != want {
		t.Errorf("noted\n%s\nwant\n%s", got, want)
	}
}
