package update_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
)

// TestSaltedGuesses: a check of a salted sum takes no time, but a password is not
// guessed faster by it. A random secret needs no turn.
func TestSaltedGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, update.Options{Now: time.Now, Rules: update.Rules{Limits: update.Limits{WrongPasswords: update.Rate{PerSecond: 1, Burst: 2}}}})
		w.apply(func(*registry.State) (registry.Changes, error) {
			keys := []account.Key{
				{ID: 10, Account: 1, Username: "chosen", Secret: keepSums(t, "short")},
				{ID: 11, Account: 1, Username: "random", Secret: keepSums(t, account.NewSecret())},
			}
			return registry.Changes{Accounts: account.Changes{Keys: keys}}, nil
		})
		ask := func(user string) error {
			_, err := w.service.Update(t.Context(), update.Request{
				Username: user, Salted: &account.Salted{Salt: "salt", Sum: "0123456789abcdef0123456789abcdef"},
				Hosts: []string{"home.dyn.example.org"}, Source: netip.MustParseAddr("198.51.100.7"), Via: "gnudip",
			})
			return err
		}
		put := 0
		for range 100 {
			if err := ask("random"); !errors.Is(err, account.ErrBadCredential) {
				t.Fatalf("a random secret: error = %v, want %v", err, account.ErrBadCredential)
			}
			go func() {
				if err := ask("chosen"); errors.Is(err, update.ErrLimited) {
					put++
				}
			}()
			synctest.Wait()
		}
		if put < 90 {
			t.Errorf("of 100 guesses %d were put off, want all but those of a burst and a moment", put)
		}
	})
}

func keepSums(t testing.TB, secret string) account.Secret {
	t.Helper()
	kept, err := account.KeepSecret(secret, false, true)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}
