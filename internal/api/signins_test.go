package api_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/api"
)

// signIns stand for package signin: bob guesses, somebody signs in.
type signIns struct{}

// Events implements api.SignIns.
func (signIns) Events(_ context.Context, start string, limit int) ([]api.SignInEvent, string, error) {
	if start == "" && limit == 1 {
		return []api.SignInEvent{{At: time.Unix(2, 0).UTC(), What: "signed in", Account: "alice", Actor: "alice", Detail: "password"}}, "1", nil
	}
	return []api.SignInEvent{{At: time.Unix(1, 0).UTC(), What: "wrong password", Account: "bob", Source: netip.MustParseAddr("192.0.2.7")}}, "", nil
}

// EventsOf implements api.SignIns.
func (s signIns) EventsOf(ctx context.Context, account uint32) ([]api.SignInEvent, error) {
	if account == 0 {
		return nil, nil
	}
	events, _, err := s.Events(ctx, "1", 1)
	return events, err
}

// tally stands for package watch.
type tally struct{}

// StandingOut implements api.Tally.
func (tally) StandingOut(n int) api.StandingOut {
	return api.StandingOut{
		Failing: []api.Standing{{Of: "192.0.2.7/32", Times: n}}, Changing: []api.Standing{{Of: "home.dyn.example.org", Times: 2}, {Of: "gone.example.org", Times: 1}},
	}
}

// TestSignInEvents: support sees page after page how people signed in, and how one did.
func TestSignInEvents(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "desk", Role: "support"}))(t)
	desk := w.token(api.NewToken{Account: "desk", Staff: true})
	if text := w.wants(200, desk, "GET", "/sign-ins?limit=1", ""); !strings.Contains(text, `"what":"signed in","account":"alice","actor":"alice","detail":"password"`) || !strings.Contains(text, `"next":"1"`) {
		t.Errorf("the first page is %s", text)
	}
	if text := w.wants(200, desk, "GET", "/sign-ins?start=1", ""); !strings.Contains(text, `"account":"bob","source":"192.0.2.7"`) || strings.Contains(text, `"next"`) {
		t.Errorf("the last page is %s", text)
	}
	if text := w.wants(200, desk, "GET", "/sign-ins?account=bob", ""); !strings.Contains(text, "wrong password") {
		t.Errorf("of bob there is %s", text)
	}
	w.wants(404, desk, "GET", "/sign-ins?account=nobody", "")
	w.wants(403, alice["secret"], "GET", "/sign-ins", "")
}

// TestStandingOut: support sees who stands out, and whose that is.
func TestStandingOut(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	ok(w.AddAccount(t.Context(), api.NewAccount{Name: "desk", Role: "support"}))(t)
	const want = `{"failing":[{"of":"192.0.2.7/32","times":3}],"limited":[],"limited_keys":[],` +
		`"changing":[{"of":"home.dyn.example.org","account":"alice","times":2},{"of":"gone.example.org","times":1}]}` + "\n"
	if got := w.wants(200, w.token(api.NewToken{Account: "desk", Staff: true}), "GET", "/standing-out?limit=3", ""); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	w.wants(403, alice["secret"], "GET", "/standing-out", "")
}

// TestAccountsByEmail: support finds who has a mail address.
func TestAccountsByEmail(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, name := range []string{"desk", "anna", "anna2"} {
		ok(w.AddAccount(t.Context(), api.NewAccount{Name: name, Email: strings.TrimSuffix(name, "2") + "@example.org", Role: map[string]string{"desk": "support"}[name]}))(t)
	}
	desk := w.token(api.NewToken{Account: "desk", Staff: true})
	if text := w.wants(200, desk, "GET", "/accounts?email=Anna@example.org", ""); strings.Count(text, `"name":"anna`) != 2 || strings.Contains(text, `"desk"`) {
		t.Errorf("anna@example.org is %s", text)
	}
	if text := w.wants(200, desk, "GET", "/accounts?email=nobody@example.org", ""); !strings.Contains(text, `"accounts":[]`) {
		t.Errorf("nobody is %s", text)
	}
}
