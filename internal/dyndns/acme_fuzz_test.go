package dyndns

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stayput.dev/internal/update"
)

// willing is an Updater to whom every challenge is right.
type willing struct {
	Updater
	heard []update.Challenge
}

func (w *willing) Challenge(_ context.Context, c update.Challenge) (update.Result, error) {
	w.heard = append(w.heard, c)
	return update.Result{Host: c.Host}, nil
}

// post sends a body to a path and returns the reply.
func post(updates Updater, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("X-Api-User", "alice")
	r.Header.Set("X-Api-Key", "alices-update-secret")
	r.SetBasicAuth("alice", "alices-update-secret")
	w := httptest.NewRecorder()
	New(updates, Options{}).Paths()[path].ServeHTTP(w, r)
	return w
}

// FuzzACMEDNS: what is said to be done was asked for, once, and every reply is
// JSON, with one of the statuses that clients know.
func FuzzACMEDNS(f *testing.F) {
	for _, seed := range []string{
		`{"subdomain": "home.dyn.example.org", "txt": "aWRlbnRpdHkgb2YgYSBob3N0IHRoYXQgaXMgb3VycyE"}`, `{"subdomain":"x","txt":"\"}"}`,
		`{"Subdomain":"x","TXT":"y","more":[1,{}]}`, `{"subdomain":1}`, `{"allowfrom":["192.0.2.0/24"]}`, `{"allowfrom":null}`, "null", "[]", "{", "", "\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/update", "/register"} {
			updates := &willing{}
			w := post(updates, path, body)
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s %q: reply = %q, which is not JSON", path, body, w.Body)
			}
			switch w.Code {
			case http.StatusOK, http.StatusCreated:
			case http.StatusBadRequest:
				continue
			default:
				t.Errorf("%s %q: status = %d", path, body, w.Code)
			}
			if len(updates.heard) != 1 || path == "/update" && (updates.heard[0].Value == "" || updates.heard[0].Host == "") {
				t.Errorf("%s %q: heard %+v, and said %q", path, body, updates.heard, w.Body)
			}
		}
	})
}

// FuzzHTTPReq: what is said to be done was asked for, once.
func FuzzHTTPReq(f *testing.F) {
	for _, seed := range []string{
		`{"fqdn":"_acme-challenge.home.dyn.example.org.","value":"aWRlbnRpdHkgb2YgYSBob3N0IHRoYXQgaXMgb3VycyE"}`,
		`{"domain":"home.dyn.example.org","token":"t","keyAuth":"two"}`, `{"fqdn":"x","value":"y","keyAuth":"z"}`, `{"value":"y"}`, "null", "[]", "{", "", "\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/present", "/cleanup"} {
			updates := &willing{}
			switch w := post(updates, path, body); {
			case w.Code == http.StatusBadRequest && w.Body.String() == "badvalue\n" && len(updates.heard) == 0:
			case w.Code == http.StatusOK && w.Body.String() == "good\n" && len(updates.heard) == 1:
				c := updates.heard[0]
				if c.Host == "" || c.Value == "" || c.Remove != (path == "/cleanup") || c.Username != "alice" {
					t.Errorf("%s %q: heard %+v", path, body, c)
				}
			default:
				t.Errorf("%s %q: reply = %d %q after %+v", path, body, w.Code, w.Body, updates.heard)
			}
		}
	})
}
