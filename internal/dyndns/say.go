package dyndns

import (
	"errors"
	"net/http"
	"strconv"

	"stayput.dev/internal/account"
	"stayput.dev/internal/update"
)

// Faults of a request that make it never reach the Updater.
var (
	errOtherSite = errors.New("a page of another site sent the request")
	errBadMethod = errors.New("method means nothing here")
	errBadForm   = errors.New("form cannot be read")
)

// say returns the status and the keyword for what Parse or Update failed with,
// in the words of the Dyn Remote Access API. Everything that is not the client's
// fault will pass: 503 makes every client try again later.
func say(err error) (status int, word string) {
	switch {
	case errors.Is(err, account.ErrBadCredential):
		return http.StatusUnauthorized, "badauth"
	case errors.Is(err, update.ErrBadAddress):
		return http.StatusOK, "badip"
	case errors.Is(err, update.ErrTooManyHosts):
		return http.StatusOK, "numhost"
	case errors.Is(err, update.ErrNoHostNamed):
		return http.StatusOK, "notfqdn"
	case errors.Is(err, errBadMethod), errors.Is(err, errBadForm), errors.Is(err, update.ErrBadText):
		return http.StatusOK, "badagent"
	case errors.Is(err, errOtherSite):
		return http.StatusForbidden, "badagent"
	}
	return http.StatusServiceUnavailable, "911"
}

// isPassing tells whether asking again later helps.
func isPassing(err error) bool {
	status, _ := say(err)
	return status == http.StatusServiceUnavailable
}

// lenient returns the status for dialects that refuse with 200 what others refuse
// with 401.
func lenient(status int) int {
	if status == http.StatusUnauthorized {
		return http.StatusOK
	}
	return status
}

// write sends a whole reply that nobody may keep.
func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// challenge asks for credentials. Some clients send none unless they are asked.
func challenge(w http.ResponseWriter, opts *Options) {
	w.Header().Set("WWW-Authenticate", `Basic realm="`+opts.Realm+`"`)
}

// allow answers OPTIONS.
func allow(w http.ResponseWriter, methods string) {
	w.Header().Set("Allow", methods)
	w.WriteHeader(http.StatusNoContent)
}
