// Package dyndns speaks the HTTP dialects in which routers, cameras and update
// programs say "my address is now this", and tells them what their address is.
//
// It promises each dialect's words byte for byte, and never a status that makes
// a known client give up for good without need: on update paths 200 with a
// keyword, 401 for credentials, 503 for what will pass. It decides nothing: who may
// change what is the update room's to say. Every reply has a Content-Length, so
// that the handlers are right under plain net/http as well.
package dyndns

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"sync/atomic"

	"stayput.dev/internal/update"
)

// Updater does what a request asks for, as update.Service does.
type Updater interface {
	// Update returns a result for each host, or an error when all failed.
	Update(context.Context, update.Request) ([]update.Result, error)
}

// Dialect is one way that devices say "my address is now this". A dialect is
// safe for concurrent use.
type Dialect interface {
	// Parse reads the request. What is wrong with single values it leaves to
	// the Updater, who looks at the credentials first.
	Parse(*http.Request) (update.Request, error)
	// Reply says what became of it; results are nil when err is not.
	Reply(http.ResponseWriter, *http.Request, []update.Result, error)
}

// Options are what a handler may be told. The zero Options are usual.
type Options struct {
	// Realm is what browsers show when they ask for a password: printable
	// ASCII without quotes and backslashes. Empty: "Dynamic DNS".
	Realm string

	// AlwaysGood says "good" where "nochg" would be right, for clients that
	// take nochg for a failure. Those known by name get it anyway, and of the
	// others an update key may decide otherwise.
	AlwaysGood bool
}

// Handler is the dialects and check-IP pages, each at its paths. It is safe for
// concurrent use.
type Handler struct {
	paths map[string]http.Handler
	opts  atomic.Pointer[Options]
}

// New returns the handler of all paths.
func New(updates Updater, opts Options) *Handler {
	h := &Handler{paths: map[string]http.Handler{}}
	h.SetOptions(opts)
	for _, r := range table(updates, &h.opts) {
		for _, path := range r.paths {
			h.paths[path] = r.handler
		}
	}
	return h
}

// SetOptions replaces the options. Requests that come later heed them.
func (h *Handler) SetOptions(opts Options) {
	opts.Realm = cmp.Or(opts.Realm, "Dynamic DNS")
	h.opts.Store(&opts)
}

// route is a handler and the paths that it answers, in canonical form: lower
// case, one leading slash, no trailing one.
type route struct {
	handler http.Handler
	paths   []string
}

// table is all that this room answers.
func table(updates Updater, opts *atomic.Pointer[Options]) []route {
	return []route{
		{&endpoint{updates, dyndns2{opts}}, []string{"/nic/update", "/v2/update", "/v3/update", "/update"}},
		{checkIPClassic, []string{
			"/checkip", "/nic/checkip", "/nic/checkip.html", "/checkip.html", "/checkip.php", "/dynamic/check.php",
		}},
		{checkIPPlain, []string{"/myip", "/ip", "/getip", "/nic/myip"}},
	}
}

// Paths returns the handler of each path. RemoteAddr of their requests must be
// the client's address, with or without a port. The map is the caller's.
func (h *Handler) Paths() map[string]http.Handler { return maps.Clone(h.paths) }

// endpoint answers the update paths of a dialect.
type endpoint struct {
	updates Updater
	dialect Dialect
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		allow(w, "GET, HEAD, POST, PUT, OPTIONS")
		return
	}
	results, err := e.update(r)
	e.dialect.Reply(w, r, results, err)
}

func (e *endpoint) update(r *http.Request) ([]update.Result, error) {
	if isFromOtherSite(r) {
		return nil, errOtherSite
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut:
	default:
		return nil, errBadMethod
	}
	req, err := e.dialect.Parse(r)
	if err != nil {
		return nil, err
	}
	if r.Method == http.MethodHead {
		req.V4, req.V6 = update.Family{}, update.Family{} // HEAD is answered but changes nothing
	}
	return e.updates.Update(r.Context(), req)
}

// isFromOtherSite tells whether a page elsewhere made a browser send the
// request, perhaps with credentials that the browser remembers. Pages at sibling
// names count as elsewhere: every customer may have one. Devices do not send this
// header.
func isFromOtherSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}
