package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"stayput.dev/internal/publish"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
	"stayput.dev/test/rig/primary"
)

// pushKey is what all primaries know.
var pushKey = &tsig.Key{Name: zone.MustName(primary.KeyName), Schemes: []tsig.Scheme{{Algorithm: tsig.HMACSHA256, Octets: 32}}, Secret: primary.Secret()}

// eachPrimary runs a test with each make of primary.
func eachPrimary(t *testing.T, test func(t *testing.T, target *primary.Server)) {
	for _, kind := range primary.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			test(t, kind.Run(t))
		})
	}
}

// pushWorld is a registry on a disk whose zone is pushed to a primary.
type pushWorld struct {
	t        *testing.T
	store    *store.Store
	registry *registry.Registry
	target   *primary.Server
	via      netip.AddrPort // where the pusher finds the target; zero: where it is
	pusher   *publish.Pusher
	marks    publish.MarkStore
	log      rig.Log // of pushers
	stop     func()
}

func newPushWorld(t *testing.T, target *primary.Server) *pushWorld {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{Logger: quiet}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := registry.Open(t.Context(), s, registry.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var writer sync.WaitGroup
	writer.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	w := &pushWorld{t: t, store: s, registry: r, target: target, marks: s, stop: func() {}}
	t.Cleanup(func() {
		w.stop()
		stop()
		writer.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.replace()
	return w
}

// replace makes the zone anew, with records in the form of master files.
func (w *pushWorld) replace(lines ...string) {
	w.t.Helper()
	d := zone.New(origin)
	server := zone.MustName("ns1.example.org")
	for _, set := range []zone.RRset{
		zone.DefaultSOA(server, server, 1).RRset(origin),
		{Name: origin, Type: zone.TypeNS, TTL: 60, Data: []zone.Rdata{zone.Rdata(server)}},
	} {
		if err := d.Put(set); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, set := range readSets(w.t, lines...) {
		if err := d.Put(set); err != nil {
			w.t.Fatal(err)
		}
	}
	z, _, err := d.Finish()
	if err != nil {
		w.t.Fatal(err)
	}
	w.apply(registry.Changes{Replaced: []*zone.Zone{z}})
}

// set puts sets, in the form of master files; one without data is deleted.
func (w *pushWorld) set(lines ...string) {
	w.t.Helper()
	w.apply(registry.Changes{Records: []registry.ZoneRecords{{Zone: origin, Sets: readSets(w.t, lines...)}}})
}

func (w *pushWorld) apply(c registry.Changes) {
	w.t.Helper()
	_, err := w.registry.Apply(w.t.Context(), registry.Actor{}, func(*registry.State) (registry.Changes, error) { return c, nil })
	if err != nil {
		w.t.Error(err)
	}
}

func readSets(t *testing.T, lines ...string) (sets []zone.RRset) {
	t.Helper()
	for _, line := range lines {
		if words := strings.Fields(line); len(words) == 2 {
			typ, err := zone.ParseType(words[1])
			if err != nil {
				t.Fatal(err)
			}
			sets = append(sets, zone.RRset{Name: zone.MustName(words[0] + ".dyn.example.org"), Type: typ})
			continue
		}
		rr, err := dns.NewRR("$ORIGIN dyn.example.org.\n$TTL 60\n" + line)
		if err != nil {
			t.Fatal(err)
		}
		wire := make([]byte, 1000)
		end, err := dns.PackRR(rr, wire, 0, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		_, at, _ := dns.UnpackDomainName(wire, 0)
		set := zone.RRset{Name: zone.MustName(rr.Header().Name), Type: zone.Type(rr.Header().Rrtype), TTL: rr.Header().Ttl}
		if n := len(sets); n > 0 && sets[n-1].Name == set.Name && sets[n-1].Type == set.Type {
			sets[n-1].Data = append(sets[n-1].Data, zone.Rdata(wire[at+10:end]))
			continue
		}
		set.Data = []zone.Rdata{zone.Rdata(wire[at+10 : end])}
		sets = append(sets, set)
	}
	return sets
}

// push runs a pusher, in the place of one that runs.
func (w *pushWorld) push() {
	w.stop()
	w.pusher = w.newPusher()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.pusher.Run(ctx)
	}()
	w.stop = func() {
		stop()
		<-done
		w.stop = func() {}
	}
}

func (w *pushWorld) newPusher() *publish.Pusher {
	target := publish.Target{Zone: origin, Addr: w.target.Addr, Key: pushKey}
	if w.via.IsValid() {
		target.Addr = w.via
	}
	return publish.NewPusher(target, w.registry, w.marks, publish.PushOptions{Logger: slog.New(slog.NewTextHandler(io.MultiWriter(w.t.Output(), &w.log), nil))})
}

// arrive waits until nothing is pending.
func (w *pushWorld) arrive() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	z := w.registry.State().Zones.Get(origin)
	for name := range z.Nodes() {
		if err := w.pusher.Await(ctx, name); err != nil {
			w.t.Fatalf("%s does not arrive: %v, %+v", name, err, w.pusher.State())
		}
	}
	for w.pusher.State().Pending > 0 {
		if ctx.Err() != nil {
			w.t.Fatalf("something is pending: %+v", w.pusher.State())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// there returns what the target has, but the fence, as lines.
func (w *pushWorld) there() []string {
	w.t.Helper()
	var lines []string
	for _, rr := range w.target.Transfer() {
		if !strings.HasPrefix(rr.Header().Name, "_stayput-push.") {
			lines = append(lines, strings.ReplaceAll(strings.ReplaceAll(rr.String(), ".dyn.example.org.", ""), "\t", " "))
		}
	}
	slices.Sort(lines)
	return lines
}

func (w *pushWorld) expect(want ...string) {
	w.t.Helper()
	w.arrive()
	slices.Sort(want)
	if diff := cmp.Diff(want, w.there()); diff != "" {
		w.t.Errorf("at the target (-want +got):\n%s", diff)
	}
}

// others is what the target has that is none of ours.
var others = []string{"www 300 IN A 192.0.2.80", `www 300 IN TXT "not ours"`}

func TestPush(t *testing.T) {
	t.Parallel()
	eachPrimary(t, func(t *testing.T, target *primary.Server) {
		w := newPushWorld(t, target)
		w.set("home A 192.0.2.1", "home AAAA 2001:db8::1", "old A 192.0.2.9", "alias CNAME home", "@ A 192.0.2.5")
		w.push()
		w.expect(append([]string{
			"home 60 IN A 192.0.2.1", "home 60 IN AAAA 2001:db8::1", "old 60 IN A 192.0.2.9",
			"alias 60 IN CNAME home", "dyn.example.org. 60 IN A 192.0.2.5",
		}, others...)...)

		// Whatever becomes of a name is done in one message.
		w.set("home A 192.0.2.2", "home AAAA", "home 300 MX 10 mail.example.net.", `home TXT "of \"ours\"" "two"`, "old A", "alias CNAME", "alias A 192.0.2.3", "new.home A 192.0.2.4")
		w.set("other CNAME new.home", `_acme-challenge.home TXT "a"`, `_acme-challenge.home TXT "b"`, "*.home A 192.0.2.2")
		w.expect(append([]string{
			"home 60 IN A 192.0.2.2", "home 300 IN MX 10 mail.example.net.", `home 60 IN TXT "of \"ours\"" "two"`,
			"alias 60 IN A 192.0.2.3", "new.home 60 IN A 192.0.2.4", "other 60 IN CNAME new.home", "*.home 60 IN A 192.0.2.2",
			`_acme-challenge.home 60 IN TXT "a"`, `_acme-challenge.home 60 IN TXT "b"`, "dyn.example.org. 60 IN A 192.0.2.5",
		}, others...)...)

		w.replace("last A 192.0.2.7")
		w.expect(append([]string{"last 60 IN A 192.0.2.7"}, others...)...)
	})
}

// TestPushMany: many names are a few messages, and all types of record go over the wire.
func TestPushMany(t *testing.T) {
	t.Parallel()
	eachPrimary(t, func(t *testing.T, target *primary.Server) {
		w := newPushWorld(t, target)
		var lines, want []string
		for i := range 1000 {
			lines = append(lines, fmt.Sprintf("h%d A 192.0.2.%d", i, i%250))
			want = append(want, fmt.Sprintf("h%d 60 IN A 192.0.2.%d", i, i%250))
		}
		w.set(lines...)
		w.push()
		w.expect(append(want, others...)...)
	})
}

// TestAliasBesideOthers: a server passes over an alias where something else stands, and
// says NOERROR. The pusher hears of it, and goes on with other names meanwhile.
func TestAliasBesideOthers(t *testing.T) {
	t.Parallel()
	eachPrimary(t, func(t *testing.T, target *primary.Server) {
		w := newPushWorld(t, target)
		w.set("www CNAME home", "home A 192.0.2.1")
		w.push()
		if err := w.pusher.Await(w.t.Context(), zone.MustName("home.dyn.example.org")); err != nil {
			t.Fatal(err)
		}
		www := zone.MustName("www.dyn.example.org")
		until(t, func() bool { return w.pusher.State().Refused > 0 })
		if s := w.pusher.State(); !w.pusher.Pending(www) || s.Err == nil {
			t.Errorf("www is not pending: %+v", s)
		}
		target.Update("update delete www.dyn.example.org. TXT")
		w.expect("www 60 IN CNAME home", "home 60 IN A 192.0.2.1")
	})
}

// TestQuietTarget: PowerDNS closes a connection that is idle for 5 seconds. Nothing is sent
// into one that it has closed, which would look as if it took nothing.
func TestQuietTarget(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, primary.PowerDNS.Run(t))
	w.set("home A 192.0.2.1")
	w.push()
	w.arrive()
	time.Sleep(6 * time.Second)
	w.set("home A 192.0.2.2")
	w.expect(append([]string{"home 60 IN A 192.0.2.2"}, others...)...)
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, "WARN") && !strings.Contains(line, "timeout") { // which a busy machine has
			t.Errorf("the log has %s", line)
		}
	}
}

// TestPushThroughTrouble: while names change all the time, the target is stopped, killed
// and frozen, and the pusher begins anew, once with all that it noted and once without
// what it should have kept last. Nobody ever sees an older value after a newer one, and
// in the end both have the same.
func TestPushThroughTrouble(t *testing.T) {
	t.Parallel()
	eachPrimary(t, func(t *testing.T, target *primary.Server) {
		w := newPushWorld(t, target)
		forgetful := &forgetfulMarks{MarkStore: w.store}
		w.marks = forgetful
		w.push()
		ctx, stop := context.WithCancel(t.Context())
		var parts sync.WaitGroup
		parts.Go(func() { w.change(ctx) })
		parts.Go(func() { w.watch(ctx) })
		beat := func() { time.Sleep(700 * time.Millisecond) }
		beat()
		target.Signal(syscall.SIGSTOP)
		time.Sleep(10 * time.Second) // until the pusher has lost patience
		target.Signal(syscall.SIGCONT)
		beat()
		target.Kill()
		beat()
		target.Start()
		beat()
		w.push()
		beat()
		forgetful.forget(true)
		beat()
		w.push()
		forgetful.forget(false)
		target.Freeze()
		until(t, func() bool { return w.pusher.State().Err != nil })
		beat()
		target.Thaw()
		beat()
		stop()
		parts.Wait()
		w.arrive()
		found, err := w.pusher.Reconcile(t.Context(), publish.ReconcileOptions{})
		if err != nil || len(found.Differences) > 0 || found.Foreign != 1 {
			t.Errorf("%d differences, %d foreign names, %v: %v", len(found.Differences), found.Foreign, err, found.Differences)
		}
	})
}

// forgetfulMarks loses what is to be kept while it is told so.
type forgetfulMarks struct {
	publish.MarkStore
	mu      sync.Mutex
	forgets bool
}

func (f *forgetfulMarks) forget(really bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgets = really
}

func (f *forgetfulMarks) SaveMarks(ctx context.Context, follower string, at registry.Revision, marks []registry.Mark) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.forgets {
		return errors.New("the disk is full")
	}
	return f.MarkStore.SaveMarks(ctx, follower, at, marks)
}

const changing = 20 // names

// change gives names addresses that rise.
func (w *pushWorld) change(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		a := netip.AddrFrom4([4]byte{203, byte(i >> 16), byte(i >> 8), byte(i)})
		name := fmt.Sprintf("h%d", i%changing)
		if i%7 == 3 {
			w.set(name+" A", name+" TXT", fmt.Sprintf(`gone%d TXT "x"`, i%50))
		} else {
			w.set(fmt.Sprintf("%s A %s", name, a), name+` TXT "x"`, fmt.Sprintf("gone%d TXT", i%50))
		}
		time.Sleep(time.Millisecond)
	}
}

// watch looks at the target all the time.
func (w *pushWorld) watch(ctx context.Context) {
	last := map[string]netip.Addr{}
	for i := 0; ctx.Err() == nil; i++ {
		name := fmt.Sprintf("h%d.dyn.example.org.", i%changing)
		reply := w.target.Ask(name, dns.TypeA)
		if reply == nil || len(reply.Answer) == 0 {
			continue
		}
		a, _ := netip.AddrFromSlice(reply.Answer[0].(*dns.A).A.To4())
		if a.Less(last[name]) {
			w.t.Errorf("%s went back from %s to %s", name, last[name], a)
		}
		last[name] = a
	}
}
