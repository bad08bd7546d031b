package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/signin"
	"stayput.dev/test/rig"
)

// addProvider gives the world an identity provider with one user, who is called so there.
// People may make accounts of their own besides.
func (w *world) addProvider(user string) *rig.Provider {
	w.t.Helper()
	p := rig.StartProvider(w.t)
	p.Info = map[string]any{"sub": "u1", "preferred_username": user}
	p.Spoil = func(claims map[string]any) { claims["exp"] = w.clock().Add(time.Hour).Unix() }
	w.signin.SetOptions(signin.Options{
		PublicURL: ok(url.Parse(w.url))(w.t), SignUp: signin.SignUpOn, OIDC: &signin.OIDC{Issuer: p.URL, ClientID: "web", Name: "Example SSO"},
	})
	return p
}

var toProvider = regexp.MustCompile(`href="(http://[^"]+/auth\?[^"]+)"`)

// connect sends somebody to the provider, and whoever is signed in as back comes from
// there.
func (w *world) connect(p *rig.Provider, as, back string) page {
	w.t.Helper()
	asked := w.as(as).get("/account/provider").shows(w.t, http.StatusOK, "Connect with Example SSO")
	to := toProvider.FindStringSubmatch(asked.body)
	if to == nil {
		w.t.Fatalf("the page does not lead to the provider:\n%s", asked.body)
	}
	r := ok(http.NewRequest(http.MethodGet, w.url+signin.PathOIDC+"?"+p.Approve(html.UnescapeString(to[1])).Encode(), nil))(w.t)
	r.Header.Set("Cookie", strings.Split(asked.header.Get("Set-Cookie"), ";")[0])
	return w.as(back).do(r)
}

// TestConnecting: somebody connects their account on its page, sees what it is connected
// with, and ends it.
func TestConnecting(t *testing.T) {
	w := newWorld(t)
	w.as("alice").get("/account").shows(t, http.StatusOK).lacks(t, "/account/provider")
	w.as("alice").get("/account/provider").shows(t, http.StatusNotFound)
	p := w.addProvider(evil)
	w.as("alice").get("/account").shows(t, http.StatusOK, "Example SSO", `href="/account/provider"`)
	if to := w.connect(p, "alice", "alice").leads(t, "/account"); to != "/account?saved" {
		t.Errorf("the way leads back to %s", to)
	}
	account := w.as("alice").get("/account").shows(t, http.StatusOK, "Example SSO", "As “&lt;b/id=evil&gt;").lacks(t, "/account/provider", "<b/id=evil")
	w.as("alice").get("/account/provider").leads(t, "/account")

	end := regexp.MustCompile(`/account/identities/\w+/remove`).FindString(account.body)
	w.as("bob").post(end).leads(t, "/account")
	w.as("alice").get(end).shows(t, http.StatusOK, "End this connection?")
	w.as("alice").post(end).leads(t, "/account?saved")
	w.as("alice").get("/account").shows(t, http.StatusOK, `href="/account/provider"`)
	w.as("root").get("/staff/audit?of=signin&account=alice").shows(t, http.StatusOK, "account linked to the provider", "account unlinked from the provider")
}

// TestConnectingIsRefused: what comes back belongs to whoever went there, and to nobody
// else; why it is refused stands on the page.
func TestConnectingIsRefused(t *testing.T) {
	w := newWorld(t)
	p := w.addProvider(evil)
	w.connect(p, "alice", "bob").shows(t, http.StatusUnprocessableEntity, "began in another window")
	w.connect(p, "alice", "").leads(t, "/signin?next=/account")
	w.connect(p, "alice", "alice").leads(t, "/account?saved")
	w.connect(p, "bob", "bob").shows(t, http.StatusUnprocessableEntity, "connected with another account here")
	w.as("bob").get("/account").shows(t, http.StatusOK, `href="/account/provider"`)

	w.session("root")
	w.at(-16 * time.Minute)
	w.as("root").get("/account/provider").leads(t, "/account/prove?next=%2Faccount%2Fprovider")
	w.as("root").get("/account/identities/x/remove").leads(t, "/account/prove")
}

// TestLateFromProvider: whoever comes back from the provider too late is told that, and may
// begin again.
func TestLateFromProvider(t *testing.T) {
	w := newWorld(t)
	w.addProvider(evil)
	w.as("").get(signin.PathOIDC+"?state=x&code=y").shows(t, http.StatusUnprocessableEntity, "That took too long", `href="/signin/provider`).lacks(t, "Links in")
}
