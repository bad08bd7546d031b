// Package api is the REST API, version 1, with its OpenAPI description, and the
// Go client for it.
//
// It serves the command line and other programs of the operator. What it changes
// is durable and visible when it answers; what it cannot do it explains as a
// problem (RFC 9457), with a hint where there is one. It holds no rules of its
// own: package admin says what may be done. It asks nobody for credentials: the
// daemon serves it where only the operator can come, at a Unix socket.
package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
)

// prefix is where the API lives.
const prefix = "/api/v1"

// Registry is what the API reads of the live state.
type Registry interface {
	// State returns the state after the last commit.
	State() *registry.State
	// Err returns why the last write to the store failed, nil while it works.
	Err() error
}

// Backup writes a consistent copy of all that is stored while the daemon runs.
type Backup interface {
	// Backup writes the file, at which nothing may stand yet.
	Backup(ctx context.Context, file string) error
}

// Upgrades lets a new process of the program take over from this one.
type Upgrades interface {
	// Upgrade returns when the new process is ready to take over, which it then
	// does, or with the reason why it is not.
	Upgrade(ctx context.Context) error
	// UpgradeError returns why the last upgrade failed, "" when it did not.
	UpgradeError() string
}

// Config is what the API needs.
type Config struct {
	Admin    *admin.Service // must not be nil
	Registry Registry       // must not be nil
	Backup   Backup         // nil: there is no backup
	Upgrades Upgrades       // nil: there are none
	Version  string         // of the program
	Now      func() time.Time
}

// server answers the requests.
type server struct {
	admin    *admin.Service
	registry Registry
	backup   Backup
	upgrades Upgrades
	version  string
	now      func() time.Time
	started  time.Time
}

// New returns the handler of everything below /api/v1/. It is safe for
// concurrent use.
func New(c Config) http.Handler {
	s := &server{
		admin: c.Admin.As(registry.Actor{Via: "api"}), registry: c.Registry, backup: c.Backup,
		upgrades: c.Upgrades, version: c.Version, now: c.Now,
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.started = s.now()

	mux := http.NewServeMux()
	api := humago.NewWithPrefix(mux, prefix, describe(cmp.Or(c.Version, "dev")))
	s.addZones(api)
	s.addAccounts(api)
	s.addHosts(api)
	s.addKeys(api)
	s.addService(api)
	mux.HandleFunc("GET "+prefix+"/openapi.json", serveDescription(api.OpenAPI()))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, newProblem(http.StatusNotFound, fmt.Sprintf("nothing answers %s %s", r.Method, r.URL.Path), ""))
	})
	return mux
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

// serveDescription answers with the OpenAPI document, made once.
func serveDescription(doc *huma.OpenAPI) http.HandlerFunc {
	text, err := json.Marshal(doc)
	return func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			writeProblem(w, newProblem(http.StatusInternalServerError, err.Error(), ""))
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text)
	}
}

// body is an answer in JSON.
type body[T any] struct{ Body T }

// answer adds an operation that answers with a T.
func answer[I, T any](api huma.API, op huma.Operation, handle func(context.Context, *I) (T, error)) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*body[T], error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, problem(err)
		}
		return &body[T]{out}, nil
	})
}

// act adds an operation that answers with nothing but that it is done.
func act[I any](api huma.API, op huma.Operation, handle func(context.Context, *I) error) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*struct{}, error) {
		if err := handle(ctx, in); err != nil {
			return nil, problem(err)
		}
		return nil, nil
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
