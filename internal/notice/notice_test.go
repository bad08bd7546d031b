package notice_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/history"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/notice"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

var home = zone.MustName("home.dyn.example.org")

// world is anna's host home, which tests hear of when they like, and what is written
// to her.
type world struct {
	*notice.Service
	admin *admin.Service
	seen  time.Time
	now   time.Time
	away  time.Duration // for which nobody was there since the host was heard of
	fails []history.Failure
	sent  []mail.Message
	ids   map[string]bool
	store *store.Store
}

// Last implements notice.Seen.
func (w *world) Last(uint32) time.Time { return w.seen }

// Present implements notice.Presence.
func (w *world) Present(at time.Time) time.Time { return at.Add(w.away) }

// StayAlive implements notice.Presence.
func (w *world) StayAlive() {}

// Failing implements notice.Failing.
func (w *world) Failing() []history.Failure { return w.fails }

// Send implements notice.Mailer, as mail.Queue does.
func (w *world) Send(_ context.Context, m mail.Message) error {
	if !w.ids[m.ID] {
		w.ids[m.ID] = true
		w.sent = append(w.sent, m)
	}
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{Logger: quiet}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	r, err := registry.Open(t.Context(), s, registry.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	w := &world{admin: admin.New(r, admin.Options{}), now: time.Now(), ids: map[string]bool{}, store: s}
	w.Service = notice.New(notice.Config{State: r, Seen: w, Shelf: s.Shelf(), Mail: w, Presence: w, Failing: w, Log: r, Logger: quiet, Now: func() time.Time { return w.now }})
	_, err1 := w.admin.AddZone(ctx, admin.NewZone{
		Name: zone.MustName("dyn.example.org"), NameServers: []admin.NameServer{{Name: zone.MustName("ns1.example.net")}},
	})
	_, err2 := w.admin.AddAccount(ctx, admin.NewAccount{Name: "anna", Email: "anna@example.org", Language: "fr"})
	_, err3 := w.admin.AddAccount(ctx, admin.NewAccount{Name: "bob"})
	_, err4 := w.admin.AddHost(ctx, admin.NewHost{Name: home, Account: "anna", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) host(t *testing.T) *account.Host {
	t.Helper()
	h, ok := w.admin.State().Accounts.Host(home)
	if !ok {
		t.Fatal("the host is gone")
	}
	return &h
}

// by is who wishes.
var by = registry.Actor{Account: 7, Via: "web"}

func (w *world) wish(t *testing.T, wish notice.Wish) {
	t.Helper()
	if err := w.SetWish(t.Context(), by, w.host(t), to(wish)); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Wish(t.Context(), w.host(t)); err != nil || got != wish {
		t.Errorf("wish %+v, %v, want %+v", got, err, wish)
	}
}

// pass lets time go by, and returns the mails that come of it.
func (w *world) pass(t *testing.T, d time.Duration) []mail.Message {
	t.Helper()
	w.now = w.now.Add(d)
	w.sent = nil
	for range 2 { // what was told is not told again
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return w.sent
}

func TestSilence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.SetPages(&url.URL{Scheme: "https", Host: "dns.example.org"})
	w.wish(t, notice.Wish{Silent: 48 * time.Hour})
	if got := w.pass(t, 72*time.Hour); len(got) != 0 {
		t.Errorf("a host that never reported: %+v", got)
	}
	w.seen = w.now
	if got := w.pass(t, 47*time.Hour); len(got) != 0 {
		t.Errorf("too early: %+v", got)
	}
	got := w.pass(t, time.Hour)
	if len(got) != 1 || got[0].Kind != mail.HostSilent || got[0].To != "anna@example.org" || got[0].Language != "fr" ||
		got[0].Data.Host != "home.dyn.example.org" || !got[0].Data.At.Equal(w.seen) || got[0].Unsubscribe != "https://dns.example.org/hosts/home.dyn.example.org" {
		t.Fatalf("after two days: %+v", got)
	}
	if got := w.pass(t, 500*time.Hour); len(got) != 0 {
		t.Errorf("the same silence again: %+v", got)
	}
	w.seen = w.now
	if got := w.pass(t, time.Minute); len(got) != 1 || got[0].Kind != mail.HostHeard || !got[0].Data.At.Equal(w.seen) {
		t.Errorf("heard of again: %+v", got)
	}
	if got := w.pass(t, 48*time.Hour); len(got) != 1 || got[0].Kind != mail.HostSilent {
		t.Errorf("the next silence: %+v", got)
	}
	w.seen = w.now
	w.pass(t, time.Minute)
	w.away = 10 * time.Hour // a host that has nobody to report to is not silent
	if got := w.pass(t, 57*time.Hour); len(got) != 0 {
		t.Errorf("our own absence: %+v", got)
	}
	if got := w.pass(t, time.Hour); len(got) != 1 {
		t.Errorf("after our absence: %+v", got)
	}
	w.wish(t, notice.Wish{})
	w.seen = w.now
	if got := w.pass(t, 48*time.Hour); len(got) != 0 {
		t.Errorf("not wished any more: %+v", got)
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	move := func(addr string) {
		addrs := []netip.Addr{netip.MustParseAddr(addr), netip.MustParseAddr("2001:db8::1")}
		if _, err := w.admin.SetHost(t.Context(), home, admin.HostChange{Addresses: &addrs}); err != nil {
			t.Fatal(err)
		}
	}
	w.wish(t, notice.Wish{Changed: true})
	if got := w.pass(t, time.Minute); len(got) != 0 {
		t.Errorf("nothing changed: %+v", got)
	}
	move("192.0.2.2")
	if got := w.pass(t, time.Minute); len(got) != 1 || got[0].Kind != mail.HostChanged || got[0].Data.Address != "192.0.2.2, 2001:db8::1" {
		t.Errorf("changed: %+v", got)
	}
	move("192.0.2.3")
	move("192.0.2.4")
	if got := w.pass(t, time.Minute); len(got) != 0 {
		t.Errorf("within the hour: %+v", got)
	}
	if got := w.pass(t, time.Hour); len(got) != 1 || got[0].Data.Address != "192.0.2.4, 2001:db8::1" {
		t.Errorf("after the hour: %+v", got)
	}
}

// TestChangeBack: an address that goes again is told, although no other is newer.
func TestChangeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wish(t, notice.Wish{Changed: true})
	for _, texts := range [][]string{{"192.0.2.2"}, {"192.0.2.2", "2001:db8::1"}, {"192.0.2.2"}} {
		var addrs []netip.Addr
		for _, text := range texts {
			addrs = append(addrs, netip.MustParseAddr(text))
		}
		if _, err := w.admin.SetHost(t.Context(), home, admin.HostChange{Addresses: &addrs}); err != nil {
			t.Fatal(err)
		}
		if got, want := w.pass(t, 2*time.Hour), strings.Join(texts, ", "); len(got) != 1 || got[0].Data.Address != want {
			t.Errorf("mails %+v, want one of %s", got, want)
		}
	}
}

// TestOtherWish: who wishes something else is not told again what was told, and still hears
// what there is to tell.
func TestOtherWish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wish(t, notice.Wish{Silent: time.Hour, Changed: true})
	w.seen = w.now
	if got := w.pass(t, time.Hour); len(got) != 1 || got[0].Kind != mail.HostSilent {
		t.Fatalf("after an hour: %+v", got)
	}
	addrs := []netip.Addr{netip.MustParseAddr("192.0.2.2")}
	if _, err := w.admin.SetHost(t.Context(), home, admin.HostChange{Addresses: &addrs}); err != nil {
		t.Fatal(err)
	}
	clear(w.ids) // as the queue forgets them after a week
	w.wish(t, notice.Wish{Silent: 2 * time.Hour, Changed: true, Failing: true})
	if got := w.pass(t, 8*24*time.Hour); len(got) != 1 || got[0].Kind != mail.HostChanged {
		t.Errorf("after another wish: %+v, want that the address is another", got)
	}
}

// TestWishesGoWithTheOwner: whoever has the host next hears nothing that they did not
// ask for.
func TestWishesGoWithTheOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wish(t, notice.Wish{Silent: time.Hour})
	w.seen = w.now
	bob := "bob"
	if _, err := w.admin.SetHost(t.Context(), home, admin.HostChange{Account: &bob}); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Wish(t.Context(), w.host(t)); err != nil || got != (notice.Wish{}) {
		t.Errorf("bob's wish: %+v, %v, want none", got, err)
	}
	if got := w.pass(t, 2*time.Hour); len(got) != 0 {
		t.Errorf("mails %+v", got)
	}
	if err := w.SetWish(t.Context(), by, w.host(t), to(notice.Wish{Changed: true})); !errors.Is(err, notice.ErrNoAddress) {
		t.Errorf("bob has no mail address: %v", err)
	}
	if err := w.SetWish(t.Context(), by, w.host(t), to(notice.Wish{Silent: time.Second})); !errors.Is(err, notice.ErrBadWish) {
		t.Errorf("a second of silence: %v", err)
	}
}

// TestWrongSecret: it is told when it lasts, and again after a week.
func TestWrongSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, _, err := w.admin.AddKey(t.Context(), admin.NewKey{Account: "anna", Username: "router"}); err != nil {
		t.Fatal(err)
	}
	w.wish(t, notice.Wish{Failing: true})
	began := w.now
	for _, step := range []struct {
		after time.Duration
		mails int
	}{{time.Hour, 0}, {23 * time.Hour, 1}, {6 * 24 * time.Hour, 0}, {24 * time.Hour, 1}} {
		w.fails = []history.Failure{{Username: "router", Refusals: 9, Since: began, Last: w.now.Add(step.after)}}
		got := w.pass(t, step.after)
		if len(got) != step.mails || step.mails == 1 && (got[0].Kind != mail.HostFailing || got[0].Data.Username != "router" || !got[0].Data.At.Equal(began)) {
			t.Errorf("after %v more: %+v, want %d mails", step.after, got, step.mails)
		}
	}
	w.fails = nil
	if got := w.pass(t, 8*24*time.Hour); len(got) != 0 {
		t.Errorf("when it is right again: %+v", got)
	}
}

// TestNoticesArrive at a real mail server, each once, whatever process looks.
func TestNoticesArrive(t *testing.T) {
	t.Parallel()
	server := rig.StartMailServer(t, rig.MailServerOptions{TLS: "none"})
	w := newWorld(t)
	quiet := slog.New(slog.DiscardHandler)
	queue := mail.New(w.store.Shelf(), mail.Options{Server: server.Addr, Security: mail.Plain, From: "dns@example.org"}, quiet)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); queue.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	restart := func() {
		w.Service = notice.New(notice.Config{
			State: w.admin, Seen: w, Shelf: w.store.Shelf(), Mail: queue, Failing: w, Log: w.Log, Logger: quiet, Now: func() time.Time { return w.now },
		})
	}
	restart()
	w.wish(t, notice.Wish{Silent: 48 * time.Hour})
	w.seen = w.now
	w.pass(t, 48*time.Hour)
	restart()
	w.pass(t, time.Hour)
	w.seen = w.now
	restart()
	w.pass(t, time.Minute)
	restart()
	w.pass(t, time.Minute)
	if err := queue.Send(t.Context(), mail.Message{ID: "last", Kind: mail.Approved, To: "last@example.org"}); err != nil {
		t.Fatal(err)
	}
	server.Await(t, "last@example.org", 1) // by then all others have left
	got := server.Await(t, "anna@example.org", 2)
	for i, word := range []string{"home.dyn.example.org ne donne plus de nouvelles", "home.dyn.example.org a de nouveau"} {
		if !strings.Contains(got[i].Raw, word) && !strings.Contains(strings.ReplaceAll(got[i].Raw, "=\r\n", ""), word) {
			t.Errorf("mail %d lacks %q:\n%s", i, word, got[i].Raw)
		}
	}
	if n := server.Count(); n != 3 {
		t.Errorf("%d mails came, want 3", n)
	}
}

// TestWishesAreNoted: what is wished of a host is in the log of deeds, and what is wished
// already is no deed.
func TestWishesAreNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.admin.State().Revision
	for _, wish := range []notice.Wish{{Silent: 48 * time.Hour}, {Silent: time.Hour, Changed: true}, {Silent: time.Hour, Changed: true}, {}} {
		w.wish(t, wish)
	}
	var got []string
	for c, err := range w.store.Follow(t.Context(), before) {
		if err != nil || len(c.Notes) != 1 || c.By[0] != by || c.Notes[0].Account == 0 {
			t.Fatalf("%+v, %v", c, err)
		}
		got = append(got, c.Notes[0].Verb+" "+c.Notes[0].Subject+": "+c.Notes[0].Detail)
		if len(got) == 3 {
			break
		}
	}
	want := []string{
		"set host home.dyn.example.org: told of silence 48h0m0s",
		"set host home.dyn.example.org: told of silence 48h0m0s → 1h0m0s, told of changes true",
		"set host home.dyn.example.org: told of silence 1h0m0s → none, told of changes true → none",
	}
	if now := w.admin.State().Revision; !slices.Equal(got, want) || now != before+3 {
		t.Errorf("noted %q up to revision %d, want %q, and %d", got, now, want, before+3)
	}
}

// to returns the change that makes a wish of any.
func to(w notice.Wish) func(notice.Wish) (notice.Wish, error) {
	return func(notice.Wish) (notice.Wish, error) { return w, nil }
}

// TestWishesOfTwoAtOnce: of two who change different parts in the same moment neither
// undoes the other unheard.
func TestWishesOfTwoAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, later := range []notice.Wish{{Silent: time.Hour, Failing: true}, {}} {
		w.wish(t, notice.Wish{Silent: time.Hour})
		err := w.SetWish(t.Context(), by, w.host(t), func(notice.Wish) (notice.Wish, error) {
			w.wish(t, notice.Wish{Silent: time.Hour, Changed: true})
			return later, nil
		})
		if !errors.Is(err, shelf.ErrChanged) {
			t.Errorf("the later change, to %+v: %v, want ErrChanged", later, err)
		}
		if got, err := w.Wish(t.Context(), w.host(t)); err != nil || got != (notice.Wish{Silent: time.Hour, Changed: true}) {
			t.Errorf("wish %+v, %v, want that of the earlier", got, err)
		}
	}
}

// slow is a shelf on which something happens after a page was read.
type slow struct {
	notice.Shelf
	meanwhile func()
}

// Page implements notice.Shelf.
func (s *slow) Page(ctx context.Context, kind, after string, limit int) ([]shelf.Item, error) {
	items, err := s.Shelf.Page(ctx, kind, after, limit)
	s.meanwhile()
	return items, err
}

// TestTheWishOfTheNextOwnerStays, also when it comes while that of the owner before is
// cleared away.
func TestTheWishOfTheNextOwnerStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wish(t, notice.Wish{Silent: time.Hour})
	bob, email := "bob", "bob@example.org"
	_, err1 := w.admin.SetAccount(t.Context(), bob, admin.AccountChange{Email: &email})
	_, err2 := w.admin.SetHost(t.Context(), home, admin.HostChange{Account: &bob})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	w.Shelf = &slow{w.Shelf, func() { w.wish(t, notice.Wish{Changed: true}) }}
	if err := w.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Wish(t.Context(), w.host(t)); err != nil || got != (notice.Wish{Changed: true}) {
		t.Errorf("wish %+v, %v, want that of the next owner", got, err)
	}
}
