package dyndns_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/history"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// TestKeysForTLSOnly: such a key is refused where its secret could be read on the
// way, whatever asks; others are not.
func TestKeysForTLSOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyndns.Options{})
	w.apply(t, func(st *registry.State) (registry.Changes, error) {
		k, _ := st.Accounts.Key("alice")
		k.TLSOnly = true
		return registry.Changes{Accounts: account.Changes{Keys: []account.Key{k}}}, nil
	})
	past := history.New(w.registry, 1<<20, nil)
	h := dyndns.New(w.service, dyndns.Options{Recorder: past})
	ask := func(user, secret, target, body string, change func(*http.Request)) int {
		r := request(http.MethodPost, target, body)
		r.SetBasicAuth(user, secret)
		change(r)
		reply := httptest.NewRecorder()
		handlerOf(h, r).ServeHTTP(reply, r)
		return reply.Code
	}
	const update, present = "/nic/update?hostname=home.dyn.example.org&myip=203.0.113.9", "/present"
	const challenge = `{"fqdn": "_acme-challenge.home.dyn.example.org.", "value": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"}`
	plain := func(*http.Request) {}
	direct := func(r *http.Request) { r.TLS = &tls.ConnectionState{} }
	proxied := func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }
	for _, test := range []struct {
		what         string
		user, secret string
		target, body string
		change       func(*http.Request)
		want         int
	}{
		{"plain", "alice", "alices-update-secret", update, "", plain, 401},
		{"plain challenge", "alice", "alices-update-secret", present, challenge, plain, 401},
		{"plain with another key", "nas-only", "the-secret-of-the-nas", update, "", plain, 200},
		{"TLS", "alice", "alices-update-secret", update, "", direct, 200},
		{"TLS challenge", "alice", "alices-update-secret", present, challenge, direct, 200},
		{"TLS to the proxy", "alice", "alices-update-secret", update, "", proxied, 200},
	} {
		before := w.a(t, "home.dyn.example.org")
		if got := ask(test.user, test.secret, test.target, test.body, test.change); got != test.want {
			t.Errorf("%s: status = %d, want %d", test.what, got, test.want)
		}
		if now := w.a(t, "home.dyn.example.org"); test.want == 401 && now != before {
			t.Errorf("%s: the address changed", test.what)
		}
	}
	said := 0
	for _, e := range past.Host(zone.MustName("home.dyn.example.org")) {
		if e.Why == history.InTheClear && e.Status == 401 && e.Username == "alice" {
			said++
		}
	}
	if said != 2 {
		t.Errorf("the history tells of it %d times, want 2", said)
	}
}
