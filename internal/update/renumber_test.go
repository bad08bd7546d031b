package update_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// stands is a host for a test: its addresses, and what account.Host says beside.
type stands struct {
	account.Host
	addrs []netip.Addr
}

// lan makes hosts of alice's, or of whom they say, with these addresses.
func (w *world) lan(hosts map[string]stands) {
	w.apply(func(st *registry.State) (registry.Changes, error) {
		var c registry.Changes
		for i, label := range slices.Sorted(maps.Keys(hosts)) {
			s := hosts[label]
			s.ID, s.TTL, s.Name = uint32(100+i), 60, name(label+".dyn.example.org")
			s.Account = max(s.Account, 1)
			more := update.SetAddresses(st, s.Host, s.addrs, account.Source{Via: "admin", At: start})
			c.Records = append(c.Records, more.Records...)
			c.Accounts.Hosts = append(c.Accounts.Hosts, more.Accounts.Hosts...)
		}
		return c, nil
	})
}

// addresses returns those that stand at a host, of each family.
func (w *world) addresses(label string) (v4, v6 []netip.Addr) {
	host := name(label + ".dyn.example.org")
	node := w.registry.State().Zones.Find(host).Node(host)
	return node.Lookup(zone.TypeA).RRset(host).Addresses(), node.Lookup(zone.TypeAAAA).RRset(host).Addresses()
}

// serial returns the zone's.
func (w *world) serial() uint32 {
	return w.registry.State().Zones.Get(name("dyn.example.org")).Serial()
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// drawAddr draws an address behind a prefix.
func drawAddr(t *rapid.T, p netip.Prefix, label string) netip.Addr {
	a := p.Addr().As16()
	for i := p.Bits(); i < 128; i++ {
		if rapid.Bool().Draw(t, label) {
			a[i/8] |= 0x80 >> (i % 8)
		}
	}
	return netip.AddrFrom16(a)
}

// drawPrefix draws a prefix of any length where no host of the world is.
func drawPrefix(t *rapid.T, label string) netip.Prefix {
	bits := rapid.IntRange(34, 127).Draw(t, label+" length")
	p, err := drawAddr(t, prefix("2001:db8:8000::/33"), label).Prefix(bits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// bit returns one bit of an address, 0 to 127.
func bit(a netip.Addr, i int) byte {
	b := a.As16()
	return b[i/8] >> (7 - i%8) & 1
}

// isBehind tells whether a has the prefix and behind it the bits of low.
func isBehind(a netip.Addr, p netip.Prefix, low netip.Addr) bool {
	for i := range 128 {
		want := low
		if i < p.Bits() {
			want = p.Addr()
		}
		if bit(a, i) != bit(want, i) {
			return false
		}
	}
	return true
}

// TestRenumberingKeepsEverythingElse: whatever the prefixes, of what hangs on the
// old one the bits behind the new one stay, and all else stays wholly. It is one
// commit and one serial, and done again nothing.
func TestRenumberingKeepsEverythingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	rapid.Check(t, func(t *rapid.T) {
		last, next := drawPrefix(t, "last"), drawPrefix(t, "next")
		hosts := map[string]stands{}
		router := stands{Host: account.Host{Prefix: last}, addrs: addrs("203.0.113.1")}
		if rapid.Bool().Draw(t, "router has IPv6") {
			router.addrs = append(router.addrs, drawAddr(t, rapid.SampledFrom([]netip.Prefix{last, prefix("2001:db8:8000::/33")}).Draw(t, "router in"), "router"))
		}
		hosts["router"] = router
		for i := range 6 {
			var s stands
			s.Account = uint32(rapid.IntRange(1, 2).Draw(t, "account"))
			s.Follows = rapid.SampledFrom([]zone.Name{"", "", name("router.dyn.example.org"), name("home.dyn.example.org")}).Draw(t, "follows")
			if rapid.Bool().Draw(t, "has IPv4") {
				s.addrs = append(s.addrs, netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}))
			}
			for range rapid.IntRange(0, 3).Draw(t, "IPv6") {
				in := rapid.SampledFrom([]netip.Prefix{last, last, prefix("2001:db8:8000::/33")}).Draw(t, "in")
				s.addrs = append(s.addrs, drawAddr(t, in, "address"))
			}
			if rapid.IntRange(0, 3).Draw(t, "has identifier") == 0 {
				s.InterfaceID = drawAddr(t, prefix("::/0"), "identifier")
			}
			hosts[fmt.Sprint("lan", i)] = s
		}
		w.lan(hosts)
		type families struct{ v4, v6 []netip.Addr }
		before := map[string]families{}
		for label := range hosts {
			v4, v6 := w.addresses(label)
			before[label] = families{v4, v6}
		}
		commits, serial := len(w.store.all()), w.serial()
		request := update.Request{
			Username: "alice", Secret: aliceSecret, Hosts: []string{"router.dyn.example.org"},
			Prefix: netip.PrefixFrom(drawAddr(t, next, "behind next"), next.Bits()),
		}
		results, err := w.service.Update(context.Background(), request)
		if err != nil || !results[0].Outcome.IsSuccess() {
			t.Fatalf("got = %v, %v", results, err)
		}

		changed := false
		for label, h := range hosts {
			v4, v6 := w.addresses(label)
			was := before[label]
			changed = changed || !slices.Equal(v6, was.v6)
			if !slices.Equal(v4, was.v4) {
				t.Errorf("%s: IPv4 = %v, want %v", label, v4, was.v4)
			}
			follows := h.Follows == "" || h.Follows == name("router.dyn.example.org")
			switch {
			case h.Account == 2 || !follows:
				if !slices.Equal(v6, was.v6) {
					t.Errorf("%s hangs on nothing, but IPv6 = %v, want %v", label, v6, was.v6)
				}
			case h.InterfaceID.IsValid():
				if len(v6) != 1 || !isBehind(v6[0], next, h.InterfaceID) {
					t.Errorf("%s: IPv6 = %v, want %v behind %v", label, v6, h.InterfaceID, next)
				}
			default:
				checkMoved(t, label, was.v6, v6, last, next)
			}
		}
		rises := uint32(0)
		if changed {
			rises = 1
		}
		if got := w.serial() - serial; got != rises {
			t.Errorf("the serial rose by %d, want %d", got, rises)
		}
		if got := len(w.store.all()) - commits; got > 1 || changed && got == 0 {
			t.Errorf("commits = %d", got)
		}
		if changed != (results[0].Outcome == update.Good) {
			t.Errorf("outcome = %v, changed = %v", results[0].Outcome, changed)
		}
		if got := w.host("router.dyn.example.org").Prefix; got != next {
			t.Errorf("remembered = %v, want %v", got, next)
		}

		commits = len(w.store.all())
		results, err = w.service.Update(context.Background(), request)
		if err != nil || results[0].Outcome != update.NoChange || len(w.store.all()) != commits {
			t.Errorf("again: %v, %v, %d commits", results, err, len(w.store.all())-commits)
		}
	})
}

// checkMoved checks each address of a host without an interface identifier.
func checkMoved(t *rapid.T, label string, was, is []netip.Addr, last, next netip.Prefix) {
	for _, a := range was {
		found := slices.ContainsFunc(is, func(b netip.Addr) bool {
			return last.Contains(a) && isBehind(b, next, a) || !last.Contains(a) && a == b
		})
		if !found {
			t.Errorf("%s: of %v nothing is left in %v", label, a, is)
		}
	}
	if len(is) > len(was) {
		t.Errorf("%s: %v became %v", label, was, is)
	}
}

// TestRenumberingANamedHost: deSEC's way keeps the low bits of whatever stands, and
// where nothing does, there is nothing to renumber.
func TestRenumberingANamedHost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		stands  stands
		prefix  string
		outcome update.Outcome
		records string
	}{
		{"one", stands{addrs: addrs("203.0.113.5", "2001:db8:1::5")}, "2001:db8:2::/64", update.Good, "203.0.113.5 | 2001:db8:2::5"},
		{"several", stands{addrs: addrs("2001:db8:1::5", "2001:db8:9::6")}, "2001:db8:2::/64", update.Good, "2001:db8:2::5 | 2001:db8:2::6"},
		{"two become one", stands{addrs: addrs("2001:db8:1::5", "2001:db8:9::5")}, "2001:db8:2::/64", update.Good, "2001:db8:2::5"},
		{"it is so", stands{addrs: addrs("2001:db8:2::5")}, "2001:db8:2::/64", update.NoChange, "2001:db8:2::5"},
		{"none", stands{addrs: addrs("203.0.113.5")}, "2001:db8:2::/64", update.NoChange, "203.0.113.5"},
		{"subnet", stands{addrs: addrs("2001:db8:1:a5::5")}, "2001:db8:2::/56", update.Good, "2001:db8:2:a5::5"},
		{"bits behind the length", stands{addrs: addrs("2001:db8:1::5")}, "2001:db8:2::77/64", update.Good, "2001:db8:2::5"},
		{"identifier", stands{Host: account.Host{InterfaceID: netip.MustParseAddr("::1:2")}}, "2001:db8:2::/64", update.Good, "2001:db8:2::1:2"},
		{"unique local", stands{addrs: addrs("2001:db8:1::5")}, "fd00:2::/64", update.Ignored, "2001:db8:1::5"},
		{"unique local, accepted", stands{Host: account.Host{NonGlobal: account.NonGlobalAccept}, addrs: addrs("2001:db8:1::5")}, "fd00:2::/64", update.Good, "fd00:2::5"},
	}
	for _, test := range tests {
		w := newWorld(t, update.Options{})
		w.lan(map[string]stands{"cam": test.stands})
		got := w.update(update.Request{
			Hosts: []string{"cam.dyn.example.org"}, V6: update.Family{Action: update.Renumber, Prefix: prefix(test.prefix)},
		})
		if got[0].Outcome != test.outcome || w.records("cam.dyn.example.org") != test.records {
			t.Errorf("%s: %v, records = %v, want %v, %v", test.name, got[0].Outcome, w.records("cam.dyn.example.org"), test.outcome, test.records)
		}
	}
}

// TestWhatIsNoPrefix is refused before anything changes.
func TestWhatIsNoPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	before := len(w.store.all())
	for _, p := range []netip.Prefix{
		prefix("203.0.113.0/24"), prefix("2001:db8::1/128"), netip.PrefixFrom(netip.MustParseAddr("2001:db8::"), 129),
		netip.PrefixFrom(netip.MustParseAddr("::ffff:203.0.113.0"), 120),
	} {
		req := update.Request{Username: "alice", Secret: aliceSecret, Hosts: []string{"nas.dyn.example.org"}, Prefix: p}
		if _, err := w.service.Update(t.Context(), req); !errors.Is(err, update.ErrBadAddress) {
			t.Errorf("prefix %v: %v", p, err)
		}
		req.Prefix, req.V6 = netip.Prefix{}, update.Family{Action: update.Renumber, Prefix: p}
		if _, err := w.service.Update(t.Context(), req); !errors.Is(err, update.ErrBadAddress) {
			t.Errorf("renumbering to %v: %v", p, err)
		}
		req.V6, req.V4 = update.Family{}, update.Family{Action: update.Renumber, Prefix: p}
		if _, err := w.service.Update(t.Context(), req); !errors.Is(err, update.ErrBadAddress) {
			t.Errorf("renumbering IPv4 to %v: %v", p, err)
		}
	}
	if got := len(w.store.all()) - before; got != 0 {
		t.Errorf("commits = %d, want none", got)
	}
}

// many makes n hosts with an address in 2001:db8:1::/48, of which every other has
// an interface identifier, behind a router that has sent that prefix.
func (w *world) many(n int) {
	hosts := map[string]stands{"router": {Host: account.Host{Prefix: prefix("2001:db8:1::/48")}, addrs: addrs("203.0.113.1")}}
	for i := range n {
		a := netip.MustParseAddr(fmt.Sprintf("2001:db8:1:%x::%x", i%7, i+1))
		s := stands{addrs: []netip.Addr{netip.MustParseAddr("203.0.113.200"), a}}
		if i%2 == 0 {
			s.InterfaceID = a
		}
		hosts[fmt.Sprint("lan", i)] = s
	}
	w.lan(hosts)
}

// TestFiveHundredHostsAreOneCommit: and one serial, and one line of the reply.
func TestFiveHundredHostsAreOneCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.many(500)
	commits, serial := len(w.store.all()), w.serial()
	results := w.update(update.Request{Hosts: []string{"router.dyn.example.org"}, V4: set("203.0.113.9"), Prefix: prefix("2001:db8:2::/48")})
	if outcomes(results) != "good" || !slices.Equal(results[0].Addrs, addrs("203.0.113.9")) {
		t.Errorf("results = %+v", results)
	}
	if got := len(w.store.all()) - commits; got != 1 {
		t.Errorf("commits = %d, want 1", got)
	}
	if got := w.serial() - serial; got != 1 {
		t.Errorf("the serial rose by %d, want 1", got)
	}
	for i := range 500 {
		want := fmt.Sprintf("203.0.113.200 | %s", netip.MustParseAddr(fmt.Sprintf("2001:db8:2:%x::%x", i%7, i+1)))
		if got := w.records(fmt.Sprintf("lan%d.dyn.example.org", i)); got != want {
			t.Fatalf("lan%d = %v, want %v", i, got, want)
		}
	}
	line := `msg="hosts renumbered with others" hosts=500 key=alice via=test source=""`
	if log := w.log.String(); !strings.Contains(log, line) {
		t.Errorf("log has no line %s:\n%s", line, log)
	}
	h := w.host("lan7.dyn.example.org")
	if got := h.Sources[1]; got.Key != 1 || got.Via != "test" || !got.At.Equal(start.Truncate(1e6)) {
		t.Errorf("source of a renumbered address = %+v", got)
	}
	if got := h.Sources[0].Via; got != "admin" {
		t.Errorf("source of the IPv4 address = %q, want it as it was", got)
	}
}

// TestTooManyHostsToLookAt: a key that covers more than the limit is refused, one
// that covers few of them is not, and an address alone never is.
func TestTooManyHostsToLookAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.apply(func(*registry.State) (registry.Changes, error) {
		var c registry.Changes
		for i := range update.MaxCovered {
			c.Accounts.Hosts = append(c.Accounts.Hosts, account.Host{ID: uint32(1000 + i), Name: name(fmt.Sprintf("h%d.elsewhere.example.org", i)), Account: 1})
		}
		nas := w.host("nas.dyn.example.org")
		nas.Prefix = prefix("2001:db8::/64")
		c.Accounts.Hosts = append(c.Accounts.Hosts, nas)
		return c, nil
	})
	req := update.Request{Username: "alice", Secret: aliceSecret, Hosts: []string{"nas.dyn.example.org"}, Prefix: prefix("2001:db8:2::/64")}
	if _, err := w.service.Update(t.Context(), req); !errors.Is(err, update.ErrTooManyHosts) {
		t.Errorf("err = %v, want %v", err, update.ErrTooManyHosts)
	}
	req.Prefix, req.V6 = netip.Prefix{}, set("2001:db8:3::2")
	if got := outcomes(w.update(req)); got != "good" {
		t.Errorf("an address alone: %v", got)
	}
	req.Username, req.V6, req.Prefix = "nas-only", update.Family{}, prefix("2001:db8:4::/64")
	if got := outcomes(w.update(req)); got != "good" || w.records("nas.dyn.example.org") != "203.0.113.2 | MX | v=spf1 mx -all | 2001:db8:4::2" {
		t.Errorf("with the narrow key: %v, %v", got, w.records("nas.dyn.example.org"))
	}
}

// TestAKeyRenumbersWhatItCovers, and nothing else of its account.
func TestAKeyRenumbersWhatItCovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	hanging := stands{Host: account.Host{InterfaceID: netip.MustParseAddr("::7")}, addrs: addrs("2001:db8:1::7")}
	following := hanging
	following.Follows = name("nas.dyn.example.org")
	w.lan(map[string]stands{"cam": hanging, "tv": following})
	w.update(update.Request{
		Username: "nas-only", Secret: aliceSecret, Hosts: []string{"nas.dyn.example.org"}, V6: set("2001:db8:2::2"), Prefix: prefix("2001:db8:2::/64"),
	})
	for _, host := range []string{"cam", "tv"} {
		if got := w.records(host + ".dyn.example.org"); got != "2001:db8:1::7" {
			t.Errorf("%s = %v", host, got)
		}
	}
	w.update(update.Request{Hosts: []string{"nas.dyn.example.org"}, Prefix: prefix("2001:db8:2::/64")})
	for _, host := range []string{"cam", "tv"} {
		if got := w.records(host + ".dyn.example.org"); got != "2001:db8:2::7" {
			t.Errorf("%s with the wider key = %v", host, got)
		}
	}
}

// TestOfflineHostsStayOffline: a prefix is no sign of life of what hangs on it.
func TestOfflineHostsStayOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.lan(map[string]stands{
		"cam": {Host: account.Host{InterfaceID: netip.MustParseAddr("::7"), Offline: account.Source{Via: "admin", At: start}}},
	})
	if got := outcomes(w.update(update.Request{Hosts: []string{"home.dyn.example.org"}, Prefix: prefix("2001:db8:2::/64")})); got != "nochange" {
		t.Errorf("outcome = %v", got)
	}
	if got := w.records("cam.dyn.example.org"); got != update.Placeholder {
		t.Errorf("records = %v", got)
	}
}

// TestComingOnlineWithAPrefix: a device that puts its host online gets what hangs on
// the prefix that it sends with it, at once; it may not send that again for weeks.
func TestComingOnlineWithAPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.lan(map[string]stands{
		"cam": {Host: account.Host{InterfaceID: netip.MustParseAddr("::7"), Offline: account.Source{Via: "expiry", At: start}}},
	})
	w.update(update.Request{
		Hosts: []string{"cam.dyn.example.org"}, Prefix: prefix("2001:db8:2::/64"),
		V4: update.Family{Action: update.Set, Addrs: addrs("203.0.113.7")},
	})
	if got, want := w.records("cam.dyn.example.org"), "203.0.113.7 | 2001:db8:2::7"; got != want {
		t.Errorf("records = %v, want %v", got, want)
	}
}

// TestFollowersAreSeen: whoever hangs on what a router has was heard of when the
// router was, whether anything changed or not; others were not.
func TestFollowersAreSeen(t *testing.T) {
	t.Parallel()
	seen := openSeen(t, &shelf{})
	w := newWorld(t, update.Options{Seen: seen})
	nas := name("nas.dyn.example.org")
	w.lan(map[string]stands{
		"cam":   {Host: account.Host{InterfaceID: netip.MustParseAddr("::7")}},
		"disk":  {Host: account.Host{Follows: nas}, addrs: addrs("2001:db8::8")},
		"under": {Host: account.Host{Follows: name("disk.dyn.example.org")}, addrs: addrs("2001:db8::9")},
		"tv":    {Host: account.Host{Follows: nas, Account: 2}, addrs: addrs("2001:db8::a")},
	})
	heard := func() (labels []string) {
		for _, label := range []string{"cam", "disk", "under", "tv", "home"} {
			if !seen.Last(w.host(label + ".dyn.example.org").ID).IsZero() {
				labels = append(labels, label)
			}
		}
		return labels
	}
	request := update.Request{Hosts: []string{"nas.dyn.example.org"}, V6: set("2001:db8::2")}
	if got := outcomes(w.update(request)); got != "nochange" {
		t.Fatalf("outcome = %v", got)
	}
	if got, want := heard(), []string{"disk", "under"}; !slices.Equal(got, want) {
		t.Errorf("heard of %v, want %v", got, want)
	}
	request.Prefix = prefix("2001:db8::/64")
	w.update(request)
	if got, want := heard(), []string{"cam", "disk", "under"}; !slices.Equal(got, want) {
		t.Errorf("with the prefix heard of %v, want %v", got, want)
	}
}

// TestFritzBoxPair: two requests at once, IPv4 in one, IPv6 and the prefix in the
// other. Whichever is first, both end right, and neither undoes the other's work.
func TestFritzBoxPair(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.lan(map[string]stands{
		"cam":  {Host: account.Host{InterfaceID: netip.MustParseAddr("::7")}, addrs: addrs("203.0.113.7")},
		"disk": {addrs: addrs("2001:db8:1:0::8")},
	})
	w.update(update.Request{Hosts: []string{"home.dyn.example.org"}, Prefix: prefix("2001:db8:1:0::/64")})
	for n := 1; n <= 40; n++ {
		v4, v6 := fmt.Sprintf("203.0.113.%d", 100+n), fmt.Sprintf("2001:db8:f:%x::1", n)
		lan := prefix(fmt.Sprintf("2001:db8:1:%x::/64", n))
		pair := []update.Request{{V4: set(v4)}, {V6: set(v6), Prefix: lan}}
		if rand.IntN(2) == 0 {
			slices.Reverse(pair)
		}
		done := make(chan struct{}, len(pair))
		for _, req := range pair {
			req.Username, req.Secret, req.Hosts, req.Via = "alice", aliceSecret, []string{"home.dyn.example.org"}, "test"
			go func() {
				defer func() { done <- struct{}{} }()
				if results, err := w.service.Update(t.Context(), req); err != nil || outcomes(results) != "good" {
					t.Errorf("got = %v, %v", results, err)
				}
			}()
		}
		for range pair {
			<-done
		}
		for host, want := range map[string]string{
			"home": v4 + " | " + v6, "cam": fmt.Sprintf("203.0.113.7 | %s", netip.MustParseAddr(fmt.Sprintf("2001:db8:1:%x::7", n))),
			"disk": netip.MustParseAddr(fmt.Sprintf("2001:db8:1:%x::8", n)).String(),
		} {
			if got := w.records(host + ".dyn.example.org"); got != want {
				t.Fatalf("%s = %v, want %v", host, got, want)
			}
		}
	}
}

// TestThePrefixSurvives: what was sent last is in the commit, so that whoever
// replays the journal knows it.
func TestThePrefixSurvives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	w.update(update.Request{Hosts: []string{"home.dyn.example.org"}, V4: set("203.0.113.9"), Prefix: prefix("2001:db8:1::/56")})
	st := &registry.State{}
	for _, c := range w.store.all() {
		var err error
		if st, err = st.Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	if h, _ := st.Accounts.Host(name("home.dyn.example.org")); h.Prefix != prefix("2001:db8:1::/56") {
		t.Errorf("remembered = %v", h.Prefix)
	}
}

// TestFollowersThatComeMeanwhile are seen by an update that looked before they came.
func TestFollowersThatComeMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, update.Options{})
	slow := rig.NewGate(w.registry, func() {
		w.lan(map[string]stands{
			"cam": {Host: account.Host{InterfaceID: netip.MustParseAddr("::7"), Follows: name("nas.dyn.example.org")}, addrs: addrs("2001:db8::7")},
		})
	})
	results, err := update.New(slow, update.Options{}).Update(t.Context(), update.Request{
		Username: "alice", Secret: aliceSecret, Hosts: []string{"nas.dyn.example.org"}, V6: set("2001:db8:2::2"),
	})
	if err != nil || outcomes(results) != "good" {
		t.Fatalf("got = %v, %v", results, err)
	}
	if got := w.records("cam.dyn.example.org"); got != "2001:db8:2::7" {
		t.Errorf("cam = %v", got)
	}
}
