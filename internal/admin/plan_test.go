package admin_test

import (
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// newPlans returns a town where alice has a small plan.
func newPlans(t *testing.T) *world {
	t.Helper()
	w := newTown(t)
	w.ok(w.AddPlan(t.Context(), account.Plan{Name: "Home", Hosts: 2, Keys: 1, NoWildcard: true, NoMX: true, Rest: 24 * time.Hour}))
	w.ok(w.SetAccount(t.Context(), "alice", admin.AccountChange{Plan: ptr("home")}))
	return w
}

func TestPlansBoundWhatAccountsHave(t *testing.T) {
	t.Parallel()
	w := newPlans(t)
	if a, _ := w.Account("alice"); a.Plan != "Home" {
		t.Errorf("plan = %q, want it as it is spelled", a.Plan)
	}
	w.addHost("home.dyn.example.org", "alice")
	batch := []admin.NewHost{newHost("nas.dyn.example.org", "alice"), newHost("cam.dyn.example.org", "alice")}
	const full = "account alice may have no more than 2 hosts, says plan Home"
	w.refused(w.AddHosts(t.Context(), batch), admin.ErrConflict, full)
	w.addHost("nas.dyn.example.org", "alice")
	_, err := w.AddHost(t.Context(), newHost("cam.dyn.example.org", "alice"))
	w.refused(err, admin.ErrConflict, full)
	w.addHost("cam.dyn.example.org", "bob")
	cam := zone.MustName("cam.dyn.example.org")
	_, err = w.SetHost(t.Context(), cam, admin.HostChange{Account: ptr("alice")})
	w.refused(err, admin.ErrConflict, full)
	w.ok(w.SetHost(t.Context(), cam, admin.HostChange{Account: ptr("alice"), Force: true}))

	home := zone.MustName("home.dyn.example.org")
	_, err = w.SetHost(t.Context(), home, admin.HostChange{Options: admin.HostOptions{Wildcard: ptr(true)}})
	w.refused(err, admin.ErrConflict, "plan Home of account alice has no wildcards")
	_, err = w.SetHost(t.Context(), home, admin.HostChange{Options: admin.HostOptions{MX: ptr(zone.MustName("mail.example.org"))}})
	w.refused(err, admin.ErrConflict, "plan Home of account alice has no mail exchangers")

	if _, _, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice"}); err != nil {
		t.Error(err)
	}
	_, _, err = w.AddKey(t.Context(), admin.NewKey{Account: "alice"})
	w.refused(err, admin.ErrConflict, "account alice may have no more than 1 update keys, says plan Home")

	if err := w.DeleteHost(t.Context(), home); err != nil {
		t.Error(err)
	}
	if rest, _ := w.State().Accounts.Resting(home); !rest.Until.Equal(w.Now().Add(24 * time.Hour)) {
		t.Errorf("the name rests until %v, want a day", rest.Until)
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	w := newPlans(t)
	_, err := w.AddPlan(t.Context(), account.Plan{Name: "home"})
	w.refused(err, admin.ErrExists, "plan home exists already")
	_, err = w.AddPlan(t.Context(), account.Plan{Name: "x", Interval: -time.Second})
	w.refused(err, admin.ErrInvalid, "bad plan: interval: -1s is not a number of seconds up to 24h0m0s")
	_, err = w.SetAccount(t.Context(), "bob", admin.AccountChange{Plan: ptr("gold")})
	w.refused(err, admin.ErrInvalid, "no plan gold")
	w.refused(w.DeletePlan(t.Context(), "home"), admin.ErrConflict, "account alice has plan Home")
	p, err := w.SetPlan(t.Context(), "HOME", admin.PlanChange{Hosts: ptr(uint32(9)), NoMX: ptr(false)})
	if err != nil || p.Hosts != 9 || p.Keys != 1 || p.NoMX || !p.NoWildcard || len(w.Plans()) != 1 {
		t.Errorf("plan = %+v, %v", p, err)
	}
	w.ok(w.SetAccount(t.Context(), "alice", admin.AccountChange{Plan: ptr("")}))
	if err := w.DeletePlan(t.Context(), "home"); err != nil || len(w.Plans()) != 0 {
		t.Errorf("plans = %v, %v", w.Plans(), err)
	}
}

// TestAPlanIsDeletedOrGiven when both are asked for at once: no account has a plan that is
// gone, whoever is first.
func TestAPlanIsDeletedOrGiven(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var deleted, given int
	for range 200 {
		w.ok(w.AddPlan(t.Context(), account.Plan{Name: "Home"}))
		var givers sync.WaitGroup
		var faults [2]error
		for i, name := range []string{"alice", "bob"} {
			givers.Go(func() { _, faults[i] = w.SetAccount(t.Context(), name, admin.AccountChange{Plan: ptr("home")}) })
		}
		err := w.DeletePlan(t.Context(), "home")
		givers.Wait()
		for i, name := range []string{"alice", "bob"} {
			if a, _ := w.Account(name); (a.Plan == "Home") != (faults[i] == nil) || a.Plan != "" && err == nil {
				t.Fatalf("%s has plan %q (%v), and deleting it: %v", name, a.Plan, faults[i], err)
			}
			w.ok(w.SetAccount(t.Context(), name, admin.AccountChange{Plan: ptr("")}))
		}
		if err == nil {
			deleted++
			continue
		}
		given++
		if err := w.DeletePlan(t.Context(), "home"); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d times it was deleted first, %d times not", deleted, given)
}

func TestFactsOfAccounts(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.ok(w.AddAccount(t.Context(), admin.NewAccount{Name: "carol", ExternalID: "crm-7", FullName: "Carol Ñ.", Language: "pt-BR"}))
	a, ok := w.State().Accounts.AccountByExternalID("crm-7")
	if !ok || a.Name != "carol" || a.FullName != "Carol Ñ." || a.Language != "pt-BR" {
		t.Errorf("account = %+v, %v", a, ok)
	}
	_, err := w.SetAccount(t.Context(), "bob", admin.AccountChange{ExternalID: ptr("crm-7")})
	w.refused(err, admin.ErrExists, "account carol has the external ID crm-7")
	_, err = w.SetAccount(t.Context(), "bob", admin.AccountChange{ExternalID: ptr("a b")})
	w.refused(err, admin.ErrInvalid, `bad external ID "a b": only printable ASCII without blanks`)
	_, err = w.SetAccount(t.Context(), "bob", admin.AccountChange{Language: ptr("German!")})
	w.refused(err, admin.ErrInvalid, `bad language "German!": a tag such as en or pt-BR`)
	_, err = w.SetAccount(t.Context(), "bob", admin.AccountChange{FullName: ptr("a\nb")})
	w.refused(err, admin.ErrInvalid, "bad text: one line of up to 256 octets")

	// An ID that is given up is free, and so is that of an account that goes.
	w.ok(w.SetAccount(t.Context(), "carol", admin.AccountChange{ExternalID: ptr("")}))
	w.ok(w.SetAccount(t.Context(), "bob", admin.AccountChange{ExternalID: ptr("crm-7")}))
	if err := w.DeleteAccount(t.Context(), "bob", false); err != nil {
		t.Fatal(err)
	}
	w.ok(w.SetAccount(t.Context(), "carol", admin.AccountChange{ExternalID: ptr("crm-7")}))
}

func TestTerminatedAccountsReleaseTheirNames(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.7")
	home := zone.MustName("home.dyn.example.org")
	if _, _, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice"}); err != nil {
		t.Fatal(err)
	}
	set := func(p account.Phase) admin.Account {
		t.Helper()
		a, err := w.SetAccount(t.Context(), "alice", admin.AccountChange{Phase: &p})
		if err != nil || a.Phase != p {
			t.Fatalf("account = %+v, %v, want it %s", a, err, p)
		}
		return a
	}
	set(account.Suspended)
	w.wantRecords("dyn.example.org", "home.dyn.example.org", placeholder)
	if a := set(account.Terminated); a.Hosts != 0 || a.Keys != 0 || !a.Suspended || !a.Terminated.Equal(w.Now()) {
		t.Errorf("account = %+v", a)
	}
	w.wantRecords("dyn.example.org", "home.dyn.example.org")
	_, err := w.AddHost(t.Context(), newHost("home.dyn.example.org", "bob"))
	w.refused(err, admin.ErrConflict, "home.dyn.example.org was released and rests until 2027-01-30")
	_, err = w.AddHost(t.Context(), newHost("home.dyn.example.org", "alice"))
	w.refused(err, admin.ErrConflict, "account alice is terminated")
	_, _, err = w.AddKey(t.Context(), admin.NewKey{Account: "alice"})
	w.refused(err, admin.ErrConflict, "account alice is terminated")

	if a := set(account.Active); a.Suspended || !a.Terminated.IsZero() {
		t.Errorf("account = %+v", a)
	}
	w.addHost("home.dyn.example.org", "alice", "192.0.2.8")
	w.wantRecords("dyn.example.org", "home.dyn.example.org", "A 192.0.2.8")
	if _, rests := w.State().Accounts.Resting(home); rests {
		t.Error("a name that is taken again still rests")
	}

	// Who bears to be terminated may also just be suspended, and nothing more is lost.
	set(account.Terminated)
	set(account.Suspended)
	set(account.Active)
}
