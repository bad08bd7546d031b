package signin_test

import (
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"regexp"
	"strings"
	"testing"

	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
	"stayput.dev/test/rig"
)

// TestLinksInMailsWork: every link that is good once, as it arrives at a real mail server,
// does what it is for.
func TestLinksInMailsWork(t *testing.T) {
	t.Parallel()
	server := rig.StartMailServer(t, rig.MailServerOptions{TLS: "none"})
	w := newWorld(t, func(o *signin.Options) { o.SignUp = signin.SignUpOn })
	w.newcomer(t, "carla")
	queue := mail.New(w.store.Shelf(), mail.Options{Server: server.Addr, Security: mail.Plain, From: "dns@example.org"}, slog.New(slog.DiscardHandler))
	start(t, queue.Run)
	s, err := signin.New(signin.Config{
		Registry: w.registry, Accounts: w.admin, Shelf: w.store.Shelf(), Mail: queue, Options: w.opts, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	start(t, s.Run)

	if err := s.InviteByMail(t.Context(), registry.Actor{}, "carla", "fr"); err != nil {
		t.Fatal(err)
	}
	invited := server.Await(t, "carla@example.net", 1)[0]
	step := must(t)(s.AcceptInvitation(t.Context(), home, tokenIn(t, invited.Raw, signin.PathInvitation), chosen))
	if !step.Done() {
		t.Error("the invitation does not lead in")
	}
	if err := s.RequestReset(t.Context(), home, "carla@example.net"); err != nil {
		t.Fatal(err)
	}
	reset := server.Await(t, "carla@example.net", 2)[1]
	if err := s.ResetPassword(t.Context(), home, tokenIn(t, reset.Raw, signin.PathReset), "yet another password"); err != nil {
		t.Error(err)
	}
	step = must(t)(s.Password(t.Context(), home, "carla", "yet another password"))
	server.Await(t, "carla@example.net", 3) // that the password was changed

	if err := s.ChangeEmail(t.Context(), home, step.Session, "carla@example.com"); err != nil {
		t.Fatal(err)
	}
	change := server.Await(t, "carla@example.com", 1)[0]
	if err := s.ConfirmEmail(t.Context(), home, tokenIn(t, change.Raw, signin.PathEmail)); err != nil || w.account(t, "carla").Email != "carla@example.com" {
		t.Errorf("the mail address is %s, %v", w.account(t, "carla").Email, err)
	}

	if err := s.SignUp(t.Context(), home, "dora@example.net"); err != nil {
		t.Fatal(err)
	}
	signUp := server.Await(t, "dora@example.net", 1)[0]
	step = must(t)(s.ConfirmSignUp(t.Context(), home, tokenIn(t, signUp.Raw, signin.PathSignUp), "dora", chosen))
	if !step.Done() {
		t.Error("signing up does not lead in")
	}
}

// tokenIn returns the token of the link in both forms of a message, which must be the
// same.
func tokenIn(t *testing.T, raw, path string) string {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`https://dyn\.example\.org` + path + `/([\w-]{43})\b`)
	parts := multipart.NewReader(m.Body, params["boundary"])
	var token string
	for range 2 {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		found := link.FindSubmatch(text)
		if len(found) != 2 || token != "" && token != string(found[1]) {
			t.Fatalf("no link, or another, in\n%s", text)
		}
		token = string(found[1])
	}
	return token
}
