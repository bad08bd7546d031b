package update_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/test/rig"
)

const day = 24 * time.Hour

// wake is a world whose silent hosts go offline. All of its hosts were made when
// it began.
type wake struct {
	*world
	*rig.HandClock
	expiry *update.Expiry
	seen   *update.Seen
	log    *rig.Log
}

func newWake(t *testing.T, house time.Duration) *wake {
	t.Helper()
	clock, seen, log := rig.NewHandClock(start), openSeen(t, &shelf{}), &rig.Log{}
	w := newWorld(t, update.Options{Now: clock.Now, Seen: seen})
	w.apply(func(st *registry.State) (registry.Changes, error) {
		var c registry.Changes
		for h := range st.Accounts.Hosts("") {
			h.Created, h.Sources = start, nil
			c.Accounts.Hosts = append(c.Accounts.Hosts, h)
		}
		return c, nil
	})
	expiry := update.NewExpiry(w.registry, seen, update.ExpiryOptions{House: house, Now: clock.Now, Logger: slog.New(slog.NewTextHandler(log, nil))})
	return &wake{w, clock, expiry, seen, log}
}

// after looks after some more time has passed.
func (w *wake) after(d time.Duration) {
	w.t.Helper()
	w.Pass(d)
	if err := w.expiry.Look(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wake) wantOffline(names ...string) {
	w.t.Helper()
	var got []string
	for h := range w.registry.State().Accounts.Hosts("") {
		if h.IsOffline() {
			got = append(got, h.Name.First())
		}
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		w.t.Errorf("offline are %v, want %v", got, names)
	}
}

func (w *wake) report(host, addr string) string {
	w.t.Helper()
	return outcomes(w.update(update.Request{Hosts: []string{host + ".dyn.example.org"}, V4: set(addr)}))
}

func TestSilentHostsGoOffline(t *testing.T) {
	t.Parallel()
	w := newWake(t, 30*day)
	w.give(homeHost, func(h *account.Host) { h.Options.Wildcard = true })
	w.after(10 * day)
	if got := w.report("nas", "203.0.113.2"); got != "nochange" {
		t.Errorf("report = %s, want one that changes nothing", got)
	}
	w.after(20*day - time.Second)
	w.wantOffline()
	commits := len(w.store.all())
	w.after(2 * time.Second)
	w.wantOffline("home", "printer")
	if got := len(w.store.all()); got != commits+1 {
		t.Errorf("%d commits, want one for all hosts", got-commits)
	}
	if by := w.store.all()[commits].By; len(by) != 1 || by[0].Via != "expiry" {
		t.Errorf("the commit was made by %+v", by)
	}
	if got := w.full(homeHost) + w.full(below); got != nothing {
		t.Errorf("records = %s", got)
	}
	w.after(10 * day)
	w.wantOffline("home", "nas", "printer")

	// The next report brings it back, though its address has not changed.
	if got := w.report("home", "203.0.113.1"); got != "good" {
		t.Errorf("report = %s, want good", got)
	}
	w.after(30*day - time.Second)
	w.wantOffline("nas", "printer")
	if got, want := w.full(below), "A 203.0.113.1"; got != want {
		t.Errorf("wildcard = %s, want %s", got, want)
	}
	w.after(time.Second)
	w.wantOffline("home", "nas", "printer")
}

func TestExpiryOfHosts(t *testing.T) {
	t.Parallel()
	w := newWake(t, 30*day)
	w.give(homeHost, func(h *account.Host) { h.Options.Expiry = account.ExpiryNever })
	w.give("nas.dyn.example.org", func(h *account.Host) { h.Options.Expiry = account.Expiry(2 * day / time.Second) })
	w.after(3 * day)
	w.wantOffline("nas")
	w.after(100 * day)
	w.wantOffline("nas", "printer")

	// Nothing expires by itself where the house has no rule.
	w = newWake(t, 0)
	w.after(1000 * day)
	w.wantOffline()
	w.expiry.SetHouse(2000 * day)
	w.after(day)
	w.wantOffline()
	w.after(1000 * day)
	w.wantOffline("home", "nas", "printer")
}

// What staff set, and what cannot report, is not silent.
func TestWhatDoesNotExpire(t *testing.T) {
	t.Parallel()
	w := newWake(t, 30*day)
	w.apply(func(st *registry.State) (registry.Changes, error) {
		home := w.host(homeHost)
		home.Alias = name("router.example.net")
		c := update.SetAddresses(st, home, nil, account.Source{})
		nas := update.SetAddresses(st, w.host("nas.dyn.example.org"), addrs("203.0.113.77"), account.Source{Via: "admin", At: start.Add(20 * day)})
		c.Records, c.Accounts.Hosts = append(c.Records, nas.Records...), append(c.Accounts.Hosts, nas.Accounts.Hosts...)
		return c, nil
	})
	w.suspendAccount("bob", true)
	w.after(40 * day)
	w.wantOffline()
	w.after(11 * day)
	w.wantOffline("nas")
	w.suspendAccount("bob", false)
	w.after(29 * day)
	w.wantOffline("nas")
	w.after(2 * day)
	w.wantOffline("nas", "printer")
}

func (w *wake) suspendAccount(name string, suspended bool) {
	w.apply(func(st *registry.State) (registry.Changes, error) {
		a, _ := st.Accounts.Account(name)
		if a.Suspended = suspended; !suspended {
			a.Resumed = w.Now()
		}
		return registry.Changes{Accounts: account.Changes{Accounts: []account.Account{a}}}, nil
	})
}

// Time in which the service did not run is not the hosts' silence.
func TestDowntimeIsNobodysSilence(t *testing.T) {
	t.Parallel()
	w := newWake(t, 30*day)
	w.after(10 * day)
	w.Pass(100 * day) // nobody looks
	w.expiry = update.NewExpiry(w.registry, w.seen, update.ExpiryOptions{House: 30 * day, Now: w.Now})
	w.after(time.Minute)
	w.wantOffline()
	w.report("nas", "203.0.113.2")
	w.after(20 * day)
	w.wantOffline("home", "printer")
	w.after(10 * day)
	w.wantOffline("home", "nas", "printer")
}

func TestWarningsBeforeExpiry(t *testing.T) {
	t.Parallel()
	w := newWake(t, 90*day)
	w.give("nas.dyn.example.org", func(h *account.Host) { h.Options.Expiry = account.Expiry(8 * day / time.Second) })
	due := func(host string) (time.Time, bool) {
		h := w.host(host + ".dyn.example.org")
		owner, _ := w.registry.State().Accounts.AccountByID(h.Account)
		return w.expiry.Due(&h, &owner)
	}
	warnings := func() int { return strings.Count(w.log.String(), "will go offline") }
	w.after(5 * day)
	if at, near := due("nas"); near || warnings() > 0 {
		t.Errorf("nas goes offline at %v, near %v, %d warnings: too early", at, near, warnings())
	}
	w.after(day)
	w.after(day)
	if _, near := due("nas"); !near || warnings() != 1 || !strings.Contains(w.log.String(), "level=WARN") {
		t.Errorf("%d warnings, want one in the last quarter:\n%s", warnings(), w.log)
	}
	w.after(75 * day)
	if at, near := due("home"); near || !at.Equal(start.Truncate(time.Millisecond).Add(90*day)) {
		t.Errorf("home goes offline at %v, near %v", at, near)
	}
	w.after(day)
	if _, near := due("home"); !near || warnings() != 3 {
		t.Errorf("%d warnings, want one a week before", warnings())
	}
	if at, near := due("nas"); !at.IsZero() || near {
		t.Errorf("nas, which is offline, goes offline at %v", at)
	}
	w.report("home", "203.0.113.1")
	if _, near := due("home"); near {
		t.Error("home is near its end after a report")
	}
}

// A store that fails loses nothing: the next look finds them again.
func TestExpiryTriesAgain(t *testing.T) {
	t.Parallel()
	w := newWake(t, 30*day)
	w.Pass(31 * day)
	w.store.SetFault(errors.New("disk full"))
	if err := w.expiry.Look(t.Context()); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("Look() = %v, want %v", err, registry.ErrUnavailable)
	}
	w.store.SetFault(nil)
	w.after(time.Minute)
	w.wantOffline("home", "nas", "printer")
}

// A host that reports while others are being written is spared, and seen again.
func TestReportBetweenLookAndWrite(t *testing.T) {
	t.Parallel()
	w := newWake(t, 30*day)
	slow := rig.NewGate(w.registry, func() { w.report("home", "203.0.113.1") })
	w.expiry = update.NewExpiry(slow, w.seen, update.ExpiryOptions{House: 30 * day, Now: w.Now})
	w.after(31 * day)
	w.wantOffline("nas", "printer")
	w.after(31 * day)
	w.wantOffline("home", "nas", "printer")
}

func TestExpiryRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, update.Options{Now: time.Now})
		seen := openSeen(t, &shelf{})
		w.apply(func(*registry.State) (registry.Changes, error) {
			h := w.host(homeHost)
			h.Options.Expiry, h.Sources = 3600, nil
			return registry.Changes{Accounts: account.Changes{Hosts: []account.Host{h}}}, nil
		})
		seen.Mark(w.host(homeHost).ID, time.Now())
		expiry := update.NewExpiry(w.registry, seen, update.ExpiryOptions{})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { expiry.Run(ctx) })
		defer func() { stop(); running.Wait() }()
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if h := w.host(homeHost); h.IsOffline() {
			t.Error("home went offline too early")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if h := w.host(homeHost); !h.IsOffline() {
			t.Error("home is still online")
		}
	})
}

// BenchmarkExpiry measures a look at hosts that all may expire and do not, and one
// that finds that nothing has changed.
func BenchmarkExpiry(b *testing.B) {
	const hosts = 1_000_000
	w := newWorld(b, update.Options{})
	w.apply(func(*registry.State) (registry.Changes, error) { return manyHosts(b, hosts), nil })
	seen, err := update.OpenSeen(b.Context(), &shelf{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	clock := rig.NewHandClock(time.Now())
	expiry := update.NewExpiry(w.registry, seen, update.ExpiryOptions{House: 3000 * day, Now: clock.Now})
	b.Run(fmt.Sprintf("hosts=%d", hosts), func(b *testing.B) {
		b.ReportAllocs()
		for n := range b.N {
			clock.Pass(time.Hour)
			expiry.SetHouse(time.Duration(3000+n%2) * day) // so that all must be looked at
			if err := expiry.Look(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestPresent: what was heard before the last absence is no longer ago than that it was
// heard just as long before we came back.
func TestPresent(t *testing.T) {
	t.Parallel()
	w := newWake(t, 0)
	heard := w.Now()
	w.Pass(time.Hour)
	w.expiry.StayAlive()
	if got := w.expiry.Present(heard); !got.Equal(heard) {
		t.Errorf("Present = %v while we were there all the time, want %v", got, heard)
	}
	w.Pass(10 * day)
	later := update.NewExpiry(w.registry, w.seen, update.ExpiryOptions{Now: w.Now})
	if got, want := later.Present(heard).Truncate(time.Second), heard.Add(10*day).Truncate(time.Second); !got.Equal(want) {
		t.Errorf("Present = %v after ten days away, want %v", got, want)
	}
	if got := later.Present(w.Now()); !got.Equal(w.Now()) {
		t.Errorf("Present = %v of what was heard since, want it as it is", got)
	}
}
