package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/internal/brand"
	"stayput.dev/internal/registry"
	"stayput.dev/test/rig"
)

// TestMain fails, when all tests have run, if there is an operation that none has
// called with success. Each answer was held against the description.
func TestMain(m *testing.M) {
	code := m.Run()
	var chosen string // not empty when these are not all of the tests
	for _, by := range []string{"test.list", "test.run", "test.skip", "test.fuzz"} {
		chosen += flag.Lookup(by).Value.String()
	}
	if code == 0 && chosen == "" {
		called.mu.Lock()
		for _, route := range routes {
			// An upgrade needs a program, a reconciliation a server to push to, a check the world, the
			// others a way to sign in, or mail.
			elsewhere := []string{
				"POST /upgrade", "POST /zones/{zone}/reconcile", "GET /zones/{zone}/check", "POST /accounts/{account}/invitation",
				"DELETE /accounts/{account}/factors", "DELETE /accounts/{account}/sessions", "GET /hosts/{host}/notice", "PATCH /hosts/{host}/notice",
			}
			if rig.OnPostgres() {
				elsewhere = append(elsewhere, "POST /backup") // is pg_dump's
			}
			if !called.routes[route] && !slices.Contains(elsewhere, route) {
				fmt.Printf("no test has called %s with success\n", route)
				code = 1
			}
		}
		called.mu.Unlock()
	}
	os.Exit(code)
}

// called is what the tests have called with success.
var called struct {
	mu     sync.Mutex // guards routes
	routes map[string]bool
}

// description is the OpenAPI document, ready to hold answers against.
type description struct {
	paths      map[string]map[string]any
	components map[string]any
	compiler   *jsonschema.Compiler
	mu         sync.Mutex // guards schemas
	schemas    map[string]*jsonschema.Schema
}

var describe = sync.OnceValue(func() *description {
	w := httptest.NewRecorder()
	rest := api.New(api.Config{Admin: admin.New(still{}, admin.Options{}), Registry: still{}, Webhooks: &fakeHooks{}, Brand: &brand.Service{}})
	rest.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/openapi.json", nil))
	whole, err := jsonschema.UnmarshalJSON(w.Body)
	if err != nil {
		panic(err)
	}
	d := &description{paths: map[string]map[string]any{}, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("api.json", whole); err != nil {
		panic(err)
	}
	d.components = whole.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)
	for path, item := range whole.(map[string]any)["paths"].(map[string]any) {
		d.paths[path] = item.(map[string]any)
	}
	return d
})

// still is a registry in which nothing happens.
type still struct{ *registry.Registry }

func (still) State() *registry.State { return &registry.State{} }
func (still) Err() error             { return nil }

// find returns the path of the description that a request is about.
func (d *description) find(path string) string {
	path = strings.TrimPrefix(path, "/api/v1")
	segments := strings.Split(path, "/")
	best := ""
	for candidate := range d.paths {
		parts := strings.Split(candidate, "/")
		fits := len(parts) == len(segments)
		for i := 0; fits && i < len(parts); i++ {
			fits = parts[i] == segments[i] || strings.HasPrefix(parts[i], "{")
		}
		if fits && (best == "" || strings.Count(candidate, "{") < strings.Count(best, "{")) {
			best = candidate
		}
	}
	return best
}

// checked holds what h answers against the description.
func checked(t *testing.T, h http.Handler) http.Handler {
	d := describe()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route := d.find(r.URL.EscapedPath())
		op, _ := d.paths[route][strings.ToLower(r.Method)].(map[string]any)
		if op == nil || route == "/events" {
			if route == "/events" {
				note(r.Method + " " + route)
			}
			h.ServeHTTP(w, r)
			return
		}
		seen := &seenAnswer{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(seen, r)
		if seen.status < 300 {
			note(r.Method + " " + route)
		}
		if err := d.check(route, r.Method, op, seen); err != nil {
			t.Errorf("%s %s answers %d %s: %v", r.Method, r.URL, seen.status, seen.body.Bytes(), err)
		}
	})
}

func note(route string) {
	called.mu.Lock()
	defer called.mu.Unlock()
	if called.routes == nil {
		called.routes = map[string]bool{}
	}
	called.routes[route] = true
}

func (d *description) check(route, method string, op map[string]any, a *seenAnswer) error {
	responses := op["responses"].(map[string]any)
	status := strconv.Itoa(a.status)
	if responses[status] == nil {
		status = "default"
	}
	media, _, _ := strings.Cut(a.Header().Get("Content-Type"), ";")
	response, _ := responses[status].(map[string]any)
	content, _ := response["content"].(map[string]any)
	switch {
	case response == nil:
		return fmt.Errorf("this status is not described")
	case a.status >= 400 && media != "application/problem+json":
		return fmt.Errorf("a fault of type %q", media)
	case content == nil && a.body.Len() == 0:
		return nil
	case content[media] == nil:
		return fmt.Errorf("the type %q is not described", media)
	case !strings.HasSuffix(media, "json"):
		return nil
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace
	schema, err := d.schema(fmt.Sprintf("api.json#/paths/%s/%s/responses/%s/content/%s/schema", escape(route), strings.ToLower(method), status, escape(media)))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body.Bytes()))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func (d *description) schema(at string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.schemas[at]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile(at)
	d.schemas[at] = s
	return s, err
}

// seenAnswer keeps a copy of an answer.
type seenAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *seenAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *seenAnswer) Write(p []byte) (int, error) {
	a.body.Write(p)
	return a.ResponseWriter.Write(p)
}

func (a *seenAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// operations returns what there is to ask, as method, path and description.
func operations() (all []asked) {
	for path, item := range describe().paths {
		for method, op := range item {
			text, _ := json.Marshal(op)
			a := asked{method: strings.ToUpper(method), path: path}
			if err := json.Unmarshal(text, &a.operation); err != nil {
				panic(err)
			}
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b asked) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return all
}

type asked struct {
	method, path string
	operation
}
