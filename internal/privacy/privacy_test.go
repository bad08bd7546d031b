package privacy_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/history"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/privacy"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/store"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// What is known of the customer, each a text that stands nowhere else.
const (
	name     = "wilhelmina"
	email    = "mina@example.net"
	fullName = "Wilhelmina Murray"
	label    = "whitby"
	username = "minas-router"
	secret   = "correct-horse-battery"
	agent    = "Abbey-Router/1897"
)

var (
	browser = netip.MustParseAddr("203.0.113.97")
	home    = zone.MustName(label + ".dyn.example.org")
)

// world is a service with everything that keeps something of people, on one disk. The
// customer has an account with a host and a key, has signed in and waits for a mail.
type world struct {
	t        *testing.T
	dir      string
	store    *store.Store
	registry *registry.Registry
	admin    *admin.Service
	history  *history.History
	mail     *mail.Queue
	signin   *signin.Service
	privacy  *privacy.Service
	updates  *update.Service

	mu  sync.Mutex // guards now
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), now: time.Now()}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	w.store, err = store.Open(t.Context(), w.dir, rig.StoreOptions(t, w.dir, store.Options{Logger: quiet}))
	done(t, err)
	w.registry, err = registry.Open(t.Context(), w.store, registry.Options{Logger: quiet})
	done(t, err)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.registry.Run(ctx) })
	running.Go(func() {
		archive.New(w.registry, w.store, w.store, func() archive.Keep { return archive.Keep{} }, nil, quiet).Run(ctx)
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		done(t, w.store.Close())
	})
	w.admin = admin.New(w.registry, admin.Options{Now: w.clock})
	w.updates = update.New(w.registry, update.Options{Logger: quiet})
	w.history = history.New(w.registry, 1<<20, nil)
	w.mail = mail.New(w.store.Shelf(), mail.Options{From: "dns@example.org"}, quiet)
	public, err := url.Parse("https://dyn.example.org")
	done(t, err)
	w.signin, err = signin.New(signin.Config{
		Registry: w.registry, Accounts: w.admin, Shelf: w.store.Shelf(), Mail: w.mail, Logger: quiet,
		Options: signin.Options{PublicURL: public, SignUp: signin.SignUpApproval},
	})
	done(t, err)
	w.privacy = privacy.New(privacy.Config{
		Registry: w.registry, Rests: w.admin, Shelf: w.store.Shelf(), Store: w.store, Past: w, History: w.history,
		Strays: []privacy.Strays{w.signin, w.mail}, Logger: quiet, Now: w.clock,
	})
	w.settle()
	return w
}

// settle has the customer move in among others.
func (w *world) settle() {
	t, ctx := w.t, w.t.Context()
	_, err := w.admin.AddZone(ctx, admin.NewZone{Name: zone.MustName("dyn.example.org"), NameServers: []admin.NameServer{
		{Name: zone.MustName("ns1.dyn.example.org"), Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}},
	}})
	done(t, err)
	for _, n := range []admin.NewAccount{
		{Name: "jonathan", Email: "jonathan@example.net"},
		{Name: "root", Role: account.Admin},
		{Name: name, Email: email, FullName: fullName, Password: secret},
	} {
		_, err := w.admin.AddAccount(ctx, n)
		done(t, err)
	}
	_, err = w.admin.AddHost(ctx, admin.NewHost{Name: home, Account: name})
	done(t, err)
	wildcard := true
	_, err = w.admin.SetHost(ctx, home, admin.HostChange{Options: admin.HostOptions{Wildcard: &wildcard}})
	done(t, err)
	_, _, err = w.admin.AddKey(ctx, admin.NewKey{Account: name, Username: username, Secret: secret})
	done(t, err)
	for _, addr := range []string{"192.0.2.7", "198.51.100.8"} {
		w.report(addr)
	}
	_, err = w.signin.Password(ctx, signin.Client{Addr: browser, Agent: agent}, name, secret)
	done(t, err)
	done(t, w.mail.Send(ctx, mail.Message{ID: "1", Kind: mail.HostSilent, To: email, Account: w.id(), Data: mail.Data{Host: home.String()}}))
	done(t, w.mail.Send(ctx, mail.Message{ID: "2", Kind: mail.ConfirmSignUp, To: email}))
}

// report is what the customer's router does.
func (w *world) report(addr string) {
	w.t.Helper()
	asked := update.Request{
		Username: username, Secret: secret, Hosts: []string{home.String()}, Via: "dyndns2",
		V4: update.Family{Action: update.Set, Addrs: []netip.Addr{netip.MustParseAddr(addr)}},
	}
	results, err := w.updates.Update(w.t.Context(), asked)
	done(w.t, err)
	w.history.Record(&history.Exchange{Asked: &asked, Results: results, Request: []byte("GET /nic/update?hostname=" + home.String()), Agent: agent, Status: 200})
}

func (w *world) id() uint32 {
	w.t.Helper()
	a, ok := w.registry.State().Accounts.Account(name)
	if !ok {
		w.t.Fatal("no account")
	}
	return a.ID
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Written implements privacy.Past.
func (w *world) Written(ctx context.Context) (registry.Revision, error) {
	return archive.Written(ctx, w.store)
}

// traces returns what is known of the customer and stands in a file, or in a table where
// the data is in PostgreSQL.
func (w *world) traces() (found []string) {
	w.t.Helper()
	done(w.t, w.history.Save(filepath.Join(w.dir, "history")))
	known := [][]byte{
		[]byte(name), []byte(email), []byte(fullName), []byte(label), []byte(username), []byte(agent), []byte(browser.String()),
		netip.MustParseAddr("192.0.2.7").AsSlice(), netip.MustParseAddr("198.51.100.8").AsSlice(), []byte("192.0.2.7"), []byte("198.51.100.8"),
	}
	if rig.OnPostgres() {
		done(w.t, os.WriteFile(filepath.Join(w.dir, "tables"), rig.Rows(w.t, w.dir), 0o600))
	}
	done(w.t, filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, text := range known {
			if bytes.Contains(content, text) {
				found = append(found, string(text))
			}
		}
		return err
	}))
	slices.Sort(found)
	return slices.Compact(found)
}

func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestErasureLeavesNothing: after it no file of the data directory holds the name, the
// mail addresses or the IP addresses of the customer, but for the names of hosts, which
// rest for as long as they must.
func TestErasureLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if found := w.traces(); len(found) < 9 {
		t.Fatalf("only %q of the customer was kept, too little for a test", found)
	}
	id := w.id()
	by, err := w.privacy.Erase(t.Context(), w.admin.As(registry.Actor{Account: 2, Via: "web"}), strings.ToUpper(name))
	done(t, err)
	if want := w.clock().Add(privacy.Limit); !by.Equal(want) {
		t.Errorf("forgotten by %v, want %v", by, want)
	}
	if _, err := w.signin.Password(t.Context(), signin.Client{}, name, secret); !errors.Is(err, signin.ErrWrong) {
		t.Errorf("signing in: %v, want ErrWrong", err)
	}
	done(t, privacy.FinishDue(w.privacy, t.Context()))
	if found := w.traces(); len(found) == 0 {
		t.Error("it is forgotten at once, so a snapshot was written for it alone")
	}

	w.pass(time.Hour)
	done(t, privacy.FinishDue(w.privacy, t.Context()))
	if found := w.traces(); !slices.Equal(found, []string{label}) {
		t.Errorf("left are %q, want only the name that rests", found)
	}
	if rest, ok := w.registry.State().Accounts.Resting(home); !ok || rest.Account != id {
		t.Errorf("the name does not rest: %+v", rest)
	}
	deeds, err := w.store.Deeds(t.Context(), archive.Filter{Subject: "account 3"})
	done(t, err)
	if len(deeds) != 1 || deeds[0].Verb != "erase" || deeds[0].Actor != 2 {
		t.Errorf("deeds = %+v, want that somebody erased an account", deeds)
	}

	w.pass(admin.DefaultRest)
	n, err := w.admin.DropRests(t.Context())
	done(t, err)
	done(t, w.store.Purge(t.Context(), w.registry.State(), false))
	if found := w.traces(); n != 1 || len(found) > 0 {
		t.Errorf("when the name no longer rests, %d go and %q are left", n, found)
	}
	if _, ok := w.registry.State().Accounts.Account("jonathan"); !ok {
		t.Error("another customer is gone, too")
	}
}

// TestErasureGoesOnAfterACrash between the deletion and the rest.
func TestErasureGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.privacy.Erase(t.Context(), crashing{w.admin}, name)
	if !errors.Is(err, errCrash) {
		t.Fatalf("Erase = %v", err)
	}
	w.pass(time.Hour)
	done(t, privacy.FinishDue(w.privacy, t.Context()))
	if found := w.traces(); !slices.Contains(found, name) {
		t.Error("an account that nobody deleted is forgotten")
	}
	// Now it is deleted and nothing more happens.
	ctx, cancel := context.WithCancel(t.Context())
	_, _ = w.privacy.Erase(ctx, lost{w.admin, cancel}, name)
	w.pass(time.Hour)
	done(t, privacy.FinishDue(w.privacy, t.Context()))
	if found := w.traces(); slices.Contains(found, email) {
		t.Errorf("left are %q", found)
	}
}

// TestErasureWithUnknownOutcome: when the store cannot tell whether it has the deletion, and
// has it, the rest is forgotten nevertheless.
func TestErasureWithUnknownOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.privacy.Erase(t.Context(), doubtful{w.admin}, name); !errors.Is(err, registry.ErrUnavailable) {
		t.Fatalf("Erase = %v, want ErrUnavailable", err)
	}
	w.pass(time.Hour)
	done(t, privacy.FinishDue(w.privacy, t.Context()))
	if found := w.traces(); slices.Contains(found, email) {
		t.Errorf("left are %q", found)
	}
}

// doubtful deletes the account and does not know it.
type doubtful struct{ *admin.Service }

func (d doubtful) EraseAccount(ctx context.Context, name string) (admin.Erased, error) {
	_, err := d.Service.EraseAccount(ctx, name)
	return admin.Erased{}, errors.Join(registry.ErrUnavailable, err)
}

// TestErasureAgain: one that failed before anything was deleted can be asked for again at
// once.
func TestErasureAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.privacy.Strays = append(w.privacy.Strays, new(forgetful))
	if _, err := w.privacy.Erase(t.Context(), w.admin, name); !errors.Is(err, errCrash) {
		t.Fatalf("Erase = %v, want that of the room", err)
	}
	_, err := w.privacy.Erase(t.Context(), w.admin, name)
	done(t, err)
}

// forgetful forgets nothing the first time.
type forgetful struct{ asked bool }

func (f *forgetful) ForgetPerson(context.Context, string, string) error {
	if f.asked {
		return nil
	}
	f.asked = true
	return errCrash
}

var errCrash = errors.New("crash")

// crashing deletes nothing.
type crashing struct{ *admin.Service }

func (crashing) EraseAccount(context.Context, string) (admin.Erased, error) {
	return admin.Erased{}, errCrash
}

// lost deletes the account, and whoever asked is gone when it is done.
type lost struct {
	*admin.Service
	cancel func()
}

func (l lost) EraseAccount(ctx context.Context, name string) (admin.Erased, error) {
	defer l.cancel()
	return l.Service.EraseAccount(ctx, name)
}

// TestOnlyCustomersAreErased: what staff did must stay in the audit log.
func TestOnlyCustomersAreErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.privacy.Erase(t.Context(), w.admin, "root"); !errors.Is(err, admin.ErrConflict) {
		t.Errorf("erasing staff: %v, want ErrConflict", err)
	}
	if _, err := w.privacy.Erase(t.Context(), w.admin, "nobody"); !errors.Is(err, admin.ErrNotFound) {
		t.Errorf("erasing nobody: %v, want ErrNotFound", err)
	}
}
