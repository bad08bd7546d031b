// Package api is the REST API, version 1, with its OpenAPI description, and the
// Go client for it.
//
// It serves the command line at a Unix socket, where only the operator can come and
// nobody is asked for credentials, and other programs by API tokens. What it changes
// is durable and visible when it answers; what it cannot do it explains as a
// problem (RFC 9457), with a hint where there is one. Package admin says what may
// be done; who may ask for it, the table of rights says here.
package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/brand"
	"stayput.dev/internal/history"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// prefix is where the API lives.
const prefix = "/api/v1"

// Registry is what the API reads of the live state.
type Registry interface {
	// State returns the state after the last commit.
	State() *registry.State
	// Fresh returns the state, or a later one if that is needed to show all that
	// other nodes had acknowledged before the call.
	Fresh(context.Context, *registry.State) (*registry.State, error)
	// Note keeps what somebody did beside the state; it is durable on return.
	Note(ctx context.Context, by registry.Actor, n registry.Note) error
	// Err returns why the last write to the store failed, nil while it works.
	Err() error
	// Follow yields the commits after a revision, then waits for more.
	Follow(ctx context.Context, after registry.Revision) iter.Seq2[registry.Commit, error]
}

// Backup writes a consistent copy of all that is stored while the daemon runs.
type Backup interface {
	// Backup writes the file, at which nothing may stand yet.
	Backup(ctx context.Context, file string) error
}

// History remembers what devices asked and were told.
type History interface {
	// Host returns what was asked and told of a host, the latest first.
	Host(zone.Name) []history.Entry
	// Key returns what came with the user name of an update key and reached no
	// host, the latest first.
	Key(username string) []history.Entry
	// Failing returns the update keys whose secret was wrong again and again.
	Failing() []history.Failure
}

// Upgrades lets a new process of the program take over from this one.
type Upgrades interface {
	// Upgrade returns when the new process is ready to take over, which it then
	// does, or with the reason why it is not.
	Upgrade(ctx context.Context) error
	// UpgradeError returns why the last upgrade failed, "" when it did not.
	UpgradeError() string
}

// Secondaries knows the DNS servers that have zones from this one.
type Secondaries interface {
	// Check asks each of them which version it has of each zone.
	Check(ctx context.Context) []SecondaryStatus
}

// Config is what the API needs.
type Config struct {
	Admin    *admin.Service // must not be nil
	Registry Registry       // must not be nil
	Backup   Backup         // nil: there is no backup
	Upgrades Upgrades       // nil: there are none
	History  History        // nil: nothing is remembered
	Past     archive.Reader // nil: nothing is remembered
	Shelf    Shelf          // nil: no request may have an Idempotency-Key

	Secondaries Secondaries // nil: there are none
	Pushes      Pushes      // nil: there are none
	Nodes       Nodes       // nil: nobody knows of nodes
	Webhooks    Webhooks    // nil: there are none, and no operations for them
	Checks      Checks      // nil: no zone is checked
	Shadow      Shadow      // nil: nothing is compared
	SignIn      SignIn      // nil: nobody signs in
	People      People      // nil: nobody signs in
	Erasures    Erasures    // nil: nothing is erased
	Notices     Notices     // nil: nothing is told by mail

	Applications Applications // nil: nobody applies for an account

	Brand   *brand.Service // nil: there is none, and no operations for it
	SignIns SignIns        // nil: nobody signs in
	Tally   Tally          // nil: nobody stands out

	Version string // of the program
	Now     func() time.Time
}

// API answers everything below /api/v1/. It is safe for concurrent use.
type API struct {
	*server
	socket http.Handler
}

// ServeHTTP answers whoever asks, as the operator.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.socket.ServeHTTP(w, r) }

// server answers the requests.
type server struct {
	mux     *http.ServeMux
	used    used    // API tokens
	replays replays // of requests that make something
	streams

	admin    *admin.Service
	registry Registry
	backup   Backup
	upgrades Upgrades
	history  History
	past     archive.Reader

	secondaries Secondaries
	pushes      Pushes
	nodes       Nodes
	webhooks    Webhooks
	checks      Checks
	shadow      Shadow
	signIn      SignIn
	people      People
	erasures    Erasures
	notices     Notices

	applications Applications

	brand   *brand.Service
	signIns SignIns
	tally   Tally

	version string
	now     func() time.Time
	started time.Time
}

// New returns the API.
func New(c Config) *API {
	s := &server{
		admin: c.Admin.As(registry.Actor{Via: "api"}), registry: c.Registry, backup: c.Backup,
		upgrades: c.Upgrades, history: c.History, past: c.Past,
		secondaries: c.Secondaries, pushes: c.Pushes, nodes: c.Nodes, checks: c.Checks, signIn: c.SignIn, notices: c.Notices,
		shadow: c.Shadow, webhooks: c.Webhooks, people: c.People, erasures: c.Erasures, applications: c.Applications, brand: c.Brand, signIns: c.SignIns, tally: c.Tally,
		version: c.Version, now: c.Now,
	}
	if s.history == nil {
		s.history = history.New(c.Registry, 0, nil)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.started = s.now()
	s.replays.shelf, s.replays.now = c.Shelf, s.now

	mux := http.NewServeMux()
	s.mux = mux
	api := humago.NewWithPrefix(mux, prefix, describe(cmp.Or(c.Version, "dev")))
	s.addZones(api)
	s.addRecords(api)
	s.addAccounts(api)
	s.addCustomers(api)
	s.addTokens(api)
	s.addSignIn(api)
	s.addSignIns(api)
	s.addApplications(api)
	s.addNotices(api)
	s.addPlans(api)
	s.addHosts(api)
	s.addKeys(api)
	s.addTSIGKeys(api)
	s.addHistory(api)
	s.addPast(api)
	s.addStanding(api)
	s.addRecipes(api)
	s.addMoveIn(api)
	s.addEvents(api)
	if s.webhooks != nil {
		s.addWebhooks(api)
	}
	if s.brand != nil {
		s.addBrand(api)
		s.addMailTexts(api)
	}
	s.addPushes(api)
	s.addChecks(api)
	s.addShadow(api)
	s.addPrivacy(api)
	s.addService(api)
	s.addCluster(api)
	s.describeHeaders(api.OpenAPI())
	mux.HandleFunc("GET "+prefix+"/openapi.json", serveDescription(json.Marshal(api.OpenAPI())))
	mux.HandleFunc("GET "+prefix+"/openapi-3.0.json", serveDescription(api.OpenAPI().Downgrade()))
	mux.HandleFunc(others, s.nothing)
	socket := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, &visit{who: Principal{role: operator}})
	})
	return &API{s, socket}
}

// others is the pattern of all that no operation answers.
const others = "/"

// nothing tells that no operation answers, or only with other methods (RFC 9110 §15.5.6).
func (s *server) nothing(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range [...]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if _, pattern := s.mux.Handler(&http.Request{Method: method, Host: r.Host, URL: r.URL}); pattern != others {
			allowed = append(allowed, method)
		}
	}
	status := http.StatusNotFound
	if len(allowed) > 0 {
		status = http.StatusMethodNotAllowed
		w.Header().Set("Allow", strings.Join(allowed, ", "))
	}
	writeProblem(w, newProblem(status, fmt.Sprintf("nothing answers %s %s", r.Method, r.URL.Path), ""))
}

// serve answers a request, of which the visit says who asks.
func (s *server) serve(w http.ResponseWriter, r *http.Request, v *visit) {
	v.path, v.none = r.URL.EscapedPath(), r.Header.Get("If-None-Match")
	switch r.Method {
	case http.MethodPatch, http.MethodPut, http.MethodDelete:
		v.match = r.Header.Get("If-Match")
	}
	s.replays.serve(w, r.WithContext(withVisit(r.Context(), v)), &v.who, s.mux)
}

// describe returns the settings of huma: no pages, no links to schemas, only the
// answers; and every error as a Problem.
func describe(version string) huma.Config {
	c := huma.DefaultConfig("Stayput", version)
	c.Info.Description = "Zones, accounts, hosts and update keys."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[Problem]())
	c.Transformers = []huma.Transformer{func(_ huma.Context, _ string, v any) (any, error) {
		if fault, ok := v.(*huma.ErrorModel); ok {
			return fromModel(fault), nil
		}
		return v, nil
	}}
	return c
}

// serveDescription answers with an OpenAPI document, made once.
func serveDescription(text []byte, err error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			writeProblem(w, newProblem(http.StatusInternalServerError, err.Error(), ""))
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text)
	}
}

// body is a request in JSON.
type body[T any] struct{ Body T }

// shown is an answer in JSON.
type shown[T any] struct {
	ETag string `header:"ETag" doc:"Of what is shown, for If-None-Match and If-Match."`
	Body T
}

// askAgain finds out anew who asks, now that the body is there: whoever sends one slowly
// may be nobody by now.
func askAgain(v *visit) error {
	if v.again == nil {
		return nil
	}
	who, fault := v.again()
	if fault != nil {
		return fault
	}
	v.who = who
	return nil
}

// enter tells why an operation cannot be done.
func (s *server) enter(ctx context.Context, op *huma.Operation, in any) error {
	if err := s.catchUp(ctx, op); err != nil {
		return err
	}
	if err := askAgain(visitOf(ctx)); err != nil {
		return err
	}
	if err := s.admit(ctx, op.OperationID, in); err != nil {
		return err
	}
	return s.expect(visitOf(ctx), s.registry.State()) // a change of the state asks again
}

// answer adds an operation that answers with a T.
func answer[I, T any](s *server, api huma.API, op huma.Operation, handle func(context.Context, *I) (T, error)) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*shown[T], error) {
		if err := s.enter(ctx, &op, in); err != nil {
			return nil, problemFor(ctx, err)
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, problemFor(ctx, err)
		}
		if op.Method == http.MethodPost {
			return &shown[T]{"", out}, nil
		}
		tag := etagOf(out)
		if v := visitOf(ctx); op.Method == http.MethodGet && matches(v.none, tag, true) {
			return nil, huma.ErrorWithHeaders(huma.Status304NotModified(), http.Header{"Etag": {tag}})
		}
		return &shown[T]{tag, out}, nil
	})
}

// act adds an operation that answers with nothing but that it is done.
func act[I any](s *server, api huma.API, op huma.Operation, handle func(context.Context, *I) error) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*struct{}, error) {
		err := s.enter(ctx, &op, in)
		if err == nil {
			err = handle(ctx, in)
		}
		if err != nil {
			return nil, problemFor(ctx, err)
		}
		return nil, nil
	})
}

// flow adds an operation whose answer is written as it comes.
func flow[I any](s *server, api huma.API, op huma.Operation, handle func(context.Context, *I) (*huma.StreamResponse, error)) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		if err := s.enter(ctx, &op, in); err != nil {
			return nil, problemFor(ctx, err)
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, problemFor(ctx, err)
		}
		return out, nil
	})
}

// operation describes one way to ask.
func operation(method, path, id, summary string) huma.Operation {
	op := huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary}
	op.BodyReadTimeout = -1 // a deadline would also end requests that take long to do
	switch {
	case method == http.MethodDelete:
		op.DefaultStatus = http.StatusNoContent
	case strings.HasPrefix(id, "add-"):
		op.DefaultStatus = http.StatusCreated
	}
	return op
}
