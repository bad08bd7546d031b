package update_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"stayput.dev/internal/account"
	"stayput.dev/internal/config"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
)

// inTime runs a story whose clock moves only when everybody waits.
func inTime(t *testing.T, limits update.Limits, story func(t *testing.T, w *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		story(t, newWorld(t, update.Options{Now: time.Now, Rules: update.Rules{Limits: limits}}))
	})
}

// moves asks so often for the host's next address, from the source, and returns
// how often it was granted.
func (w *world) moves(n int, source, username, host string) (granted int) {
	w.t.Helper()
	for range n {
		w.moved++
		req := update.Request{
			Username: username, Secret: aliceSecret, Via: "test", Hosts: []string{host},
			V4: set(fmt.Sprintf("198.51.100.%d", w.moved%250)),
		}
		req.Source, _ = netip.ParseAddr(source)
		switch _, err := w.service.Update(w.t.Context(), req); {
		case err == nil:
			granted++
		case !errors.Is(err, update.ErrLimited):
			w.t.Fatal(err)
		}
	}
	return granted
}

const (
	home = "home.dyn.example.org"
	nas  = "nas.dyn.example.org"
)

func TestChangesOfOneSourceAreLimited(t *testing.T) {
	inTime(t, update.Limits{SourceChanges: update.Rate{PerSecond: 2, Burst: 5}}, func(t *testing.T, w *world) {
		tests := []struct {
			after  time.Duration
			source string
			want   int // of 20
		}{
			{0, "203.0.113.7", 5},
			{0, "203.0.113.8", 5}, // another source is another matter
			{0, "::ffff:203.0.113.8", 0},
			{0, "203.0.113.7", 0},
			{time.Second, "203.0.113.7", 2},
			{time.Minute, "203.0.113.7", 5},
			{0, "2001:db8:0:1::1", 5},
			{0, "2001:db8:0:1:2:3:4:5", 0}, // the same /64
			{0, "2001:db8:0:2::1", 5},
			{0, "127.0.0.1", 20},
			{0, "::1", 20},
			{0, "", 20}, // a network event comes from no source
		}
		for _, tt := range tests {
			time.Sleep(tt.after)
			if got := w.moves(20, tt.source, "alice", home); got != tt.want {
				t.Errorf("%s after %v: granted = %d, want %d", tt.source, tt.after, got, tt.want)
			}
		}
	})
}

func TestChangesOfOneKeyAreLimited(t *testing.T) {
	inTime(t, update.Limits{KeyChanges: update.Rate{PerSecond: 2, Burst: 5}}, func(t *testing.T, w *world) {
		granted := 0
		for i := range 10 {
			granted += w.moves(1, fmt.Sprintf("203.0.113.%d", i), "alice", nas)
		}
		if granted != 5 {
			t.Errorf("granted from many sources = %d, want 5", granted)
		}
		if got := w.moves(10, "203.0.113.7", "nas-only", nas); got != 5 {
			t.Errorf("granted to another key = %d, want 5", got)
		}
		if got := w.moves(10, "127.64.0.7", "alice", nas); got != 10 {
			t.Errorf("granted on this machine = %d, want 10", got)
		}
		time.Sleep(time.Second)
		if got := w.moves(10, "203.0.113.7", "alice", nas); got != 2 {
			t.Errorf("granted a second later = %d, want 2", got)
		}
	})
}

func TestChangesOfOneHostAreLimited(t *testing.T) {
	inTime(t, update.Limits{HostChanges: update.Rate{PerSecond: 2, Burst: 5}}, func(t *testing.T, w *world) {
		granted := 0
		for i := range 10 { // whoever asks, from wherever
			key := []string{"alice", "nas-only"}[i%2]
			granted += w.moves(1, fmt.Sprintf("203.0.113.%d", i), key, nas)
		}
		if granted != 5 {
			t.Errorf("granted for one host = %d, want 5", granted)
		}
		if got := w.moves(10, "203.0.113.7", "alice", home); got != 5 {
			t.Errorf("granted for another host = %d, want 5", got)
		}
		both := update.Request{
			Username: "alice", Secret: aliceSecret, Hosts: []string{home, nas}, V4: set("203.0.113.9"), Source: netip.MustParseAddr("203.0.113.7"),
		}
		if _, err := w.service.Update(t.Context(), both); !errors.Is(err, update.ErrLimited) {
			t.Errorf("both at once: %v, want %v", err, update.ErrLimited)
		}
		both.V4 = update.Family{}
		if got := outcomes(w.update(both)); got != "nochange nochange" {
			t.Errorf("what changes nothing = %v, want nochange nochange", got)
		}
		time.Sleep(time.Second)
		if got := w.moves(10, "203.0.113.7", "alice", home); got != 2 {
			t.Errorf("granted a second later = %d, want 2", got)
		}
	})
}

// A host that follows may be over its limit: its router is not refused for that, and
// does not bring it there.
func TestFollowersAreNotLimited(t *testing.T) {
	inTime(t, update.Limits{HostChanges: update.Rate{PerSecond: 1, Burst: 2}}, func(t *testing.T, w *world) {
		w.many(3)
		renumber := update.Request{Hosts: []string{"router.dyn.example.org"}, Source: netip.MustParseAddr("203.0.113.7")}
		for i, want := range []error{nil, nil, update.ErrLimited} {
			renumber.Username, renumber.Secret, renumber.Prefix = "alice", aliceSecret, prefix(fmt.Sprintf("2001:db8:%d::/48", i+2))
			results, err := w.service.Update(t.Context(), renumber)
			if !errors.Is(err, want) || err == nil && len(results[0].Followers) != 3 {
				t.Errorf("prefix %d: %+v, %v, want %v", i, results, err, want)
			}
		}
		if got := w.moves(5, "203.0.113.8", "alice", "lan1.dyn.example.org"); got != 2 {
			t.Errorf("granted for a follower = %d, want 2", got)
		}
		time.Sleep(time.Second) // the router may again, and the follower once
		w.moves(1, "203.0.113.8", "alice", "lan1.dyn.example.org")
		renumber.Prefix = prefix("2001:db8:9::/48")
		if results, err := w.service.Update(t.Context(), renumber); err != nil || len(results[0].Followers) != 3 {
			t.Errorf("a follower is over its limit: %+v, %v", results, err)
		}
	})
}

// What changes nothing is not limited and uses nothing up, and the rules may
// change meanwhile.
func TestOnlyChangesAreLimited(t *testing.T) {
	limits := update.Limits{SourceChanges: update.Rate{PerSecond: 1, Burst: 1}, KeyChanges: update.Rate{PerSecond: 1, Burst: 1}}
	inTime(t, limits, func(t *testing.T, w *world) {
		same := update.Request{Hosts: []string{home}, V4: set("203.0.113.1"), Source: netip.MustParseAddr("203.0.113.7")}
		for range 100 {
			if got := w.update(same)[0].Outcome; got != update.NoChange {
				t.Fatalf("outcome = %v, want %v", got, update.NoChange)
			}
		}
		if got := w.moves(2, "203.0.113.7", "alice", home); got != 1 {
			t.Errorf("granted = %d, want 1", got)
		}
		w.service.SetRules(update.Rules{})
		if got := w.moves(20, "203.0.113.7", "alice", home); got != 20 {
			t.Errorf("granted without limits = %d, want 20", got)
		}
	})
}

// A household of 50 updates a second behind one address never meets the limits
// that the daemon has by default.
func TestAHouseholdIsNotLimited(t *testing.T) {
	cfg, err := config.Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := cfg.Updates
	// The burst, which would hide a rate that is too low, is left out.
	limits := update.Limits{
		SourceChanges: update.Rate{PerSecond: c.ChangesPerSource, Burst: 50},
		KeyChanges:    update.Rate{PerSecond: c.ChangesPerKey, Burst: 50},
	}
	inTime(t, limits, func(t *testing.T, w *world) {
		for range 5 {
			if got := w.moves(50, "203.0.113.7", "alice", home); got != 50 {
				t.Fatalf("granted = %d, want 50", got)
			}
			time.Sleep(time.Second)
		}
	})
}

// addPassword gives alice an update key with a password that she chose.
func (w *world) addPassword(username, password string) {
	w.t.Helper()
	kept := keep(w.t, password)
	w.apply(func(st *registry.State) (registry.Changes, error) {
		return registry.Changes{Accounts: account.Changes{
			Keys: []account.Key{{ID: st.Accounts.NextKeyID(), Account: 1, Username: username, Secret: kept}},
		}}, nil
	})
}

// try asks with a password and says what came of it.
func (w *world) try(username, password, source string) error {
	_, err := w.service.Update(w.t.Context(), update.Request{
		Username: username, Secret: password, Via: "test", Hosts: []string{home}, Source: netip.MustParseAddr(source),
	})
	return err
}

// TestWrongPasswords: who guesses waits, and then is put off, without harm to
// others. The right password works as soon as it is right.
func TestWrongPasswords(t *testing.T) {
	inTime(t, update.Limits{WrongPasswords: update.Rate{PerSecond: 2, Burst: 3}}, func(t *testing.T, w *world) {
		w.addPassword("weak", "s3cret")
		w.addPassword("other", "s3cret too")
		const guesser = "203.0.113.7"
		began := time.Now()
		for i := range 5 {
			if err := w.try("weak", fmt.Sprint("guess", i), guesser); !errors.Is(err, account.ErrBadCredential) {
				t.Errorf("guess %d: %v, want %v", i, err, account.ErrBadCredential)
			}
		}
		if got, want := time.Since(began), time.Second; got != want {
			t.Errorf("five guesses took %v, want %v", got, want)
		}
		// Guessing at the same time, most are put off.
		limited := make(chan bool, 20)
		for i := range cap(limited) {
			go func() {
				limited <- errors.Is(w.try("weak", fmt.Sprint("more", i), guesser), update.ErrLimited)
			}()
		}
		synctest.Wait()
		if err := w.try("other", "s3cret too", "203.0.113.8"); err != nil {
			t.Errorf("another source meanwhile: %v", err)
		}
		if err := w.try("alice", aliceSecret, guesser); err != nil {
			t.Errorf("a key of another kind from the same source: %v", err)
		}
		count := 0
		for range cap(limited) {
			if <-limited {
				count++
			}
		}
		if count != 16 {
			t.Errorf("%d of 20 guesses were put off, want 16", count)
		}
		// What is known to be wrong counts for nothing.
		began = time.Now()
		for range 100 {
			if err := w.try("weak", "guess0", guesser); !errors.Is(err, account.ErrBadCredential) {
				t.Fatalf("a known guess: %v, want %v", err, account.ErrBadCredential)
			}
		}
		if err := w.try("weak", "s3cret", guesser); err != nil {
			t.Errorf("the right password: %v", err)
		}
		if got := time.Since(began); got > 500*time.Millisecond {
			t.Errorf("the right password waited for %v", got)
		}
	})
}

// TestManyGuessAtOneKey: however many guess at a key together, its owner gets in,
// also with a password that was never checked before.
func TestManyGuessAtOneKey(t *testing.T) {
	inTime(t, update.Limits{KeyGuesses: update.Rate{PerSecond: 1, Burst: 3}}, func(t *testing.T, w *world) {
		w.addPassword("weak", "s3cret")
		w.addPassword("other", "s3cret too")
		guess := func(round, source int) error {
			return w.try("weak", fmt.Sprint("guess ", round, " of ", source), fmt.Sprintf("2001:db8:0:%x::1", source))
		}
		checked := make([]int, 3) // in each round
		for round := range checked {
			for source := range 20 {
				switch err := guess(round, source); {
				case errors.Is(err, account.ErrBadCredential):
					checked[round]++
				case !errors.Is(err, update.ErrLimited):
					t.Fatal(err)
				}
			}
		}
		if want := []int{20, 0, 0}; !slices.Equal(checked, want) {
			t.Errorf("guesses checked in each round = %v, want %v: the first of each source, and no more", checked, want)
		}
		for range 3 {
			if err := w.try("weak", "s3cret", "203.0.113.7"); err != nil {
				t.Errorf("the owner: %v", err)
			}
		}
		if err := w.try("weak", "s3cret", "2001:db8:0:1::2"); err != nil {
			t.Errorf("the owner, from among those who guess: %v", err)
		}
		if err := w.try("other", "no secret", "2001:db8:0:1::1"); !errors.Is(err, account.ErrBadCredential) {
			t.Errorf("a guess at another key: %v, want %v", err, account.ErrBadCredential)
		}
		time.Sleep(time.Second)
		if a, b := guess(9, 1), guess(9, 2); !errors.Is(a, account.ErrBadCredential) || !errors.Is(b, update.ErrLimited) {
			t.Errorf("a second later: %v, %v, want one guess checked", a, b)
		}
		time.Sleep(time.Hour)
		if a, b := guess(10, 1), guess(10, 1); !errors.Is(a, account.ErrBadCredential) || !errors.Is(b, account.ErrBadCredential) {
			t.Errorf("an hour later: %v, %v, want both checked or remembered", a, b)
		}
	})
}

// All readings of what a client sent are one guess, or the right one would be
// put off for the wrong ones before it.
func TestReadingsAreOneGuess(t *testing.T) {
	limits := update.Limits{WrongPasswords: update.Rate{PerSecond: 1, Burst: 1}, KeyGuesses: update.Rate{PerSecond: 1, Burst: 1}}
	inTime(t, limits, func(t *testing.T, w *world) {
		w.addPassword("weak", "a b")
		began := time.Now()
		for range 2 {
			_, err := w.service.Update(t.Context(), update.Request{
				Username: "weak", Secret: "a%20b", OtherSecrets: []string{"a+b", "a b"}, Source: netip.MustParseAddr("203.0.113.7"), Hosts: []string{home},
			})
			if err != nil {
				t.Error(err)
			}
		}
		if got := time.Since(began); got != 0 {
			t.Errorf("the right password waited for %v", got)
		}
	})
}

// A suspended account is a reason to wait, told to none but its owner.
func TestSuspendedAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.apply(func(st *registry.State) (registry.Changes, error) {
		a, _ := st.Accounts.Account("alice")
		a.Suspended = true
		return registry.Changes{Accounts: account.Changes{Accounts: []account.Account{a}}}, nil
	})
	err := w.try("alice", aliceSecret, "203.0.113.7")
	if k, ok := errors.AsType[*update.KeyError](err); !ok || k.Key.Username != "alice" || !errors.Is(err, account.ErrSuspended) {
		t.Errorf("right secret: %v, want %v of the key alice", err, account.ErrSuspended)
	}
	if err := w.try("alice", "wrong", "203.0.113.8"); !errors.Is(err, account.ErrBadCredential) {
		t.Errorf("wrong secret: %v, want %v", err, account.ErrBadCredential)
	}
	const want = `
# HELP stayput_updates_total Hosts in update requests by what became of them, and requests that failed as a whole by why.
# TYPE stayput_updates_total counter
stayput_updates_total{dialect="test",outcome="badauth"} 1
stayput_updates_total{dialect="test",outcome="suspended"} 1
`
	if err := testutil.CollectAndCompare(w.service, strings.NewReader(want), "stayput_updates_total"); err != nil {
		t.Error(err)
	}
	if line := `msg="update put off, the account is suspended" key=alice via=test source=203.0.113.7`; !strings.Contains(w.log.String(), line) {
		t.Errorf("log lacks %s:\n%s", line, w.log)
	}
}

// A right password is not held against its source, and a wrong one that becomes
// right works at once.
func TestPasswordsBecomeRight(t *testing.T) {
	inTime(t, update.Limits{WrongPasswords: update.Rate{PerSecond: 1, Burst: 1}}, func(t *testing.T, w *world) {
		began := time.Now()
		for i := range 2 {
			username := fmt.Sprint("weak", i)
			w.addPassword(username, "s3cret")
			if err := w.try(username, "s3cret", "203.0.113.7"); err != nil {
				t.Error(err)
			}
		}
		if err := w.try("weak0", "changed", "203.0.113.7"); !errors.Is(err, account.ErrBadCredential) {
			t.Errorf("before the change: %v, want %v", err, account.ErrBadCredential)
		}
		if got := time.Since(began); got != 0 {
			t.Errorf("right passwords waited for %v", got)
		}
		w.addPassword("weak0", "changed")
		if err := w.try("weak0", "changed", "203.0.113.7"); err != nil {
			t.Errorf("after the change: %v", err)
		}
	})
}

func TestWaitingForAPasswordEndsWithTheContext(t *testing.T) {
	inTime(t, update.Limits{WrongPasswords: update.Rate{PerSecond: 1, Burst: 1}}, func(t *testing.T, w *world) {
		w.addPassword("weak", "s3cret")
		_ = w.try("weak", "wrong", "203.0.113.7")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := w.service.Update(ctx, update.Request{Username: "weak", Secret: "also wrong", Source: netip.MustParseAddr("203.0.113.7")})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

// Limits are counted, and of one source there is one line a second in the log.
func TestLimitsAreTold(t *testing.T) {
	inTime(t, update.Limits{SourceChanges: update.Rate{PerSecond: 1, Burst: 1}}, func(t *testing.T, w *world) {
		w.moves(4, "203.0.113.7", "alice", home)
		w.moves(2, "203.0.113.8", "alice", home)
		for range 10 {
			_ = w.try("alice", "wrong", "203.0.113.9")
		}
		for line, want := range map[string]int{
			`level=WARN msg="updates limited" limit=source key=alice via=test source=203.0.113.7`: 1,
			`level=WARN msg="updates limited" limit=source key=alice via=test source=203.0.113.8`: 1,
			`msg="update refused, bad user name or secret" key=alice via=test source=203.0.113.9`: 1,
		} {
			if got := strings.Count(w.log.String(), line); got != want {
				t.Errorf("log has %d lines %s, want %d:\n%s", got, line, want, w.log)
			}
		}
		const want = `
# HELP stayput_updates_limited_total Update requests put off because too many came, by what there were too many of.
# TYPE stayput_updates_limited_total counter
stayput_updates_limited_total{limit="source"} 4
`
		if err := testutil.CollectAndCompare(w.service, strings.NewReader(want), "stayput_updates_limited_total"); err != nil {
			t.Error(err)
		}
	})
}
