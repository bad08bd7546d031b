package update_test

import (
	"errors"
	"net/netip"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/update"
)

// TestJudge: a judge answers as the service does, changes nothing, marks nobody as seen, and
// what it hears counts against nobody.
func TestJudge(t *testing.T) {
	t.Parallel()
	limits := update.Limits{HostChanges: update.Rate{PerSecond: 1, Burst: 2}, WrongPasswords: update.Rate{PerSecond: 1, Burst: 2}}
	w := newWorld(t, update.Options{Rules: update.Rules{Limits: limits}})
	seen, err := update.OpenSeen(t.Context(), &shelf{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	judge := update.NewJudge(w.registry, update.Options{Rules: update.Rules{Limits: limits}, Seen: seen, Now: still})
	before := w.registry.State().Revision
	req := update.Request{
		Username: "alice", Secret: aliceSecret, Hosts: []string{home}, Source: netip.MustParseAddr("198.51.100.9"),
		V4: update.Family{Action: update.Set, Addrs: addrs("198.51.100.9")},
	}
	for range 2 { // it is as new as before
		results, err := judge.Update(t.Context(), req)
		if err != nil || len(results) != 1 || results[0].Outcome != update.Good {
			t.Errorf("Update() = %+v, %v, want it to be good", results, err)
		}
	}
	if _, err := judge.Update(t.Context(), req); !errors.Is(err, update.ErrLimited) {
		t.Errorf("Update() = %v, want the limit of the host", err)
	}
	wrong := req
	wrong.Secret = "wrong"
	if _, err := judge.Update(t.Context(), wrong); !errors.Is(err, account.ErrBadCredential) {
		t.Errorf("Update() = %v, want a bad credential", err)
	}
	challenge := update.Challenge{Username: "alice", Secret: aliceSecret, Host: nas, Value: "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM"}
	if r, err := judge.Challenge(t.Context(), challenge); err != nil || r.Outcome != update.Good {
		t.Errorf("Challenge() = %+v, %v", r, err)
	}
	if got := w.registry.State().Revision; got != before {
		t.Errorf("a judge made %d commits", got-before)
	}
	if at := seen.Last(w.host(home).ID); !at.IsZero() {
		t.Errorf("a judge saw the host at %v", at)
	}
	if got := w.log.String(); got != "" {
		t.Errorf("a judge wrote to the log:\n%s", got)
	}
	for range 2 { // of the burst of the service itself, nothing is used up
		req.V4.Addrs = []netip.Addr{req.V4.Addrs[0].Next()}
		if got := w.update(req)[0].Outcome; got != update.Good {
			t.Errorf("the update itself: %v", got)
		}
	}
}
