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
	"net/netip"
	"strings"
	"sync/atomic"

	"stayput.dev/internal/update"
)

// Updater does what a request asks for, as update.Service does.
type Updater interface {
	// Update returns a result for each host, or an error when all failed.
	Update(context.Context, update.Request) ([]update.Result, error)
	// Challenge answers the challenge of a certificate authority.
	Challenge(context.Context, update.Challenge) (update.Result, error)
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

	// Recorder hears of every exchange; may be nil. SetOptions cannot change it.
	Recorder Recorder
}

// Handler is the dialects and check-IP pages, each at its paths. It is safe for
// concurrent use.
type Handler struct {
	paths     map[string]http.Handler
	opts      atomic.Pointer[Options]
	recording *recording // nil: nobody is told
}

// New returns the handler of all paths.
func New(updates Updater, opts Options) *Handler {
	h := &Handler{}
	h.SetOptions(opts)
	if opts.Recorder != nil {
		h.recording = &recording{to: opts.Recorder}
	}
	rows := h.table(updates)
	if h.recording != nil {
		h.recording.mask = newMask(rows)
	}
	h.paths = byPath(rows)
	return h
}

// SetOptions replaces the options. Requests that come later heed them.
func (h *Handler) SetOptions(opts Options) {
	opts.Realm = cmp.Or(opts.Realm, "Dynamic DNS")
	h.opts.Store(&opts)
}

// AnyPath returns the handler for hosts that are set aside for updates, whatever the
// path: deSEC's.
func (h *Handler) AnyPath() http.Handler { return h.paths["/desec/"] }

// Paths returns the handler of each path but "/", which is for Root. A path that
// ends in a slash stands for all below it, and for itself. RemoteAddr of their
// requests must be the client's address, with or without a port. The map is the
// caller's.
func (h *Handler) Paths() map[string]http.Handler {
	paths := maps.Clone(h.paths)
	delete(paths, "/")
	return paths
}

// Root returns the handler for a request of "/" that a device sent whose URL has
// no path, and nil for all others. It does not read the body.
func (h *Handler) Root(r *http.Request) http.Handler {
	if strings.HasPrefix(r.UserAgent(), "Linux-DUC/") {
		return checkIPBare
	}
	q := appendQuery(nil, r.URL.RawQuery)
	if q.first(hostKeys) != "" || q.hasAny(eitherKeys, v4Keys, v6Keys, prefixKeys) || isBareLogin(r) {
		return h.paths["/"]
	}
	return nil
}

// isBareLogin tells whether the request has nothing but credentials, which a
// browser did not send.
func isBareLogin(r *http.Request) bool {
	return r.URL.RawQuery == "" && r.Header.Get("Authorization") != "" && r.Header.Get("Sec-Fetch-Site") == ""
}

// endpoint answers the update paths of a dialect.
type endpoint struct {
	updates   Updater
	dialect   Dialect
	recording *recording // nil: nobody is told
}

// ServeHTTP implements http.Handler.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		allow(w, "GET, HEAD, POST, PUT, OPTIONS")
		return
	}
	if e.recording == nil {
		results, err := e.update(r, new(update.Request))
		e.dialect.Reply(w, r, results, err)
		return
	}
	t := begin(w, r)
	t.results, t.err = e.update(r, &t.asked)
	e.dialect.Reply(t, r, t.results, t.err)
	t.end(e.recording, r)
}

// update does what the request asks for, which asked is set to when it is known.
func (e *endpoint) update(r *http.Request, asked *update.Request) ([]update.Result, error) {
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
	req.Plain = isPlain(r)
	if r.Method == http.MethodHead {
		req = question(req)
	}
	*asked = req
	return e.updates.Update(r.Context(), req)
}

// isPlain tells whether a request crossed in the clear on its way here, or to the
// proxy that handed it on.
func isPlain(r *http.Request) bool {
	return r.TLS == nil && !strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// question returns a request that changes nothing, as HEAD must, and otherwise is as
// the one given.
func question(req update.Request) update.Request {
	req.V4, req.V6, req.Each = update.Family{}, update.Family{}, nil
	req.Prefix, req.Offline, req.Options, req.Text = netip.Prefix{}, false, update.HostOptions{}, nil
	return req
}

// isFromOtherSite tells whether a page elsewhere made a browser send the
// request, perhaps with credentials that the browser remembers. Pages at sibling
// names count as elsewhere: every customer may have one. Devices do not send this
// header.
func isFromOtherSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}
