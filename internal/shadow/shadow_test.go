package shadow_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/front"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shadow"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// world is a ledger behind a front, over a state with the host home.dyn.example.org of
// alice, whose key hears good.
type world struct {
	*shadow.Ledger
	store *rig.Memory
	state func() *registry.State
	url   string
	now   atomic.Int64 // Unix time
}

const secret = "alices-update-secret"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{store: &rig.Memory{}}
	w.now.Store(time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC).Unix())
	silent := slog.New(slog.DiscardHandler)
	reg, err := registry.Open(t.Context(), w.store, registry.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = reg.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-stopped })
	if _, err := reg.Apply(t.Context(), registry.Actor{}, makeState); err != nil {
		t.Fatal(err)
	}
	w.state = reg.State
	judge := update.NewJudge(reg, update.Options{Logger: silent, Rules: update.Rules{Limits: update.Limits{
		HostChanges: update.Rate{PerSecond: 1, Burst: 100},
	}}})
	w.Ledger = shadow.New(judge, dyndns.Options{}, func() time.Time { return time.Unix(w.now.Load(), 0) })
	server := front.New(front.Config{
		Table:          front.Table{Devices: w.Paths()},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(context.Background(), l, front.Plain) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	w.url = "http://" + l.Addr().String() + shadow.Prefix
	return w
}

func makeState(*registry.State) (registry.Changes, error) {
	origin := zone.MustName("dyn.example.org")
	draft := zone.New(origin)
	soa := zone.DefaultSOA(zone.MustName("ns.example.org"), zone.MustName("hostmaster.example.org"), 1)
	if err := draft.Put(soa.RRset(origin)); err != nil {
		return registry.Changes{}, err
	}
	z, _, err := draft.Finish()
	if err != nil {
		return registry.Changes{}, err
	}
	kept, err := account.KeepSecret(secret, false, false)
	if err != nil {
		return registry.Changes{}, err
	}
	old, err := account.KeepForeign("abhfCpXqd4GrI") // correct horse, by DES
	if err != nil {
		return registry.Changes{}, err
	}
	return registry.Changes{Replaced: []*zone.Zone{z}, Accounts: account.Changes{
		Accounts: []account.Account{{ID: 1, Name: "alice", Role: account.Customer}},
		Hosts:    []account.Host{{ID: 1, Name: zone.MustName("home.dyn.example.org"), Account: 1, TTL: 60}},
		Keys: []account.Key{
			{ID: 1, Account: 1, Username: "alice", Secret: kept, BareGood: true},
			{ID: 2, Account: 1, Username: "user1", Secret: old, BareGood: true},
		},
	}}, nil
}

// mirror sends a request with headers "Name: value" and returns the status.
func (w *world) mirror(t *testing.T, target, user, secret string, headers ...string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, secret)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if said, _ := io.ReadAll(answer.Body); answer.StatusCode == http.StatusNoContent && len(said) > 0 {
		t.Errorf("a mirrored request is told %q", said)
	}
	return answer.StatusCode
}

const from = "X-Forwarded-For: 203.0.113.77"

// text writes a report, one line for each pair and difference.
func text(r shadow.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "judged %d same %d different %d unknown %d others %d\n", r.Judged, r.Same, r.Different, r.Unknown, r.Others)
	for _, p := range r.Pairs {
		fmt.Fprintf(&b, "%d × %s, %s\n", p.Count, p.Old, p.Ours)
	}
	for _, d := range r.Differences {
		fmt.Fprintf(&b, "%d × %s by %q from %v: %s, %s (%s)\n", d.Count, d.Request, d.Username, d.Source, d.Old, d.Ours, d.Why)
	}
	return b.String()
}

func (w *world) want(t *testing.T, want string) {
	t.Helper()
	if got := text(w.Report()); got != strings.TrimLeft(want, "\n") {
		t.Errorf("report:\n%swant:%s", got, want)
	}
}

func TestMirroredRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := len(w.store.Commits())
	const home = "/?hostname=home.dyn.example.org&myip="
	for range 2 {
		w.mirror(t, home+"192.0.2.7", "alice", secret, from, "Shadow-Status: 200", "Shadow-Length: 4")
	}
	w.mirror(t, home+"192.0.2.7", "user1", "correct horse", from, "Shadow-Status: 200", "Shadow-Length: 4")
	w.mirror(t, "/nic/update?hostname=other.dyn.example.org", "alice", secret, from, "Shadow-Status: 200", "Shadow-Length: 6")
	w.mirror(t, home, "alice", "wrong", from, "Shadow-Status: 403", "Shadow-Length: 7")
	for i := range 3 {
		w.now.Add(60)
		w.mirror(t, home+"nonsense", "alice", secret, from, "Shadow-Status: 200", "Shadow-Length: 4")
		w.mirror(t, home+"nonsense&password="+secret, "", "", fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", i), "Shadow-Status: 500", "Shadow-Length: 612")
	}
	w.mirror(t, home+"192.0.2.7", "alice", secret, from)
	w.mirror(t, "/checkip", "", "", from)
	w.want(t, `
judged 12 same 5 different 6 unknown 1 others 1
3 × good, badip
3 × good, good
3 × status 500, 612 octets, badauth
1 × badauth, badauth
1 × nohost or dnserr, nohost
1 × not known, good
3 × GET /?hostname=home.dyn.example.org&myip=***&password=*** by "" from 203.0.113.2: status 500, 612 octets, badauth (wrong secret)
3 × GET /?hostname=home.dyn.example.org&myip=nonsense (Basic ***) by "alice" from 203.0.113.77: good, badip ()
`)
	if got := w.Report().Differences[1]; !got.First.Equal(got.Last.Add(-2 * time.Minute)) {
		t.Errorf("first %v, last %v", got.First, got.Last)
	}
	if got := len(w.store.Commits()); got != before {
		t.Errorf("mirrored requests made %d commits", got-before)
	}
	if key, _ := w.state().Accounts.Key("user1"); !key.Secret.IsForeign() {
		t.Error("a mirrored request replaced the old hash of a secret")
	}
	w.Clear()
	w.want(t, "judged 0 same 0 different 0 unknown 0 others 0\n")
}

// TestAnswersBesideRequests: a web server that mirrors does not know yet how the old
// service will answer. Its log says so later, or sooner.
func TestAnswersBesideRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const home = "/?hostname=home.dyn.example.org&myip=192.0.2.7"
	w.mirror(t, home, "alice", secret, from, "Shadow-ID: a")
	w.want(t, "judged 1 same 0 different 0 unknown 1 others 0\n")
	w.mirror(t, "/answer", "", "", from, "Shadow-ID: a", "Shadow-Status: 200", "Shadow-Length: 4")
	w.mirror(t, "/answer", "", "", from, "Shadow-ID: b", "Shadow-Status: 200", "Shadow-Length: 7")
	w.mirror(t, home, "alice", secret, from, "Shadow-ID: b")
	w.mirror(t, "/answer", "", "", from, "Shadow-ID: c", "Shadow-Status: lost", "Shadow-Length: 4")
	w.want(t, `
judged 2 same 1 different 1 unknown 0 others 0
1 × good, good
1 × notfqdn, good
1 × GET /?hostname=home.dyn.example.org&myip=192.0.2.7 (Basic ***) by "alice" from 203.0.113.77: notfqdn, good ()
`)
}

// TestMirrorsAreProxies: who is no trusted proxy, or does not say for whom it speaks, gets
// nothing judged.
func TestMirrorsAreProxies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, target := range []string{"/?hostname=home.dyn.example.org", "/nic/update?hostname=home.dyn.example.org", "/answer"} {
		if got := w.mirror(t, target, "alice", secret); got != http.StatusForbidden {
			t.Errorf("%s: status = %d, want 403", target, got)
		}
	}
	w.want(t, "judged 0 same 0 different 0 unknown 0 others 0\n")
}

// TestBounds: however much is mirrored, what is kept has a bound.
func TestBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 1010 {
		w.now.Add(1)
		w.mirror(t, fmt.Sprintf("/?hostname=h%d.dyn.example.org", i), "alice", secret, from, "Shadow-Status: 200", fmt.Sprintf("Shadow-Length: %d", 1000+i))
	}
	r := w.Report()
	if len(r.Differences) != 1000 || r.Forgotten != 10 || r.Different != 1010 || !strings.Contains(r.Differences[0].Request, "h1009.") {
		t.Errorf("%d differences, %d forgotten of %d", len(r.Differences), r.Forgotten, r.Different)
	}
	if len(r.Pairs) > 201 {
		t.Errorf("%d pairs of answers", len(r.Pairs))
	}
	hear := w.Paths()["/shadow/answer"]
	for i := range 10_050 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/shadow/answer", nil)
		for name, value := range map[string]string{"X-Forwarded-For": "127.0.0.1", "Shadow-Id": fmt.Sprint(i), "Shadow-Status": "200", "Shadow-Length": "4"} {
			r.Header.Set(name, value)
		}
		hear.ServeHTTP(httptest.NewRecorder(), r)
	}
	w.mirror(t, "/?hostname=home.dyn.example.org", "alice", secret, from, "Shadow-ID: 7")
	w.mirror(t, "/?hostname=home.dyn.example.org", "alice", secret, from, "Shadow-ID: 10049")
	if r := w.Report(); r.Same != 1 || r.Unknown != 1 {
		t.Errorf("same = %d, unknown = %d, want the oldest answer to be forgotten", r.Same, r.Unknown)
	}
}
