package signin_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
)

// applied returns the ID of an application.
func (w *world) applied(t *testing.T, name string) string {
	t.Helper()
	if err := w.SignUp(t.Context(), home, name+"@example.net"); err != nil {
		t.Fatal(err)
	}
	sent := w.outbox.await(t, mail.ConfirmSignUp, 1)
	if step, err := w.ConfirmSignUp(t.Context(), home, tokenOf(t, sent.Data.Link, signin.PathSignUp), name, chosen); err != nil || !step.Waiting {
		t.Fatalf("step %+v, %v", step, err)
	}
	return name
}

// unsteady makes accounts, and says that it cannot: before the first, or after it.
type unsteady struct {
	*admin.Service
	before, after atomic.Bool
}

// AddAccountBy implements signin.Accounts.
func (u *unsteady) AddAccountBy(ctx context.Context, by registry.Actor, n admin.NewAccount, expect func(*registry.State) error) (admin.Account, error) {
	if u.before.Swap(false) {
		return admin.Account{}, registry.ErrUnavailable
	}
	a, err := u.Service.AddAccountBy(ctx, by, n, expect)
	if u.after.Swap(false) {
		return admin.Account{}, registry.ErrUnavailable
	}
	return a, err
}

// TestAnApplicationStaysUntilTheAccountStands: staff try again after an error, also after one
// that came when the account was there.
func TestAnApplicationStaysUntilTheAccountStands(t *testing.T) {
	t.Parallel()
	for when, set := range map[string]func(*unsteady){
		"before the account is made": func(u *unsteady) { u.before.Store(true) },
		"after it was made":          func(u *unsteady) { u.after.Store(true) },
	} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *signin.Options) { o.SignUp = signin.SignUpApproval })
			u := &unsteady{Service: w.admin}
			w.accounts = u
			w.restart(t)
			id, by := w.applied(t, "dora"), registry.Actor{Account: w.account(t, "root").ID}
			set(u)
			is(t, when, w.Approve(t.Context(), by, id), registry.ErrUnavailable)
			if all, err := w.Applications(t.Context(), "", 10); err != nil || len(all) != 1 {
				t.Fatalf("applications %+v, %v, want the one that failed", all, err)
			}
			if err := w.Approve(t.Context(), by, id); err != nil {
				t.Fatal(err)
			}
			must(t)(w.Password(t.Context(), home, "dora", chosen))
			w.outbox.await(t, mail.Approved, 1)
			is(t, "once more", w.Approve(t.Context(), by, id), signin.ErrLink)
		})
	}
}

// TestAnApplicationForATakenNameIsDropped.
func TestAnApplicationForATakenNameIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *signin.Options) { o.SignUp = signin.SignUpApproval })
	id := w.applied(t, "dora")
	if _, err := w.admin.AddAccount(t.Context(), admin.NewAccount{Name: "Dora"}); err != nil {
		t.Fatal(err)
	}
	is(t, "taken", w.Approve(t.Context(), registry.Actor{}, id), signin.ErrTaken)
	is(t, "dropped", w.Approve(t.Context(), registry.Actor{}, id), signin.ErrLink)
}

// readOnly is a registry in which this room can change nothing.
type readOnly struct{ *registry.Registry }

// Apply implements signin.Registry.
func (readOnly) Apply(context.Context, registry.Actor, registry.Edit) (registry.Revision, error) {
	return 0, registry.ErrUnavailable
}

// TestAnAccountIsMadeWithItsPassword, in one commit: no failure leaves one that nobody can
// sign in to.
func TestAnAccountIsMadeWithItsPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *signin.Options) { o.SignUp = signin.SignUpOn })
	s, err := signin.New(signin.Config{
		Registry: readOnly{w.registry}, Accounts: w.admin, Shelf: w.store.Shelf(), Mail: w.outbox, Options: w.opts,
		Logger: slog.New(slog.DiscardHandler), Now: w.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SignUp(t.Context(), home, "dora@example.net"); err != nil {
		t.Fatal(err)
	}
	token := tokenOf(t, w.outbox.await(t, mail.ConfirmSignUp, 1).Data.Link, signin.PathSignUp)
	must(t)(s.ConfirmSignUp(t.Context(), home, token, "dora", chosen))
	if a := w.account(t, "dora"); !account.CheckPassword(a.Password, chosen) {
		t.Errorf("account %+v has another password", a)
	}
}

// TestThePublicURLGoes, by a reload, between a request and what it leads to: what needs a
// link says that there is none.
func TestThePublicURLGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *signin.Options) { o.SignUp = signin.SignUpApproval })
	id := w.applied(t, "dora")
	w.stop()
	for _, who := range []string{"anna@example.org", "emil@example.net"} {
		if err := w.SignUp(t.Context(), home, who); err != nil {
			t.Fatal(err)
		}
	}
	opts := w.opts
	opts.PublicURL = nil
	w.SetOptions(opts)
	if err := w.Approve(t.Context(), registry.Actor{}, id); err != nil {
		t.Error(err)
	}
	must(t)(w.Password(t.Context(), home, "dora", chosen))
	start(t, w.Run)
	said := func() int { return strings.Count(w.log.String(), "links cannot be made without http.public_url") }
	for range 6000 {
		if said() == 3 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if said() != 3 || len(w.outbox.all(mail.KnownAddress))+len(w.outbox.all(mail.Approved)) != 0 {
		t.Errorf("log %s\nmails %+v", w.log, w.outbox.all(mail.Approved))
	}
}

// meeting makes accounts when as many are wanted at one moment as it waits for.
type meeting struct {
	*admin.Service
	all sync.WaitGroup
}

// AddAccountBy implements signin.Accounts.
func (m *meeting) AddAccountBy(ctx context.Context, by registry.Actor, n admin.NewAccount, expect func(*registry.State) error) (admin.Account, error) {
	m.all.Done()
	m.all.Wait()
	return m.Service.AddAccountBy(ctx, by, n, expect)
}

// TestOneAddressOneSignUp, also when two links to it are used at the same moment.
func TestOneAddressOneSignUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *signin.Options) { o.SignUp = signin.SignUpOn })
	both := &meeting{Service: w.admin}
	both.all.Add(2)
	w.accounts = both
	w.restart(t)
	var in atomic.Int32
	var all sync.WaitGroup
	for i, name := range []string{"dora", "dora2"} {
		if err := w.SignUp(t.Context(), home, "dora@example.net"); err != nil {
			t.Fatal(err)
		}
		token := tokenOf(t, w.outbox.await(t, mail.ConfirmSignUp, i+1).Data.Link, signin.PathSignUp)
		all.Go(func() {
			switch _, err := w.ConfirmSignUp(t.Context(), home, token, name, chosen); {
			case err == nil:
				in.Add(1)
			case !errors.Is(err, signin.ErrLink):
				t.Errorf("%s: %v, want ErrLink", name, err)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d accounts have the address, want 1", in.Load())
	}
}

// TestOneDecidesOfAnApplication: who declines it in the moment in which another approves it
// comes too late, and hears so.
func TestOneDecidesOfAnApplication(t *testing.T) {
	t.Parallel()
	by := registry.Actor{Via: "test"}
	for why, decide := range map[string]func(w *world, id string) (approved, declined error){
		"declined while it is approved": func(w *world, id string) (approved, declined error) {
			w.accounts = &lateAccounts{w.admin, func() { declined = w.Decline(t.Context(), by, id) }}
			w.restart(t)
			approved = w.Approve(t.Context(), by, id)
			return approved, declined
		},
		"approved while it is declined": func(w *world, id string) (approved, declined error) {
			var began bool
			w.shelf = &lateShelf{Shelf: w.shelf, got: func(kind string) {
				if kind == "application" && !began {
					began = true
					approved = w.Approve(t.Context(), by, id)
				}
			}}
			w.restart(t)
			declined = w.Decline(t.Context(), by, id)
			return approved, declined
		},
	} {
		w := newWorld(t, func(o *signin.Options) { o.SignUp = signin.SignUpApproval })
		approved, declined := decide(w, w.applied(t, "dora"))
		if approved != nil || !errors.Is(declined, signin.ErrLink) {
			t.Errorf("%s: approved %v, declined %v, want ErrLink of who declines", why, approved, declined)
		}
		if _, stands := w.registry.State().Accounts.Account("dora"); !stands {
			t.Errorf("%s: there is no account", why)
		}
	}
}

// lateAccounts lets something happen before an account is made.
type lateAccounts struct {
	*admin.Service
	meanwhile func()
}

// AddAccountBy implements signin.Accounts.
func (l *lateAccounts) AddAccountBy(ctx context.Context, by registry.Actor, n admin.NewAccount, expect func(*registry.State) error) (admin.Account, error) {
	l.meanwhile()
	return l.Service.AddAccountBy(ctx, by, n, expect)
}
