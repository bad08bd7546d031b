package api_test

import (
	"net/netip"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/api"
	"stayput.dev/internal/history"
	"stayput.dev/internal/update"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	ok(w.AddHost(ctx, api.NewHost{Name: "home.dyn.example.org", Account: "alice"}))(t)
	for _, username := range []string{"router", "camera"} {
		ok(w.AddKey(ctx, api.NewKey{Account: "alice", Username: username}))(t)
	}
	if got := ok(w.HostHistory(ctx, "home.dyn.example.org"))(t); got == nil || len(got) != 0 {
		t.Errorf("before anything came: %+v", got)
	}
	before := time.Now().Truncate(time.Second)
	for range 3 {
		w.history.Record(&history.Exchange{
			Asked:   &update.Request{Username: "router", Hosts: []string{"home.dyn.example.org"}, Source: netip.MustParseAddr("192.0.2.7"), Via: "dyndns2"},
			Err:     account.ErrBadCredential,
			Request: []byte("GET /nic/update"), Agent: "ddclient/3.10.0", Status: 401, Reply: []byte("badauth\n"),
		})
	}
	for what, got := range map[string][]api.Exchange{
		"host": ok(w.HostHistory(ctx, "HOME.dyn.example.org."))(t), "key": ok(w.KeyHistory(ctx, "router"))(t),
	} {
		if len(got) != 1 || got[0].First.Before(before) || got[0].Last.Before(got[0].First) {
			t.Fatalf("history of the %s = %+v", what, got)
		}
		want := api.Exchange{
			First: got[0].First, Last: got[0].Last, Count: 3, Source: netip.MustParseAddr("192.0.2.7"), Username: "router", Via: "dyndns2",
			Request: "GET /nic/update", Agent: "ddclient/3.10.0", Status: 401, Reply: "badauth\n", Why: "wrong secret",
		}
		if got[0] != want {
			t.Errorf("history of the %s = %+v, want %+v", what, got[0], want)
		}
	}
	for _, owner := range []string{"", "ALICE"} {
		failing := ok(w.FailingKeys(ctx, owner))(t)
		if len(failing) != 1 || failing[0].Username != "router" || failing[0].Failing.Refusals != 3 || failing[0].Failing.Source != netip.MustParseAddr("192.0.2.7") {
			t.Errorf("failing keys of %q = %+v", owner, failing)
		}
	}
	if k := ok(w.Key(ctx, "router"))(t); k.Failing == nil || k.Failing.Refusals != 3 {
		t.Errorf("key = %+v, want it to fail", k)
	}
	if k := ok(w.Key(ctx, "camera"))(t); k.Failing != nil {
		t.Errorf("key = %+v, want it not to fail", k)
	}
	_, err := w.HostHistory(ctx, "mars.dyn.example.org")
	refused(t, err, 404, "no host mars.dyn.example.org", "")
	_, err = w.KeyHistory(ctx, "mars")
	refused(t, err, 404, "no update key mars", "")
	_, err = w.FailingKeys(ctx, "mars")
	refused(t, err, 404, "no account mars", "")
	done(t, w.RevokeKey(ctx, "router"))
	if failing := ok(w.FailingKeys(ctx, ""))(t); len(failing) != 0 {
		t.Errorf("failing keys after one was revoked = %+v", failing)
	}
}
