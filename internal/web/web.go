// Package web is the pages that people see: customers, the support desk and staff.
//
// It promises that every page works without JavaScript and asks no other site for
// anything; that what devices and customers wrote is shown as text, never obeyed;
// that nobody sees or changes what is another account's unless their role says so;
// and that a page which fails says what to do.
//
// The pages are made on the server by html/template (pages/), in the languages of
// the catalogues (lang/), with one style sheet and one script (assets/). Whoever
// looks at a live page hears of changes by server-sent events, and htmx asks for
// the page again.
package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/brand"
	"stayput.dev/internal/history"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/zone"
)

// Registry is the live state, as registry.Registry is.
type Registry interface {
	// Await returns when the state is at the revision or later, or ctx ends.
	Await(ctx context.Context, revision registry.Revision) error
	// Err returns why the last write to the store failed, nil while it works.
	Err() error
}

// History is what devices asked and were told, as history.History has it.
type History interface {
	// Host returns what was asked and told of a host, the latest first.
	Host(name zone.Name) []history.Entry
	// Key returns what came with an update key and reached no host, the latest
	// first.
	Key(username string) []history.Entry
	// Failing returns the update keys whose secret was wrong again and again.
	Failing() []history.Failure
}

// Files are what people may ask about themselves: to see it all, and to be forgotten.
type Files interface {
	// Export writes all that is kept about an account, as JSON.
	Export(ctx context.Context, account string, w io.Writer) error
	// Erase deletes an account of a customer, and returns by when nothing is left of
	// it.
	Erase(ctx context.Context, by registry.Actor, account string) (time.Time, error)
}

// Config is what the pages are made of. What is above the blank line must be given.
type Config struct {
	Admin    *admin.Service
	Registry Registry
	History  History
	Archive  archive.Reader // what is no longer so
	SignIn   *signin.Service
	Brand    *brand.Service
	Files    Files
	Notices  Notices

	TokenUses TokenUses // nil: nobody knows when API tokens were used
	House     House     // what else staff see
	Options   Options
	Logger    *slog.Logger     // nil: slog.Default()
	Now       func() time.Time // nil: time.Now
}

// Options may change while the pages are shown.
type Options struct {
	MaySignUp bool     // people may make accounts of their own
	Approval  bool     // staff approve them
	SendsMail bool     // links come by mail
	PublicURL *url.URL // by which people and devices reach us; nil: as each request says, and without passkeys
}

// Pages answers for everything that people see. It is safe for concurrent use.
type Pages struct {
	Config
	mux        *http.ServeMux
	tongues    []*tongue
	slips      *slips
	brandViews brandViews
	streams    streams
	opts       atomic.Pointer[Options]
	leaving    chan struct{} // closed when streams are to end
}

// New returns the pages.
func New(c Config) *Pages {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	p := &Pages{
		Config: c, mux: http.NewServeMux(), tongues: speak(), slips: newSlips(c.Now), leaving: make(chan struct{}),
	}
	p.SetOptions(c.Options)
	for _, r := range p.routes() {
		p.mux.Handle(r.pattern, p.serve(r))
	}
	p.mux.HandleFunc("GET /assets/{name}", serveAsset)
	p.mux.HandleFunc("GET /brand/{name}", p.serveBrand)
	return p
}

// SetOptions replaces Config.Options.
func (p *Pages) SetOptions(o Options) { p.opts.Store(&o) }

// Leave ends the streams of live pages, so that a server which shuts down need not
// wait for them. It must be called once at most.
func (p *Pages) Leave() { close(p.leaving) }

// ServeHTTP answers a request.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.secure(w.Header(), r)
	if err := crossOrigin.Check(r); err != nil {
		p.newVisit(w, r).fail(errForeignForm)
		return
	}
	if _, pattern := p.mux.Handler(r); pattern == "" {
		p.newVisit(w, r).fail(p.unknown(r))
		return
	}
	p.mux.ServeHTTP(w, r)
}

// unknown says what is wrong with a request that no route takes.
func (p *Pages) unknown(r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return errMethod
	}
	return admin.ErrNotFound
}
