package signin_test

import (
	"net/url"
	"testing"

	"stayput.dev/internal/signin"
)

// FuzzStrangers: whatever strangers send where a cookie, a ticket, a token or a
// passkey's answer belongs, nobody gets in.
func FuzzStrangers(f *testing.F) {
	w := newWorld(f)
	f.Add("", []byte(""))
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", []byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`))
	f.Fuzz(func(t *testing.T, text string, answer []byte) {
		ctx, c := t.Context(), signin.Client{}
		if _, err := w.Session(ctx, c, text); err == nil {
			t.Error("a session")
		}
		if _, err := w.Link(ctx, text); err == nil {
			t.Error("a link")
		}
		if _, err := w.Code(ctx, c, text, string(answer)); err == nil {
			t.Error("a second factor")
		}
		if _, err := w.FinishPasskey(ctx, c, text, answer); err == nil {
			t.Error("a passkey")
		}
		challenge, err := w.BeginPasskey(ctx, c, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.FinishPasskey(ctx, c, challenge.Ticket, answer); err == nil {
			t.Error("a passkey for a real ticket")
		}
		query, _ := url.ParseQuery(string(answer))
		if _, _, err := w.FinishOIDC(ctx, c, text, query); err == nil {
			t.Error("a provider's user")
		}
	})
}
