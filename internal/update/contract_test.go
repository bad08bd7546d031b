package update_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
)

// givePlan gives alice a plan.
func (w *world) givePlan(p account.Plan) {
	w.t.Helper()
	w.apply(func(st *registry.State) (registry.Changes, error) {
		a, _ := st.Accounts.Account("alice")
		a.Plan = p.Name
		return registry.Changes{Accounts: account.Changes{Plans: []account.Plan{p}, Accounts: []account.Account{a}}}, nil
	})
}

// A plan may want addresses to stand for a while. Each family waits for itself,
// since routers often report the two one after the other.
func TestPlanBoundsChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, update.Options{Now: time.Now})
		w.givePlan(account.Plan{Name: "slow", Interval: time.Minute})
		ask := func(v4, v6 update.Family) error {
			_, err := w.service.Update(t.Context(), update.Request{
				Username: "alice", Secret: aliceSecret, Via: "test", Hosts: []string{home}, V4: v4, V6: v6,
			})
			return err
		}
		leave := update.Family{}
		for i, step := range []struct {
			after  time.Duration
			v4, v6 update.Family
			want   error
		}{
			{0, set("198.51.100.1"), leave, nil},
			{0, set("198.51.100.1"), leave, nil}, // nothing changes
			{time.Second, leave, set("2001:db8::1"), nil},
			{time.Second, set("198.51.100.2"), leave, update.ErrLimited},
			{58 * time.Second, set("198.51.100.2"), leave, nil},
			{0, leave, set("2001:db8::2"), update.ErrLimited},
		} {
			time.Sleep(step.after)
			if err := ask(step.v4, step.v6); !errors.Is(err, step.want) {
				t.Errorf("step %d: %v, want %v", i, err, step.want)
			}
		}
	})
}

// What a device asks for beyond its plan is passed over; the address counts.
func TestPlanBoundsOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.givePlan(account.Plan{Name: "bare", NoWildcard: true, NoMX: true})
	mx := "mail.example.org"
	w.update(update.Request{
		Username: "alice", Secret: aliceSecret, Via: "test", Hosts: []string{home}, V4: set("198.51.100.9"),
		Options: update.HostOptions{Wildcard: update.On, MX: &mx, BackupMX: update.On},
	})
	if h := w.host(home); h.Options.Wildcard || h.Options.MX != "" || h.Options.BackupMX {
		t.Errorf("options = %+v", h.Options)
	}
	if got := w.records(home); got == "" {
		t.Error("the address was not taken")
	}
}
