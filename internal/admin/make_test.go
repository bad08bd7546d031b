package admin_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

const makersSecret = "the-secret-of-a-maker"

// newMaker returns a town in which the key "maker" of alice may make names in
// *.a.dyn.example.org while fewer than three hosts fit, and in *.dyn.example.org, and
// the service that its devices ask.
func newMaker(t *testing.T) (*world, *update.Service) {
	t.Helper()
	w := newTown(t)
	_, _, err := w.AddKey(t.Context(), admin.NewKey{
		Account: "alice", Username: "maker", Secret: makersSecret, NewHosts: 3,
		Patterns: []zone.Name{zone.MustName("*.a.dyn.example.org"), zone.MustName("*.dyn.example.org")},
	})
	w.ok(nil, err)
	return w, update.New(w.registry, update.Options{Maker: w.Service, Now: w.Now, Logger: slog.New(slog.DiscardHandler)})
}

func report(t *testing.T, s *update.Service, names ...string) []update.Outcome {
	t.Helper()
	results, err := s.Update(t.Context(), update.Request{
		Username: "maker", Secret: makersSecret, Hosts: names, Via: "test",
		V4: update.Family{Action: update.Set, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.7")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []update.Outcome
	for _, r := range results {
		out = append(out, r.Outcome)
	}
	return out
}

// TestMakeHosts: a name that fits a pattern becomes a host by its first update, where staff
// could make it without force, and where nothing stands.
func TestMakeHosts(t *testing.T) {
	t.Parallel()
	w, s := newMaker(t)
	w.addHost("bobs.dyn.example.org", "bob")
	w.addHost("within.deep.dyn.example.org", "bob")
	w.addHost("gone.a.dyn.example.org", "alice")
	w.ok(nil, w.DeleteHost(t.Context(), zone.MustName("gone.a.dyn.example.org")))
	w.ok(nil, w.SetRecords(t.Context(), admin.RecordSet{
		Zone: zone.MustName("dyn.example.org"), Name: zone.MustName("_dmarc.mail.a.dyn.example.org"), Type: zone.TypeTXT, Data: []string{"v=DMARC1; p=reject"},
	}))
	for _, tt := range []struct {
		name string
		want update.Outcome
	}{
		{"mail.a.dyn.example.org", update.NoHost}, // a record of the house is within it
		{"home.a.dyn.example.org", update.Good},
		{"home.a.dyn.example.org", update.NoChange},
		{"HOME.A.dyn.example.org", update.NoChange},
		{"www.dyn.example.org", update.NoHost},        // reserved
		{"ns1.dyn.example.org", update.NoHost},        // a name server
		{"bobs.dyn.example.org", update.NoHost},       // another account's
		{"deep.dyn.example.org", update.NoHost},       // another account's host is within it
		{"x.bobs.dyn.example.org", update.NoHost},     // fits no pattern
		{"gone.a.dyn.example.org", update.NoHost},     // was taken away
		{"-.a.dyn.example.org", update.NotFQDN},       // no name of a host
		{"home.a.dyn.example.net", update.NoHost},     // in no zone
		{"second.a.dyn.example.org", update.Good},     // the second
		{"third.dyn.example.org", update.Good},        // the third
		{"fourth.dyn.example.org", update.NoHost},     // there are as many as there may be
		{"second.a.dyn.example.org", update.NoChange}, // and these stay
	} {
		if got := report(t, s, tt.name); got[0] != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got[0], tt.want)
		}
	}
	h := w.host("home.a.dyn.example.org")
	if h.Account != "alice" || len(h.Addresses) != 1 || h.TTL != 60 {
		t.Errorf("host = %+v", h)
	}
	if err := w.DeleteHost(t.Context(), zone.MustName("third.dyn.example.org")); err != nil {
		t.Fatal(err)
	}
	w.Pass(365 * 24 * time.Hour)
	if got := report(t, s, "fifth.a.dyn.example.org", "fifth.a.dyn.example.org", "sixth.a.dyn.example.org"); got[0] != update.Good || got[2] != update.NoHost {
		t.Errorf("of two, where there is room for one: %v", got)
	}
}

// TestMakeHostsHeedsPlans: a plan that is full lets no device make more.
func TestMakeHostsHeedsPlans(t *testing.T) {
	t.Parallel()
	w, s := newMaker(t)
	w.ok(w.AddPlan(t.Context(), account.Plan{Name: "small", Hosts: 1}))
	small := "small"
	w.ok(w.SetAccount(t.Context(), "alice", admin.AccountChange{Plan: &small}))
	got := report(t, s, "home.a.dyn.example.org", "nas.a.dyn.example.org")
	if got[0] != update.Good || got[1] != update.NoHost {
		t.Errorf("with a plan for one host: %v", got)
	}
}

// TestMakeHostsAtOnce: however many devices ask at once, no two hosts have one number, and there
// are no more than there may be.
func TestMakeHostsAtOnce(t *testing.T) {
	t.Parallel()
	w, s := newMaker(t)
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() { report(t, s, fmt.Sprintf("h%d.a.dyn.example.org", i%10)) })
	}
	wait.Wait()
	ids := map[uint32]bool{}
	for h := range w.State().Accounts.Hosts(zone.Root) {
		ids[h.ID] = true
	}
	if got := w.State().Accounts.CountHosts(); got != 3 || len(ids) != 3 {
		t.Errorf("%d hosts with %d numbers, want 3", got, len(ids))
	}
}

// TestJudgedHostsAreNotMade: a judge says what would become of a name, and makes nothing.
func TestJudgedHostsAreNotMade(t *testing.T) {
	t.Parallel()
	w, _ := newMaker(t)
	judge := update.NewJudge(w.registry, update.Options{Maker: w.Service, Now: w.Now})
	before := w.State().Revision
	for range 2 {
		if got := report(t, judge, "home.a.dyn.example.org", "www.dyn.example.org"); got[0] != update.Good || got[1] != update.NoHost {
			t.Errorf("judged: %v", got)
		}
	}
	if got := w.State().Revision; got != before || w.State().Accounts.CountHosts() != 0 {
		t.Errorf("a judge made %d commits", got-before)
	}
}

func TestKeysWithPatterns(t *testing.T) {
	t.Parallel()
	w, _ := newMaker(t)
	three := uint32(3)
	none := []zone.Name{}
	_, _, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice", Patterns: []zone.Name{zone.MustName("dyn.example.org")}})
	w.refused(err, admin.ErrInvalid, "not a pattern for hosts: there is no label * in dyn.example.org")
	_, _, err = w.AddKey(t.Context(), admin.NewKey{Account: "alice", NewHosts: 3})
	w.refused(err, admin.ErrInvalid, "without a pattern there are no names to make hosts of")
	_, err = w.SetKey(t.Context(), "maker", admin.KeyChange{Patterns: &none, NewHosts: new(uint32)})
	w.refused(err, admin.ErrConflict, "without patterns key maker would cover all hosts of its account")
	many := uint32(1001)
	_, err = w.SetKey(t.Context(), "maker", admin.KeyChange{NewHosts: &many})
	w.refused(err, admin.ErrInvalid, "update keys make at most 1000 hosts of an account")
	k, err := w.SetKey(t.Context(), "maker", admin.KeyChange{NewHosts: &three})
	if err != nil || k.NewHosts != 3 || len(k.Patterns) != 2 {
		t.Errorf("SetKey() = %+v, %v", k, err)
	}
}
