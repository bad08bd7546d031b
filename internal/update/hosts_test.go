package update_test

import (
	"errors"
	"fmt"
	"testing"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
)

// TestEach: what is said of one host by name counts for it alone, also where it is
// named nowhere else, if the key covers it.
func TestEach(t *testing.T) {
	t.Parallel()
	const home, nas = "home.dyn.example.org", "nas.dyn.example.org"
	keep, remove := update.Family{}, update.Family{Action: update.Remove}
	tests := []struct {
		name     string
		hosts    []string
		v4       update.Family
		each     []update.HostFamilies
		outcomes string
		home     string
		nas      string // its addresses
	}{
		{
			"another host",
			[]string{home},
			set("203.0.113.9"),
			[]update.HostFamilies{{nas, keep, set("2001:db8::9")}},
			"good good", "203.0.113.9", "203.0.113.2 | MX | v=spf1 mx -all | 2001:db8::9",
		},
		{
			"one of the hosts",
			[]string{home, nas},
			set("203.0.113.9"),
			[]update.HostFamilies{{"NAS.dyn.example.org.", set("203.0.113.8"), remove}},
			"good good", "203.0.113.9", "203.0.113.8 | MX | v=spf1 mx -all",
		},
		{
			"nobody else", nil, set("203.0.113.9"),
			[]update.HostFamilies{{nas, set("203.0.113.8"), keep}},
			"good", "203.0.113.1", "203.0.113.8 | MX | v=spf1 mx -all | 2001:db8::2",
		},
		{
			"foreign, unknown and no names",
			[]string{home},
			set("203.0.113.9"),
			[]update.HostFamilies{{"printer.dyn.example.org", remove, keep}, {"nowhere.dyn.example.org", remove, keep}, {"x", remove, keep}, {"", remove, keep}},
			"good nohost nohost notfqdn notfqdn", "203.0.113.9", "203.0.113.2 | MX | v=spf1 mx -all | 2001:db8::2",
		},
	}
	for _, test := range tests {
		w := newWorld(t, update.Options{})
		before := len(w.store.all())
		results := w.update(update.Request{Hosts: test.hosts, V4: test.v4, Each: test.each})
		if got := outcomes(results); got != test.outcomes || w.records(home) != test.home || w.records(nas) != test.nas {
			t.Errorf("%s: %v, home = %v, nas = %v", test.name, got, w.records(home), w.records(nas))
		}
		if got := w.records("printer.dyn.example.org"); got != "203.0.113.3" {
			t.Errorf("%s: foreign host = %v", test.name, got)
		}
		if got := len(w.store.all()) - before; got != 1 {
			t.Errorf("%s: commits = %d, want 1", test.name, got)
		}
	}
}

// TestFaultsOfEach fail as those of the request itself do.
func TestFaultsOfEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	var many []update.HostFamilies
	for i := range update.MaxHosts {
		many = append(many, update.HostFamilies{Host: fmt.Sprintf("h%d.dyn.example.org", i), V4: set("203.0.113.9")})
	}
	req := update.Request{Username: "alice", Secret: aliceSecret, Hosts: []string{"home.dyn.example.org"}, Each: many}
	if _, err := w.service.Update(t.Context(), req); !errors.Is(err, update.ErrTooManyHosts) {
		t.Errorf("err = %v, want %v", err, update.ErrTooManyHosts)
	}
	req.Each = []update.HostFamilies{{Host: "nas.dyn.example.org", V4: set("2001:db8::9")}}
	if _, err := w.service.Update(t.Context(), req); !errors.Is(err, update.ErrBadAddress) {
		t.Errorf("err = %v, want %v", err, update.ErrBadAddress)
	}
}

// TestAll: all hosts that the key covers, in one commit, and no others.
func TestAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	before := len(w.store.all())
	results := w.update(update.Request{All: true, Hosts: []string{"printer.dyn.example.org"}, V4: set("203.0.113.9")})
	if len(results) != 2 || results[0].Host != "home.dyn.example.org" || results[1].Host != "nas.dyn.example.org" || outcomes(results) != "good good" {
		t.Errorf("results = %+v", results)
	}
	if got := outcomes(w.update(update.Request{All: true, V4: set("203.0.113.9")})); got != "nochange nochange" {
		t.Errorf("again: %v", got)
	}
	if got := len(w.store.all()) - before; got != 1 {
		t.Errorf("commits = %d, want 1", got)
	}
	results = w.update(update.Request{
		Username: "nas-only", Secret: aliceSecret, All: true, V4: set("203.0.113.10"),
		Each: []update.HostFamilies{{Host: "nas.dyn.example.org", V4: set("203.0.113.11")}, {Host: "home.dyn.example.org"}},
	})
	if got := outcomes(results); got != "good nohost" {
		t.Errorf("with the narrow key: %v", got)
	}
	if got := w.records("nas.dyn.example.org"); got != "203.0.113.11 | MX | v=spf1 mx -all | 2001:db8::2" {
		t.Errorf("nas = %v", got)
	}
	if got := w.records("home.dyn.example.org"); got != "203.0.113.9" {
		t.Errorf("home = %v", got)
	}
	if got := w.records("printer.dyn.example.org"); got != "203.0.113.3" {
		t.Errorf("foreign host = %v", got)
	}
}

// TestAllWithinItsLimit, beyond it, and where there is nothing.
func TestAllWithinItsLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	hosts := map[string]stands{}
	for i := range update.MaxAll - 2 { // home and nas are there
		hosts[fmt.Sprint("lan", i)] = stands{addrs: addrs("203.0.113.1")}
	}
	w.lan(hosts)
	commits, serial := len(w.store.all()), w.serial()
	results := w.update(update.Request{All: true, V4: set("203.0.113.9")})
	if len(results) != update.MaxAll || len(w.store.all())-commits != 1 || w.serial()-serial != 1 {
		t.Errorf("%d results, %d commits, %d serials", len(results), len(w.store.all())-commits, w.serial()-serial)
	}
	w.apply(func(*registry.State) (registry.Changes, error) {
		return registry.Changes{Accounts: account.Changes{
			Hosts:    []account.Host{{ID: 9999, Name: name("one-more.dyn.example.org"), Account: 1}},
			Accounts: []account.Account{{ID: 3, Name: "carol", Role: account.Customer}},
			Keys:     []account.Key{{ID: 9, Account: 3, Username: "carol", Secret: keep(t, bobSecret)}},
		}}, nil
	})
	req := update.Request{Username: "alice", Secret: aliceSecret, All: true, V4: set("203.0.113.10")}
	if _, err := w.service.Update(t.Context(), req); !errors.Is(err, update.ErrTooManyHosts) {
		t.Errorf("err = %v, want %v", err, update.ErrTooManyHosts)
	}
	req.Username, req.Secret = "carol", bobSecret
	if _, err := w.service.Update(t.Context(), req); !errors.Is(err, update.ErrNoHostNamed) {
		t.Errorf("err = %v, want %v", err, update.ErrNoHostNamed)
	}
}

// TestWholeHeedsThoseThatFollow: when one host fails and all do, nothing that hangs
// on the prefix moves either.
func TestWholeHeedsThoseThatFollow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.lan(map[string]stands{"cam": {Host: account.Host{Follows: name("nas.dyn.example.org")}, addrs: addrs("2001:db8::7")}})
	before := len(w.store.all())
	request := update.Request{Whole: true, Hosts: []string{"nas.dyn.example.org", "printer.dyn.example.org"}, V6: set("2001:db8:2::2"), Prefix: prefix("2001:db8:2::/64")}
	if got := outcomes(w.update(request)); got != "nohost nohost" || w.records("cam.dyn.example.org") != "2001:db8::7" || len(w.store.all()) != before {
		t.Errorf("%v, cam = %v", got, w.records("cam.dyn.example.org"))
	}
	request.Hosts = request.Hosts[:1]
	request.Prefix = prefix("2001:db8:3::/64")
	if got := outcomes(w.update(request)); got != "good" {
		t.Errorf("outcome = %v", got)
	}
}
