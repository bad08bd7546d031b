package rig

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Provider is an identity provider (OpenID Connect Core 1.0) that can lie in every way; what
// it signs, it signs truly. Its client is "web", and its user "u1" unless Spoil and Info
// say another. The fields must not change while it is asked.
type Provider struct {
	*httptest.Server
	Token func(claims map[string]any) string // makes the ID token of the claims
	Spoil func(claims map[string]any)        // changes them before; may be nil
	Info  map[string]any                     // what it tells of its user besides

	key *rsa.PrivateKey

	mu     sync.Mutex // guards what follows
	nonces map[string]string
}

// StartProvider runs a provider until the test ends.
func StartProvider(t testing.TB) *Provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{key: key, nonces: map[string]string{}, Info: map[string]any{"sub": "u1"}}
	p.Token = func(c map[string]any) string { return p.Sign("RS256", c) }
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"userinfo_endpoint": p.URL + "/info", "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		n, e := key.N.Bytes(), big.NewInt(int64(key.E)).Bytes()
		answer(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k", "n": base64.RawURLEncoding.EncodeToString(n), "e": base64.RawURLEncoding.EncodeToString(e)}}})
	})
	mux.HandleFunc("/info", func(w http.ResponseWriter, _ *http.Request) { answer(w, p.Info) })
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		p.mu.Lock()
		nonce, ok := p.nonces[r.FormValue("code")+base64.RawURLEncoding.EncodeToString(sum[:])]
		p.mu.Unlock()
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]any{"error": "invalid_grant"})
			return
		}
		c := map[string]any{
			"iss": p.URL, "sub": "u1", "aud": "web", "nonce": nonce, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
			"email": "anna@example.org", "email_verified": true, "groups": []string{"users"},
		}
		if p.Spoil != nil {
			p.Spoil(c)
		}
		answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": p.Token(c)})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// Be makes its user another, who is in groups.
func (p *Provider) Be(subject, name string, groups ...string) {
	p.Info = map[string]any{"sub": subject, "preferred_username": name}
	p.Spoil = func(claims map[string]any) { claims["sub"], claims["groups"] = subject, groups }
}

// Approve is what its user does where a page sends them to: it returns the query to come
// back with.
func (p *Provider) Approve(to string) url.Values {
	u, _ := url.Parse(to)
	q := u.Query()
	p.mu.Lock()
	defer p.mu.Unlock()
	code := "code" + q.Get("state")
	p.nonces[code+q.Get("code_challenge")] = q.Get("nonce")
	return url.Values{"code": {code}, "state": {q.Get("state")}}
}

// Sign makes a token of claims, as the provider does by an algorithm: RS256, or none.
func (p *Provider) Sign(algorithm string, claims map[string]any) string {
	return SignToken(p.key, algorithm, claims)
}

// SignToken makes a token (RFC 7519) of claims.
func SignToken(key *rsa.PrivateKey, algorithm string, claims map[string]any) string {
	head, _ := json.Marshal(map[string]string{"alg": algorithm, "kid": "k", "typ": "JWT"})
	body, _ := json.Marshal(claims)
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	if algorithm == "none" {
		return text + "."
	}
	sum := sha256.Sum256([]byte(text))
	signature, _ := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}
