package update_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

func TestUpdateIsDurableAndVisible(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	results := w.update(update.Request{
		Hosts: []string{"Home.dyn.example.org."}, V4: set("203.0.113.9"), Source: netip.MustParseAddr("198.51.100.7"),
	})
	if got := results[0]; got.Outcome != update.Good || got.ID != 1 || !slices.Equal(got.Addrs, addrs("203.0.113.9")) {
		t.Errorf("result = %+v", got)
	}
	if got, want := w.records("home.dyn.example.org"), "203.0.113.9"; got != want {
		t.Errorf("records = %v, want %v", got, want)
	}
	commits := w.store.all()
	by := commits[len(commits)-1].By[0]
	if want := (registry.Actor{Account: 1, Key: 1, Via: "test", From: "198.51.100.7"}); by != want {
		t.Errorf("actor = %+v, want %+v", by, want)
	}
}

func TestFamilies(t *testing.T) {
	t.Parallel()
	keep, source, remove := update.Family{}, update.Family{Action: update.FromSource}, update.Family{Action: update.Remove}
	const texts = " | MX | v=spf1 mx -all"
	tests := []struct {
		name    string
		v4, v6  update.Family
		source  string
		records string // of nas
		outcome update.Outcome
		told    []netip.Addr
	}{
		{"keep both", keep, keep, "198.51.100.7", "203.0.113.2" + texts + " | 2001:db8::2", update.NoChange, addrs("203.0.113.2", "2001:db8::2")},
		{"set one", set("203.0.113.9"), keep, "198.51.100.7", "203.0.113.9" + texts + " | 2001:db8::2", update.Good, addrs("203.0.113.9")},
		{"set the other", keep, set("2001:db8::9"), "198.51.100.7", "203.0.113.2" + texts + " | 2001:db8::9", update.Good, addrs("2001:db8::9")},
		{"set both", set("203.0.113.9"), set("2001:db8::9"), "", "203.0.113.9" + texts + " | 2001:db8::9", update.Good, addrs("203.0.113.9", "2001:db8::9")},
		{"set what stands", set("203.0.113.2"), set("2001:db8::2"), "", "203.0.113.2" + texts + " | 2001:db8::2", update.NoChange, addrs("203.0.113.2", "2001:db8::2")},
		{"set two", set("203.0.113.10", "203.0.113.9", "203.0.113.10"), keep, "", "203.0.113.9 | 203.0.113.10" + texts + " | 2001:db8::2", update.Good, addrs("203.0.113.10", "203.0.113.9")},
		{"mapped", set("::ffff:203.0.113.9"), keep, "", "203.0.113.9" + texts + " | 2001:db8::2", update.Good, addrs("203.0.113.9")},
		{"source", source, source, "198.51.100.7", "198.51.100.7" + texts + " | 2001:db8::2", update.Good, addrs("198.51.100.7")},
		{"mapped source", source, source, "::ffff:198.51.100.7", "198.51.100.7" + texts + " | 2001:db8::2", update.Good, addrs("198.51.100.7")},
		{"source of IPv6", source, source, "2001:db8::7", "203.0.113.2" + texts + " | 2001:db8::7", update.Good, addrs("2001:db8::7")},
		{"source of the other family", keep, source, "198.51.100.7", "203.0.113.2" + texts + " | 2001:db8::2", update.NoChange, addrs("203.0.113.2", "2001:db8::2")},
		{"source of nobody", source, source, "", "203.0.113.2" + texts + " | 2001:db8::2", update.NoChange, addrs("203.0.113.2", "2001:db8::2")},
		{"remove one", remove, keep, "", "MX | v=spf1 mx -all | 2001:db8::2", update.Good, addrs("2001:db8::2")},
		{"remove both", remove, remove, "", "MX | stayput: no address at present | v=spf1 mx -all", update.Good, nil},
		{"private", set("192.168.1.1"), keep, "", "203.0.113.2" + texts + " | 2001:db8::2", update.Ignored, addrs("192.168.1.1")},
		{"zone", keep, set("fe80::1%eth0"), "", "203.0.113.2" + texts + " | 2001:db8::2", update.Ignored, addrs("fe80::1")},
		{"private source", source, source, "100.64.0.1", "203.0.113.2" + texts + " | 2001:db8::2", update.Ignored, addrs("100.64.0.1")},
		{"private beside what stands", set("10.0.0.1"), set("2001:db8::2"), "", "203.0.113.2" + texts + " | 2001:db8::2", update.Ignored, addrs("10.0.0.1", "2001:db8::2")},
		{"private beside new", set("10.0.0.1"), set("2001:db8::9"), "", "203.0.113.2" + texts + " | 2001:db8::9", update.Good, addrs("10.0.0.1", "2001:db8::9")},
		{"private and public", set("10.0.0.1", "203.0.113.9"), keep, "", "203.0.113.9" + texts + " | 2001:db8::2", update.Good, addrs("10.0.0.1", "203.0.113.9")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, update.Options{})
			before := len(w.store.all())
			from, _ := netip.ParseAddr(test.source)
			got := w.update(update.Request{Hosts: []string{"nas.dyn.example.org"}, V4: test.v4, V6: test.v6, Source: from})[0]
			if got.Outcome != test.outcome || !slices.Equal(got.Addrs, test.told) {
				t.Errorf("result = %v %v, want %v %v", got.Outcome, got.Addrs, test.outcome, test.told)
			}
			if got := sortedTexts(w.records("nas.dyn.example.org")); got != sortedTexts(test.records) {
				t.Errorf("records = %v, want %v", got, test.records)
			}
			commits := len(w.store.all()) - before
			if want := map[bool]int{true: 1}[test.outcome == update.Good]; commits != want {
				t.Errorf("commits = %d, want %d", commits, want)
			}
		})
	}
}

// sortedTexts puts the records of a host in order of text: which type comes first
// is not the point.
func sortedTexts(s string) string {
	parts := strings.Split(s, " | ")
	slices.Sort(parts)
	return strings.Join(parts, " | ")
}

func TestNonGlobalMayBeAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{Rules: update.Rules{AcceptNonGlobal: true}})
	got := w.update(update.Request{Hosts: []string{"home.dyn.example.org"}, V4: set("192.168.1.1")})[0]
	if got.Outcome != update.Good || w.records("home.dyn.example.org") != "192.168.1.1" {
		t.Errorf("result = %v, records = %v", got, w.records("home.dyn.example.org"))
	}
}

// TestHostDecidesOnNonGlobal: what a host says of addresses that cannot be reached
// from outside counts for it alone, whatever the service does with others.
func TestHostDecidesOnNonGlobal(t *testing.T) {
	t.Parallel()
	keep, remove := update.Family{}, update.Family{Action: update.Remove}
	tests := []struct {
		name    string
		host    account.NonGlobal
		accept  bool // by the service
		v4, v6  update.Family
		records string // of home
		outcome update.Outcome
		other   update.Outcome // of nas, which decides nothing
	}{
		{"default, ignored", account.NonGlobalDefault, false, set("10.0.0.1"), keep, "203.0.113.1", update.Ignored, update.Ignored},
		{"default, accepted", account.NonGlobalDefault, true, set("10.0.0.1"), keep, "10.0.0.1", update.Good, update.Good},
		{"accept, ignored", account.NonGlobalAccept, false, set("10.0.0.1"), keep, "10.0.0.1", update.Good, update.Ignored},
		{"ignore, accepted", account.NonGlobalIgnore, true, set("10.0.0.1"), keep, "203.0.113.1", update.Ignored, update.Good},
		{"accept both families", account.NonGlobalAccept, false, set("10.0.0.2", "10.0.0.1"), set("fd00::1"), "10.0.0.1 | 10.0.0.2 | fd00::1", update.Good, update.Ignored},
		{"ignore one of two", account.NonGlobalIgnore, true, set("10.0.0.2", "203.0.113.9"), keep, "203.0.113.9", update.Good, update.Good},
		{"ignore one family", account.NonGlobalIgnore, true, set("203.0.113.9"), set("fd00::1"), "203.0.113.9", update.Good, update.Good},
		{"accept beside removal", account.NonGlobalAccept, false, remove, set("fd00::1"), "fd00::1", update.Good, update.Good},
		{"ignore beside removal", account.NonGlobalIgnore, true, remove, set("fd00::1"), "stayput: no address at present", update.Good, update.Good},
		{"accept what is global", account.NonGlobalAccept, false, set("203.0.113.9"), keep, "203.0.113.9", update.Good, update.Good},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, update.Options{Rules: update.Rules{AcceptNonGlobal: test.accept}})
			h := w.host("home.dyn.example.org")
			h.NonGlobal = test.host
			w.apply(func(*registry.State) (registry.Changes, error) {
				return registry.Changes{Accounts: account.Changes{Hosts: []account.Host{h}}}, nil
			})
			results := w.update(update.Request{Hosts: []string{"home.dyn.example.org", "nas.dyn.example.org"}, V4: test.v4, V6: test.v6})
			if got := results[0].Outcome; got != test.outcome {
				t.Errorf("outcome = %v, want %v", got, test.outcome)
			}
			if got := w.records("home.dyn.example.org"); got != test.records {
				t.Errorf("records = %v, want %v", got, test.records)
			}
			if got := w.host("home.dyn.example.org").NonGlobal; got != test.host {
				t.Errorf("after the update the host says %v, want %v", got, test.host)
			}
			if got := results[1].Outcome; got != test.other {
				t.Errorf("outcome of another host = %v, want %v", got, test.other)
			}
		})
	}
}

func TestFaultsOfTheRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	before := len(w.store.all())
	home := []string{"home.dyn.example.org"}
	many := make([]string, update.MaxHosts+1)
	var crowd []string
	for i := range update.MaxAddresses + 1 {
		crowd = append(crowd, fmt.Sprintf("203.0.113.%d", i))
	}
	tests := []struct {
		name string
		req  update.Request
		want error
	}{
		{"no credentials", update.Request{Hosts: home}, update.ErrNoCredentials},
		{"no credentials are bad ones", update.Request{Hosts: home}, account.ErrBadCredential},
		{"no secret", update.Request{Username: "alice", Hosts: home}, account.ErrBadCredential},
		{"wrong secret", update.Request{Username: "alice", Secret: bobSecret, Hosts: home}, account.ErrBadCredential},
		{"unknown user", update.Request{Username: "mallory", Secret: aliceSecret, Hosts: home}, account.ErrBadCredential},
		{"wrong secret before bad address", update.Request{Username: "alice", Secret: bobSecret, V4: set("::1")}, account.ErrBadCredential},
		{"too many hosts", update.Request{Username: "alice", Secret: aliceSecret, Hosts: many}, update.ErrTooManyHosts},
		{"no host, several covered", update.Request{Username: "alice", Secret: aliceSecret, V4: set("203.0.113.9")}, update.ErrNoHostNamed},
		{"no address", update.Request{Username: "alice", Secret: aliceSecret, Hosts: home, V4: update.Family{Action: update.Set}}, update.ErrBadAddress},
		{"unreadable address", update.Request{Username: "alice", Secret: aliceSecret, Hosts: home, V6: update.Family{Action: update.Set, Addrs: []netip.Addr{{}}}}, update.ErrBadAddress},
		{"IPv6 for IPv4", update.Request{Username: "alice", Secret: aliceSecret, Hosts: home, V4: set("2001:db8::9")}, update.ErrBadAddress},
		{"IPv4 for IPv6", update.Request{Username: "alice", Secret: aliceSecret, Hosts: home, V6: set("::ffff:203.0.113.9")}, update.ErrBadAddress},
		{"too many addresses", update.Request{Username: "alice", Secret: aliceSecret, Hosts: home, V4: set(crowd...)}, update.ErrBadAddress},
	}
	for _, test := range tests {
		results, err := w.service.Update(t.Context(), test.req)
		if !errors.Is(err, test.want) || results != nil {
			t.Errorf("%s: got = %v, %v, want %v", test.name, results, err, test.want)
		}
	}
	if got := len(w.store.all()); got != before {
		t.Errorf("commits = %d, want %d", got, before)
	}
}

func TestOtherReadingsOfTheSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.update(update.Request{
		Username: "alice", Secret: "wrong", OtherSecrets: []string{"wrong too", aliceSecret, "never tried"},
		Hosts: []string{"home.dyn.example.org"}, V4: set("203.0.113.9"),
	})
}

func TestHostsOfOneRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	before := len(w.store.all())
	hosts := []string{"home.dyn.example.org", "printer.dyn.example.org", "nowhere.dyn.example.org", "home", "a..b", "under_score.example.org", "", " nas.dyn.example.org "}
	results := w.update(update.Request{Hosts: hosts, V4: set("203.0.113.9")})
	if got, want := outcomes(results), "good nohost nohost notfqdn notfqdn notfqdn notfqdn good"; got != want {
		t.Errorf("outcomes = %v, want %v", got, want)
	}
	if got, want := w.records("printer.dyn.example.org"), "203.0.113.3"; got != want {
		t.Errorf("foreign host = %v, want %v", got, want)
	}
	if got := len(w.store.all()) - before; got != 1 {
		t.Errorf("commits = %d, want 1", got)
	}
	results = w.update(update.Request{Hosts: []string{"nas.dyn.example.org", "home.dyn.example.org", "nas.dyn.example.org"}, V4: set("203.0.113.9")})
	if got, want := outcomes(results), "nochange nochange nochange"; got != want {
		t.Errorf("outcomes = %v, want %v", got, want)
	}
	results = w.update(update.Request{Username: "nas-only", Secret: aliceSecret, Hosts: []string{"home.dyn.example.org", "nas.dyn.example.org"}, V4: set("203.0.113.10")})
	if got, want := outcomes(results), "nohost good"; got != want {
		t.Errorf("outcomes of the narrow key = %v, want %v", got, want)
	}
}

func TestTheOneHostThatAKeyCovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	results := w.update(update.Request{Username: "nas-only", Secret: aliceSecret, V4: set("203.0.113.9")})
	if results[0].Host != "nas.dyn.example.org" || results[0].Outcome != update.Good {
		t.Errorf("result = %+v", results[0])
	}
	results = w.update(update.Request{Username: "bob", Secret: bobSecret, V4: set("203.0.113.9")})
	if results[0].Host != "printer.dyn.example.org" || results[0].Outcome != update.Good {
		t.Errorf("result = %+v", results[0])
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	before := w.host("nas.dyn.example.org").Sources
	w.update(update.Request{Hosts: []string{"nas.dyn.example.org"}, V4: set("203.0.113.9"), V6: set("2001:db8::2")})
	got := w.host("nas.dyn.example.org").Sources
	want := []account.Source{
		{Addr: netip.MustParseAddr("203.0.113.9"), Key: 1, Via: "test", At: start.Truncate(time.Millisecond)},
		before[1],
	}
	if !slices.Equal(got, want) {
		t.Errorf("sources = %+v, want %+v", got, want)
	}
	event := start.Add(-time.Minute)
	w.update(update.Request{Hosts: []string{"nas.dyn.example.org"}, V6: set("2001:db8::9"), Session: "abc", At: event})
	got = w.host("nas.dyn.example.org").Sources
	want[1] = account.Source{Addr: netip.MustParseAddr("2001:db8::9"), Key: 1, Via: "test", Session: "abc", At: event.Truncate(time.Millisecond)}
	if !slices.Equal(got, want) {
		t.Errorf("sources = %+v, want %+v", got, want)
	}
}

func TestPlaceholderComesAndGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	remove := update.Family{Action: update.Remove}
	home := []string{"home.dyn.example.org"}
	w.update(update.Request{Hosts: home, V4: remove})
	if got := w.records("home.dyn.example.org"); got != update.Placeholder {
		t.Errorf("records = %v, want the placeholder", got)
	}
	if got := w.update(update.Request{Hosts: home, V4: remove, V6: remove}); got[0].Outcome != update.NoChange || len(got[0].Addrs) > 0 {
		t.Errorf("result = %+v", got[0])
	}
	w.update(update.Request{Hosts: home, V6: set("2001:db8::9")})
	if got, want := w.records("home.dyn.example.org"), "2001:db8::9"; got != want {
		t.Errorf("records = %v, want %v", got, want)
	}
	if got := w.host("home.dyn.example.org").Sources; len(got) != 1 {
		t.Errorf("sources = %v, want one", got)
	}
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.store.SetFault(errors.New("disk full"))
	req := update.Request{Username: "alice", Secret: aliceSecret, Hosts: []string{"home.dyn.example.org"}, V4: set("203.0.113.9")}
	if _, err := w.service.Update(t.Context(), req); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("err = %v, want %v", err, registry.ErrUnavailable)
	}
	if got, want := w.records("home.dyn.example.org"), "203.0.113.1"; got != want {
		t.Errorf("records = %v, want %v", got, want)
	}
	req.V4 = set("203.0.113.1")
	if got := w.update(req); got[0].Outcome != update.NoChange {
		t.Errorf("outcome = %v, want %v", got[0].Outcome, update.NoChange)
	}
}

func TestWhatHappensBetweenCheckAndWrite(t *testing.T) {
	t.Parallel()
	key := func(st *registry.State) account.Key {
		k, _ := st.Accounts.Key("alice")
		return k
	}
	host := func(st *registry.State) account.Host {
		h, _ := st.Accounts.Host(name("home.dyn.example.org"))
		return h
	}
	tests := []struct {
		name      string
		meanwhile func(*registry.State) account.Changes
		outcome   string
		err       error
		records   string
	}{
		{"nothing", func(*registry.State) account.Changes { return account.Changes{} }, "good", nil, "203.0.113.9"},
		{"key revoked", func(*registry.State) account.Changes { return account.Changes{DeletedKeys: []string{"alice"}} }, "", account.ErrBadCredential, "203.0.113.1"},
		{"secret changed", func(st *registry.State) account.Changes {
			k := key(st)
			k.Secret = keep(t, "another-secret-for-alice")
			return account.Changes{Keys: []account.Key{k}}
		}, "", account.ErrBadCredential, "203.0.113.1"},
		{"key narrowed", func(st *registry.State) account.Changes {
			k := key(st)
			k.Hosts = []zone.Name{name("nas.dyn.example.org")}
			return account.Changes{Keys: []account.Key{k}}
		}, "nohost", nil, "203.0.113.1"},
		{"account suspended", func(st *registry.State) account.Changes {
			a, _ := st.Accounts.Account("alice")
			a.Suspended = true
			return account.Changes{Accounts: []account.Account{a}}
		}, "", account.ErrSuspended, "203.0.113.1"},
		{"host given away", func(st *registry.State) account.Changes {
			h := host(st)
			h.Account = 2
			return account.Changes{Hosts: []account.Host{h}}
		}, "nohost", nil, "203.0.113.1"},
		{"host deleted", func(*registry.State) account.Changes {
			return account.Changes{DeletedHosts: []zone.Name{name("home.dyn.example.org")}}
		}, "nohost", nil, "203.0.113.1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, update.Options{})
			slow := rig.NewGate(w.registry, func() {
				w.apply(func(st *registry.State) (registry.Changes, error) {
					return registry.Changes{Accounts: test.meanwhile(st)}, nil
				})
			})
			results, err := update.New(slow, update.Options{}).Update(t.Context(), update.Request{
				Username: "alice", Secret: aliceSecret, Hosts: []string{"home.dyn.example.org"}, V4: set("203.0.113.9"),
			})
			if got := outcomes(results); got != test.outcome || !errors.Is(err, test.err) {
				t.Errorf("got = %v, %v, want %v, %v", got, err, test.outcome, test.err)
			}
			if got := w.records("home.dyn.example.org"); got != test.records {
				t.Errorf("records = %v, want %v", got, test.records)
			}
		})
	}
}

// hastyRegistry changes the state as soon as the first commit is made.
type hastyRegistry struct {
	*registry.Registry
	then func()
}

func (r *hastyRegistry) Apply(ctx context.Context, by registry.Actor, e registry.Edit) (registry.Revision, error) {
	revision, err := r.Registry.Apply(ctx, by, e)
	if then := r.then; then != nil {
		r.then = nil
		then()
	}
	return revision, err
}

// TestKeyChangesOnceItsHashIsReplaced: the secret of a request whose key got another
// while its old hash was replaced is wrong.
func TestKeyChangesOnceItsHashIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.giveHash("router")
	hasty := &hastyRegistry{w.registry, func() {
		w.apply(func(st *registry.State) (registry.Changes, error) {
			k, _ := st.Accounts.Key("router")
			k.Secret = keep(t, "another-secret-for-alice")
			return registry.Changes{Accounts: account.Changes{Keys: []account.Key{k}}}, nil
		})
	}}
	_, err := update.New(hasty, update.Options{}).Update(t.Context(), update.Request{
		Username: "router", Secret: "correct horse", Hosts: []string{"home.dyn.example.org"}, V4: set("203.0.113.9"),
	})
	if got := w.records("home.dyn.example.org"); !errors.Is(err, account.ErrBadCredential) || got != "203.0.113.1" {
		t.Errorf("got %v, records = %v", err, got)
	}
}

// maker makes a host of alice's of each name.
type maker struct{}

func (maker) MakeHosts(st *registry.State, _ account.Key, names []zone.Name, _ time.Time) (c registry.Changes) {
	for _, n := range names {
		h := account.Host{ID: st.Accounts.NextHostID(), Name: n, Account: 1, TTL: 60}
		c.Accounts.Hosts = append(c.Accounts.Hosts, h)
	}
	return c
}

// TestKeyRevokedOnceItMadeAHost: its request does no more.
func TestKeyRevokedOnceItMadeAHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.apply(func(st *registry.State) (registry.Changes, error) {
		k, _ := st.Accounts.Key("nas-only")
		k.Hosts, k.Patterns, k.NewHosts = nil, []zone.Name{name("*.dyn.example.org")}, 1
		return registry.Changes{Accounts: account.Changes{Keys: []account.Key{k}}}, nil
	})
	hasty := &hastyRegistry{w.registry, func() {
		w.apply(func(*registry.State) (registry.Changes, error) {
			return registry.Changes{Accounts: account.Changes{DeletedKeys: []string{"nas-only"}}}, nil
		})
	}}
	_, err := update.New(hasty, update.Options{Maker: maker{}}).Update(t.Context(), update.Request{
		Username: "nas-only", Secret: aliceSecret, Hosts: []string{"new.dyn.example.org"}, V4: set("203.0.113.9"),
	})
	if got := w.records("new.dyn.example.org"); !errors.Is(err, account.ErrBadCredential) || got != "" {
		t.Errorf("got %v, records = %v", err, got)
	}
}

// TestAllBetweenCheckAndWrite: a request for all hosts that names one of somebody
// else's beside gives no host back that has gone meanwhile.
func TestAllBetweenCheckAndWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	slow := rig.NewGate(w.registry, func() {
		w.apply(func(*registry.State) (registry.Changes, error) {
			return registry.Changes{Accounts: account.Changes{DeletedHosts: []zone.Name{name("home.dyn.example.org")}}}, nil
		})
	})
	results, err := update.New(slow, update.Options{}).Update(t.Context(), update.Request{
		Username: "alice", Secret: aliceSecret, All: true, V4: set("203.0.113.9"),
		Each: []update.HostFamilies{{Host: "printer.dyn.example.org", V4: set("203.0.113.9")}},
	})
	if got := outcomes(results); got != "good nohost" || err != nil {
		t.Errorf("got = %v, %v, want nas and nohost", got, err)
	}
	if h := w.host("home.dyn.example.org"); h.ID != 0 {
		t.Errorf("a host that was deleted is back: %+v", h)
	}
}

func TestLogAndCounters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	home := []string{"home.dyn.example.org"}
	w.update(update.Request{Hosts: home, V4: set("203.0.113.9"), Source: netip.MustParseAddr("198.51.100.7")})
	w.update(update.Request{Hosts: home, V4: set("203.0.113.9")})
	w.update(update.Request{Hosts: home, V4: set("10.0.0.1")})
	w.update(update.Request{Hosts: []string{"x.example.org", "x"}})
	for _, req := range []update.Request{
		{},
		{Username: "alice", Secret: "a-secret-that-is-wrong"},
		{Username: "a-secret-in-the-wrong-field", Secret: "x", Source: netip.MustParseAddr("198.51.100.7")},
		{Username: "alice", Secret: aliceSecret, V4: set("::1")},
		{Username: "alice", Secret: aliceSecret},
	} {
		req.Via = "test"
		if _, err := w.service.Update(t.Context(), req); err == nil {
			t.Errorf("%+v succeeded", req)
		}
	}
	log := w.log.String()
	line := `level=INFO msg="address changed" host=home.dyn.example.org addresses=203.0.113.9 key=alice via=test source=198.51.100.7`
	if !strings.Contains(log, line) {
		t.Errorf("log has no line %s:\n%s", line, log)
	}
	if strings.Contains(log, "secret") && strings.Count(log, "secret") != strings.Count(log, "bad user name or secret") {
		t.Errorf("log holds a secret:\n%s", log)
	}
	if got, want := strings.Count(log, "\n"), 4; got != want {
		t.Errorf("log has %d lines, want %d:\n%s", got, want, log)
	}
	const want = `
# HELP stayput_updates_total Hosts in update requests by what became of them, and requests that failed as a whole by why.
# TYPE stayput_updates_total counter
stayput_updates_total{dialect="test",outcome="badaddress"} 1
stayput_updates_total{dialect="test",outcome="badauth"} 2
stayput_updates_total{dialect="test",outcome="challenge"} 1
stayput_updates_total{dialect="test",outcome="good"} 1
stayput_updates_total{dialect="test",outcome="ignored"} 1
stayput_updates_total{dialect="test",outcome="nochange"} 1
stayput_updates_total{dialect="test",outcome="nohost"} 1
stayput_updates_total{dialect="test",outcome="notfqdn"} 2
`
	if err := testutil.CollectAndCompare(w.service, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// TestFamiliesAtOnce: two requests for one host, each for a family of its own,
// come at the same time, as from a Fritz!Box. Neither undoes the other, though
// both looked at the host before either changed it.
func TestFamiliesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	for n := range 50 {
		v4, v6 := fmt.Sprintf("203.0.113.%d", 100+n), fmt.Sprintf("2001:db8::%d", 100+n)
		var both sync.WaitGroup
		for _, req := range []update.Request{{V4: set(v4)}, {V6: set(v6)}} {
			both.Go(func() {
				req.Username, req.Secret, req.Hosts = "alice", aliceSecret, []string{"home.dyn.example.org"}
				if results, err := w.service.Update(t.Context(), req); err != nil || outcomes(results) != "good" {
					t.Errorf("got = %v, %v", results, err)
				}
			})
		}
		both.Wait()
		if got, want := w.records("home.dyn.example.org"), v4+" | "+v6; got != want {
			t.Fatalf("records = %v, want %v", got, want)
		}
		if h := w.host("home.dyn.example.org"); len(h.Sources) != 2 {
			t.Fatalf("sources = %v, want one of each address", h.Sources)
		}
	}
}

// TestLedger: many routers at once, each of which writes down what it was told.
// At the end every host has the address that its router was told last, and no
// router ever saw its own good answer undone.
func TestLedger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	const routers, rounds = 32, 20
	w.apply(func(st *registry.State) (registry.Changes, error) {
		var c registry.Changes
		for i := range routers {
			h := account.Host{ID: uint32(100 + i), Name: name(fmt.Sprintf("h%d.dyn.example.org", i)), Account: 1, TTL: 60}
			more := update.SetAddresses(st, h, nil, account.Source{Via: "admin", At: start})
			c.Records = append(c.Records, more.Records...)
			c.Accounts.Hosts = append(c.Accounts.Hosts, more.Accounts.Hosts...)
		}
		return c, nil
	})
	before := len(w.store.all())
	var routersDone sync.WaitGroup
	for i := range routers {
		routersDone.Go(func() {
			host := fmt.Sprintf("h%d.dyn.example.org", i)
			for n := range rounds {
				a := netip.AddrFrom4([4]byte{203, 0, byte(n % 7), byte(i)})
				results, err := w.service.Update(t.Context(), update.Request{
					Username: "alice", Secret: aliceSecret, Via: "test",
					Hosts: []string{host, "home.dyn.example.org", "printer.dyn.example.org"},
					V4:    update.Family{Action: update.Set, Addrs: []netip.Addr{a}},
				})
				if err != nil || results[0].Outcome != update.Good || !results[1].Outcome.IsSuccess() || results[2].Outcome != update.NoHost {
					t.Errorf("%s: got = %v, %v", host, results, err)
				}
				if got := w.records(host); got != a.String() {
					t.Errorf("%s: told %v, DNS says %v", host, a, got)
				}
			}
		})
	}
	routersDone.Wait()
	if got, want := w.records("printer.dyn.example.org"), "203.0.113.3"; got != want {
		t.Errorf("foreign host = %v, want %v", got, want)
	}
	t.Logf("%d updates in %d commits", routers*rounds, len(w.store.all())-before)
}
