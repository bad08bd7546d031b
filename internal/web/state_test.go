package web_test

import (
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"testing"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// TestStates: what a host's page says of it, step by step.
func TestStates(t *testing.T) {
	w := newWorld(t)
	user, secret := w.addHost("alice", "home")
	name := zone.MustName("home.dyn.example.org")
	set := func(c admin.HostChange) func(time.Duration) {
		return func(time.Duration) { ok(w.admin.SetHost(t.Context(), name, c))(t) }
	}
	report := func(secret, query string) func(time.Duration) {
		return func(later time.Duration) { w.report(-later, user, secret, "home", query) }
	}
	suspend := func(to bool) func(time.Duration) {
		return func(time.Duration) {
			ok(w.admin.SetAccount(t.Context(), "alice", admin.AccountChange{Suspended: &to}))(t)
		}
	}
	for i, step := range []struct {
		name string
		do   func(later time.Duration)
		says string
	}{
		{"new", func(time.Duration) {}, "Waits for an update"},
		{"by hand", set(admin.HostChange{Addresses: &[]netip.Addr{netip.MustParseAddr("192.0.2.9")}}), "Set by hand"},
		{"reported", report(secret, "myip=192.0.2.7"), "Up to date"},
		{"refused", report("wrong", "myip=192.0.2.8"), "Updates fail"},
		{"right again", report(secret, "myip=192.0.2.7"), "Up to date"},
		{"private", report(secret, "myip=10.0.0.1"), "Needs a look"},
		{"right once more", report(secret, "myip=192.0.2.10"), "Up to date"},
		{"taken offline", set(admin.HostChange{TakeOffline: true}), "Offline"},
		{"back", report(secret, "myip=192.0.2.7"), "Up to date"},
		{"an alias", set(admin.HostChange{Alias: new(zone.MustName("www.example.net"))}), "Alias"},
		{"suspended", suspend(true), "Suspended"},
		{"resumed", suspend(false), "Alias"},
	} {
		later := time.Duration(i) * time.Minute
		step.do(later)
		w.at(-later)
		p := w.as("desk").get("/hosts/home.dyn.example.org").shows(t, http.StatusOK)
		got := regexp.MustCompile(`<span class="state \w+"><span>([^<]+)`).FindStringSubmatch(p.body)
		if len(got) < 2 || got[1] != step.says {
			t.Errorf("%s: the page says %q, want %q", step.name, got, step.says)
		}
	}
}

// TestTimeline: a lane for each address, that which stands first, and one for
// refusals.
func TestTimeline(t *testing.T) {
	w := newWorld(t)
	w.at(10 * 24 * time.Hour)
	user, secret := w.addHost("alice", "home")
	for i, address := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"} {
		w.report(time.Duration(8-2*i)*24*time.Hour, user, secret, "home", "myip="+address)
	}
	w.report(24*time.Hour, user, "wrong", "home", "myip=192.0.2.4")
	label := regexp.MustCompile(`<p class="label"><span(?: class="mono")?>([^<]+)`)
	want := []string{"192.0.2.3", "192.0.2.1", "192.0.2.2", "Refused once"}
	w.waitFor(func() bool { // the archive follows the commits
		var got []string
		for _, m := range label.FindAllStringSubmatch(w.as("alice").get("/hosts/home.dyn.example.org").body, -1) {
			got = append(got, m[1])
		}
		return slices.Equal(got, want)
	})
	p := w.as("alice").get("/hosts/home.dyn.example.org")
	for _, bar := range []string{
		`<rect class="bar" x="0" y="0" width="250"`, `<rect class="bar" x="250" y="0" width="250"`,
		`<rect class="bar" x="500" y="0" width="250"`, `<rect class="bar" x="750" y="0" width="250"`,
		`<rect class="fail" x="875"`,
	} {
		p.shows(t, http.StatusOK, bar)
	}
}

// TestTimelineOfANewOwner: it shows what stands, and nothing of what the owner before had.
func TestTimelineOfANewOwner(t *testing.T) {
	w := newWorld(t)
	w.at(10 * 24 * time.Hour)
	user, secret := w.addHost("alice", "home")
	w.report(8*24*time.Hour, user, secret, "home", "myip=192.0.2.1")
	w.report(4*24*time.Hour, user, secret, "home", "myip=192.0.2.2")
	label := regexp.MustCompile(`<p class="label"><span(?: class="mono")?>([^<]+)`)
	lanes := func(who string) (all []string) {
		for _, m := range label.FindAllStringSubmatch(w.as(who).get("/hosts/home.dyn.example.org").body, -1) {
			all = append(all, m[1])
		}
		return all
	}
	both := []string{"192.0.2.2", "192.0.2.1"}
	w.waitFor(func() bool { return slices.Equal(lanes("alice"), both) }) // the archive follows the commits
	owner := "bob"
	ok(w.admin.SetHost(t.Context(), zone.MustName("home.dyn.example.org"), admin.HostChange{Account: &owner}))(t)
	if got := lanes("bob"); !slices.Equal(got, both[:1]) {
		t.Errorf("the new owner sees %q, want %q", got, both[:1])
	}
	if got := lanes("desk"); !slices.Equal(got, both) {
		t.Errorf("staff see %q, want %q", got, both)
	}
}
