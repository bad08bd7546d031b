package dyndns

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"

	"stayput.dev/internal/account"
	"stayput.dev/internal/update"
)

// httpReq is what lego's provider "httpreq" speaks, and so Traefik:
//
//	POST /present
//	Authorization: Basic …
//
//	{"fqdn": "_acme-challenge.home.dyn.example.org.", "value": "…"}
//
// and /cleanup, to take the record away. In its mode RAW it sends the domain and
// the key authorization in their place.
type httpReq struct {
	acme
	cleanup bool
}

// httpReqBody is what is posted in both modes.
type httpReqBody struct {
	FQDN, Value     string
	Domain, KeyAuth string
}

// ServeHTTP implements http.Handler.
func (h httpReq) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.post(w, r) {
		return
	}
	status, word := h.status(challenged(h.answer(r)))
	if status == http.StatusUnauthorized {
		challenge(w, h.opts.Load())
	}
	write(w, status, "text/plain", []byte(word+"\n"))
}

func (h httpReq) answer(r *http.Request) (update.Result, error) {
	var body httpReqBody
	if err := readJSON(r, &body); err != nil {
		return update.Result{}, err
	}
	c := update.Challenge{Host: body.FQDN, Value: body.Value, Remove: h.cleanup, Plain: isPlain(r), Source: clientAddr(r), Via: "httpreq"}
	if body.KeyAuth != "" {
		sum := sha256.Sum256([]byte(body.KeyAuth)) // RFC 8555 §8.4
		c.Host, c.Value = body.Domain, base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if c.Host == "" || c.Value == "" {
		return update.Result{}, errBadForm
	}
	c.Username, c.Secret = parseAuthorization(r.Header.Get("Authorization"))
	return h.updates.Challenge(r.Context(), c)
}

// status returns what to say. The client only looks at the status, and shows the
// rest.
func (h httpReq) status(err error) (status int, word string) {
	switch {
	case err == nil:
		return http.StatusOK, "good"
	case errors.Is(err, account.ErrBadCredential):
		return http.StatusUnauthorized, "badauth"
	case errors.Is(err, errNoHost), errors.Is(err, update.ErrNoHostNamed):
		return http.StatusForbidden, "nohost"
	case errors.Is(err, errBadForm), errors.Is(err, update.ErrBadChallenge):
		return http.StatusBadRequest, "badvalue"
	}
	return http.StatusServiceUnavailable, "911"
}
