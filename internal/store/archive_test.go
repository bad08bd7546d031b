package store_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stayput.dev/internal/archive"
	"stayput.dev/internal/store"
)

// minute is a moment of the tests, so many minutes after the first.
func minute(n int) time.Time {
	return time.Unix(1_790_000_000, 0).UTC().Add(time.Duration(n) * time.Minute)
}

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

// past is what three hosts did: the first two had one address one after the other,
// the third one an IPv6 address of a prefix that another one shares.
func past() []archive.Change {
	return []archive.Change{
		{Host: hostName(1), Addrs: addrs("192.0.2.1"), At: minute(0), Account: 1, Key: 7, Via: "dyndns2"},
		{Host: hostName(1), Addrs: addrs("192.0.2.9", "192.0.2.10"), At: minute(10), Account: 1, Key: 7, Via: "dyndns2"},
		{Host: hostName(2), Addrs: addrs("192.0.2.1"), At: minute(12), Account: 2, Via: "admin"},
		{Host: hostName(1), At: minute(20), Account: 1, Via: "offline"},
		{Host: hostName(3), IPv6: true, Addrs: addrs("2001:db8:1:2::3"), At: minute(5), Account: 3, Via: "dyndns2"},
		{Host: hostName(2), IPv6: true, Addrs: addrs("2001:db8:1:3::3"), At: minute(6), Account: 2, Via: "dyndns2"},
	}
}

// keepPast returns a store that remembers the past, which was told twice.
func keepPast(t *testing.T) *store.Store {
	t.Helper()
	s := open(t, t.TempDir(), store.Options{})
	for range 2 {
		if err := s.KeepChanges(t.Context(), past()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestWhoHadAnAddress(t *testing.T) {
	t.Parallel()
	s := keepPast(t)
	for _, q := range []struct {
		prefix string
		at     time.Time
		want   []string
	}{
		{"192.0.2.1", time.Time{}, []string{"host-2 12-", "host-1 0-10"}},
		{"192.0.2.1", minute(0), []string{"host-1 0-10"}},
		{"192.0.2.1", minute(-1), nil},
		{"192.0.2.1", minute(11), nil},
		{"192.0.2.1", minute(13), []string{"host-2 12-"}},
		{"192.0.2.0/24", minute(15), []string{"host-2 12-", "host-1 10-20", "host-1 10-20"}},
		{"192.0.2.8/29", minute(20), nil},
		{"2001:db8:1::/48", minute(7), []string{"host-2 6-", "host-3 5-"}},
		{"2001:db8:1:2::/64", minute(7), []string{"host-3 5-"}},
		{"203.0.113.1", time.Time{}, nil},
	} {
		p, err := archive.ParsePrefix(q.prefix)
		if err != nil {
			t.Fatal(err)
		}
		stays, err := s.Stays(t.Context(), p, q.at, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, stay := range stays {
			text := fmt.Sprintf("%s %d-", strings.TrimSuffix(stay.Host.String(), ".dyn.example.org"), int(stay.From.Sub(minute(0)).Minutes()))
			if !stay.Until.IsZero() {
				text += fmt.Sprint(int(stay.Until.Sub(minute(0)).Minutes()))
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(q.want, got); diff != "" {
			t.Errorf("%s at %s (-want +got):\n%s", q.prefix, q.at, diff)
		}
	}
}

func TestChangesOfAHostComeLatestFirst(t *testing.T) {
	t.Parallel()
	s := keepPast(t)
	got, err := s.Changes(t.Context(), hostName(1), 2)
	if err != nil {
		t.Fatal(err)
	}
	all := past()
	if diff := cmp.Diff([]archive.Change{all[3], all[1]}, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// TestOldChangesAreDropped drops what had ended at a time. What still was so then stays,
// however old.
func TestOldChangesAreDropped(t *testing.T) {
	t.Parallel()
	s := keepPast(t)
	dropped := 0
	for {
		n, err := s.DropChanges(t.Context(), minute(15))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		dropped += n
	}
	if dropped != 1 {
		t.Errorf("%d changes were dropped, want the first of host-1 alone", dropped)
	}
	for prefix, want := range map[string]int{"192.0.2.1/32": 1, "192.0.2.9/32": 1, "2001:db8::/32": 2} {
		got, err := s.Stays(t.Context(), netip.MustParsePrefix(prefix), time.Time{}, 10)
		if err != nil || len(got) != want {
			t.Errorf("stays in %s = %v, %v; want %d", prefix, got, err, want)
		}
	}
}

func deedsOf(t *testing.T, s *store.Store, f archive.Filter) []string {
	t.Helper()
	deeds, err := s.Deeds(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range deeds {
		out = append(out, d.Verb+" "+d.Subject)
	}
	return out
}

func TestDeedsAreChosen(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{})
	var deeds []archive.Deed
	for i, d := range []archive.Deed{
		{Actor: 9, Verb: "add", Subject: "account anna", Account: 1},
		{Actor: 1, Verb: "add", Subject: "host a.example.org", Account: 1},
		{Actor: 9, Verb: "set", Subject: "zone example.org"},
		{Actor: 9, Verb: "delete", Subject: "host a.example.org", Account: 1},
		{Actor: 2, Verb: "add", Subject: "host b.example.org", Account: 2},
	} {
		d.ID, d.At = fmt.Sprintf("%s-%d", archive.FirstID(minute(i)), i), minute(i)
		deeds = append(deeds, d)
	}
	for range 2 {
		if err := s.KeepDeeds(t.Context(), deeds); err != nil {
			t.Fatal(err)
		}
	}
	stories := map[string]struct {
		filter archive.Filter
		want   []string
	}{
		"all":          {archive.Filter{}, []string{"add host b.example.org", "delete host a.example.org", "set zone example.org", "add host a.example.org", "add account anna"}},
		"a page":       {archive.Filter{Limit: 2, Before: deeds[3].ID}, []string{"set zone example.org", "add host a.example.org"}},
		"a customer's": {archive.Filter{Account: 1}, []string{"delete host a.example.org", "add host a.example.org", "add account anna"}},
		"by a person":  {archive.Filter{Account: 2}, []string{"add host b.example.org"}},
		"of a host":    {archive.Filter{Subject: "host a.example.org"}, []string{"delete host a.example.org", "add host a.example.org"}},
	}
	for name, story := range stories {
		if diff := cmp.Diff(story.want, deedsOf(t, s, story.filter)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}

	if n, err := s.DropDeeds(t.Context(), minute(2)); n != 2 || err != nil {
		t.Errorf("DropDeeds = %d, %v; want 2", n, err)
	}
	if got := deedsOf(t, s, archive.Filter{}); len(got) != 3 {
		t.Errorf("what is left: %q", got)
	}
}

// TestAnAccountIsForgotten lets nothing of an account remain in the past, and all of
// the others'.
func TestAnAccountIsForgotten(t *testing.T) {
	t.Parallel()
	s := keepPast(t)
	gone := archive.Change{Host: hostName(1), At: minute(30)} // the host was deleted
	if err := s.KeepChanges(t.Context(), []archive.Change{gone}); err != nil {
		t.Fatal(err)
	}
	deeds := []archive.Deed{
		{ID: "1", Actor: 9, Verb: "add", Subject: "account anna", Account: 1},
		{ID: "2", Actor: 1, Verb: "set", Subject: "host x"},
		{ID: "3", Actor: 9, Verb: "set", Subject: "account bert", Account: 2},
	}
	if err := s.KeepDeeds(t.Context(), deeds); err != nil {
		t.Fatal(err)
	}
	if err := s.Forget(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if left, err := s.Changes(t.Context(), hostName(1), 10); len(left) != 0 || err != nil {
		t.Errorf("of its host there is %v, %v", left, err)
	}
	stays, err := s.Stays(t.Context(), netip.MustParsePrefix("192.0.2.0/24"), time.Time{}, 10)
	if err != nil || len(stays) != 1 || stays[0].Host != hostName(2) {
		t.Errorf("stays = %v, %v; want that of host-2 alone", stays, err)
	}
	if diff := cmp.Diff([]string{"set account bert"}, deedsOf(t, s, archive.Filter{})); diff != "" {
		t.Errorf("deeds (-want +got):\n%s", diff)
	}
}

// TestThePastIsWrittenDown lets an archivist follow a registry, over a restart.
func TestThePastIsWrittenDown(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{})
	r := run(t, s)
	apply(t, r, makeZone(3))
	var a *archive.Archivist
	follow := func() (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		a = archive.New(r, s, s, func() archive.Keep { return archive.Keep{} }, nil, quiet)
		go func() {
			defer close(done)
			a.Run(ctx)
		}()
		return func() { cancel(); <-done }
	}
	stop := follow()
	apply(t, r, move(1, address(501)))
	stop()
	time.Sleep(2 * time.Millisecond) // what lasts less than one is not told
	apply(t, r, move(1, address(502)))
	time.Sleep(2 * time.Millisecond)
	apply(t, r, release(1))
	stop = follow()
	defer stop()
	want := []archive.Change{
		{Host: hostName(1)},
		{Host: hostName(1), Addrs: []netip.Addr{address(502)}, Account: 1, Key: 2, Via: "dyndns2"},
		{Host: hostName(1), Addrs: []netip.Addr{address(501)}, Account: 1, Key: 2, Via: "dyndns2"},
	}
	var diff string
	for range 600 {
		got, err := s.Changes(t.Context(), hostName(1), 10)
		if err != nil {
			t.Fatal(err)
		}
		diff = cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(archive.Change{}, "At"))
		if diff == "" && a.Lag() == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%d commits behind; changes (-want +got):\n%s", a.Lag(), diff)
}

// TestOfOneMomentTheLatterStays: of the former nothing is left, also by address.
func TestOfOneMomentTheLatterStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	for _, addr := range []string{"192.0.2.1", "192.0.2.2"} {
		if err := s.KeepChanges(t.Context(), []archive.Change{{Host: hostName(1), Addrs: addrs(addr), At: minute(0), Account: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := count(t, dir, "SELECT COUNT(*) FROM address_use"); got != 1 {
		t.Errorf("%d addresses are kept, want 1", got)
	}
	if err := s.Forget(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got := count(t, dir, "SELECT COUNT(*) FROM address_use"); got != 0 {
		t.Errorf("%d addresses are kept of who is forgotten", got)
	}
}

// TestWhoHadAnAddressAmongMany: behind hundreds who no longer had it stands the one who
// still did.
func TestWhoHadAnAddressAmongMany(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{})
	changes := []archive.Change{{Host: hostName(0), Addrs: addrs("192.0.2.1"), At: minute(0), Account: 1}}
	for i := 1; i <= 950; i++ {
		changes = append(changes,
			archive.Change{Host: hostName(i), Addrs: addrs("192.0.2.1"), At: minute(i), Account: 2},
			archive.Change{Host: hostName(i), At: minute(i).Add(time.Second), Account: 2})
	}
	if err := s.KeepChanges(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct {
		at   time.Time
		last string // of what is found
		want int
	}{{minute(2000), "host-0", 1}, {time.Time{}, "host-901", 50}, {minute(1).Add(500 * time.Millisecond), "host-0", 2}} {
		got, err := s.Stays(t.Context(), netip.MustParsePrefix("192.0.2.0/24"), q.at, 50)
		if err != nil || len(got) != q.want || got[len(got)-1].Host.First() != q.last {
			t.Errorf("at %v: %d stays, %v, want %d up to %s", q.at, len(got), err, q.want, q.last)
		}
	}
}

// TestTheLatestOfVeryMany: of a prefix that very many had, the latest are found in order,
// as of a small one.
func TestTheLatestOfVeryMany(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{})
	elsewhere := archive.Change{Host: hostName(20_000), Addrs: addrs("198.51.100.1"), At: minute(20_000), Account: 1}
	changes := []archive.Change{elsewhere}
	for i := range 10_100 {
		changes = append(changes, archive.Change{Host: hostName(i), Addrs: addrs(fmt.Sprintf("192.0.2.%d", i%250)), At: minute(i), Account: 1})
	}
	if err := s.KeepChanges(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct {
		prefix string
		at     time.Time
		want   []string
	}{
		{"192.0.2.0/24", time.Time{}, []string{"host-10099", "host-10098", "host-10097"}},
		{"192.0.2.0/24", minute(10_060), []string{"host-10060", "host-10059", "host-10058"}},
		{"192.0.2.0/24", minute(1), []string{"host-1", "host-0"}},
		{"192.0.2.250/31", time.Time{}, nil},
		{"0.0.0.0/0", time.Time{}, []string{"host-20000", "host-10099", "host-10098"}},
	} {
		got, err := s.Stays(t.Context(), netip.MustParsePrefix(q.prefix), q.at, 3)
		var hosts []string
		for _, stay := range got {
			hosts = append(hosts, stay.Host.First())
		}
		if diff := cmp.Diff(q.want, hosts); diff != "" || err != nil {
			t.Errorf("%s at %v: %v (-want +got):\n%s", q.prefix, q.at, err, diff)
		}
	}
}
