package web_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/mail"
)

// addToken makes an API token and returns its page.
func (w *world) addToken(owner string) string {
	w.t.Helper()
	made, _, err := w.admin.AddToken(w.t.Context(), admin.NewToken{Account: owner, Name: "backup of names"})
	done(w.t, err)
	return "/account/tokens/" + made.ID
}

// tokenOf returns the ID of an API token of an account; "none" where there is none.
func (w *world) tokenOf(owner string) string {
	w.t.Helper()
	for _, made := range ok(w.admin.Tokens(owner))(w.t) {
		return made.ID
	}
	return "none"
}

// TestTokensAreMade: a customer makes an API token as narrow as it is to be, sees its
// secret once, and revokes it, without JavaScript.
func TestTokensAreMade(t *testing.T) {
	w := newWorld(t)
	w.addHost("alice", "home")
	alice := w.as("alice")
	alice.get("/account").shows(t, http.StatusOK, "/account/tokens")
	alice.get("/account/tokens").shows(t, http.StatusOK, "There are no API tokens yet", "/account/newtoken")
	alice.get("/account/newtoken").shows(t, http.StatusOK, "home.dyn.example.org").lacks(t, `name="staff"`)

	alice.post("/account/newtoken", "for", "some", "days", "30").shows(t, http.StatusUnprocessableEntity, "at least one host")
	alice.post("/account/newtoken", "days", "31").shows(t, http.StatusUnprocessableEntity, "one of those that are offered")
	alice.post("/account/newtoken", "days", "30", "sources", "192.0.2.0/24, here").shows(t, http.StatusUnprocessableEntity, "“here” is not a network")
	if got := w.tokenOf("alice"); got != "none" {
		t.Errorf("a form that was refused made the token %s", got)
	}

	at := alice.post("/account/newtoken", "name", "my script", "for", "some", "host", "home.dyn.example.org", "read", "on", "days", "30",
		"sources", "192.0.2.7, 2001:db8::/32").leads(t, "/account/tokens/")
	made := ok(w.admin.Token(w.tokenOf("alice")))(t)
	if !made.ReadOnly || made.Staff || len(made.Hosts) != 1 || len(made.Sources) != 2 || !made.Expires.Equal(noon.AddDate(0, 0, 30)) {
		t.Errorf("the token is %+v", made)
	}
	p := alice.get(at).shows(t, http.StatusOK, "my script", "reads only", "192.0.2.7/32", `id="secret"`, "/api/v1")
	secret := regexp.MustCompile(`id="secret">(stp_\w+)<`).FindStringSubmatch(p.body)
	if secret == nil {
		t.Fatalf("the page shows no secret:\n%s", p.body)
	}
	if found, known := w.admin.State().Accounts.APITokenBySecret(secret[1]); !known || found.ID != made.ID {
		t.Errorf("the secret that is shown is not the token's: %+v", found)
	}
	alice.get("/account/tokens").shows(t, http.StatusOK, "my script").lacks(t, secret[1])
	w.as("root").get(at).shows(t, http.StatusNotFound)
	w.at(-31 * time.Minute)
	alice.get(at).shows(t, http.StatusOK).lacks(t, secret[1])

	alice.get(at+"/revoke").shows(t, http.StatusOK, "Revoke my script?", "are refused from then on")
	alice.post(at+"/revoke").leads(t, "/account/tokens")
	alice.get(at).shows(t, http.StatusNotFound)
}

// TestTokensWantAProof: who left a browser open leaves nobody a way in that outlasts the
// session.
func TestTokensWantAProof(t *testing.T) {
	w := newWorld(t)
	w.session("alice")
	w.at(-16 * time.Minute)
	alice := w.as("alice")
	alice.get("/account/newtoken").leads(t, "/account/prove?next=%2Faccount%2Fnewtoken")
	alice.post("/account/newtoken", "days", "0").leads(t, "/account/prove")
	if got := w.tokenOf("alice"); got != "none" {
		t.Errorf("without a proof the token %s was made", got)
	}
}

// TestTokensForStaff: only an admin makes a token that may what the role may.
func TestTokensForStaff(t *testing.T) {
	w := newWorld(t)
	w.as("root").get("/account/newtoken").shows(t, http.StatusOK, `name="staff"`)
	at := w.as("root").post("/account/newtoken", "staff", "on", "days", "0").leads(t, "/account/tokens/")
	w.as("root").get(at).shows(t, http.StatusOK, "Whatever your role may", "no end")
	for _, name := range []string{"alice", "desk"} {
		w.as(name).get("/account/newtoken").shows(t, http.StatusOK).lacks(t, `name="staff"`)
		w.as(name).post("/account/newtoken", "staff", "on", "days", "0").shows(t, http.StatusForbidden)
	}
	if id := strings.TrimPrefix(at, "/account/tokens/"); !ok(w.admin.Token(id))(t).Staff {
		t.Error("the token is none for staff")
	}
}

// TestTokensAreTold: the owner of an API token that was made on the page hears of it, once,
// in the language of the page.
func TestTokensAreTold(t *testing.T) {
	w := newWorld(t)
	ok(w.admin.SetAccount(t.Context(), "alice", admin.AccountChange{Email: new("alice@example.org")}))(t)
	alice := w.as("alice")
	alice.language = "fr"
	alice.post("/account/newtoken", "name", "my script", "days", "30").leads(t, "/account/tokens/")
	w.mu.Lock()
	defer w.mu.Unlock()
	told := slices.DeleteFunc(slices.Clone(w.letters), func(m mail.Message) bool { return m.Kind != mail.TokenMade })
	if len(told) != 1 || told[0].To != "alice@example.org" || told[0].Language != "fr" || told[0].Data.Token != "my script" || told[0].Data.Place != "127.0.0.1" {
		t.Errorf("the mails are %+v", told)
	}
}
