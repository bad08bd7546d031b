package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/test/rig"
)

// TestExternalIDsMove: who is terminated is who has the external ID then, not who had it
// when the request came.
func TestExternalIDsMove(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	ok(w.AddAccount(ctx, api.NewAccount{Name: "bob"}))(t)
	ok(w.SetAccount(ctx, "alice", api.AccountChange{ExternalID: ptr("crm-1")}))(t)
	move := func() {
		ok(w.SetAccount(ctx, "alice", api.AccountChange{ExternalID: ptr("crm-2")}))(t)
		ok(w.SetAccount(ctx, "bob", api.AccountChange{ExternalID: ptr("crm-1")}))(t)
	}
	late := admin.New(rig.NewGate(w.registry, move), admin.Options{})
	server := httptest.NewServer(api.New(api.Config{Admin: late, Registry: w.registry}))
	defer server.Close()
	r := ok(http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/api/v1/accounts/by-external-id/crm-1/terminate", nil))(t)
	answer := ok(http.DefaultClient.Do(r))(t)
	_ = answer.Body.Close()
	for name, want := range map[string]account.Phase{"alice": account.Active, "bob": account.Terminated} {
		if a, _ := w.registry.State().Accounts.Account(name); answer.StatusCode != http.StatusOK || a.Phase() != want {
			t.Errorf("%s is %s after %d, want %s", name, a.Phase(), answer.StatusCode, want)
		}
	}
}
