package dyndns

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"stayput.dev/internal/account"
	"stayput.dev/internal/update"
)

// acme is what the dialects have in common in which programs that fetch
// certificates answer the challenge of the authority.
type acme struct {
	opts    *atomic.Pointer[Options]
	updates Updater
}

// post tells whether a request may be answered, and otherwise answers it.
func (a acme) post(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.Method == http.MethodPost && !isFromOtherSite(r):
		return true
	case r.Method == http.MethodOptions:
		allow(w, "POST, OPTIONS")
	case r.Method == http.MethodPost:
		write(w, http.StatusForbidden, "text/plain", []byte("badagent\n"))
	default:
		w.Header().Set("Allow", "POST, OPTIONS")
		write(w, http.StatusMethodNotAllowed, "text/plain", []byte("badagent\n"))
	}
	return false
}

// readJSON fills v with what a client posted. It fails with errBadForm.
func readJSON(r *http.Request, v any) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	if err != nil || len(body) > maxForm || json.Unmarshal(body, v) != nil {
		return errBadForm
	}
	return nil
}

// challenged returns what went wrong with a challenge; nil when all is well.
func challenged(result update.Result, err error) error {
	if err == nil && !result.Outcome.IsSuccess() {
		return errNoHost
	}
	return err
}

// errNoHost says that a host is unknown or another's.
var errNoHost = errors.New("no such host")

// acmeDNS is what clients of acme-dns speak:
//
//	POST /update
//	X-Api-User: alice
//	X-Api-Key: …
//
//	{"subdomain": "home.dyn.example.org", "txt": "…"}
//
// The subdomain is the name of the host, and the record stands at
// _acme-challenge below it, which is also called the full domain.
type acmeDNS struct{ acme }

// The headers with the credentials.
const acmeUser, acmeKey = "X-Api-User", "X-Api-Key"

// isACMEDNS tells acme-dns from the dialects that share its path.
func isACMEDNS(r *http.Request, _ query) bool {
	return r.Method == http.MethodPost && r.Header.Get(acmeUser) != ""
}

// ServeHTTP implements http.Handler.
func (a acmeDNS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.post(w, r) {
		return
	}
	var body struct{ Subdomain, Txt string }
	err := readJSON(r, &body)
	c := update.Challenge{
		Username: text(r.Header.Get(acmeUser)), Secret: text(r.Header.Get(acmeKey)),
		Host: strings.TrimSpace(body.Subdomain), Value: body.Txt, Plain: isPlain(r), Source: clientAddr(r), Via: "acme-dns",
	}
	switch {
	case err != nil:
	case c.Host == "":
		err = errNoHost
	case c.Value == "":
		err = update.ErrBadChallenge
	default:
		err = challenged(a.updates.Challenge(r.Context(), c))
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	txt, _ := json.Marshal(body.Txt) // strings always can be
	write(w, http.StatusOK, "application/json", []byte(`{"txt": `+string(txt)+`}`))
}

// fail says what went wrong in the words of acme-dns.
func (a acmeDNS) fail(w http.ResponseWriter, err error) {
	status, word := http.StatusBadRequest, ""
	switch {
	case errors.Is(err, account.ErrBadCredential):
		status, word = http.StatusUnauthorized, "forbidden"
		challenge(w, a.opts.Load())
	case errors.Is(err, errNoHost), errors.Is(err, update.ErrNoHostNamed):
		word = "bad_subdomain"
	case errors.Is(err, update.ErrBadChallenge):
		word = "bad_txt"
	case errors.Is(err, errAllowFrom):
		word = "invalid_allowfrom_cidr"
	case errors.Is(err, errBadForm):
		word = "malformed_json_payload"
	default:
		status, word = http.StatusServiceUnavailable, "db_error"
	}
	write(w, status, "application/json", []byte(`{"error": "`+word+`"}`))
}

// errAllowFrom says that a client wants its key to be bound to networks.
var errAllowFrom = errors.New("update keys are not bound to networks")

// registration answers clients of acme-dns that want an account: it makes none, but
// tells whoever has an update key, by HTTP Basic or the headers of acme-dns, how to
// use it.
type registration struct{ acmeDNS }

// ServeHTTP implements http.Handler.
func (a registration) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.post(w, r) {
		return
	}
	user, secret := text(r.Header.Get(acmeUser)), text(r.Header.Get(acmeKey))
	if header := r.Header.Get("Authorization"); header != "" {
		user, secret = parseAuthorization(header)
	}
	result, err := a.updates.Challenge(r.Context(), update.Challenge{
		Username: user, Secret: secret, Plain: isPlain(r), Source: clientAddr(r), Via: "acme-dns",
	})
	if err == nil {
		err = a.checkBody(r)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	body, _ := json.Marshal(registered{user, secret, update.ChallengeLabel + "." + result.Host, result.Host, []string{}}) //nolint:gosec // to who has just sent it
	write(w, http.StatusCreated, "application/json", body)
}

// registered is the reply to a client that registers.
type registered struct {
	Username   string   `json:"username"`
	Password   string   `json:"password"`
	Fulldomain string   `json:"fulldomain"`
	Subdomain  string   `json:"subdomain"`
	Allowfrom  []string `json:"allowfrom"`
}

// checkBody refuses what we would not keep to. There need be no body.
func (a registration) checkBody(r *http.Request) error {
	var body struct{ AllowFrom []string }
	if r.ContentLength != 0 && readJSON(r, &body) != nil {
		return errBadForm
	}
	if len(body.AllowFrom) > 0 {
		return errAllowFrom
	}
	return nil
}
