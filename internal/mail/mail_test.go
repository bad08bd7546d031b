package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/mail"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// newQueue returns a queue on a shelf of its own, which does not run yet, and what
// it logs.
func newQueue(t *testing.T, opts mail.Options) (*mail.Queue, *rig.Log) {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{Logger: slog.New(slog.DiscardHandler)}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	log := new(rig.Log)
	if opts.From == "" {
		opts.From = "Example DNS <dns@example.org>"
	}
	q := mail.New(s.Shelf(), opts, slog.New(slog.NewTextHandler(log, nil)))
	q.Hurry()
	return q, log
}

// run runs the queue until the test ends, or stop is called.
func run(t *testing.T, q *mail.Queue) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); q.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

const secretLink = "https://dyn.example.org/signin/reset/c2VjcmV0LXRva2Vu"

func reset(id, to string) mail.Message {
	return mail.Message{
		ID: id, Kind: mail.PasswordReset, To: to, Language: "de",
		Data: mail.Data{Name: "anna", Link: secretLink, Expires: time.Date(2026, 11, 26, 21, 0, 0, 0, time.UTC)},
	}
}

func TestMailArrives(t *testing.T) {
	t.Parallel()
	for _, security := range []mail.Security{mail.Plain, mail.StartTLS, mail.TLS} {
		t.Run(string(security), func(t *testing.T) {
			t.Parallel()
			opts := mail.Options{Security: security, Brand: mail.Brand{Name: "Beispiel & Söhne", Footer: "Example AG, 12345 Beispiel"}}
			server := rig.MailServerOptions{TLS: string(security)}
			if security != mail.Plain {
				server.Cert, server.Key = certificate(t)
				server.User, server.Password = "stayput", "canary-password"
				opts.Username, opts.Password, opts.RootCAs = server.User, server.Password, server.Cert
			}
			s := rig.StartMailServer(t, server)
			opts.Server = s.Addr
			q, log := newQueue(t, opts)
			run(t, q)
			if err := q.Send(t.Context(), reset("reset-1", "anna@example.org")); err != nil {
				t.Fatal(err)
			}
			got := s.Await(t, "anna@example.org", 1)[0]
			if got.From != "dns@example.org" || got.TLS != (security != mail.Plain) || got.Login != (security != mail.Plain) {
				t.Errorf("from %s, TLS %v, login %v", got.From, got.TLS, got.Login)
			}
			checkHeaders(t, got.Raw)
			text, html := parts(t, got.Raw)
			if !strings.Contains(text, secretLink) || !strings.Contains(html, `href="`+secretLink+`"`) {
				t.Errorf("the link is missing from\n%s\n%s", text, html)
			}
			for _, secret := range []string{"c2VjcmV0", "canary-password", "anna@example.org"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("the log says %q:\n%s", secret, log)
				}
			}
		})
	}
}

func checkHeaders(t *testing.T, raw string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "Ein neues Passwort für Beispiel & Söhne" {
		t.Errorf("subject %q, %v", subject, err)
	}
	if _, err := m.Header.Date(); err != nil {
		t.Error(err)
	}
	if id := m.Header.Get("Message-ID"); !strings.HasSuffix(id, "@example.org>") {
		t.Errorf("Message-ID %s", id)
	}
	for header, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "Content-Language": "de", "From": `"Example DNS" <dns@example.org>`, "To": "<anna@example.org>",
	} {
		if got := m.Header.Get(header); got != want {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
}

// parts returns the two forms of a message.
func parts(t *testing.T, raw string) (text, html string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type %s, %v", kind, err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for _, to := range []*string{&text, &html} {
		p, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		*to = string(body)
	}
	return text, html
}

// TestMailIsSentOnce: what has the same ID is the same message.
func TestMailIsSentOnce(t *testing.T) {
	t.Parallel()
	s := rig.StartMailServer(t, rig.MailServerOptions{TLS: "none"})
	q, _ := newQueue(t, mail.Options{Server: s.Addr, Security: mail.Plain})
	send := func(id, to string) {
		if err := q.Send(t.Context(), reset(id, to)); err != nil {
			t.Error(err)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { send("reset-1", "anna@example.org") })
	}
	all.Wait()
	stop := run(t, q)
	s.Await(t, "anna@example.org", 1)
	await(t, func() bool { return q.Status().Sent == 1 }) // the server has it before we read its answer
	stop()
	run(t, q)
	send("reset-1", "anna@example.org")
	send("reset-2", "bob@example.org")
	s.Await(t, "bob@example.org", 1)
	if n := s.Count(); n != 2 {
		t.Errorf("%d mails came, want 2", n)
	}
}

func TestMailIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := rig.StartMailServer(t, rig.MailServerOptions{TLS: "none"})
	q, log := newQueue(t, mail.Options{Server: unused(t), Security: mail.Plain})
	run(t, q)
	for id, to := range map[string]string{"1": "busy@example.org", "2": "never@example.org", "3": "anna@example.org"} {
		if err := q.Send(t.Context(), reset(id, to)); err != nil {
			t.Fatal(err)
		}
	}
	late := reset("4", "late@example.org")
	late.Until = time.Now().Add(-time.Minute)
	if err := q.Send(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return q.Status().LastError != "" })
	q.SetOptions(mail.Options{Server: s.Addr, Security: mail.Plain, From: "dns@example.org"})
	s.Await(t, "anna@example.org", 1)
	s.Await(t, "busy@example.org", 1)
	await(t, func() bool { return strings.Contains(log.String(), "a mail is given up") })
	if n := s.Count(); n != 2 {
		t.Errorf("%d mails came, want 2", n)
	}
	await(t, func() bool { return q.Status().Sent == 2 })
	for _, to := range []string{"busy@", "never@", "anna@", "late@"} {
		if strings.Contains(log.String(), to) {
			t.Errorf("the log says to whom:\n%s", log)
		}
	}
}

// await waits until something is so.
func await(t *testing.T, is func() bool) {
	t.Helper()
	for range 6000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("waited for a minute")
}

// unused returns an address at which nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	addr, err := rig.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return addr.String()
}

func TestMailNobodyCanSendIsRefused(t *testing.T) {
	t.Parallel()
	q, _ := newQueue(t, mail.Options{})
	for why, spoil := range map[string]func(*mail.Message){
		"no ID":           func(m *mail.Message) { m.ID = "" },
		"a line break":    func(m *mail.Message) { m.ID = "a\nb" },
		"no address":      func(m *mail.Message) { m.To = "" },
		"two addresses":   func(m *mail.Message) { m.To = "a@example.org, b@example.org" },
		"a header inside": func(m *mail.Message) { m.To = "a@example.org\r\nBcc: b@example.org" },
		"no such kind":    func(m *mail.Message) { m.Kind = "newsletter" },
	} {
		m := reset("1", "anna@example.org")
		spoil(&m)
		if err := q.Send(t.Context(), m); !errors.Is(err, mail.ErrBadMessage) {
			t.Errorf("%s: %v, want ErrBadMessage", why, err)
		}
	}
}

// TestEveryKindHasEveryLanguage, and every text can be written.
func TestEveryKindHasEveryLanguage(t *testing.T) {
	t.Parallel()
	want := mail.Kinds("en")
	slices.Sort(want)
	if len(want) != 17 {
		t.Errorf("%d kinds: %q", len(want), want)
	}
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	data := mail.Data{
		Name: "anna", Link: secretLink, Expires: at, At: at, Place: "192.0.2.1", Agent: "Firefox on Linux",
		Host: "home.dyn.example.org", Address: "192.0.2.2", Username: "router",
	}
	for _, language := range mail.Languages() {
		got := mail.Kinds(language)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s has %q, want %q", language, got, want)
		}
		for _, kind := range got {
			subject, text, html, err := mail.Letter(mail.Message{Kind: mail.Kind(kind), Language: language, Data: data}, mail.Brand{})
			if err != nil || subject == "" || strings.Count(text, "\n") < 5 || strings.Contains(text+html, "{{") || strings.Contains(html, "ZgotmplZ") {
				t.Errorf("%s %s: %v, %q\n%s\n%s", language, kind, err, subject, text, html)
			}
		}
	}
}

// TestTextsSayTheSame: each text has in all languages the same filled in, the same
// buttons and as many paragraphs, and is nowhere left in English.
func TestTextsSayTheSame(t *testing.T) {
	t.Parallel()
	kind := regexp.MustCompile(`(?s)\{\{define "([a-z-]+)"\}\}(.*?)\{\{end\}\}\n(?:\n|$)`)
	insertion := regexp.MustCompile(`\{\{[^}]*\}\}`)
	said, shapes := map[string]string{}, map[string]string{}
	for _, language := range append([]string{"en"}, mail.Languages()...) {
		file, err := os.ReadFile("text/" + language + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		all := kind.FindAllStringSubmatch(string(file)+"\n", -1)
		if len(all) != len(mail.Kinds("en")) {
			t.Errorf("%s: %d texts were found", language, len(all))
		}
		for _, m := range all {
			filled := insertion.FindAllString(m[2], -1)
			slices.Sort(filled)
			shape := fmt.Sprintf("%d paragraphs, %d buttons, %v", strings.Count(m[2], "\n\n"), strings.Count(m[2], "\n=> "), filled)
			if shapes[m[1]] == "" {
				said[m[1]], shapes[m[1]] = m[2], shape
			}
			if shape != shapes[m[1]] {
				t.Errorf("%s: %s has %s, in English %s", language, m[1], shape, shapes[m[1]])
			}
			for paragraph := range strings.SplitSeq(m[2], "\n\n") {
				if language != "en" && strings.Contains(said[m[1]], paragraph) {
					t.Errorf("%s: %s still has %q", language, m[1], paragraph)
				}
			}
		}
	}
}

// TestWhatOthersChoseIsText: nothing that a customer or a browser chose makes a
// button, a line of its own, a header or HTML.
func TestWhatOthersChoseIsText(t *testing.T) {
	t.Parallel()
	for _, evil := range []string{
		"anna\n\n=> Click", "=> Click", "<b>anna</b>", "\u202egnp.exe", "a\r\nBcc: x@example.org", strings.Repeat("x", 10_000), "{{.Link}}",
	} {
		m := reset("1", "anna@example.org")
		m.Data.Name, m.Data.Host = evil, evil
		for _, kind := range []mail.Kind{mail.PasswordReset, mail.HostSilent} {
			m.Kind = kind
			subject, text, html, err := mail.Letter(m, mail.Brand{Name: evil, Colour: "red;x:url(//example.net)", Footer: evil})
			if err != nil {
				t.Fatal(err)
			}
			buttons := map[mail.Kind]int{mail.PasswordReset: 1}[kind]
			if got := strings.Count(html, "display:inline-block"); got != buttons {
				t.Errorf("%q, %s: %d buttons, want %d", evil, kind, got, buttons)
			}
			if strings.ContainsAny(subject, "\r\n") || strings.Contains(html, "<b>") || strings.Contains(text, "\u202e") || strings.Contains(html, "example.net") {
				t.Errorf("%q, %s:\n%s\n%s\n%s", evil, kind, subject, text, html)
			}
		}
	}
}

// certificate makes a certificate for 127.0.0.1, and returns its files.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestWaitingAndForgotten: what waits for an account can be seen without its links, and
// what waits for somebody without one can be dropped.
func TestWaitingAndForgotten(t *testing.T) {
	t.Parallel()
	s := rig.StartMailServer(t, rig.MailServerOptions{TLS: "none"})
	q, _ := newQueue(t, mail.Options{Server: s.Addr, Security: mail.Plain})
	for id, account := range map[string]uint32{"own": 7, "stray": 0} {
		m := reset(id, "anna@example.org")
		m.Account = account
		if err := q.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Send(t.Context(), reset("other", "bob@example.org")); err != nil {
		t.Fatal(err)
	}
	waiting, err := q.Waiting(t.Context(), 7)
	if err != nil || len(waiting) != 1 || waiting[0].ID != "own" || waiting[0].Data.Link != "" {
		t.Errorf("Waiting = %+v, %v", waiting, err)
	}
	for _, address := range []string{"", "ANNA@example.org"} {
		if err := q.ForgetPerson(t.Context(), "anna", address); err != nil {
			t.Fatal(err)
		}
	}
	run(t, q)
	s.Await(t, "anna@example.org", 1)
	s.Await(t, "bob@example.org", 1)
	if n := s.Count(); n != 2 {
		t.Errorf("%d mails came, want 2", n)
	}
	await(t, func() bool {
		waiting, err := q.Waiting(t.Context(), 7)
		return err == nil && len(waiting) == 0
	})
}
