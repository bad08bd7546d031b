package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stayput.dev/internal/api"
	"stayput.dev/internal/zone"
)

// nowhere pushes nothing.
type nowhere struct{}

func (nowhere) States() []api.PushStatus            { return nil }
func (nowhere) Pending(zone.Name) []api.PendingPush { return nil }
func (nowhere) Reconcile(context.Context, zone.Name, api.Reconcile) ([]api.PushComparison, error) {
	return nil, api.ErrNotPushed
}

// TestReconcileNothing: no server is at fault when a zone is not pushed, or is not there.
func TestReconcileNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	rest := api.New(api.Config{Admin: w.admin, Registry: w.registry, Pushes: nowhere{}})
	for name, want := range map[string]int{"dyn.example.org": http.StatusConflict, "example.net": http.StatusNotFound} {
		answer := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/zones/"+name+"/reconcile", strings.NewReader("{}"))
		rest.ServeHTTP(answer, r)
		if answer.Code != want {
			t.Errorf("comparing %s: %d %s, want %d", name, answer.Code, answer.Body, want)
		}
	}
}
