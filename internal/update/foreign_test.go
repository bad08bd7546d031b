package update_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
)

// giveHash makes a key of alice's of which another program knew the DES hash of
// "correct horse".
func (w *world) giveHash(username string) {
	w.t.Helper()
	kept, err := account.KeepForeign("abhfCpXqd4GrI")
	if err != nil {
		w.t.Fatal(err)
	}
	w.apply(func(st *registry.State) (registry.Changes, error) {
		k := account.Key{ID: st.Accounts.NextKeyID(), Account: 1, Username: username, AnyCase: true, Secret: kept}
		return registry.Changes{Accounts: account.Changes{Keys: []account.Key{k}}}, nil
	})
}

func (w *world) secret(username string) account.Secret {
	w.t.Helper()
	k, ok := w.registry.State().Accounts.Key(username)
	if !ok {
		w.t.Fatalf("no key %s", username)
	}
	return k.Secret
}

// move asks for an address of home, with all the ways to be right or wrong.
func (w *world) move(username, secret, address string) (update.Outcome, error) {
	w.t.Helper()
	results, err := w.service.Update(w.t.Context(), update.Request{
		Username: username, Secret: secret, Via: "test", Hosts: []string{home}, V4: set(address),
	})
	if err != nil {
		return 0, err
	}
	return results[0].Outcome, nil
}

func TestForeignHashesAreReplacedAtFirstUse(t *testing.T) {
	inTime(t, update.Limits{}, func(t *testing.T, w *world) {
		w.giveHash("router")
		expect := func(username, secret, address string, want update.Outcome) {
			t.Helper()
			if got, err := w.move(username, secret, address); err != nil || got != want {
				t.Errorf("%s moves to %s: %v, %v, want %v", username, address, got, err, want)
			}
		}
		if _, err := w.move("router", "wrong horse", "192.0.2.1"); !errors.Is(err, account.ErrBadCredential) {
			t.Errorf("a wrong secret: %v", err)
		}
		if !w.secret("router").IsForeign() {
			t.Error("a wrong secret replaced the hash")
		}

		// Even a request that changes nothing makes a commit, once.
		before := len(w.store.all())
		expect("Router", "correct horse", "203.0.113.1", update.NoChange)
		expect("router", "correct horse", "203.0.113.1", update.NoChange)
		if commits := w.store.all()[before:]; len(commits) != 1 || commits[0].By[0].Via != "test" {
			t.Errorf("commits = %+v, want one", commits)
		}
		if s := w.secret("router"); s.IsForeign() || !account.CheckPassword(s.Password, "correct horse") {
			t.Errorf("secret = %+v", s)
		}

		// The second router differs after the eighth character.
		expect("router", "correct hippo", "192.0.2.2", update.Good)
		expect("router", "correct horse", "192.0.2.3", update.Good)
		expect("router", "correct hippo", "192.0.2.4", update.Good)
		const warning = "a device sends another secret than the one that is known by now"
		if got := strings.Count(w.log.String(), warning); got != 1 {
			t.Errorf("the log warns %d times, want once:\n%s", got, w.log)
		}
		for _, secret := range []string{"correct", "abhfCpXqd4GrI"} {
			if strings.Contains(w.log.String(), secret) {
				t.Errorf("the log tells a secret:\n%s", w.log)
			}
		}
		time.Sleep(account.Grace)
		if _, err := w.move("router", "correct hippo", "192.0.2.5"); !errors.Is(err, account.ErrBadCredential) {
			t.Errorf("after the grace: %v", err)
		}
		expect("router", "correct horse", "192.0.2.5", update.Good)
		if s := w.secret("router"); s.Foreign() != "" {
			t.Errorf("the old hash is still there: %+v", s)
		}
	})
}

// Many requests of a router at once replace the hash once, and all are heard.
func TestManyFirstUsesAtOnce(t *testing.T) {
	inTime(t, update.Limits{}, func(t *testing.T, w *world) {
		w.giveHash("router")
		before := len(w.store.all())
		answers := make(chan error)
		for range 4 {
			go func() {
				_, err := w.move("router", "correct horse", "203.0.113.1")
				answers <- err
			}()
		}
		for range 4 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if got := len(w.store.all()) - before; got != 1 {
			t.Errorf("%d commits, want 1", got)
		}
	})
}

// While nothing can be written a router that changes nothing hears so.
func TestFirstUseWhileTheStoreFails(t *testing.T) {
	inTime(t, update.Limits{}, func(t *testing.T, w *world) {
		w.giveHash("router")
		w.store.SetFault(errors.New("disk full"))
		if got, err := w.move("router", "correct horse", "203.0.113.1"); err != nil || got != update.NoChange {
			t.Errorf("nothing changes: %v, %v", got, err)
		}
		if _, err := w.move("router", "correct horse", "192.0.2.1"); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("a change: %v", err)
		}
		w.store.SetFault(nil)
		time.Sleep(time.Minute)
		if got, err := w.move("router", "correct horse", "192.0.2.1"); err != nil || got != update.Good {
			t.Errorf("afterwards: %v, %v", got, err)
		}
		if w.secret("router").IsForeign() {
			t.Error("the hash was not replaced")
		}
	})
}
