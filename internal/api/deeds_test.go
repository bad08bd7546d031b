package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/api"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// deeds returns who did what since a revision, one thing after the other.
func (w *world) deeds(after registry.Revision) (all []string) {
	w.t.Helper()
	for now := w.revision(); after < now; {
		for c, err := range w.registry.Follow(w.t.Context(), after) {
			done(w.t, err)
			for _, n := range c.Notes {
				by, _ := w.registry.State().Accounts.AccountByID(c.By[n.By].Account)
				all = append(all, strings.TrimSpace(by.Name+" "+c.By[n.By].Via+" "+n.Verb+" "+n.Subject+": "+n.Detail))
			}
			after = c.Revision
			break
		}
	}
	return all
}

// somewhere is a server that has all that is pushed to it.
type somewhere struct{ nowhere }

func (somewhere) Reconcile(context.Context, zone.Name, api.Reconcile) ([]api.PushComparison, error) {
	return []api.PushComparison{}, nil
}

// forgetful compares nothing.
type forgetful struct{}

func (forgetful) Report() api.ShadowReport { return api.ShadowReport{} }
func (forgetful) Clear()                   {}

// TestDeedsBesideTheState: what changes no part of the state is noted like what does, and
// what only looks is not.
func TestDeedsBesideTheState(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	hook := ok(w.AddWebhook(t.Context(), api.NewWebhook{URL: "https://billing.example.org/"}))(t)
	before := w.revision()
	ok(w.ReplayWebhook(t.Context(), hook.ID, 0))(t)
	rest := api.New(api.Config{Admin: w.admin, Registry: w.registry, Pushes: somewhere{}, Shadow: forgetful{}})
	for _, ask := range [][3]string{
		{http.MethodPost, "/zones/dyn.example.org/reconcile", `{}`},
		{http.MethodPost, "/zones/dyn.example.org/reconcile", `{"mend":true}`},
		{http.MethodGet, "/shadow", ""},
		{http.MethodDelete, "/shadow", ""},
	} {
		answer := httptest.NewRecorder()
		rest.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), ask[0], "/api/v1"+ask[1], strings.NewReader(ask[2])))
		if answer.Code >= http.StatusBadRequest {
			t.Errorf("%s answers %d %s", ask, answer.Code, answer.Body)
		}
	}
	want := []string{"api replay webhook " + hook.ID + ":", "api mend zone dyn.example.org:", "api clear shadow:"}
	if got := w.deeds(before); !slices.Equal(got, want) {
		t.Errorf("noted %q, want %q", got, want)
	}
}
