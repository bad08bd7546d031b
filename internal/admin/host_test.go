package admin_test

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

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

func TestAddHostRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(w.importZones("dyn.example.org", `
alias CNAME home
away NS ns1.example.net.
tree DNAME example.net.
`))
	w.addZone("child.dyn.example.org")
	w.addAccounts("alice", "bob")
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1")
	w.addHost("cam.garden.dyn.example.org", "alice")
	tests := []struct {
		name, account string
		kind          error
		want, hint    string
	}{
		{"home.dyn.example.org", "bob", admin.ErrExists, "host home.dyn.example.org exists already, account alice has it", ""},
		{"new.dyn.example.org", "carol", admin.ErrNotFound, "no account carol", ""},
		{"a_b.dyn.example.org", "bob", admin.ErrInvalid, "a_b.dyn.example.org is not a host name", "letters, digits and hyphens only, and no hyphen at the start or end of a label"},
		{"_acme-challenge.dyn.example.org", "bob", admin.ErrInvalid, "_acme-challenge.dyn.example.org is not a host name", "letters, digits and hyphens only, and no hyphen at the start or end of a label"},
		{"-a.dyn.example.org", "bob", admin.ErrInvalid, "-a.dyn.example.org is not a host name", "letters, digits and hyphens only, and no hyphen at the start or end of a label"},
		{"*.dyn.example.org", "bob", admin.ErrInvalid, "*.dyn.example.org is not a host name", "letters, digits and hyphens only, and no hyphen at the start or end of a label"},
		{"home.example.net", "bob", admin.ErrInvalid, "home.example.net is in no zone of ours", "add its zone first"},
		{"alias.dyn.example.org", "bob", admin.ErrConflict, "alias.dyn.example.org is an alias (CNAME)", ""},
		{"away.dyn.example.org", "bob", admin.ErrConflict, "away.dyn.example.org is at or below the delegation of away.dyn.example.org", ""},
		{"x.away.dyn.example.org", "bob", admin.ErrConflict, "x.away.dyn.example.org is at or below the delegation of away.dyn.example.org", ""},
		{"x.tree.dyn.example.org", "bob", admin.ErrConflict, "x.tree.dyn.example.org is below the DNAME at tree.dyn.example.org", ""},
		{"www.dyn.example.org", "bob", admin.ErrConflict, "the name www.dyn.example.org is reserved", "choose another name, or force"},
		{"wpad.child.dyn.example.org", "bob", admin.ErrConflict, "the name wpad.child.dyn.example.org is reserved", "choose another name, or force"},
		{"cam.home.dyn.example.org", "bob", admin.ErrConflict, "cam.home.dyn.example.org is within the host home.dyn.example.org of another account", ""},
		{"garden.dyn.example.org", "bob", admin.ErrConflict, "the host cam.garden.dyn.example.org of another account is within garden.dyn.example.org", ""},
	}
	before := w.State().Revision
	for _, tt := range tests {
		_, err := w.AddHost(t.Context(), newHost(tt.name, tt.account))
		w.refused(err, tt.kind, tt.want)
		if got := admin.Hint(err); got != tt.hint {
			t.Errorf("%s: hint = %q, want %q", tt.name, got, tt.hint)
		}
	}
	if got := w.State().Revision; got != before {
		t.Errorf("refused hosts led from revision %d to %d", before, got)
	}
}

func TestForceSetsAsideTheHouseRules(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice")
	for _, name := range []string{"www.dyn.example.org", "ns1.dyn.example.org", "cam.home.dyn.example.org"} {
		n := newHost(name, "bob")
		_, err := w.AddHost(t.Context(), n)
		if !errors.Is(err, admin.ErrConflict) {
			t.Errorf("%s: error = %v, want a conflict", name, err)
		}
		n.Force = true
		w.ok(w.AddHost(t.Context(), n))
	}
	n := newHost("a_b.dyn.example.org", "bob")
	n.Force = true
	_, err := w.AddHost(t.Context(), n)
	w.refused(err, admin.ErrInvalid, "a_b.dyn.example.org is not a host name")
}

func TestNameServerIsNoHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addAccounts("alice")
	n := newZone("dyn.example.org")
	n.NameServers[0].Name = zone.MustName("dns.dyn.example.org")
	w.ok(w.AddZone(t.Context(), n))
	_, err := w.AddHost(t.Context(), newHost("dns.dyn.example.org", "alice", "192.0.2.66"))
	w.refused(err, admin.ErrConflict, "dns.dyn.example.org is a name server of dyn.example.org")
}

func TestBadAddresses(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	tests := []struct {
		addrs []netip.Addr
		want  string
	}{
		{addrs("0.0.0.0"), "0.0.0.0 cannot be the address of a host"},
		{addrs("2001:db8::1", "ff02::1"), "ff02::1 cannot be the address of a host"},
		{addrs("fe80::1%eth0"), "fe80::1%eth0 cannot be the address of a host"},
		{[]netip.Addr{{}}, "invalid IP cannot be the address of a host"},
		{manyAddrs(9), "9 addresses of one family, at most 8"},
	}
	for _, tt := range tests {
		n := newHost("home.dyn.example.org", "alice")
		n.Addresses = tt.addrs
		_, err := w.AddHost(t.Context(), n)
		w.refused(err, admin.ErrInvalid, tt.want)
	}
}

func manyAddrs(n int) []netip.Addr {
	var out []netip.Addr
	for i := range n {
		out = append(out, netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}))
	}
	return out
}

func TestAddHostWritesItsRecords(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "2001:db8::1", "192.0.2.1", "::ffff:192.0.2.1")
	w.addHost("away.dyn.example.org", "alice")
	w.wantRecords("dyn.example.org", "home.dyn.example.org", "A 192.0.2.1", "AAAA 2001:db8::1")
	w.wantRecords("dyn.example.org", "away.dyn.example.org", placeholder)

	h, err := w.Host(zone.MustName("home.dyn.example.org"))
	if err != nil {
		t.Fatal(err)
	}
	if h.Account != "alice" || h.Zone != zone.MustName("dyn.example.org") || h.TTL != 60 ||
		!slices.Equal(h.Addresses, addrs("192.0.2.1", "2001:db8::1")) {
		t.Errorf("host = %+v", h)
	}
	if len(h.Sources) != 2 || h.Sources[0].Via != "admin" || !h.Sources[0].At.Equal(w.Now()) {
		t.Errorf("sources = %+v", h.Sources)
	}
}

func TestTTLOfNewHosts(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, tt := range []struct {
		zone        string
		ttl         uint32 // of the zone
		given, want uint32
	}{
		{"a.example.org", 0, 0, 60},
		{"b.example.org", 300, 0, 300},
		{"c.example.org", 30, 0, 30},
		{"d.example.org", 86400, 0, 60}, // not made for names that move
		{"e.example.org", 300, 20, 20},
	} {
		n := newZone(tt.zone)
		n.TTL = tt.ttl
		w.ok(w.AddZone(t.Context(), n))
		host := newHost("home."+tt.zone, "alice", "192.0.2.1")
		host.TTL = tt.given
		h, err := w.AddHost(t.Context(), host)
		if err != nil || h.TTL != tt.want {
			t.Errorf("zone with TTL %d, host with %d: %d, %v, want %d", tt.ttl, tt.given, h.TTL, err, tt.want)
		}
	}
}

func TestImportedNamesAreTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(w.importZones("dyn.example.org", "home 120 A 192.0.2.1\nhome 120 AAAA 2001:db8::1\nhome TXT mine\n"))
	w.addAccounts("alice")
	h, err := w.AddHost(t.Context(), newHost("home.dyn.example.org", "alice"))
	if err != nil {
		t.Fatal(err)
	}
	if h.TTL != 120 || !slices.Equal(h.Addresses, addrs("192.0.2.1", "2001:db8::1")) {
		t.Errorf("taken over as %+v", h)
	}
	w.wantRecords("dyn.example.org", "home.dyn.example.org", "A 192.0.2.1", `TXT "mine"`, "AAAA 2001:db8::1")
}

func TestApexHost(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	apex := zone.MustName("dyn.example.org")
	wantApex := func(want ...string) {
		t.Helper()
		got := slices.DeleteFunc(w.records("dyn.example.org", "dyn.example.org"), func(s string) bool { return strings.HasPrefix(s, "SOA ") })
		if !slices.Equal(got, want) {
			t.Errorf("apex = %q, want %q", got, want)
		}
	}
	w.put("dyn.example.org", "dyn.example.org", "mine")
	w.addHost("dyn.example.org", "alice", "192.0.2.1")
	w.addHost("home.dyn.example.org", "bob", "192.0.2.2") // is not within the host at the apex
	wantApex("A 192.0.2.1", "NS ns1.dyn.example.org.", `TXT "mine"`)
	w.ok(w.SetHost(t.Context(), apex, admin.HostChange{Addresses: ptr(addrs())}))
	wantApex("NS ns1.dyn.example.org.", `TXT "mine"`, placeholder)
	w.ok(nil, w.DeleteHost(t.Context(), apex))
	wantApex("NS ns1.dyn.example.org.", `TXT "mine"`)
	w.wantRecords("dyn.example.org", "home.dyn.example.org", "A 192.0.2.2")
	w.addHost("new.dyn.example.org", "bob") // the rest of the apex bars nobody below it
}

func TestAddHostsIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	before := w.State().Revision
	w.ok(nil, w.AddHosts(t.Context(), []admin.NewHost{
		newHost("a.dyn.example.org", "alice", "192.0.2.1"), newHost("b.dyn.example.org", "bob"), newHost("x.a.dyn.example.org", "alice"),
	}))
	if got := w.State().Revision; got != before+1 {
		t.Errorf("three hosts took %d commits", got-before)
	}
	tests := []struct {
		why  string
		with admin.NewHost
		want string
	}{
		{"one that exists", newHost("a.dyn.example.org", "alice"), "host a.dyn.example.org exists already, account alice has it"},
		{"the same twice", newHost("new.dyn.example.org", "alice"), "host new.dyn.example.org is given twice"},
		{"within another's of the same edit", newHost("x.new.dyn.example.org", "bob"), "x.new.dyn.example.org is within the host new.dyn.example.org of another account"},
	}
	for _, tt := range tests {
		err := w.AddHosts(t.Context(), []admin.NewHost{newHost("new.dyn.example.org", "alice"), tt.with})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: error = %v, want %s", tt.why, err, tt.want)
		}
		if _, err := w.Host(zone.MustName("new.dyn.example.org")); !errors.Is(err, admin.ErrNotFound) {
			t.Errorf("%s: the other host is there: %v", tt.why, err)
		}
	}
}

func TestOneOfManyWins(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var wait sync.WaitGroup
	results := make([]error, 16)
	for i := range results {
		owner := []string{"alice", "bob"}[i%2]
		wait.Go(func() { _, results[i] = w.AddHost(t.Context(), newHost("home.dyn.example.org", owner)) })
	}
	wait.Wait()
	won := 0
	for _, err := range results {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, admin.ErrExists):
			t.Errorf("error = %v, want that it exists", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d made the host, want 1", won, len(results))
	}
}

func TestReleasedNamesRest(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	name := zone.MustName("home.dyn.example.org")
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1")
	w.ok(nil, w.DeleteHost(t.Context(), name))
	w.wantRecords("dyn.example.org", "home.dyn.example.org")

	const resting = "home.dyn.example.org was released and rests until 2027-01-30"
	_, err := w.AddHost(t.Context(), newHost("home.dyn.example.org", "bob"))
	w.refused(err, admin.ErrConflict, resting)
	_, err = w.AddHost(t.Context(), newHost("cam.home.dyn.example.org", "bob"))
	w.refused(err, admin.ErrConflict, resting)
	if got, want := admin.Hint(err), "its last account may have it again, others by force"; got != want {
		t.Errorf("hint = %q, want %q", got, want)
	}

	w.addHost("home.dyn.example.org", "alice") // its last owner
	w.ok(nil, w.DeleteHost(t.Context(), name))
	forced := newHost("home.dyn.example.org", "bob")
	forced.Force = true
	w.ok(w.AddHost(t.Context(), forced))
	w.ok(nil, w.DeleteHost(t.Context(), name))
	_, err = w.AddHost(t.Context(), newHost("home.dyn.example.org", "alice")) // bob has released it now
	w.refused(err, admin.ErrConflict, resting)

	w.Pass(admin.DefaultRest)
	w.addHost("home.dyn.example.org", "alice")
	if _, rests := w.State().Accounts.Resting(name); rests {
		t.Error("the name rests although it is in use")
	}
}

func TestDeleteHostTakesNamesBelow(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1")
	w.addHost("cam.home.dyn.example.org", "alice", "192.0.2.2")
	w.addZone("lab.home.dyn.example.org")
	w.put("dyn.example.org", "home.dyn.example.org", "mine")
	w.put("dyn.example.org", "_acme-challenge.home.dyn.example.org", "token")
	w.put("dyn.example.org", "_acme-challenge.cam.home.dyn.example.org", "token")
	before := w.State().Revision
	w.ok(nil, w.DeleteHost(t.Context(), zone.MustName("home.dyn.example.org")))
	if got := w.State().Revision; got != before+1 {
		t.Errorf("deleting took %d commits", got-before)
	}
	w.wantRecords("dyn.example.org", "home.dyn.example.org")
	w.wantRecords("dyn.example.org", "_acme-challenge.home.dyn.example.org")
	w.wantRecords("dyn.example.org", "cam.home.dyn.example.org", "A 192.0.2.2")
	w.wantRecords("dyn.example.org", "_acme-challenge.cam.home.dyn.example.org", `TXT "token"`)
	w.wantRecords("dyn.example.org", "lab.home.dyn.example.org", "NS ns1.lab.home.dyn.example.org.")
	w.wantRecords("dyn.example.org", "ns1.lab.home.dyn.example.org", "A 192.0.2.53")
}

// put places a text at a name, as a customer does by UPDATE.
func (w *world) put(origin, name, text string) {
	w.t.Helper()
	set := zone.RRset{Name: zone.MustName(name), Type: zone.TypeTXT, TTL: 60, Data: []zone.Rdata{zone.TextData(text)}}
	_, err := w.registry.Apply(w.t.Context(), registry.Actor{}, func(*registry.State) (registry.Changes, error) {
		return registry.Changes{Records: []registry.ZoneRecords{{Zone: zone.MustName(origin), Sets: []zone.RRset{set}}}}, nil
	})
	w.ok(nil, err)
}

func TestSetHost(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1")
	w.addHost("cam.dyn.example.org", "alice", "192.0.2.2")
	name := zone.MustName("home.dyn.example.org")
	cam := zone.MustName("cam.dyn.example.org")
	h, err := w.SetHost(t.Context(), name, admin.HostChange{
		TTL: ptr(uint32(300)), Addresses: ptr(addrs("192.0.2.9")), InterfaceID: ptr(netip.MustParseAddr("::1:2")), Follows: &cam,
	})
	if err != nil {
		t.Fatal(err)
	}
	if h.TTL != 300 || !slices.Equal(h.Addresses, addrs("192.0.2.9")) || h.InterfaceID.String() != "::1:2" || h.Follows != cam {
		t.Errorf("host = %+v", h)
	}
	if got := w.State().Zones.Find(name).Node(name).Lookup(zone.TypeA).TTL(); got != 300 {
		t.Errorf("TTL of the record = %d, want 300", got)
	}
	h, err = w.SetHost(t.Context(), name, admin.HostChange{InterfaceID: new(netip.Addr), Follows: new(zone.Name)})
	if err != nil || h.InterfaceID.IsValid() || h.Follows != "" || h.TTL != 300 {
		t.Errorf("host = %+v, %v, want neither interface nor host to follow", h, err)
	}
}

func TestSetHostRefusals(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice")
	w.addHost("x.home.dyn.example.org", "alice")
	w.addHost("cam.dyn.example.org", "alice")
	w.addHost("bobs.dyn.example.org", "bob")
	home, cam, bobs := zone.MustName("home.dyn.example.org"), zone.MustName("cam.dyn.example.org"), zone.MustName("bobs.dyn.example.org")
	w.ok(w.SetHost(t.Context(), cam, admin.HostChange{Follows: &home}))
	tests := []struct {
		name   zone.Name
		change admin.HostChange
		kind   error
		want   string
	}{
		{zone.MustName("no.dyn.example.org"), admin.HostChange{}, admin.ErrNotFound, "no host no.dyn.example.org"},
		{home, admin.HostChange{TTL: ptr(uint32(0))}, admin.ErrInvalid, "the TTL of a host is at least 1"},
		{home, admin.HostChange{TTL: ptr(uint32(1 << 31))}, admin.ErrInvalid, "TTL 2147483648 is over 2147483647"},
		{home, admin.HostChange{InterfaceID: ptr(netip.MustParseAddr("192.0.2.1"))}, admin.ErrInvalid, "192.0.2.1 is not an interface identifier"},
		{home, admin.HostChange{Follows: &cam}, admin.ErrConflict, "home.dyn.example.org would follow itself"},
		{home, admin.HostChange{Follows: &bobs}, admin.ErrConflict, "bobs.dyn.example.org belongs to another account than home.dyn.example.org"},
		{home, admin.HostChange{Follows: ptr(zone.MustName("no.example.org"))}, admin.ErrNotFound, "no host no.example.org"},
		{home, admin.HostChange{Account: ptr("carol")}, admin.ErrNotFound, "no account carol"},
		{home, admin.HostChange{Account: ptr("bob")}, admin.ErrConflict, "the host x.home.dyn.example.org of another account is within home.dyn.example.org"},
	}
	for _, tt := range tests {
		_, err := w.SetHost(t.Context(), tt.name, tt.change)
		w.refused(err, tt.kind, tt.want)
	}
}

func TestGiveHostAway(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice", "192.0.2.1")
	w.addHost("cam.dyn.example.org", "alice")
	home, cam := zone.MustName("home.dyn.example.org"), zone.MustName("cam.dyn.example.org")
	w.ok(w.SetHost(t.Context(), cam, admin.HostChange{Follows: &home}))
	_, secret, err := w.AddKey(t.Context(), admin.NewKey{Account: "alice", Username: "router", Hosts: []zone.Name{home}})
	w.ok(nil, err)
	h, err := w.SetHost(t.Context(), home, admin.HostChange{Account: ptr("BOB")})
	if err != nil || h.Account != "bob" || !slices.Equal(h.Addresses, addrs("192.0.2.1")) {
		t.Errorf("host = %+v, %v", h, err)
	}
	if h, err := w.Host(cam); err != nil || h.Follows != "" {
		t.Errorf("host that followed it = %+v, %v", h, err)
	}
	if err := w.update("router", secret, "192.0.2.66"); !errors.Is(err, update.ErrNoHostNamed) {
		t.Errorf("the old owner's key: error = %v, want %v", err, update.ErrNoHostNamed)
	}
}

// TestFollowersStayBehind: what follows a host that is released no longer does, unless it goes
// as well.
func TestFollowersStayBehind(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	home, cam := zone.MustName("home.dyn.example.org"), zone.MustName("cam.dyn.example.org")
	follow := func() {
		w.addHost("home.dyn.example.org", "alice", "192.0.2.1")
		w.ok(w.SetHost(t.Context(), cam, admin.HostChange{Follows: &home}))
	}
	w.addHost("cam.dyn.example.org", "alice")
	follow()
	w.ok(nil, w.DeleteHost(t.Context(), home))
	if h, err := w.Host(cam); err != nil || h.Follows != "" {
		t.Errorf("host that followed it = %+v, %v", h, err)
	}
	follow()
	w.ok(nil, w.DeleteAccount(t.Context(), "alice", true))
	_, err := w.Host(cam)
	w.refused(err, admin.ErrNotFound, "no host cam.dyn.example.org")
}

func TestHostsInPages(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addZone("lab.dyn.example.org")
	for i := range 7 {
		w.addHost(fmt.Sprintf("h%d.dyn.example.org", i), "alice")
		w.addHost(fmt.Sprintf("h%d.lab.dyn.example.org", i), "bob")
	}
	tests := []struct {
		why   string
		query admin.HostQuery
		want  int
		first string
	}{
		{"all", admin.HostQuery{}, 14, "h0.dyn.example.org"},
		{"of an account", admin.HostQuery{Account: "bob"}, 7, "h0.lab.dyn.example.org"},
		{"of a zone", admin.HostQuery{Zone: zone.MustName("lab.dyn.example.org")}, 7, "h0.lab.dyn.example.org"},
		{"of an account in a zone", admin.HostQuery{Account: "alice", Zone: zone.MustName("dyn.example.org")}, 7, "h0.dyn.example.org"},
		{"with a prefix", admin.HostQuery{Prefix: "H3"}, 2, "h3.dyn.example.org"},
		{"of another zone", admin.HostQuery{Zone: zone.MustName("example.net")}, 0, ""},
	}
	for _, tt := range tests {
		for _, limit := range []int{0, 1, 3, 7} {
			var got []string
			for q := tt.query; ; {
				q.Limit = limit
				page, next, err := w.Hosts(q)
				if err != nil || limit > 0 && len(page) > limit {
					t.Fatalf("%s: page of %d, %v, want at most %d", tt.why, len(page), err, limit)
				}
				for _, h := range page {
					got = append(got, h.Name.String())
				}
				if q.Start = next; next == "" {
					break
				}
			}
			if len(got) != tt.want || tt.want > 0 && got[0] != tt.first || len(slices.Compact(got)) != tt.want {
				t.Errorf("%s in pages of %d: %v, want %d from %s", tt.why, limit, got, tt.want, tt.first)
			}
		}
	}
	_, _, err := w.Hosts(admin.HostQuery{Account: "carol"})
	w.refused(err, admin.ErrNotFound, "no account carol")
}

type seenAt time.Time

func (s seenAt) Last(uint32) time.Time { return time.Time(s) }

func TestLastSeen(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("home.dyn.example.org", "alice")
	at := w.Now()
	s := admin.New(w.registry, admin.Options{Seen: seenAt(at)})
	if h, err := s.Host(zone.MustName("home.dyn.example.org")); err != nil || !h.LastSeen.Equal(at) {
		t.Errorf("last seen = %v, %v, want %v", h.LastSeen, err, at)
	}
}

type noSeen struct{}

func (noSeen) LoadSeen(context.Context, time.Time) (map[uint32]time.Time, error) { return nil, nil }
func (noSeen) SaveSeen(context.Context, map[uint32]time.Time) error              { return nil }

func TestHostsThatGoOfflineSoon(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.addHost("old.dyn.example.org", "alice", "192.0.2.1")
	w.addHost("kept.dyn.example.org", "alice", "192.0.2.2")
	w.set("kept.dyn.example.org", admin.HostChange{Options: admin.HostOptions{Expiry: ptr(account.ExpiryNever)}})
	made := w.Now()
	w.Pass(24 * 24 * time.Hour)
	w.addHost("new.dyn.example.org", "alice", "198.51.100.3")
	seen, err := update.OpenSeen(t.Context(), noSeen{}, nil)
	w.ok(nil, err)
	const house = 30 * 24 * time.Hour
	expiry := update.NewExpiry(w.registry, seen, update.ExpiryOptions{House: house, Now: w.Now})
	pools := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	devices := update.New(w.registry, update.Options{Seen: seen, Rules: update.Rules{CGNATPools: pools}})
	s := admin.New(w.registry, admin.Options{Expiry: expiry, CGNAT: devices})
	hosts, _, err := s.Hosts(admin.HostQuery{Expiring: true})
	if err != nil || len(hosts) != 1 || hosts[0].Name != zone.MustName("old.dyn.example.org") || !hosts[0].Expires.Equal(made.Add(house)) || hosts[0].CGNAT {
		t.Errorf("hosts = %+v, %v, want old alone", hosts, err)
	}
	hosts, _, err = s.Hosts(admin.HostQuery{})
	if err != nil || len(hosts) != 3 || !hosts[0].Expires.IsZero() || hosts[1].Expiring || !hosts[1].CGNAT {
		t.Errorf("hosts = %+v, %v", hosts, err)
	}
}
