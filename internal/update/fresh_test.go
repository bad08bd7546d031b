package update_test

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/test/rig"
)

// newLate returns another node on the world's data, which hears of changes only when it
// asks, with a service that changes nothing.
func newLate(w *world, opts update.Options) (*rig.Late, *update.Service) {
	late := rig.NewLate(w.t, w.registry, w.store)
	return late, update.NewJudge(late, opts)
}

// TestWhatAnotherNodeMade: a key, its new secret, a host and the end of a suspension count at
// a node that has not heard of them; whoever is refused there is so by what counts now.
func TestWhatAnotherNodeMade(t *testing.T) {
	t.Parallel()
	carol := account.Key{ID: 9, Account: 1, Username: "carol", Secret: keep(t, "carols-secret")}
	garage := account.Host{ID: 9, Name: name("garage.dyn.example.org"), Account: 1, TTL: 60}
	suspended := account.Account{ID: 1, Name: "alice", Role: account.Customer, Suspended: true}
	back := suspended
	back.Suspended = false
	for _, tt := range []struct {
		what         string
		before, then account.Changes
		user, secret string
		host         string
	}{
		{"a key", account.Changes{}, account.Changes{Keys: []account.Key{carol}}, "carol", "carols-secret", "home.dyn.example.org"},
		{
			"a new secret",
			account.Changes{Keys: []account.Key{{ID: 9, Account: 1, Username: "carol", Secret: keep(t, "the-old-secret")}}},
			account.Changes{Keys: []account.Key{carol}},
			"carol", "carols-secret", "home.dyn.example.org",
		},
		{"a host", account.Changes{}, account.Changes{Hosts: []account.Host{garage}}, "alice", aliceSecret, "garage.dyn.example.org"},
		{
			"the end of a suspension",
			account.Changes{Accounts: []account.Account{suspended}},
			account.Changes{Accounts: []account.Account{back}},
			"alice", aliceSecret, "home.dyn.example.org",
		},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, update.Options{})
			change := func(c account.Changes) {
				w.apply(func(*registry.State) (registry.Changes, error) { return registry.Changes{Accounts: c}, nil })
			}
			change(tt.before)
			_, service := newLate(w, update.Options{})
			request := update.Request{
				Username: tt.user, Secret: tt.secret, Via: "test", Hosts: []string{tt.host, "nas.dyn.example.org"}, V4: set("192.0.2.1"),
			}
			if results, err := service.Update(t.Context(), request); err == nil && outcomes(results) == "good good" {
				t.Fatal("it is good already")
			}
			change(tt.then)
			if results, err := service.Update(t.Context(), request); err != nil || outcomes(results) != "good good" {
				t.Errorf("%v, %v", outcomes(results), err)
			}
		})
	}
}

// TestGuessesAskLittle: a guess that the limits refuse asks nothing, and of the others each
// asks once at most.
func TestGuessesAskLittle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	slow := account.Key{ID: 9, Account: 1, Username: "slow", Secret: passwordOf(t, "a password")}
	w.apply(func(*registry.State) (registry.Changes, error) {
		return registry.Changes{Accounts: account.Changes{Keys: []account.Key{slow}}}, nil
	})
	late, service := newLate(w, update.Options{Rules: update.Rules{Limits: update.Limits{WrongPasswords: update.Rate{PerSecond: 1, Burst: 1}}}, Now: still})
	before, limited := late.Asked(), atomic.Int64{}
	const guesses = 20
	var group sync.WaitGroup
	for i := range guesses {
		group.Go(func() {
			_, err := service.Update(t.Context(), update.Request{
				Username: "slow", Secret: fmt.Sprint("guess ", i), Via: "test", Source: netip.MustParseAddr("198.51.100.7"), V4: set("192.0.2.1"),
			})
			switch {
			case errors.Is(err, update.ErrLimited):
				limited.Add(1)
			case !errors.Is(err, account.ErrBadCredential):
				t.Error(err)
			}
		})
	}
	group.Wait()
	refused := guesses - int(limited.Load())
	if asked := late.Asked() - before; refused == guesses || asked == 0 || asked > refused {
		t.Errorf("%d questions for %d guesses, of which %d did not come to a limit", asked, guesses, refused)
	}
}

// passwordOf returns a secret that somebody chose, which takes a slow check.
func passwordOf(t *testing.T, password string) account.Secret {
	t.Helper()
	hash, err := account.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	return account.Secret{Password: hash}
}
