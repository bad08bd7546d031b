package history_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/history"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

const roomy = 1 << 20

// A router that says the same every five minutes for a week does not push out
// what happened before.
func TestRepetitionsAreOneEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	w.reported(alice, "GET a", "good 192.0.2.7", 1)
	w.now = w.now.Add(time.Hour)
	w.failed("alice", "home", &update.KeyError{Key: alice, Err: registry.ErrUnavailable})
	for range 7 * 24 * 12 {
		w.now = w.now.Add(5 * time.Minute)
		w.reported(alice, "GET a", "nochg 192.0.2.7", 1)
	}
	w.expect("home", w.Host(host("home")), `
	1h5m0s..169h0m0s x2016 alice: GET a -> 200 nochg 192.0.2.7
	1h0m0s alice: GET home -> 503 911 (service unavailable)
	0s alice: GET a -> 200 good 192.0.2.7
	`)
}

// Devices that alternate, as with a request for each address family, or two that
// fight for a host, have an entry for each way.
func TestAlternatingRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	for range 100 {
		w.now = w.now.Add(time.Minute)
		w.reported(alice, "GET v4", "nochg 192.0.2.7", 1)
		w.reported(alice, "GET v6", "nochg 2001:db8::7", 1)
	}
	w.expect("home", w.Host(host("home")), `
	1m0s..1h40m0s x100 alice: GET v6 -> 200 nochg 2001:db8::7
	1m0s..1h40m0s x100 alice: GET v4 -> 200 nochg 192.0.2.7
	`)
}

func TestTheLastTwentyAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	for i := range 50 {
		w.now = w.now.Add(time.Minute)
		w.reported(alice, fmt.Sprintf("GET %d", i), "good 192.0.2.7", 1)
	}
	entries := w.Host(host("home"))
	if len(entries) != 20 || entries[0].Request != "GET 49" || entries[19].Request != "GET 30" {
		t.Errorf("entries:\n%s", lines(entries))
	}
	// Where they are long there are fewer, and each is cut.
	for i := range 50 {
		w.reported(alice, fmt.Sprintf("GET %d %s", i, strings.Repeat("x", 1000)), "good 192.0.2.7", 1)
	}
	if entries := w.Host(host("home")); len(entries) != 6 || len(entries[0].Request) != 512 {
		t.Errorf("entries:\n%s", lines(entries))
	}
}

// TestOrderOfArrival: what came within one second stands in the order in which it came,
// whether with the right secret or without, also when it came again and after a restart.
func TestOrderOfArrival(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	w.failed("alice", "home", account.ErrBadCredential)
	w.reported(alice, "GET first", "good 192.0.2.7", 1)
	w.failed("alice", "home", update.ErrLimited)
	w.reported(alice, "GET second", "good 192.0.2.8", 1)
	want := func(what string, entries []history.Entry, order ...string) {
		t.Helper()
		var got []string
		for _, e := range entries {
			got = append(got, cmp.Or(e.Why.String(), e.Request))
		}
		if !slices.Equal(got, order) {
			t.Errorf("%s: %q, want %q", what, got, order)
		}
	}
	want("in one second", w.Host(host("home")), "GET second", "too many requests", "GET first", "wrong secret")
	w.failed("alice", "home", account.ErrBadCredential)
	want("the first again", w.Host(host("home")), "wrong secret", "GET second", "too many requests", "GET first")

	file := filepath.Join(t.TempDir(), "history")
	if err := w.Save(file); err != nil {
		t.Fatal(err)
	}
	again := newWorld(t, roomy)
	if err := again.Load(file); err != nil {
		t.Fatal(err)
	}
	want("after a restart", again.Host(host("home")), "wrong secret", "GET second", "too many requests", "GET first")
}

// TestPendingIsTold: what is not yet where the zone is pushed to is told of the exchange, once
// of each server, and not of a later one that says the same when it is there.
func TestPendingIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	inside, outside := netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:53")
	for _, pending := range [][]netip.AddrPort{{inside, outside, inside}, nil} {
		x := exchange("alice", "home", "GET home", "good 192.0.2.7")
		x.Results = []update.Result{{ID: 1, Account: 1, Key: alice.ID, Outcome: update.Good, Pending: pending}}
		w.now = w.now.Add(time.Second)
		w.Record(x)
	}
	var told []string
	for _, e := range w.Host(host("home")) {
		told = append(told, fmt.Sprintf("%d %q %s", e.Count, e.Pending, e.Why))
	}
	want := []string{`1 "" `, `1 "192.0.2.53:53, [2001:db8::53]:53" not yet at every server that the zone is pushed to`}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// TestWhoseItIs: an exchange is shown where it belongs, and nobody but its owner
// can put something into the history of a host.
func TestWhoseItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	w.reported(alice, "GET both", "good", 1, 2)
	x := exchange("alice", "home", "GET private", "good 192.168.1.1")
	x.Results = []update.Result{{ID: 1, Account: 1, Key: alice.ID, Outcome: update.Ignored}}
	w.Record(x)
	x = exchange("alice", "home", "GET prefix", "good 2001:db8::1")
	x.Results = []update.Result{{ID: 1, Account: 1, Key: alice.ID, Followers: []uint32{2}}}
	w.Record(x)
	w.reported(alice, "GET nas,printer", "good nohost", 2, 0)
	w.failed("alice", "home printer", &update.KeyError{Key: alice, Err: update.ErrLimited})
	w.failed("nas-only", "", &update.KeyError{Key: nasOnly, Err: account.ErrSuspended})
	w.failed("alice", "", &update.KeyError{Key: alice, Err: update.ErrNoHostNamed})
	w.failed("alice", "printer", account.ErrBadCredential)
	w.failed("alice", "home", account.ErrBadCredential)
	w.failed("mallory", "home", account.ErrBadCredential)
	w.failed("", "home nas printer", update.ErrNoCredentials)
	w.failed("mallory", "elsewhere", account.ErrBadCredential)
	w.failed("alice", "home", update.ErrLimited) // before the secret was looked at
	x = exchange("nas-only", "", "GET short", "911")
	x.Asked.Hosts, x.Asked.Short, x.Err = []string{"printer", "nas"}, true, &update.KeyError{Key: nasOnly, Err: registry.ErrUnavailable}
	w.Record(x)
	w.expect("home", w.Host(host("home")), `
	0s alice: GET home -> 503 911 (too many requests)
	0s : GET home nas printer -> 401 badauth (no user name and secret)
	0s : GET home -> 401 badauth (unknown user name)
	0s alice: GET home -> 401 badauth (wrong secret)
	0s alice: GET home printer -> 503 911 (too many requests)
	0s alice: GET prefix -> 200 good 2001:db8::1
	0s alice: GET private -> 200 good 192.168.1.1 (address ignored, not reachable from outside)
	0s alice: GET both -> 200 good
	`)
	w.expect("nas", w.Host(host("nas")), `
	0s nas-only: GET short -> 200 911 (service unavailable)
	0s : GET home nas printer -> 401 badauth (no user name and secret)
	0s nas-only: GET  -> 503 911 (account suspended)
	0s alice: GET nas,printer -> 200 good nohost
	0s alice: GET prefix -> 200 good 2001:db8::1
	0s alice: GET both -> 200 good
	`)
	w.expect("printer", w.Host(host("printer")), `
	0s : GET home nas printer -> 401 badauth (no user name and secret)
	`)
	w.expect("key alice", w.Key("alice"), `
	0s alice: GET home -> 503 911 (too many requests)
	0s alice: GET home -> 401 badauth (wrong secret)
	0s alice: GET printer -> 401 badauth (wrong secret)
	0s alice: GET  -> 503 911
	0s alice: GET nas,printer -> 200 good nohost
	`)
	w.expect("elsewhere", w.Host(host("elsewhere")), ``)
	w.expect("key mallory", w.Key("mallory"), ``)
}

// Names beyond those that a request may have are passed over, and strangers have no
// labels looked up: either would let them keep us busy.
func TestHowMuchIsLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	x := exchange("alice", strings.Repeat("elsewhere ", update.MaxHosts)+"home", "GET many", "badauth")
	x.Err = account.ErrBadCredential
	w.Record(x)
	x = exchange("alice", "", "GET label", "badauth")
	x.Asked.Hosts, x.Asked.Short, x.Err = []string{"home"}, true, account.ErrBadCredential
	w.Record(x)
	w.expect("home", w.Host(host("home")), ``)
}

// However much is sent without the right secret, what was sent with it stays.
func TestStrangersPushNothingOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	for i := range 20 {
		w.reported(alice, fmt.Sprintf("GET %d", i), "good", 1)
	}
	for i := range 10_000 {
		w.failed("alice", fmt.Sprintf("home x%d", i), account.ErrBadCredential)
		w.failed("", fmt.Sprintf("home x%d", i), update.ErrNoCredentials)
	}
	proven, refused := 0, 0
	for _, e := range w.Host(host("home")) {
		if e.Status == 200 {
			proven++
		} else {
			refused++
		}
	}
	if proven != 20 || refused != 5 {
		t.Errorf("entries with the right secret = %d, without = %d, want 20 and 5", proven, refused)
	}
}

// TestFailing: a key fails from its third refusal on, until its secret is right.
func TestFailing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	for i := range 5 {
		w.now = w.now.Add(time.Minute)
		w.failed("alice", "home", account.ErrBadCredential)
		if i < 2 {
			w.failed("bob", "printer", account.ErrBadCredential)
		}
		w.failed("nas-only", "nas", update.ErrLimited)
	}
	got := fmt.Sprint(w.Failing())
	want := fmt.Sprint([]history.Failure{{
		Username: "alice", Refusals: 5, Since: start.Add(time.Minute), Last: start.Add(5 * time.Minute), Source: netip.MustParseAddr("192.0.2.7"),
	}})
	if got != want {
		t.Errorf("Failing() = %s, want %s", got, want)
	}
	w.reported(alice, "GET", "nochg", 1)
	if got := w.Failing(); len(got) != 0 {
		t.Errorf("after the right secret, Failing() = %v, want none", got)
	}
	w.failed("alice", "home", account.ErrBadCredential)
	if got := w.Failing(); len(got) != 0 {
		t.Errorf("after one more refusal, Failing() = %v, want none", got)
	}
}

// What a stranger sent is safe to print.
func TestTextIsPrintable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	x := exchange("alice", "home", "GET \x1b[2Jhöme\xff\u202e\t", "good\x00")
	x.Agent, x.Results = "\x9b\r\n<script>", []update.Result{{ID: 1, Account: 1, Key: alice.ID}}
	w.Record(x)
	e := w.Host(host("home"))[0]
	if got, want := e.Request+"|"+e.Agent+"|"+e.Reply, "GET ?[2Jhöme???|??\n<script>|good?\n"; got != want {
		t.Errorf("got = %q, want %q", got, want)
	}
}

func TestNothingIsKeptWithoutMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	w.reported(alice, "GET", "good", 1)
	w.failed("alice", "home", account.ErrBadCredential)
	w.SetBound(0)
	w.reported(alice, "GET", "good", 1)
	w.expect("home", w.Host(host("home")), ``)
	w.SetBound(roomy)
	w.reported(alice, "GET", "good", 1)
	w.expect("home", w.Host(host("home")), `
	0s alice: GET -> 200 good
	`)
}

// TestBound: more hosts than there is room for take the memory that the history
// was given, and no more, whatever they and strangers send.
func TestBound(t *testing.T) {
	const bound = 4 << 20
	w := newWorld(t, bound)
	before := heap()
	text := make([]byte, 512)
	for i := range 150_000 {
		x := exchange("alice", "home", "", "good 192.0.2.7")
		x.Request = text[:40+rand.IntN(460)]
		copy(x.Request, fmt.Sprintf("GET %d", i))
		x.Results = []update.Result{{ID: uint32(i % 50_000), Account: 1, Key: alice.ID}}
		w.Record(x)
		if i%10 == 0 {
			x.Results, x.Err = nil, account.ErrBadCredential
			w.Record(x)
		}
	}
	used := heap() - before
	t.Logf("%d octets of %d", used, bound)
	if used > bound || used < bound/2 {
		t.Errorf("the history takes %d octets, and may take %d", used, bound)
	}
	runtime.KeepAlive(w)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What was not heard of for longest makes room.
func TestTheOldestMakesRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 256<<10) // some 10 trails of half a KiB in each shard
	for i := range uint32(100) {
		w.reported(alice, "GET "+strings.Repeat("x", 250), "good", 1)
		w.reported(alice, "GET "+strings.Repeat("x", 250), "good", 64*i+65) // of the same shard
	}
	if got := w.Host(host("home")); len(got) != 1 || got[0].Count != 100 {
		t.Errorf("home, which reports all the time:\n%s", lines(got))
	}
	w.reported(alice, "GET", "good", 2)
	for i := range uint32(100) {
		w.reported(alice, "GET "+strings.Repeat("x", 250), "good", 64*i+66)
	}
	w.expect("nas, long silent", w.Host(host("nas")), ``)
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "history")
	w := newWorld(t, roomy)
	for i := range 15 {
		w.reported(alice, fmt.Sprintf("GET %d", i), "good", 1)
	}
	for range 3 {
		w.failed("alice", "home", account.ErrBadCredential)
	}
	if err := w.Save(file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: %v, %v", info.Mode(), err)
	}
	next := newWorld(t, roomy)
	next.now = start.Add(time.Hour)
	next.reported(bob, "GET", "good", 3)
	for i := range 10 {
		next.reported(alice, fmt.Sprintf("GET 1%d", i), "good", 1)
	}
	if err := next.Load(file); err != nil {
		t.Fatal(err)
	}
	entries := next.Host(host("home"))
	if len(entries) != 21 || entries[0].Request != "GET 19" || entries[10].Request != "GET home" || entries[20].Request != "GET 5" {
		t.Errorf("home, five of the earlier make room:\n%s", lines(entries))
	}
	if got := next.Failing(); len(got) != 1 || got[0].Refusals != 3 {
		t.Errorf("Failing() = %v", got)
	}
	next.failed("alice", "home", account.ErrBadCredential)
	next.expect("the same as before the restart", next.Key("alice"), `
	0s..1h0m0s x4 alice: GET home -> 401 badauth (wrong secret)
	`)
	if err := next.Load(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Errorf("no file: %v", err)
	}
}

// TestLoadCountsOn: what was refused before counts also where something was refused since,
// as when a new process takes over and loads what the old one saved a moment later.
func TestLoadCountsOn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "history")
	w := newWorld(t, roomy)
	for range 5 {
		w.failed("alice", "home", account.ErrBadCredential)
	}
	if err := w.Save(file); err != nil {
		t.Fatal(err)
	}
	next := newWorld(t, roomy)
	next.now = start.Add(time.Hour)
	next.failed("alice", "home", account.ErrBadCredential)
	if err := next.Load(file); err != nil {
		t.Fatal(err)
	}
	if got := next.Failing(); len(got) != 1 || got[0].Refusals != 6 || !got[0].Since.Equal(start) {
		t.Errorf("Failing() = %v, want alice, 6 times since %v", got, start)
	}
}

// A file that was damaged, at whatever place, and one of other data is left alone.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "history")
	w := newWorld(t, roomy)
	w.reported(alice, "GET", "good", 1)
	if err := w.Save(file); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	next := newWorld(t, roomy)
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x10
		for _, content := range [][]byte{damaged, whole[:i]} {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := next.Load(file); !errors.Is(err, history.ErrForeign) {
				t.Fatalf("damaged at %d: %v, want %v", i, err, history.ErrForeign)
			}
		}
	}
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := history.New(newRegistry("two"), roomy, nil).Load(file); !errors.Is(err, history.ErrForeign) {
		t.Errorf("of another lineage: %v, want %v", err, history.ErrForeign)
	}
	next.expect("home", next.Host(host("home")), ``)
}

// Many may record, read and change the bound at once.
func TestConcurrently(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 500 {
				w.reported(alice, fmt.Sprint("GET ", i, j), "good", 1, 2)
				w.failed("alice", "home", account.ErrBadCredential)
				w.Host(host("home"))
				w.Failing()
				w.SetBound(roomy + int64(j))
			}
		})
	}
	all.Wait()
	if got := w.Host(host("nas")); len(got) != 20 {
		t.Errorf("nas has %d entries, want 20", len(got))
	}
}

// FuzzLoad: whatever stands in the file, nothing breaks, and what is taken up can
// be saved again.
func FuzzLoad(f *testing.F) {
	dir := f.TempDir()
	w := newWorld(f, roomy)
	w.reported(alice, "GET", "good", 1)
	w.failed("alice", "home", account.ErrBadCredential)
	file := filepath.Join(dir, "history")
	if err := w.Save(file); err != nil {
		f.Fatal(err)
	}
	seed, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed[:len(seed)-4])
	f.Add([]byte("stayput history 2\n\x03one\x00\x01\x00\x00\x00\x02ab"))
	f.Fuzz(func(t *testing.T, content []byte) {
		w := newWorld(t, roomy)
		if err := w.Load(sealed(t, content)); err != nil && !errors.Is(err, history.ErrForeign) {
			t.Fatal(err)
		}
		w.reported(alice, "GET", "good", 1)
		w.Failing()
		w.Key("alice")
		if len(w.Host(host("home"))) == 0 {
			t.Error("nothing is known of home")
		}
		if err := w.Save(filepath.Join(t.TempDir(), "again")); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkRepeat is what every report costs that changes nothing.
func BenchmarkRepeat(b *testing.B) {
	w := newWorld(b, roomy)
	x := exchange("alice", "home", "GET /nic/update?hostname=home.dyn.example.org&myip=192.0.2.7", "nochg 192.0.2.7")
	x.Results = []update.Result{{ID: 1, Account: 1, Key: alice.ID}}
	b.ReportAllocs()
	for b.Loop() {
		w.Record(x)
	}
}

// TestForget: nothing is left of a host and a key, and all of the others.
func TestForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, roomy)
	w.reported(alice, "GET a", "good 192.0.2.7", 1, 2)
	w.reported(alice, "GET b", "nohost", 0)
	w.failed("alice", "home", account.ErrBadCredential)
	w.Forget([]uint32{1}, []uint32{alice.ID})
	w.Forget([]uint32{1, 99}, nil)
	w.expect("home", w.Host(host("home")), "")
	w.expect("alice", w.Key("alice"), "")
	w.expect("nas", w.Host(host("nas")), `
	0s alice: GET a -> 200 good 192.0.2.7
	`)
	w.reported(alice, "GET c", "good 192.0.2.7", 1)
	w.expect("home", w.Host(host("home")), `
	0s alice: GET c -> 200 good 192.0.2.7
	`)
}

// TestANewOwnerSeesNothingOfTheOneBefore, also after a restart, and an hour later nothing is
// left of it.
func TestANewOwnerSeesNothingOfTheOneBefore(t *testing.T) {
	t.Parallel()
	all := newRegistry("one")
	r := all
	w := &world{t: t, now: start}
	w.History = history.New(&r, roomy, func() time.Time { return w.now })
	w.reported(alice, "GET a", "good 192.0.2.7", 1)
	w.failed("mallory", "home", account.ErrBadCredential)

	draft := all.state.Accounts.Edit()
	draft.Apply(&account.Changes{Hosts: []account.Host{{ID: 1, Name: host("home"), Account: 2}}})
	given := &registry.State{Lineage: "one", Accounts: draft.Freeze()}
	r.state = given
	w.expect("home", w.Host(host("home")), "")
	file := filepath.Join(t.TempDir(), "history")
	if err := w.Save(file); err != nil {
		t.Fatal(err)
	}
	w.History = history.New(&r, roomy, func() time.Time { return w.now })
	if err := w.Load(file); err != nil {
		t.Fatal(err)
	}
	w.reported(bob, "GET b", "good 198.51.100.7", 1)
	w.expect("home", w.Host(host("home")), `
	0s bob: GET b -> 200 good 198.51.100.7
	`)
	w.ForgetGone()
	w.expect("home", w.Host(host("home")), `
	0s bob: GET b -> 200 good 198.51.100.7
	`)
	r = all // or nobody could see what is left
	w.expect("home", w.Host(host("home")), "")
}

// TestForgetGone: nothing is left of a host and a key that were deleted, and all of the
// others.
func TestForgetGone(t *testing.T) {
	t.Parallel()
	all := newRegistry("one")
	r := all
	w := &world{t: t, now: start}
	w.History = history.New(&r, roomy, func() time.Time { return w.now })
	w.reported(alice, "GET a", "good 192.0.2.7", 1, 2)
	w.reported(alice, "GET b", "nohost", 0)
	w.failed("alice", "home", account.ErrBadCredential)
	w.reported(bob, "GET c", "nohost", 0)
	w.ForgetGone()
	if n := len(w.Host(host("home"))); n != 2 {
		t.Errorf("of a host that is there, %d requests are left", n)
	}

	draft := all.state.Accounts.Edit()
	draft.Apply(&account.Changes{DeletedHosts: []zone.Name{host("home")}, DeletedKeys: []string{"alice"}})
	r.state = &registry.State{Lineage: "one", Accounts: draft.Freeze()}
	w.ForgetGone()
	r = all // or nobody could see what is left
	w.expect("home", w.Host(host("home")), "")
	w.expect("alice", w.Key("alice"), "")
	w.expect("nas", w.Host(host("nas")), `
	0s alice: GET a -> 200 good 192.0.2.7
	`)
	w.expect("bob", w.Key("bob"), `
	0s bob: GET c -> 200 nohost
	`)
}
