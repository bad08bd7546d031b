package mail_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"stayput.dev/internal/mail"
	"stayput.dev/internal/shelf"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// TestTextFaults: what cannot be sent is refused, and what is wrong is said.
func TestTextFaults(t *testing.T) {
	t.Parallel()
	const button = "\n\n=> Choose"
	for _, c := range []struct {
		kind          mail.Kind
		subject, body string
		want          mail.TextFault
	}{
		{mail.PasswordReset, "For {name} at {brand}", "Until {expires}." + button, mail.TextFault{}},
		{mail.PasswordReset, "Hello", "One line\n=>Choose\r\nand another", mail.TextFault{}},
		{mail.HostChanged, "{host}", "{address} since {at}, {name}", mail.TextFault{}},
		{mail.HostChanged, " \u200b\n", "Hello", mail.TextFault{Subject: true, Reason: mail.Empty}},
		{mail.HostChanged, strings.Repeat("ä", mail.MaxSubject), strings.Repeat("ä", mail.MaxBody), mail.TextFault{}},
		{mail.HostChanged, strings.Repeat("ä", mail.MaxSubject+1), "Hello", mail.TextFault{Subject: true, Reason: mail.TooLong}},
		{mail.HostChanged, "Hello", "\n \n", mail.TextFault{Reason: mail.Empty}},
		{mail.HostChanged, "Hello", strings.Repeat("ä", mail.MaxBody+1), mail.TextFault{Reason: mail.TooLong}},
		{mail.HostChanged, "{expires}", "Hello", mail.TextFault{Subject: true, Reason: mail.UnknownPlaceholder, Word: "{expires}"}},
		{mail.HostChanged, "Hello", "{{.Link}}", mail.TextFault{Reason: mail.UnknownPlaceholder, Word: "{"}},
		{mail.HostChanged, "Hello", "{ name }", mail.TextFault{Reason: mail.UnknownPlaceholder, Word: "{ name }"}},
		{mail.HostChanged, "Hello", "{name", mail.TextFault{Reason: mail.UnknownPlaceholder, Word: "{"}},
		{mail.HostChanged, "Hello", "Hello" + button, mail.TextFault{Reason: mail.NeedlessButton}},
		{mail.PasswordReset, "Hello", "Hello", mail.TextFault{Reason: mail.NoButton}},
		{mail.PasswordReset, "Hello", "Hello\n\n=> ", mail.TextFault{Reason: mail.NoButton}},
		{mail.PasswordReset, "Hello", "Hello" + button + button, mail.TextFault{Reason: mail.TwoButtons}},
	} {
		err := mail.Text{Kind: c.kind, Language: "en", Subject: c.subject, Body: c.body}.Check()
		var got *mail.TextFault
		if !errors.As(err, &got) {
			got = new(mail.TextFault)
		}
		if *got != c.want || (err == nil) != (c.want == mail.TextFault{}) {
			t.Errorf("%s %q %.60q: %v, want %+v", c.kind, c.subject, c.body, err, c.want)
		}
	}
	for _, text := range []mail.Text{{Kind: "nonsense", Language: "en", Subject: "a", Body: "b"}, {Kind: mail.HostChanged, Language: "xx", Subject: "a", Body: "b"}} {
		if err := text.Check(); !errors.Is(err, mail.ErrBadMessage) {
			t.Errorf("%+v: %v", text, err)
		}
	}
}

// TestBuiltInTextsInPlainForm: every built-in text can be edited from where it stands,
// and staff see every kind.
func TestBuiltInTextsInPlainForm(t *testing.T) {
	t.Parallel()
	if len(mail.AllKinds()) != len(mail.Kinds("en")) {
		t.Errorf("%d kinds are shown, %d have a text", len(mail.AllKinds()), len(mail.Kinds("en")))
	}
	for _, language := range mail.Languages() {
		for _, kind := range mail.AllKinds() {
			text, err := mail.BuiltIn(kind, language)
			if err == nil {
				err = text.Check()
			}
			if err != nil || strings.Contains(text.Subject+text.Body, "no value") {
				t.Errorf("%s %s: %v\n%s\n\n%s", language, kind, err, text.Subject, text.Body)
			}
			if subject, said, err := text.Preview(mail.Brand{}); err != nil || subject == "" || strings.ContainsAny(subject+said, "{}") || strings.Contains(said, "0001-") {
				t.Errorf("%s %s: %v, %q\n%s", language, kind, err, subject, said)
			}
		}
	}
	text, err := mail.BuiltIn(mail.HostChanged, "en")
	if want := "Hello {name},\n\nsince {at} the address of {host} is {address}."; err != nil || text.Body != want {
		t.Errorf("%v, %q, want %q", err, text.Body, want)
	}
	text, err = mail.BuiltIn(mail.TokenMade, "en")
	if want := "on {at} an API token was made for your account. With it"; err != nil || !strings.Contains(text.Body, want) {
		t.Errorf("%v, %q, want %q", err, text.Body, want)
	}
}

// TestOwnTextGoesOut: a mail goes out in the company's own words, in which what others
// chose is nothing but text; then again in ours, once those are reset or spoilt.
func TestOwnTextGoesOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{Logger: slog.New(slog.DiscardHandler)}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	server, log := rig.StartMailServer(t, rig.MailServerOptions{TLS: string(mail.Plain)}), new(rig.Log)
	q := mail.New(s.Shelf(), mail.Options{Server: server.Addr, Security: mail.Plain, From: "dns@example.org"}, slog.New(slog.NewTextHandler(log, nil)))
	q.Hurry()
	run(t, q)
	sent := func(id string) (text, html string) {
		t.Helper()
		m := reset(id, id+"@example.org")
		m.Data.Name = "=> <b>anna</b> {brand}"
		if err := q.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		text, html = parts(t, server.Await(t, id+"@example.org", 1)[0].Raw)
		return strings.ReplaceAll(text, "\r\n", "\n"), html
	}

	texts := mail.NewTexts(s.Shelf())
	own := mail.OwnText{Text: mail.Text{Kind: mail.PasswordReset, Language: "de", Subject: "Los, {name}", Body: "{name}\n\nBis {expires} & <i>nicht</i> länger.\n\n=> Hier & jetzt"}}
	for range 2 { // also over itself
		if err := texts.Set(t.Context(), own); err != nil {
			t.Fatal(err)
		}
		all, err := texts.All(t.Context())
		if err != nil || len(all) != 1 || all[0].Text != own.Text {
			t.Fatalf("%v, %v, want %v", all, err, own)
		}
		if err := texts.Set(t.Context(), own); !errors.Is(err, shelf.ErrChanged) {
			t.Errorf("over another than that of its version: %v, want ErrChanged", err)
		}
		own = all[0]
	}
	text, html := sent("own")
	if want := "=> <b>anna</b> {brand}\n\nBis 2026-11-26 21:00 UTC & <i>nicht</i> länger.\n\nHier & jetzt:\n" + secretLink; !strings.Contains(text, want) {
		t.Errorf("text\n%s\nlacks\n%s", text, want)
	}
	if !strings.Contains(html, "&lt;i&gt;nicht") || !strings.Contains(html, "Hier &amp; jetzt") || strings.Contains(html, "<b>") || strings.Count(html, "display:inline-block") != 1 {
		t.Errorf("HTML\n%s", html)
	}

	if err := texts.Set(t.Context(), mail.OwnText{Text: mail.Text{Kind: mail.PasswordReset, Language: "de", Subject: "a", Body: "b"}}); err == nil {
		t.Error("a text without its button was kept")
	}
	if err := texts.Reset(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if err := texts.Reset(t.Context(), own); !errors.Is(err, shelf.ErrChanged) {
		t.Errorf("where there is none: %v, want ErrChanged", err)
	}
	const builtIn = "Neues Passwort wählen:\n" + secretLink
	if text, _ := sent("reset"); !strings.Contains(text, builtIn) {
		t.Errorf("after the reset\n%s", text)
	}
	if _, err := s.Shelf().Put(t.Context(), shelf.Item{Kind: "mail-text", ID: "password-reset.de", Body: []byte(`{"Kind":"password-reset","Language":"de","Subject":"{nonsense}","Body":"=> x"}`)}); err != nil {
		t.Fatal(err)
	}
	if text, _ := sent("spoilt"); !strings.Contains(text, builtIn) {
		t.Errorf("with a spoilt text\n%s", text)
	}
	if !strings.Contains(log.String(), "password-reset.de") {
		t.Errorf("nothing is said of the spoilt text:\n%s", log.String())
	}
}

// FuzzText: whatever staff type is refused, or makes one button at most and leaves no
// placeholder.
func FuzzText(f *testing.F) {
	f.Add("For {name}", "Until {expires}.\n\n=> Choose")
	f.Add("=> {brand}", "=>\r=> }{\n{{name}}")
	f.Fuzz(func(t *testing.T, subject, body string) {
		for _, kind := range []mail.Kind{mail.PasswordReset, mail.HostChanged} {
			text := mail.Text{Kind: kind, Language: "en", Subject: subject, Body: body}
			said, letter, err := text.Preview(mail.Brand{})
			if (err == nil) != (text.Check() == nil) {
				t.Fatalf("%v, but %v", err, text.Check())
			}
			if err != nil {
				continue
			}
			if said == "" || strings.ContainsAny(said+letter, "{}\r") || strings.Contains(said, "\n") || !utf8.ValidString(said+letter) {
				t.Errorf("%q, %q: %q\n%s", subject, body, said, letter)
			}
			if got := strings.Count(letter, ":\nhttps://dyn.example.org/example\n"); kind.HasButton() && got < 1 {
				t.Errorf("%q: no link in\n%s", body, letter)
			}
		}
	})
}
