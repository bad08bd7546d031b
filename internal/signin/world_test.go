package signin_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// password is that of every account of a world.
const password = "correct horse battery"

// hash is made once: it takes long with the race detector.
var hash = sync.OnceValue(func() string {
	h, err := account.HashPassword(password)
	if err != nil {
		panic(err)
	}
	return h
})

// world is a sign-in service on a store of its own, with the accounts anna (a
// customer), sam (support) and root (an admin), and a clock that tests hold.
type world struct {
	*signin.Service
	store    *store.Store
	registry *registry.Registry
	admin    *admin.Service
	accounts signin.Accounts
	shelf    signin.Shelf
	outbox   *outbox
	log      *rig.Log
	clock    *rig.HandClock
	opts     signin.Options
	stop     func()
}

func newWorld(t testing.TB, change ...func(*signin.Options)) *world {
	t.Helper()
	w := &world{outbox: &outbox{}, log: new(rig.Log), clock: rig.NewHandClock(time.Now())}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	dir := t.TempDir()
	if w.store, err = store.Open(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{Logger: quiet})); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	if w.registry, err = registry.Open(t.Context(), w.store, registry.Options{Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	start(t, func(ctx context.Context) { _ = w.registry.Run(ctx) })
	w.admin = admin.New(w.registry, admin.Options{})
	w.accounts, w.shelf = w.admin, w.store.Shelf()
	for name, role := range map[string]account.Role{"anna": account.Customer, "sam": account.Support, "root": account.Admin} {
		if _, err := w.admin.AddAccount(t.Context(), admin.NewAccount{Name: name, Email: name + "@example.org", Role: role}); err != nil {
			t.Fatal(err)
		}
		w.setHash(t, name, hash())
	}
	w.opts.PublicURL, _ = url.Parse("https://dyn.example.org")
	for _, c := range change {
		c(&w.opts)
	}
	w.restart(t)
	return w
}

// restart is a new process on the same store.
func (w *world) restart(t testing.TB) {
	t.Helper()
	if w.stop != nil {
		w.stop()
	}
	var err error
	w.Service, err = signin.New(signin.Config{
		Registry: w.registry, Accounts: w.accounts, Shelf: w.shelf, Mail: w.outbox, Options: w.opts,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)), Now: w.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.stop = start(t, w.Service.Run)
}

// start runs something until the test ends, or stop is called.
func start(t testing.TB, run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// setHash gives an account a password by its hash.
func (w *world) setHash(t testing.TB, name, hash string) {
	t.Helper()
	w.change(t, name, func(a *account.Account) { a.Password = hash })
}

// change changes an account, as staff might.
func (w *world) change(t testing.TB, name string, change func(*account.Account)) {
	t.Helper()
	_, err := w.registry.Apply(t.Context(), registry.Actor{Via: "test"}, func(st *registry.State) (registry.Changes, error) {
		a, ok := st.Accounts.Account(name)
		if !ok {
			return registry.Changes{}, errors.New("no account " + name)
		}
		change(&a)
		return registry.Changes{Accounts: account.Changes{Accounts: []account.Account{a}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) account(t *testing.T, name string) account.Account {
	t.Helper()
	a, ok := w.registry.State().Accounts.Account(name)
	if !ok {
		t.Fatalf("no account %s", name)
	}
	return a
}

// signIn signs an account in by its password.
func (w *world) signIn(t *testing.T, name string) signin.Step {
	t.Helper()
	return must(t)(w.Password(t.Context(), home, name, password))
}

// has fails the test unless the cookie is that of a session.
func (w *world) has(t *testing.T, why, cookie string) signin.Session {
	t.Helper()
	session, err := w.Session(t.Context(), home, cookie)
	if err != nil {
		t.Errorf("%s: %v, want a session", why, err)
	}
	return session
}

// hasNot fails the test if the cookie is that of a session.
func (w *world) hasNot(t *testing.T, why, cookie string) {
	t.Helper()
	if _, err := w.Session(t.Context(), home, cookie); !errors.Is(err, signin.ErrNoSession) {
		t.Errorf("%s: %v, want ErrNoSession", why, err)
	}
}

// must returns a function that returns a step which went well.
func must(t *testing.T) func(signin.Step, error) signin.Step {
	return func(step signin.Step, err error) signin.Step {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return step
	}
}

// is fails the test unless err is the one that is wanted.
func is(t *testing.T, why string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", why, err, want)
	}
}

// home is where people usually are.
var home = signin.Client{
	Addr: netip.MustParseAddr("192.0.2.1"), Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0", Language: "en",
}

// from returns a client at an address.
func from(addr string) signin.Client { return signin.Client{Addr: netip.MustParseAddr(addr)} }

// outbox keeps mails instead of sending them.
type outbox struct {
	mu   sync.Mutex
	sent []mail.Message
}

// Send implements signin.Mailer.
func (o *outbox) Send(_ context.Context, m mail.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, m)
	return nil
}

// all returns the mails of a kind.
func (o *outbox) all(kind mail.Kind) []mail.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []mail.Message
	for _, m := range o.sent {
		if m.Kind == kind {
			all = append(all, m)
		}
	}
	return all
}

// await returns the n-th mail of a kind, from 1, when it is there.
func (o *outbox) await(t *testing.T, kind mail.Kind, n int) mail.Message {
	t.Helper()
	for range 6000 {
		if all := o.all(kind); len(all) >= n {
			return all[n-1]
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no mail of kind %s came", kind)
	return mail.Message{}
}

// tokenOf returns the token of a link to a path.
func tokenOf(t *testing.T, link, path string) string {
	t.Helper()
	token, ok := strings.CutPrefix(link, "https://dyn.example.org"+path+"/")
	if !ok {
		t.Fatalf("link %s does not lead to %s", link, path)
	}
	return token
}

// lateShelf is a shelf on which something happens after an item of a kind was read, and
// before one is taken.
type lateShelf struct {
	signin.Shelf
	got, taking func(kind string) // nil: nothing
}

// Get implements signin.Shelf.
func (l *lateShelf) Get(ctx context.Context, kind, id string) (shelf.Item, error) {
	item, err := l.Shelf.Get(ctx, kind, id)
	if l.got != nil {
		l.got(kind)
	}
	return item, err
}

// Take implements signin.Shelf.
func (l *lateShelf) Take(ctx context.Context, kind, id string) (shelf.Item, error) {
	if l.taking != nil {
		l.taking(kind)
	}
	return l.Shelf.Take(ctx, kind, id)
}
