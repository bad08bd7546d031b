package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/api"
	"stayput.dev/internal/registry"
)

// fakeHooks stands for what sends webhooks, which has tests of its own.
type fakeHooks struct{}

func (*fakeHooks) NewSecret() ([]byte, string) { return make([]byte, 32), "whsec_" }
func (*fakeHooks) ParseSecret(string) ([]byte, error) {
	return nil, errors.New("bad secret")
}
func (*fakeHooks) States() map[string]api.WebhookSending { return nil }
func (*fakeHooks) Test(_ context.Context, id string) error {
	if id == "" {
		return errors.New("no webhook")
	}
	return nil
}
func (*fakeHooks) Replay(context.Context, string, registry.Revision) error { return nil }

// things are what two customers have, and what staff have.
type things map[string]string

// newCity returns a world with the customers alice and bob, who have the same kinds
// of things, the administrator root, and what each of them is known by.
func newCity(t *testing.T) (w *world, alice, bob things) {
	t.Helper()
	w = newTown(t)
	ctx := t.Context()
	ok(w.AddPlan(ctx, api.Plan{Name: "home", Hosts: 50}))(t)
	ok(w.AddAccount(ctx, api.NewAccount{Name: "root", Role: "admin"}))(t)
	ok(w.AddAccount(ctx, api.NewAccount{Name: "bob"}))(t)
	hook := ok(w.AddWebhook(ctx, api.NewWebhook{URL: "https://billing.example.org/"}))(t)
	of := func(name, host string) things {
		ok(w.SetAccount(ctx, name, api.AccountChange{ExternalID: ptr("crm-" + name), FullName: ptr("Name of " + name), Plan: ptr("home")}))(t)
		ok(w.AddHost(ctx, api.NewHost{Name: host, Account: name, Addresses: []string{"192.0.2.7"}}))(t)
		key := ok(w.AddKey(ctx, api.NewKey{Account: name}))(t)
		token := ok(w.AddToken(ctx, api.NewToken{Account: name}))(t)
		ok(w.AddTSIGKey(ctx, api.NewTSIGKey{Name: "tsig-" + name, Host: host}))(t)
		ok(w.SetRecords(ctx, "dyn.example.org", "tsig-"+name, "TXT", api.RRsetChange{Values: []string{"a record of the zone"}}))(t)
		return things{
			"account": name, "host": host, "hosts": host, "follows": host, "username": key.Username, "token": token.ID, "id": "crm-" + name,
			"name": "tsig-" + name, "zone": "dyn.example.org", "type": "TXT", "plan": "home", "webhook": hook.ID, "secret": token.Secret,
			"application": "for-" + name, "kind": "host-changed", "language": "de",
		}
	}
	return w, of("alice", "home.dyn.example.org"), of("bob", "nas.dyn.example.org")
}

// call asks at the door for everybody, with headers of pairs of name and value.
func (w *world) call(secret, method, target, content string, headers ...string) (*http.Response, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+"/api/v1"+target, strings.NewReader(content))
	done(w.t, err)
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	if content != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	done(w.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	done(w.t, err)
	return answer, string(text)
}

// wants asks, and fails the test unless the status is this one.
func (w *world) wants(status int, secret, method, target, content string, headers ...string) string {
	w.t.Helper()
	answer, text := w.call(secret, method, target, content, headers...)
	if answer.StatusCode != status {
		w.t.Errorf("%s %s answers %d %s, want %d", method, target, answer.StatusCode, text, status)
	}
	return text
}

// token makes an API token and returns its secret.
func (w *world) token(n api.NewToken) string {
	w.t.Helper()
	return ok(w.AddToken(w.t.Context(), n))(w.t).Secret
}

func (w *world) revision() registry.Revision { return w.registry.State().Revision }

// filled returns a request of an operation in which everything is what mine says
// but for one place, where it is what theirs says. There may be no such place.
func (a *asked) filled(place string, mine, theirs things) (target, content string, has bool) {
	pick := func(at, name string) string {
		if at+name == place {
			has = true
			return theirs[name]
		}
		return mine[name]
	}
	target = a.path
	query := url.Values{}
	for _, p := range a.Parameters {
		switch {
		case p.In == "path":
			target = strings.ReplaceAll(target, "{"+p.Name+"}", pick("path ", p.Name))
		case p.In == "query" && p.Name == "server":
			query.Set("server", "https://update.example.org")
		case p.In == "query" && p.Name == "address":
			query.Set("address", "192.0.2.7")
		case p.In == "query" && mine[p.Name] != "" && (p.Required || "query "+p.Name == place):
			query.Set(p.Name, pick("query ", p.Name))
		}
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	if a.RequestBody != nil && a.RequestBody.Content["application/json"] != nil {
		schema := a.RequestBody.Content["application/json"]["schema"].(map[string]any)
		text, _ := json.Marshal(sample(schema, "", place, mine, pick))
		content = string(text)
	}
	return target, content, has
}

// sample makes a value for a schema: what is required, and what has a name that the
// place asks for.
func sample(schema map[string]any, name, place string, mine things, pick func(at, name string) string) any {
	if ref, ok := schema["$ref"].(string); ok {
		return sample(components()[strings.TrimPrefix(ref, "#/components/schemas/")], name, place, mine, pick)
	}
	kind, _ := schema["type"].(string)
	if list, ok := schema["type"].([]any); ok {
		kind = list[0].(string)
	}
	if words, ok := schema["enum"].([]any); ok {
		return words[0]
	}
	switch kind {
	case "object":
		out := map[string]any{}
		properties, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		for key, sub := range properties {
			if slices.Contains(required, any(key)) || "body "+key == place {
				out[key] = sample(sub.(map[string]any), key, place, mine, pick)
			}
		}
		return out
	case "array":
		return []any{sample(schema["items"].(map[string]any), name, place, mine, pick)}
	case "integer":
		return 1
	case "boolean":
		return false
	}
	switch {
	case schema["format"] == "date-time":
		return "2030-01-01T00:00:00Z"
	case name == "name":
		return "new.dyn.example.org"
	case name == "file":
		return "/nowhere/at/all"
	case name == "url":
		return "https://billing.example.org/"
	case name == "grant":
		return "zonesub A"
	case mine[name] != "":
		return pick("body ", name)
	}
	return "text"
}

func components() map[string]map[string]any {
	out := map[string]map[string]any{}
	for name, s := range describe().components {
		out[name] = s.(map[string]any)
	}
	return out
}

// places are where a request may name something.
func places() (all []string) {
	for _, at := range []string{"path ", "query ", "body "} {
		for _, name := range []string{"account", "host", "hosts", "follows", "username", "token", "id", "name", "webhook", "application"} {
			all = append(all, at+name)
		}
	}
	return all
}

// staffNames are by what paths name things that no customer has.
var staffNames = []string{"zone", "type", "plan", "kind", "language"}

// A customer who names a thing of somebody else, in whatever place of whatever
// operation, learns nothing of it and changes nothing.
func TestNobodyReachesWhatIsAnothers(t *testing.T) {
	t.Parallel()
	w, alice, bob := newCity(t)
	before, tried := w.revision(), 0
	for _, op := range operations() {
		for _, p := range op.Parameters {
			if named := slices.Contains(places(), "path "+p.Name) || slices.Contains(staffNames, p.Name); p.In == "path" && !named {
				t.Errorf("%s names something by %s, and nobody says whose that may be", op.OperationID, p.Name)
			}
		}
		for _, place := range places() {
			target, content, has := op.filled(place, alice, bob)
			if !has || place == "body username" { // a user name of one's own choice may be taken
				continue
			}
			tried++
			answer, text := w.call(alice["secret"], op.method, target, content)
			if answer.StatusCode != 403 && answer.StatusCode != 404 {
				t.Errorf("%s %s %s, in %s another's: %d %s", op.method, target, content, place, answer.StatusCode, text)
			}
			for _, known := range []string{"Name of bob", "192.0.2.7"} {
				if strings.Contains(text, known) {
					t.Errorf("%s %s tells %s", op.method, target, text)
				}
			}
			if strings.HasPrefix(place, "path ") && answer.StatusCode == 403 && mayCustomers(op.OperationID) {
				t.Errorf("%s %s: %d tells that it exists", op.method, target, answer.StatusCode)
			}
		}
	}
	if tried < 40 {
		t.Errorf("only %d places were tried", tried)
	}
	if after := w.revision(); after != before {
		t.Errorf("the revision is %d, it was %d", after, before)
	}
	// And lists are of one's own.
	for _, path := range []string{"/hosts", "/keys", "/tokens"} {
		if text := w.wants(200, alice["secret"], "GET", path, ""); strings.Contains(text, "bob") || strings.Contains(text, "nas.") || !strings.Contains(text, "alice") {
			t.Errorf("GET %s answers %s", path, text)
		}
	}
}

// mayCustomers tells whether an operation is for customers at all: one of staff is
// refused whatever it names.
func mayCustomers(id string) bool {
	return slices.Contains([]string{"account", "host", "key", "token"}, id[strings.LastIndex(id, "-")+1:]) &&
		!slices.Contains([]string{"delete-account", "erase-account", "add-account", "show-tsig-key", "set-tsig-key", "delete-tsig-key"}, id)
}

// A token that may only read changes nothing, even that of an administrator.
func TestReadersChangeNothing(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	secret := w.token(api.NewToken{Account: "root", Staff: true, ReadOnly: true})
	before := w.revision()
	for _, op := range operations() {
		target, content, _ := op.filled("", alice, nil)
		if op.path == "/events" {
			continue // it never ends, and has a test of its own
		}
		answer, text := w.call(secret, op.method, target, content)
		if change := op.method != "GET" && op.OperationID != "preview-mail-text" || strings.HasSuffix(op.path, "/secret"); change && answer.StatusCode != 403 {
			t.Errorf("%s %s %s answers %d %s", op.method, target, content, answer.StatusCode, text)
		} else if !change && answer.StatusCode != 200 && !slices.Contains([]string{"list-old-hashes", "check-zone", "show-notice"}, op.OperationID) {
			t.Errorf("%s %s answers %d %s", op.method, target, answer.StatusCode, text)
		}
		if after := w.revision(); after != before {
			t.Fatalf("%s %s: the revision is %d, it was %d", op.method, target, after, before)
		}
	}
}

// Nobody without a token gets anything, from any operation.
func TestStrangersGetNothing(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	for _, op := range operations() {
		target, content, _ := op.filled("", alice, nil)
		answer, text := w.call("", op.method, target, content)
		if answer.StatusCode != 401 || answer.Header.Get("WWW-Authenticate") != `Bearer realm="stayput"` {
			t.Errorf("%s %s answers %d %s", op.method, target, answer.StatusCode, text)
		}
	}
	w.wants(200, "", "GET", "/openapi.json", "")
	if text := w.wants(200, "", "GET", "/openapi-3.0.json", ""); !strings.Contains(text, `"openapi":"3.0.3"`) {
		t.Errorf("the older form of the description begins %.60s", text)
	}
}

// Every operation has a row in the table of rights, and every row an operation.
func TestEveryOperationHasItsRight(t *testing.T) {
	t.Parallel()
	rows := api.Rights()
	for _, op := range operations() {
		if !rows[op.OperationID] {
			t.Errorf("%s has no row in the table of rights", op.OperationID)
		}
		delete(rows, op.OperationID)
	}
	delete(rows, "seed") // which is not described
	if len(rows) > 0 {
		t.Errorf("rights without an operation: %v", slices.Sorted(maps.Keys(rows)))
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	ctx := t.Context()
	var zoneFile bytes.Buffer
	done(t, w.ExportZone(ctx, "dyn.example.org", &zoneFile))
	zoneFile.WriteString("intranet.dyn.example.org. 60 IN A 198.51.100.80\nsrv.corp.dyn.example.org. 60 IN A 198.51.100.81\n")
	ok(w.ImportZones(ctx, []api.ZoneFile{{Zone: "dyn.example.org", Content: &zoneFile}}))(t)
	ok(w.AddAccount(ctx, api.NewAccount{Name: "desk", Role: "support"}))(t)
	soon := time.Now().Add(time.Hour)
	for _, tt := range []struct {
		name   string
		token  api.NewToken
		status int
		method string
		target string
		body   string
	}{
		{"from elsewhere", api.NewToken{Account: "alice", Sources: []string{"198.51.100.0/24"}}, 403, "GET", "/self", ""},
		{"from here", api.NewToken{Account: "alice", Sources: []string{"198.51.100.0/24", "127.0.0.0/8"}, Expires: &soon}, 200, "GET", "/self", ""},
		{"its host", api.NewToken{Account: "alice", Hosts: []string{"home.dyn.example.org"}}, 200, "PATCH", "/hosts/home.dyn.example.org", `{"ttl":61}`},
		{"another host", api.NewToken{Account: "alice", Hosts: []string{"home.dyn.example.org"}}, 404, "GET", "/hosts/cam.dyn.example.org", ""},
		{"another thing", api.NewToken{Account: "alice", Hosts: []string{"home.dyn.example.org"}}, 403, "GET", "/keys", ""},
		{"its zone", api.NewToken{Account: "alice", Zones: []string{"dyn.example.org"}}, 200, "GET", "/hosts/cam.dyn.example.org", ""},
		{"another zone", api.NewToken{Account: "alice", Zones: []string{"example.net"}}, 404, "GET", "/hosts/cam.dyn.example.org", ""},
		{"an admin without --staff", api.NewToken{Account: "root"}, 403, "GET", "/accounts", ""},
		{"an admin", api.NewToken{Account: "root", Staff: true}, 200, "GET", "/accounts", ""},
		{"support that looks at a zone", api.NewToken{Account: "desk", Staff: true}, 501, "GET", "/zones/dyn.example.org/check", ""},
		{"support that has us ask anybody", api.NewToken{Account: "desk", Staff: true}, 403, "GET", "/zones/dyn.example.org/check?resolver=192.0.2.1:25", ""},
		{"an admin that does", api.NewToken{Account: "root", Staff: true}, 501, "GET", "/zones/dyn.example.org/check?resolver=192.0.2.1:25", ""},
		{"what only the operator may", api.NewToken{Account: "root", Staff: true}, 403, "POST", "/backup", `{"file":"/tmp/x"}`},
		{"a customer on plans", api.NewToken{Account: "alice"}, 403, "PATCH", "/accounts/alice", `{"plan":""}`},
		{"a customer on names", api.NewToken{Account: "alice"}, 200, "PATCH", "/accounts/alice", `{"full_name":"Alice"}`},
		{"a customer by force", api.NewToken{Account: "alice"}, 403, "POST", "/hosts", `{"name":"www.dyn.example.org","account":"alice","force":true}`},
		{"a customer into private networks", api.NewToken{Account: "alice"}, 403, "PATCH", "/hosts/home.dyn.example.org", `{"addresses":["192.168.1.1"]}`},
		{"a customer into private networks later", api.NewToken{Account: "alice"}, 403, "PATCH", "/hosts/home.dyn.example.org", `{"offline":"127.0.0.1"}`},
		{"a customer's device into private networks", api.NewToken{Account: "alice"}, 403, "PATCH", "/hosts/home.dyn.example.org", `{"nonglobal":"accept"}`},
		{"a customer to the world", api.NewToken{Account: "alice"}, 200, "PATCH", "/hosts/home.dyn.example.org", `{"addresses":["198.51.100.7"]}`},
		{"a customer over records of the zone", api.NewToken{Account: "alice"}, 409, "POST", "/hosts", `{"name":"intranet.dyn.example.org","account":"alice"}`},
		{"a customer above records of the zone", api.NewToken{Account: "alice"}, 409, "POST", "/hosts", `{"name":"corp.dyn.example.org","account":"alice"}`},
		{"a customer at a free name", api.NewToken{Account: "alice"}, 201, "POST", "/hosts", `{"name":"free.dyn.example.org","account":"alice"}`},
		{"a customer below an own name", api.NewToken{Account: "alice"}, 201, "POST", "/hosts", `{"name":"a.free.dyn.example.org","account":"alice"}`},
		{"support for a customer", api.NewToken{Account: "desk", Staff: true}, 403, "POST", "/tokens", `{"account":"alice"}`},
		{"support for an admin", api.NewToken{Account: "desk", Staff: true}, 403, "POST", "/tokens", `{"account":"root"}`},
		{"support for itself", api.NewToken{Account: "desk", Staff: true}, 201, "POST", "/tokens", `{"account":"desk"}`},
		{"support for itself as staff", api.NewToken{Account: "desk", Staff: true}, 403, "POST", "/tokens", `{"account":"desk","staff":true}`},
		{"an admin for a customer", api.NewToken{Account: "root", Staff: true}, 201, "POST", "/tokens", `{"account":"alice"}`},
		{"a customer for another", api.NewToken{Account: "alice"}, 404, "POST", "/tokens", `{"account":"bob"}`},
		{"a customer for staff", api.NewToken{Account: "alice"}, 403, "POST", "/tokens", `{"account":"alice","staff":true}`},
	} {
		if _, err := w.Host(ctx, "cam.dyn.example.org"); err != nil {
			ok(w.AddHost(ctx, api.NewHost{Name: "cam.dyn.example.org", Account: "alice"}))(t)
		}
		t.Log(tt.name)
		w.wants(tt.status, w.token(tt.token), tt.method, tt.target, tt.body)
	}
	var self api.Self
	done(t, json.Unmarshal([]byte(w.wants(200, alice["secret"], "GET", "/self", "")), &self))
	if self.Account != "alice" || self.Role != "customer" || self.Token != alice["token"] {
		t.Errorf("self = %+v", self)
	}
	list := ok(w.Tokens(ctx, "alice"))(t)
	if i := slices.IndexFunc(list, func(k api.Token) bool { return k.ID == alice["token"] }); i < 0 || list[i].LastUsed.IsZero() {
		t.Errorf("tokens = %+v", list)
	}
	if got := w.wants(200, alice["secret"], "GET", "/tokens/"+alice["token"], ""); strings.Contains(got, alice["secret"]) {
		t.Error("a secret is shown again")
	}

	// A host that somebody else has is not said to be theirs.
	if text := w.wants(409, alice["secret"], "POST", "/hosts", `{"name":"nas.dyn.example.org","account":"alice"}`); strings.Contains(text, "bob") {
		t.Errorf("a customer hears %s", text)
	}
	ok(w.SetAccount(ctx, "alice", api.AccountChange{Suspended: ptr(true)}))(t)
	w.wants(403, alice["secret"], "GET", "/self", "")
	ok(w.SetAccount(ctx, "alice", api.AccountChange{Suspended: ptr(false)}))(t)
	done(t, w.RevokeToken(ctx, alice["token"]))
	w.wants(401, alice["secret"], "GET", "/self", "")
}

func TestTokensMakeNoBetterOnes(t *testing.T) {
	t.Parallel()
	w, _, _ := newCity(t)
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	secret := w.token(api.NewToken{Account: "alice", Sources: []string{"127.0.0.0/8"}, Expires: &end})
	var made api.AddedToken
	done(t, json.Unmarshal([]byte(w.wants(201, secret, "POST", "/tokens", `{"account":"alice"}`)), &made))
	if !made.Expires.Equal(end) || !slices.Equal(made.Sources, []string{"127.0.0.0/8"}) || !account.IsToken(made.Secret) {
		t.Errorf("token = %+v", made)
	}
	w.wants(403, secret, "POST", "/tokens", `{"account":"alice","sources":["0.0.0.0/0"]}`)
	w.wants(201, secret, "POST", "/tokens", `{"account":"alice","sources":["127.0.0.1"]}`)
}

func TestWrongTokensAreLimited(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	for range 60 {
		w.wants(401, account.NewToken(), "GET", "/self", "")
	}
	answer, _ := w.call(account.NewToken(), "GET", "/self", "")
	if answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("the 61st wrong token hears %d", answer.StatusCode)
	}
	w.wants(200, alice["secret"], "GET", "/self", "")
}

func TestEntityTags(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	const host = "/hosts/home.dyn.example.org"
	answer, _ := w.call(alice["secret"], "GET", host, "")
	tag := answer.Header.Get("ETag")
	w.wants(304, alice["secret"], "GET", host, "", "If-None-Match", `"other", `+tag)
	w.wants(200, alice["secret"], "GET", host, "", "If-None-Match", `"other"`)
	w.wants(412, alice["secret"], "PATCH", host, `{"ttl":90}`, "If-Match", `"other"`)
	answer, _ = w.call(alice["secret"], "PATCH", host, `{"ttl":90}`, "If-Match", tag)
	if next := answer.Header.Get("ETag"); answer.StatusCode != 200 || next == "" || next == tag {
		t.Errorf("the change answers %d with ETag %s, it was %s", answer.StatusCode, next, tag)
	}
	w.wants(412, alice["secret"], "PATCH", host, `{"ttl":91}`, "If-Match", tag)
	w.wants(412, alice["secret"], "DELETE", host, "", "If-Match", tag)
	w.wants(204, alice["secret"], "DELETE", host, "", "If-Match", "*")
}

// TestEntityTagBesideTheState: If-Match counts, too, where what is changed is no part of the
// state.
func TestEntityTagBesideTheState(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	root := w.admins()
	answer, _ := w.call(root, "GET", "/shadow", "")
	tag := answer.Header.Get("ETag")
	w.wants(412, root, "DELETE", "/shadow", "", "If-Match", `"other"`)
	w.wants(204, root, "DELETE", "/shadow", "", "If-Match", tag)
}

// TestOtherMethods: what is there answers other methods by naming those that it knows.
func TestOtherMethods(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	answer, _ := w.call(alice["secret"], "PUT", "/hosts/home.dyn.example.org", "{}")
	if allow := answer.Header.Get("Allow"); answer.StatusCode != 405 || allow != "GET, PATCH, DELETE" {
		t.Errorf("PUT answers %d, Allow: %s", answer.StatusCode, allow)
	}
	w.wants(404, alice["secret"], "GET", "/nothing", "")
}

// TestOnlyBearer: a token counts as a Bearer token alone (RFC 6750 §2.1).
func TestOnlyBearer(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	for scheme, status := range map[string]int{"Bearer": 200, "bearer": 200, "Basic": 401, "Token": 401} {
		w.wants(status, "", "GET", "/hosts", "", "Authorization", scheme+" "+alice["secret"])
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	w, alice, bob := newCity(t)
	const wish = `{"account":"alice"}`
	first := w.wants(201, alice["secret"], "POST", "/keys", wish, "Idempotency-Key", "k1")
	before := w.revision()
	if again := w.wants(201, alice["secret"], "POST", "/keys", wish, "Idempotency-Key", "k1"); again != first || w.revision() != before {
		t.Errorf("the second answer is %s, the first was %s", again, first)
	}
	w.wants(422, alice["secret"], "POST", "/keys", `{"account":"alice","tls_only":true}`, "Idempotency-Key", "k1")
	w.wants(404, bob["secret"], "POST", "/keys", wish, "Idempotency-Key", "k1") // a key is one's own
	w.wants(400, alice["secret"], "POST", "/keys", wish, "Idempotency-Key", strings.Repeat("x", 256))
	if other := w.wants(201, alice["secret"], "POST", "/keys", wish, "Idempotency-Key", "k2"); other == first {
		t.Error("another key gives the same answer")
	}
}

// TestIdempotencyOutlivesTheProcess: another process with the same data gives the answer
// that the first gave; nobody can read it where it is kept; and what failed is not kept.
func TestIdempotencyOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	const wish = `{"account":"alice"}`
	first := w.wants(201, alice["secret"], "POST", "/keys", wish, "Idempotency-Key", "k1")
	w.wants(404, alice["secret"], "POST", "/keys", `{"account":"bob"}`, "Idempotency-Key", "k2")
	broken := httptest.NewRecorder()
	asking := httptest.NewRequest(http.MethodPost, "/api/v1/upgrade", nil) // there is no program to take over
	asking.Header.Set("Idempotency-Key", "k3")
	w.rest.ServeHTTP(broken, asking)
	items := ok(w.shelf.Page(t.Context(), "api-answer", "", 10))(t)
	if want := 2; broken.Code < 500 || len(items) != want {
		t.Errorf("after an answer of %d %d answers are kept, want %d", broken.Code, len(items), want)
	}
	var made api.AddedKey
	done(t, json.Unmarshal([]byte(first), &made))
	for _, item := range items {
		if bytes.Contains(item.Body, []byte(made.Secret)) || bytes.Contains(item.Body, []byte(made.Username)) {
			t.Errorf("an answer can be read where it is kept: %q", item.Body)
		}
	}

	other := api.New(api.Config{Admin: w.admin, Registry: w.registry, Shelf: w.shelf})
	server := httptest.NewServer(other.Public(api.Public{}))
	defer server.Close()
	w.url = server.URL
	before := w.revision()
	if again := w.wants(201, alice["secret"], "POST", "/keys", wish, "Idempotency-Key", "k1"); again != first || w.revision() != before {
		t.Errorf("the other process answers %s, the first %s", again, first)
	}
	w.wants(422, alice["secret"], "POST", "/keys", `{"account":"alice","tls_only":true}`, "Idempotency-Key", "k1")
	w.wants(404, alice["secret"], "POST", "/keys", `{"account":"bob"}`, "Idempotency-Key", "k2")
}

// TestIdempotencyAfterAProof: whoever is refused because of who they are, or when they proved
// it, is not refused once that is otherwise.
func TestIdempotencyAfterAProof(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "root", Role: "admin"}))(t)
	a, _ := w.registry.State().Accounts.Account("root")
	for i, c := range []struct {
		who    api.Principal
		status int
	}{
		{api.Principal{Account: a.ID, Staff: true, Stale: true}, 403},
		{api.Principal{Account: a.ID}, 403},
		{api.Principal{Account: a.ID, Staff: true}, 201},
		{api.Principal{Account: a.ID, Staff: true}, 201},
	} {
		come := visitor(func(*http.Request) (api.Principal, bool, error) { return c.who, true, nil })
		w.visitor.Store(&come)
		if answer, text := w.call("", "POST", "/accounts", `{"name":"dora"}`, "Idempotency-Key", "k1"); answer.StatusCode != c.status {
			t.Errorf("request %d: %d %s, want %d", i+1, answer.StatusCode, text, c.status)
		}
	}
}

// TestIdempotencyAtOnce sends the same request ten times at one moment: it is done once,
// and the others hear so or that it is under way.
func TestIdempotencyAtOnce(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	before := w.revision()
	var made, underWay atomic.Int32
	var asking sync.WaitGroup
	for range 10 {
		asking.Go(func() {
			switch answer, text := w.call(alice["secret"], "POST", "/keys", `{"account":"alice"}`, "Idempotency-Key", "k1"); answer.StatusCode {
			case 201:
				made.Add(1)
			case 409:
				underWay.Add(1)
			default:
				t.Errorf("it answers %d %s", answer.StatusCode, text)
			}
		})
	}
	asking.Wait()
	if made.Load() == 0 || w.revision() != before+1 {
		t.Errorf("%d answers say that it is made, %d that it is under way; there were %d commits, want 1", made.Load(), underWay.Load(), w.revision()-before)
	}
}

// Who comes by a cookie changes nothing from another site.
func TestVisitors(t *testing.T) {
	t.Parallel()
	w, _, _ := newCity(t)
	id, _ := w.admin.State().Accounts.Account("alice")
	v := visitor(func(r *http.Request) (api.Principal, bool, error) {
		_, err := r.Cookie("session")
		return api.Principal{Account: id.ID}, err == nil, nil
	})
	w.visitor.Store(&v)
	w.wants(401, "", "GET", "/self", "")
	w.wants(200, "", "GET", "/self", "", "Cookie", "session=1")
	w.wants(200, "", "PATCH", "/accounts/alice", `{"full_name":"A"}`, "Cookie", "session=1", "Sec-Fetch-Site", "same-origin")
	w.wants(403, "", "PATCH", "/accounts/alice", `{"full_name":"B"}`, "Cookie", "session=1", "Sec-Fetch-Site", "cross-site")
	w.wants(403, "", "PATCH", "/accounts/alice", `{"full_name":"B"}`, "Cookie", "session=1", "Origin", "https://evil.example.org")
	w.wants(404, "", "GET", "/accounts/bob", "", "Cookie", "session=1")

	// Whoever finds a browser that somebody left makes no way to come back.
	stale := visitor(func(*http.Request) (api.Principal, bool, error) {
		return api.Principal{Account: id.ID, Stale: true}, true, nil
	})
	w.visitor.Store(&stale)
	w.wants(200, "", "PATCH", "/hosts/home.dyn.example.org", `{"ttl":120}`)
	w.wants(403, "", "POST", "/tokens", `{"account":"alice"}`)
	w.wants(403, "", "PATCH", "/accounts/alice", `{"full_name":"C"}`)
	w.wants(403, "", "GET", "/personal-data/alice", "")
	root, _ := w.admin.State().Accounts.Account("root")
	admin := visitor(func(*http.Request) (api.Principal, bool, error) {
		return api.Principal{Account: root.ID, Staff: true, Stale: true}, true, nil
	})
	w.visitor.Store(&admin)
	w.wants(403, "", "POST", "/personal-data/bob/erasure", `{"confirm":"bob"}`)
	w.wants(403, "", "DELETE", "/accounts/bob", "")
	w.wants(403, "", "POST", "/accounts", `{"name":"thief","role":"admin"}`)
	w.wants(403, "", "POST", "/tsig-keys", `{"name":"thief"}`)
	w.wants(403, "", "PATCH", "/tsig-keys/tsig-bob", `{"transfers":["dyn.example.org"]}`)
	w.wants(403, "", "GET", "/tsig-keys/tsig-bob/secret", "")
	w.wants(403, "", "POST", "/webhooks", `{"url":"https://thief.example.net/"}`)
	w.wants(403, "", "DELETE", "/zones/dyn.example.org?force=true", "")
	w.visitor.Store(&v)
	w.wants(201, "", "POST", "/tokens", `{"account":"alice"}`, "Cookie", "session=1")
}

// TestNobodyKnowsWhoVisits: while the database does not answer, who is signed in is not told
// to sign in.
func TestNobodyKnowsWhoVisits(t *testing.T) {
	t.Parallel()
	w, _, _ := newCity(t)
	v := visitor(func(*http.Request) (api.Principal, bool, error) {
		return api.Principal{}, false, errors.New("reading: connection refused")
	})
	w.visitor.Store(&v)
	if text := w.wants(503, "", "GET", "/self", "", "Cookie", "session=1"); strings.Contains(text, "refused") {
		t.Errorf("strangers read %s", text)
	}
}

func TestProvisioning(t *testing.T) {
	t.Parallel()
	w, _, _ := newCity(t)
	secret := w.token(api.NewToken{Account: "root", Staff: true})
	const at = "/accounts/by-external-id/crm-4711"
	const wish = `{"name":"carol","email":"carol@example.org","plan":"home","hosts":["carol.dyn.example.org"],"language":"pt-BR"}`
	first := w.wants(200, secret, "PUT", at, wish)
	before := w.revision()
	if again := w.wants(200, secret, "PUT", at, wish); again != first || w.revision() != before {
		t.Errorf("the second answer is %s, the first was %s", again, first)
	}
	w.wants(200, secret, "GET", at, "")
	w.wants(409, secret, "PUT", at, `{"hosts":["home.dyn.example.org"]}`)
	w.wants(200, secret, "POST", at+"/suspend", "")
	if a := ok(w.Account(t.Context(), "carol"))(t); a.State != "suspended" || a.Hosts != 1 {
		t.Errorf("account = %+v", a)
	}
	w.wants(200, secret, "POST", at+"/resume", "")
	w.wants(200, secret, "POST", at+"/terminate", "")
	if a := ok(w.Account(t.Context(), "carol"))(t); a.State != "terminated" || a.Hosts != 0 {
		t.Errorf("account = %+v", a)
	}
	w.wants(200, secret, "PUT", at, `{"state":"active"}`)
	w.wants(200, secret, "PUT", at, wish) // the name rests, but for carol

	// Nothing is half done.
	before = w.revision()
	w.wants(409, secret, "PUT", "/accounts/by-external-id/crm-4712", `{"hosts":["dave.dyn.example.org","home.dyn.example.org"]}`)
	if w.revision() != before {
		t.Error("a part of what failed was done")
	}
	w.wants(200, secret, "PUT", "/accounts/by-external-id/crm-4712", `{}`)
	if a := ok(w.Account(t.Context(), "c-crm-4712"))(t); a.ExternalID != "crm-4712" {
		t.Errorf("account = %+v", a)
	}
}

// events opens an event stream and returns what comes, line by line.
func (w *world) events(secret, after string) (lines <-chan string, stop func()) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/api/v1/events", nil)
	done(w.t, err)
	r.Header.Set("Authorization", "Bearer "+secret)
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	answer, err := http.DefaultClient.Do(r)
	done(w.t, err)
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		w.t.Fatalf("events answer %d", answer.StatusCode)
	}
	out := make(chan string, 100)
	go func() {
		defer close(out)
		defer answer.Body.Close()
		for in := bufio.NewScanner(answer.Body); in.Scan(); {
			if in.Text() != "" {
				out <- in.Text()
			}
		}
	}()
	return out, stop
}

func next(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case line := <-lines:
		return line
	case <-time.After(time.Minute):
		t.Fatal("nothing comes")
		return ""
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	ctx := t.Context()
	lines, stop := w.events(alice["secret"], "")
	defer stop()
	if hello := next(t, lines); hello != ": hello" {
		t.Errorf("the stream begins %q", hello)
	}
	ok(w.SetHost(ctx, "nas.dyn.example.org", api.HostChange{Addresses: &[]string{"192.0.2.66"}}))(t) // bob's
	ok(w.SetHost(ctx, "home.dyn.example.org", api.HostChange{Addresses: &[]string{"192.0.2.8"}}))(t)
	id := next(t, lines)
	if want := fmt.Sprintf("id: %d.%s", w.revision(), w.registry.State().Lineage); id != want {
		t.Errorf("the event begins %q, want %q", id, want)
	}
	if kind := next(t, lines); kind != "event: host.changed" {
		t.Errorf("the event goes on %q", kind)
	}
	if data := next(t, lines); !strings.Contains(data, `"host":"home.dyn.example.org","account":"alice","addresses":["192.0.2.8"]`) {
		t.Errorf("the event is %s", data)
	}
	stop()

	// Who comes back hears what happened meanwhile.
	done(t, w.DeleteHost(ctx, "home.dyn.example.org"))
	lines, stop = w.events(alice["secret"], strings.TrimPrefix(id, "id: "))
	defer stop()
	next(t, lines)
	next(t, lines)
	if kind := next(t, lines); kind != "event: host.deleted" {
		t.Errorf("the event goes on %q", kind)
	}
	next(t, lines)

	// One who comes from another state must look again.
	other, stopOther := w.events(alice["secret"], "3.another")
	defer stopOther()
	if kind := next(t, other); kind != "event: reset" {
		t.Errorf("the stream begins %q", kind)
	}

	// A stream ends with the token that opened it.
	id2 := ok(w.AddToken(ctx, api.NewToken{Account: "bob"}))(t)
	bobs, stopBobs := w.events(id2.Secret, "")
	defer stopBobs()
	next(t, bobs)
	done(t, w.RevokeToken(ctx, id2.ID))
	for range bobs {
	}

	// All ends when the service does.
	w.rest.EndStreams()
	for range lines {
	}
	w.wants(503, alice["secret"], "GET", "/events", "")
	w.rest.ResumeStreams()
	again, stopAgain := w.events(alice["secret"], "")
	defer stopAgain()
	next(t, again)
}

// An administrator may do by token what the command line does at the socket.
func TestStaff(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	secret := w.token(api.NewToken{Account: "root", Staff: true})
	for _, step := range []struct {
		status               int
		method, target, body string
	}{
		{200, "PATCH", "/plans/home", `{"hosts":9,"interval":60,"rest":3600}`},
		{201, "POST", "/plans", `{"name":"gold","keys":3}`},
		{422, "POST", "/plans", `{"name":"slow","interval":100000}`},
		{409, "DELETE", "/plans/home", ""},
		{204, "DELETE", "/plans/gold", ""},
		{200, "PATCH", "/keys/" + alice["username"], `{"tls_only":true}`},
		{200, "GET", "/tsig-keys/tsig-alice/secret", ""},
		{200, "PATCH", "/tsig-keys/tsig-alice", `{"types":["TXT"]}`},
		{204, "DELETE", "/tsig-keys/tsig-alice", ""},
		{200, "PATCH", "/webhooks/" + alice["webhook"], `{"paused":true}`},
		{200, "POST", "/webhooks/" + alice["webhook"] + "/test", ""},
		{200, "POST", "/webhooks/" + alice["webhook"] + "/replay", `{"after":1}`},
		{422, "POST", "/webhooks", `{"url":"ftp://billing.example.org/"}`},
		{422, "POST", "/webhooks", `{"url":"https://user:password@billing.example.org/"}`},
		{422, "POST", "/webhooks", `{"url":"https://billing.example.org/","events":["host.moved"]}`},
		{204, "DELETE", "/webhooks/" + alice["webhook"], ""},
		{204, "DELETE", "/shadow", ""},
		{404, "DELETE", "/webhooks/" + alice["webhook"], ""},
		{422, "POST", "/tokens", `{"account":"alice","sources":["here"]}`},
		{422, "POST", "/tokens", `{"account":"alice","expires":"2001-01-01T00:00:00Z"}`},
		{409, "POST", "/tokens", `{"account":"alice","staff":true}`},
		{404, "GET", "/nothing", ""},
		{413, "POST", "/plans", `{"text":"` + strings.Repeat("x", 2<<20) + `"}`},
	} {
		w.wants(step.status, secret, step.method, step.target, step.body)
	}
	if h, s := w.call(secret, "GET", "/status", ""); h.Header.Get("Cache-Control") != "no-store" || h.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the answer to %s has the header %v", s, h.Header)
	}

	// Admins alone may send more than a mebibyte.
	long := `{"hosts":[],"$schema":"` + strings.Repeat("x", 2<<20) + `"}`
	w.wants(413, alice["secret"], "POST", "/hosts:batch", long)
	w.wants(413, alice["secret"], "POST", "/hosts:batch", long, "Idempotency-Key", "k")

	// Support sees all, and changes what customers may.
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "desk", Role: "support"}))(t)
	desk := w.token(api.NewToken{Account: "desk", Staff: true})
	w.wants(200, desk, "GET", "/accounts/bob", "")
	w.wants(200, desk, "PATCH", "/hosts/nas.dyn.example.org", `{"ttl":90}`)
	w.wants(403, desk, "PATCH", "/accounts/bob", `{"state":"suspended"}`)
	w.wants(403, desk, "DELETE", "/zones/dyn.example.org", "")
	w.wants(403, desk, "POST", "/tokens", `{"account":"root","staff":true}`)
	w.wants(403, desk, "POST", "/tokens", `{"account":"bob","staff":true}`)
}

// TestHintsForCustomers say what they can do themselves, and staff hear what staff can.
func TestHintsForCustomers(t *testing.T) {
	t.Parallel()
	w, _, _ := newCity(t)
	customer, staff := w.token(api.NewToken{Account: "alice"}), w.token(api.NewToken{Account: "root", Staff: true})
	for _, tt := range []struct {
		status      int
		name        string
		toCustomers string
		toStaff     string
	}{
		{422, "home.example.net", "choose a name in a zone that is offered here", "add its zone first"},
		{409, "www.dyn.example.org", "choose another name", "choose another name, or force"},
	} {
		wish := `{"account":"alice","name":"` + tt.name + `"}`
		for secret, want := range map[string]string{customer: tt.toCustomers, staff: tt.toStaff} {
			if text := w.wants(tt.status, secret, "POST", "/hosts", wish); !strings.Contains(text, `"hint":"`+want+`"`) {
				t.Errorf("%s: %s, want the hint %q", tt.name, text, want)
			}
		}
	}
}
