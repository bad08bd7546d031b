package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/test/rig"
)

// TestTokenOfAnotherNode: a token counts at a node that has not heard of it.
func TestTokenOfAnotherNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	late := rig.NewLate(t, w.registry, w.kept)
	other := httptest.NewServer(api.New(api.Config{Admin: admin.New(late, admin.Options{}), Registry: late, Shelf: w.shelf}).Public(api.Public{}))
	defer other.Close()
	ask := func(secret string) int {
		t.Helper()
		r := ok(http.NewRequestWithContext(t.Context(), http.MethodGet, other.URL+"/api/v1/hosts", nil))(t)
		r.Header.Set("Authorization", "Bearer "+secret)
		response := ok(other.Client().Do(r))(t)
		_ = response.Body.Close()
		return response.StatusCode
	}
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "alice"}))(t)
	secret := ok(w.AddToken(t.Context(), api.NewToken{Account: "alice"}))(t).Secret
	if got := ask(secret); got != http.StatusOK {
		t.Errorf("a new token: status %d", got)
	}
	before := late.Asked()
	for range 2000 {
		if ask("no-such-token") == http.StatusTooManyRequests {
			break
		}
	}
	if asked := late.Asked() - before; ask("no-such-token") != http.StatusTooManyRequests || late.Asked()-before != asked {
		t.Errorf("%d questions for as many wrong tokens; then they should end", asked)
	}
}
