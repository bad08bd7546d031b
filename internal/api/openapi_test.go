package api_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is what the test reads of an OpenAPI 3.1 document.
type document struct {
	OpenAPI string `json:"openapi"`
	Info    struct{ Title, Version string }
	Servers []struct{ URL string }
	Paths   map[string]map[string]operation
}

type operation struct {
	OperationID string `json:"operationId"`
	Summary     string
	Parameters  []struct {
		Name, In string
		Required bool
		Schema   map[string]any
	}
	RequestBody *struct {
		Content map[string]map[string]any
	} `json:"requestBody"`
	Responses map[string]struct {
		Description string
		Content     map[string]struct{ Schema map[string]any }
	}
}

// routes is every way to ask that is for others to use.
var routes = []string{
	"DELETE /accounts/{account}",
	"DELETE /accounts/{account}/factors",
	"DELETE /accounts/{account}/sessions",
	"DELETE /applications/{application}",
	"DELETE /hosts/{host}",
	"DELETE /keys/{username}",
	"DELETE /mail-texts/{kind}/{language}",
	"DELETE /plans/{plan}",
	"DELETE /shadow",
	"DELETE /tokens/{token}",
	"DELETE /tsig-keys/{name}",
	"DELETE /webhooks/{webhook}",
	"DELETE /zones/{zone}",
	"DELETE /zones/{zone}/records/{name}/{type}",
	"GET /accounts",
	"GET /accounts/by-external-id/{id}",
	"GET /accounts/{account}",
	"GET /addresses",
	"GET /applications",
	"GET /audit",
	"GET /brand",
	"GET /cluster",
	"GET /events",
	"GET /hosts",
	"GET /hosts/{host}",
	"GET /hosts/{host}/addresses",
	"GET /hosts/{host}/history",
	"GET /hosts/{host}/notice",
	"GET /hosts/{host}/recipes",
	"GET /keys",
	"GET /keys/{username}",
	"GET /keys/{username}/history",
	"GET /mail-texts",
	"GET /mail-texts/{kind}/{language}",
	"GET /old-hashes",
	"GET /personal-data/{account}",
	"GET /plans",
	"GET /plans/{plan}",
	"GET /pushes",
	"GET /secondaries",
	"GET /self",
	"GET /shadow",
	"GET /sign-ins",
	"GET /standing-out",
	"GET /status",
	"GET /tokens",
	"GET /tokens/{token}",
	"GET /tsig-keys",
	"GET /tsig-keys/{name}",
	"GET /tsig-keys/{name}/secret",
	"GET /webhooks",
	"GET /webhooks/{webhook}",
	"GET /zones",
	"GET /zones/{zone}",
	"GET /zones/{zone}/check",
	"GET /zones/{zone}/export",
	"GET /zones/{zone}/records",
	"GET /zones/{zone}/records/{name}/{type}",
	"PATCH /accounts/{account}",
	"PATCH /brand",
	"PATCH /hosts/{host}",
	"PATCH /hosts/{host}/notice",
	"PATCH /keys/{username}",
	"PATCH /plans/{plan}",
	"PATCH /tsig-keys/{name}",
	"PATCH /webhooks/{webhook}",
	"PATCH /zones/{zone}",
	"POST /accounts",
	"POST /accounts/by-external-id/{id}/resume",
	"POST /accounts/by-external-id/{id}/suspend",
	"POST /accounts/by-external-id/{id}/terminate",
	"POST /accounts/{account}/invitation",
	"POST /applications/{application}/approve",
	"POST /backup",
	"POST /hosts",
	"POST /hosts:batch",
	"POST /import",
	"POST /keys",
	"POST /mail-texts/{kind}/{language}/preview",
	"POST /personal-data/{account}/erasure",
	"POST /plans",
	"POST /tokens",
	"POST /tsig-keys",
	"POST /upgrade",
	"POST /webhooks",
	"POST /webhooks/{webhook}/replay",
	"POST /webhooks/{webhook}/test",
	"POST /zones",
	"POST /zones/{zone}/reconcile",
	"POST /zones:import",
	"PUT /accounts/by-external-id/{id}",
	"PUT /mail-texts/{kind}/{language}",
	"PUT /zones/{zone}/records/{name}/{type}",
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	answer := newWorld(t).ask("GET", "/api/v1/openapi.json", "", "")
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); got != "application/openapi+json" {
		t.Errorf("Content-Type = %s", got)
	}
	var text json.RawMessage
	done(t, json.NewDecoder(answer.Body).Decode(&text))
	var doc document
	done(t, json.Unmarshal(text, &doc))
	if doc.OpenAPI != "3.1.0" || doc.Info.Title != "Stayput" || doc.Info.Version != "1.2.3" || len(doc.Servers) != 1 || doc.Servers[0].URL != "/api/v1" {
		t.Errorf("document = %+v", doc)
	}
	var got []string
	ids := map[string]bool{}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			got = append(got, strings.ToUpper(method)+" "+path)
			if ids[op.OperationID] || op.OperationID == "" || op.Summary == "" {
				t.Errorf("%s %s: operation id %q, summary %q", method, path, op.OperationID, op.Summary)
			}
			ids[op.OperationID] = true
			checkOperation(t, method+" "+path, op)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, routes) {
		t.Errorf("routes = %q, want %q", got, routes)
	}
	checkReferences(t, text)
}

// checkOperation holds an operation against the rules of OpenAPI 3.1: its path
// parameters are those of the path, and whatever it answers is explained.
func checkOperation(t *testing.T, name string, op operation) {
	t.Helper()
	var parameters []string
	for _, p := range op.Parameters {
		if p.Schema == nil {
			t.Errorf("%s: parameter %s has no schema", name, p.Name)
		}
		if p.In == "path" {
			parameters = append(parameters, "{"+p.Name+"}")
			if !p.Required {
				t.Errorf("%s: parameter %s is not required", name, p.Name)
			}
		}
	}
	if inPath := regexp.MustCompile(`\{\w+\}`).FindAllString(name, -1); !slices.Equal(parameters, inPath) {
		t.Errorf("%s: path parameters %v", name, parameters)
	}
	method, path, _ := strings.Cut(name, " ")
	asks := path == "/upgrade" || strings.HasSuffix(path, "/test") || strings.HasSuffix(path, "/approve") || strings.Contains(path, "/by-external-id/") && method == "post" // with the path alone
	if (method == "post" || method == "patch" || method == "put") != (op.RequestBody != nil || asks) {
		t.Errorf("%s: request body %v", name, op.RequestBody)
	}
	for status, r := range op.Responses {
		if r.Description == "" {
			t.Errorf("%s: answer %s is not described", name, status)
		}
	}
	if fault := op.Responses["default"].Content["application/problem+json"].Schema["$ref"]; fault != "#/components/schemas/Problem" {
		t.Errorf("%s: faults are %v", name, fault)
	}
}

// checkReferences makes sure that every reference leads to something.
func checkReferences(t *testing.T, text json.RawMessage) {
	t.Helper()
	var whole struct {
		Components struct{ Schemas map[string]any }
	}
	done(t, json.Unmarshal(text, &whole))
	references := regexp.MustCompile(`"\$ref":"([^"]*)"`).FindAllSubmatch(text, -1)
	if len(references) == 0 {
		t.Error("nothing is referred to")
	}
	for _, m := range references {
		name, local := strings.CutPrefix(string(m[1]), "#/components/schemas/")
		if _, there := whole.Components.Schemas[name]; !local || !there {
			t.Errorf("%s leads nowhere", m[1])
		}
	}
}
