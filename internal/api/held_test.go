package api_test

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/api"
)

// TestRightsEndWhileBodiesCome: whoever sends a body slowly may do nothing any more
// once the token is revoked, the account suspended or no longer staff, or the session
// over.
func TestRightsEndWhileBodiesCome(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	const root = `{"name":"mallory","role":"admin"}`
	for name, c := range map[string]struct {
		target, content string
		status          int
		end             func(owner, token string)
	}{
		"a token that is revoked": {"/tokens", `{"account":"OWNER"}`, http.StatusUnauthorized, func(_, token string) {
			done(t, w.RevokeToken(ctx, token))
		}},
		"an admin who is suspended": {"/accounts", root, http.StatusForbidden, func(owner, _ string) {
			ok(w.SetAccount(ctx, owner, api.AccountChange{Suspended: ptr(true)}))(t)
		}},
		"an admin who is one no longer": {"/accounts", root, http.StatusForbidden, func(owner, _ string) {
			ok(w.SetAccount(ctx, owner, api.AccountChange{Role: ptr("customer")}))(t)
		}},
		"an account that is deleted": {"/accounts", root, http.StatusUnauthorized, func(owner, _ string) {
			done(t, w.DeleteAccount(ctx, owner, false))
		}},
		"a session that ends": {"/accounts", root, http.StatusUnauthorized, func(string, string) {
			w.visitor.Store(nil)
		}},
	} {
		owner := "owner-" + strings.ReplaceAll(name, " ", "-")
		ok(w.AddAccount(ctx, api.NewAccount{Name: owner, Role: "admin"}))(t)
		token := ok(w.AddToken(ctx, api.NewToken{Account: owner, Staff: true}))(t)
		a, _ := w.registry.State().Accounts.Account(owner)
		in := make(chan struct{}, 8)
		come := visitor(func(*http.Request) (api.Principal, bool, error) {
			in <- struct{}{}
			return api.Principal{Account: a.ID, Staff: true}, true, nil
		})
		w.visitor.Store(&come)
		body, slow := io.Pipe()
		r := ok(http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/api/v1"+c.target, body))(t)
		r.Header.Set("Content-Type", "application/json")
		if !strings.Contains(name, "session") {
			r.Header.Set("Authorization", "Bearer "+token.Secret)
		}
		answered := make(chan int, 1)
		go func() {
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				answered <- 0
				return
			}
			_ = answer.Body.Close()
			answered <- answer.StatusCode
		}()
		ok(slow.Write([]byte(" ")))(t)
		if strings.Contains(name, "session") {
			<-in
		} else {
			w.used(token.ID)
		}
		c.end(owner, token.ID)
		ok(slow.Write([]byte(strings.ReplaceAll(c.content, "OWNER", owner))))(t)
		done(t, slow.Close())
		if status := <-answered; status != c.status {
			t.Errorf("%s: %d, want %d", name, status, c.status)
		}
		if _, made := w.registry.State().Accounts.Account("mallory"); made {
			t.Errorf("%s makes an admin", name)
			done(t, w.DeleteAccount(ctx, "mallory", false))
		}
	}
}

// used waits until a request with the token was let in.
func (w *world) used(token string) {
	w.t.Helper()
	for range 6000 {
		if !w.rest.TokenUsed(token).IsZero() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatal("the token is not used")
}

// TestRightsEndBeforeTheCommit: nor may they when the operation has begun.
func TestRightsEndBeforeTheCommit(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "root", Role: "admin"}))(t)
	token := ok(w.AddToken(t.Context(), api.NewToken{Account: "root", Staff: true}))(t)
	body, slow := io.Pipe()
	form := multipart.NewWriter(slow)
	r := ok(http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/api/v1/zones:import", body))(t)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+token.Secret)
	go func() {
		part, err := form.CreateFormFile("example.org", "")
		if err == nil { // more than waits on its way, so that it is read
			_, err = io.WriteString(part, strings.Repeat("; "+strings.Repeat("-", 1000)+"\n", 16<<10))
		}
		if err == nil {
			err = w.RevokeToken(t.Context(), token.ID)
		}
		if err == nil {
			_, err = io.WriteString(part, "$ORIGIN example.org.\n@ 60 SOA ns1 hostmaster 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n")
		}
		_ = slow.CloseWithError(errors.Join(err, form.Close()))
	}()
	answer := ok(http.DefaultClient.Do(r))(t)
	text := ok(io.ReadAll(answer.Body))(t)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized || w.registry.State().Zones.Len() != 1 {
		t.Errorf("%d %s, and %d zones", answer.StatusCode, text, w.registry.State().Zones.Len())
	}
}
