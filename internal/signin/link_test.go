package signin_test

import (
	"context"
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

const chosen = "a password of my own"

func (w *world) newcomer(t *testing.T, name string) {
	t.Helper()
	if _, err := w.admin.AddAccount(t.Context(), admin.NewAccount{Name: name, Email: name + "@example.net"}); err != nil {
		t.Fatal(err)
	}
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.newcomer(t, "carla")
	by := registry.Actor{Account: w.account(t, "root").ID, From: "198.51.100.1"}
	if err := w.InviteByMail(t.Context(), by, "carla", "pt"); err != nil {
		t.Fatal(err)
	}
	w.clock.Pass(time.Second)
	m := w.outbox.await(t, mail.Invitation, 1)
	if m.To != "carla@example.net" || m.Language != "pt" || m.Data.Name != "carla" {
		t.Errorf("mail %+v", m)
	}
	token := tokenOf(t, m.Data.Link, signin.PathInvitation)
	for range 3 { // programs that scan mail open links
		l, err := w.Link(t.Context(), token)
		if err != nil || l.Purpose != signin.ForInvitation || l.Account != "carla" {
			t.Fatalf("link %+v, %v", l, err)
		}
	}
	_, err := w.AcceptInvitation(t.Context(), home, token, "short")
	is(t, "a short password", err, signin.ErrPassword)
	step := must(t)(w.AcceptInvitation(t.Context(), home, token, chosen))
	w.has(t, "after the invitation", step.Cookie)
	_, err = w.AcceptInvitation(t.Context(), home, token, chosen)
	is(t, "used twice", err, signin.ErrLink)
	_, err = w.Link(t.Context(), token)
	is(t, "looked at after use", err, signin.ErrLink)
	must(t)(w.Password(t.Context(), home, "carla", chosen))

	events, err := w.EventsOf(t.Context(), w.account(t, "carla").ID)
	if err != nil || len(events) < 4 || events[len(events)-1].What != signin.LinkMade || events[len(events)-1].Actor != "root" {
		t.Errorf("events %+v, %v", events, err)
	}
}

func TestInvitationsEnd(t *testing.T) {
	t.Parallel()
	for why, end := range map[string]func(*testing.T, *world){
		"after seven days":          func(_ *testing.T, w *world) { w.clock.Pass(7 * 24 * time.Hour) },
		"when the password was set": func(t *testing.T, w *world) { w.setHash(t, "carla", hash()) },
		"when the mail address is another": func(t *testing.T, w *world) {
			w.change(t, "carla", func(a *account.Account) { a.Email = "carla@example.com" })
		},
		"when the account is gone":        func(t *testing.T, w *world) { _ = w.admin.DeleteAccount(t.Context(), "carla", true) },
		"when there is another":           func(t *testing.T, w *world) { _, _ = w.Invite(t.Context(), registry.Actor{}, "carla", "") },
		"used for something else instead": func(*testing.T, *world) {},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			token := w.invited(t)
			end(t, w)
			if strings.HasPrefix(why, "used") {
				is(t, why, w.ResetPassword(t.Context(), home, token, chosen), signin.ErrLink)
				is(t, why, w.ConfirmEmail(t.Context(), home, token), signin.ErrLink)
				_, err := w.ConfirmSignUp(t.Context(), home, token, "name", chosen)
				is(t, why, err, signin.ErrOff)
				must(t)(w.AcceptInvitation(t.Context(), home, token, chosen)) // it is good for its own
				return
			}
			_, err := w.AcceptInvitation(t.Context(), home, token, chosen)
			is(t, why, err, signin.ErrLink)
		})
	}
}

// invited invites carla, who is new, and returns the token of her link.
func (w *world) invited(t *testing.T) string {
	t.Helper()
	w.newcomer(t, "carla")
	link, err := w.Invite(t.Context(), registry.Actor{}, "carla", "")
	if err != nil {
		t.Fatal(err)
	}
	return tokenOf(t, link, signin.PathInvitation)
}

// TestALinkWorksOnce, also when it is used many times at the same moment.
func TestALinkWorksOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.invited(t)
	var in atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if step, err := w.AcceptInvitation(t.Context(), home, token, chosen); err == nil && step.Done() {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d got in, want 1", in.Load())
	}
}

func TestPasswordReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	phone, session := w.enrol(t, w.signIn(t, "anna"))
	for _, who := range []string{"anna", "nobody", "nobody@example.org", "root@example.org"} {
		if err := w.RequestReset(t.Context(), home, who); err != nil {
			t.Errorf("%s: %v, want the same for all", who, err)
		}
	}
	w.outbox.await(t, mail.PasswordReset, 2)
	var token string
	for _, m := range w.outbox.all(mail.PasswordReset) {
		if m.To == "anna@example.org" {
			token = tokenOf(t, m.Data.Link, signin.PathReset)
		} else if m.To != "root@example.org" {
			t.Errorf("a mail to %s", m.To)
		}
	}
	is(t, "a short password", w.ResetPassword(t.Context(), home, token, "short"), signin.ErrPassword)
	if err := w.ResetPassword(t.Context(), home, token, chosen); err != nil {
		t.Fatal(err)
	}
	w.hasNot(t, "a session from before", session.Cookie)
	is(t, "used twice", w.ResetPassword(t.Context(), home, token, chosen), signin.ErrLink)
	w.outbox.await(t, mail.PasswordChanged, 1)
	w.clock.Pass(time.Minute)
	half := must(t)(w.Password(t.Context(), home, "anna", chosen))
	if half.Done() {
		t.Error("the second factor is gone")
	}
	must(t)(w.Code(t.Context(), home, half.Ticket, phone.code(w.clock.Now())))
}

func TestResetLinksEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		if err := w.RequestReset(t.Context(), home, "anna"); err != nil {
			t.Fatal(err)
		}
	}
	first := tokenOf(t, w.outbox.await(t, mail.PasswordReset, 1).Data.Link, signin.PathReset)
	second := tokenOf(t, w.outbox.await(t, mail.PasswordReset, 2).Data.Link, signin.PathReset)
	if err := w.ResetPassword(t.Context(), home, second, chosen); err != nil {
		t.Fatal(err)
	}
	is(t, "one that another overtook", w.ResetPassword(t.Context(), home, first, chosen), signin.ErrLink)
	if err := w.RequestReset(t.Context(), home, "anna"); err != nil {
		t.Fatal(err)
	}
	third := tokenOf(t, w.outbox.await(t, mail.PasswordReset, 3).Data.Link, signin.PathReset)
	w.clock.Pass(time.Hour)
	is(t, "after an hour", w.ResetPassword(t.Context(), home, third, chosen), signin.ErrLink)

	w.clock.Pass(time.Hour)
	if err := w.RequestReset(t.Context(), home, "anna"); err != nil {
		t.Fatal(err)
	}
	fourth := tokenOf(t, w.outbox.await(t, mail.PasswordReset, 4).Data.Link, signin.PathReset)
	w.change(t, "anna", func(a *account.Account) { a.Email = "anna@example.net" })
	_, err := w.Link(t.Context(), fourth)
	is(t, "looked at in the mailbox that was given up", err, signin.ErrLink)
	is(t, "in the mailbox that was given up", w.ResetPassword(t.Context(), home, fourth, chosen), signin.ErrLink)
}

// TestMailsAreFew: neither one source nor one address makes us send many.
func TestMailsAreFew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 9 {
		if err := w.RequestReset(t.Context(), from("203.0.113."+string(rune('1'+i))), "anna"); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	for range 20 {
		err = w.RequestReset(t.Context(), home, "nobody")
	}
	is(t, "one source", err, signin.ErrSlowed)
	w.outbox.await(t, mail.PasswordReset, 3)
	w.stop() // and with it whatever waits
	if n := len(w.outbox.all(mail.PasswordReset)); n > 3 {
		t.Errorf("%d mails to one address, want 3", n)
	}
}

func TestMailAddressChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	step := w.signIn(t, "anna")
	for _, bad := range []string{"", "anna", "a@b@c", "x@example.org\r\nBcc: y@example.org", "Anna <anna@example.org>"} {
		is(t, bad, w.ChangeEmail(t.Context(), home, step.Session, bad), signin.ErrInvalid)
	}
	if err := w.ChangeEmail(t.Context(), home, step.Session, "new@example.net"); err != nil {
		t.Fatal(err)
	}
	if got := w.account(t, "anna").Email; got != "anna@example.org" {
		t.Errorf("address %s before it is confirmed", got)
	}
	m := w.outbox.await(t, mail.ConfirmEmail, 1)
	token := tokenOf(t, m.Data.Link, signin.PathEmail)
	if m.To != "new@example.net" {
		t.Errorf("the link went to %s", m.To)
	}
	if err := w.ConfirmEmail(t.Context(), home, token); err != nil {
		t.Fatal(err)
	}
	is(t, "used twice", w.ConfirmEmail(t.Context(), home, token), signin.ErrLink)
	if got := w.account(t, "anna").Email; got != "new@example.net" {
		t.Errorf("address %s, want new@example.net", got)
	}
	if m := w.outbox.await(t, mail.EmailChanged, 1); m.To != "anna@example.org" || m.Data.Address != "new@example.net" {
		t.Errorf("mail %+v, want one to the address before", m)
	}
	w.has(t, "the session", step.Cookie)
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *signin.Options) {
		o.SignUp, o.ReservedNames = signin.SignUpOn, []string{"Example"}
	})
	is(t, "no address", w.SignUp(t.Context(), home, "dora"), signin.ErrInvalid)
	for _, who := range []string{"dora@example.net", "anna@example.org"} {
		if err := w.SignUp(t.Context(), home, who); err != nil {
			t.Errorf("%s: %v, want the same for all", who, err)
		}
	}
	if m := w.outbox.await(t, mail.KnownAddress, 1); m.To != "anna@example.org" || m.Data.Name != "anna" {
		t.Errorf("mail %+v", m)
	}
	m := w.outbox.await(t, mail.ConfirmSignUp, 1)
	token := tokenOf(t, m.Data.Link, signin.PathSignUp)
	for name, want := range map[string]error{
		"anna": signin.ErrTaken, "ANNA": signin.ErrTaken, "Postmaster": signin.ErrReserved, "example": signin.ErrReserved,
		"": signin.ErrInvalid, "a b": signin.ErrInvalid, "x": signin.ErrInvalid,
		"anna@example.org": signin.ErrInvalid, "dora@example.net": signin.ErrInvalid,
	} {
		_, err := w.ConfirmSignUp(t.Context(), home, token, name, chosen)
		is(t, name, err, want)
	}
	_, err := w.ConfirmSignUp(t.Context(), home, token, "dora", "short")
	is(t, "a short password", err, signin.ErrPassword)
	if err := w.SignUp(t.Context(), home, "Dora@example.net"); err != nil {
		t.Fatal(err)
	}
	second := tokenOf(t, w.outbox.await(t, mail.ConfirmSignUp, 2).Data.Link, signin.PathSignUp)
	step := must(t)(w.ConfirmSignUp(t.Context(), home, token, "dora", chosen))
	_, err = w.ConfirmSignUp(t.Context(), home, second, "dora2", chosen)
	is(t, "a second account with one address", err, signin.ErrLink)
	w.has(t, "after the sign-up", step.Cookie)
	if a := w.account(t, "dora"); a.Role != account.Customer || a.Email != "dora@example.net" {
		t.Errorf("account %+v", a)
	}
	_, err = w.ConfirmSignUp(t.Context(), home, token, "dora2", chosen)
	is(t, "used twice", err, signin.ErrLink)
}

func TestSignUpIsOffUnlessTurnedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	is(t, "sign-up", w.SignUp(t.Context(), home, "dora@example.net"), signin.ErrOff)
}

func TestSignUpWithApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *signin.Options) { o.SignUp = signin.SignUpApproval })
	apply := func(name string, n int) error {
		if err := w.SignUp(t.Context(), home, name+"@example.net"); err != nil {
			return err
		}
		token := tokenOf(t, w.outbox.await(t, mail.ConfirmSignUp, n).Data.Link, signin.PathSignUp)
		step, err := w.ConfirmSignUp(t.Context(), home, token, name, chosen)
		if err == nil && (!step.Waiting || step.Done()) {
			t.Errorf("step %+v, want one that waits", step)
		}
		return err
	}
	for i, name := range []string{"dora", "emil"} {
		if err := apply(name, i+1); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Password(t.Context(), home, "dora", chosen)
	is(t, "before approval", err, signin.ErrWrong)
	all, err := w.Applications(t.Context(), "", 10)
	if err != nil || len(all) != 2 || all[0].Name != "dora" || all[0].Email != "dora@example.net" || all[0].From != home.Addr {
		t.Fatalf("applications %+v, %v", all, err)
	}
	by := registry.Actor{Account: w.account(t, "root").ID}
	if err := w.Approve(t.Context(), by, all[0].ID); err != nil {
		t.Fatal(err)
	}
	must(t)(w.Password(t.Context(), home, "dora", chosen))
	w.outbox.await(t, mail.Approved, 1)
	is(t, "approved twice", w.Approve(t.Context(), by, all[0].ID), signin.ErrLink)
	if err := w.Decline(t.Context(), by, all[1].ID); err != nil {
		t.Fatal(err)
	}
	_, err = w.Password(t.Context(), home, "emil", chosen)
	is(t, "declined", err, signin.ErrWrong)
}

// TestApplicationsAreForgotten with whoever is erased: staff made an account for somebody who
// had applied for one as well.
func TestApplicationsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *signin.Options) { o.SignUp = signin.SignUpApproval })
	for i, name := range []string{"dora", "emil"} {
		if err := w.SignUp(t.Context(), home, name+"@example.net"); err != nil {
			t.Fatal(err)
		}
		token := tokenOf(t, w.outbox.await(t, mail.ConfirmSignUp, i+1).Data.Link, signin.PathSignUp)
		must(t)(w.ConfirmSignUp(t.Context(), home, token, name, chosen))
	}
	if err := w.ForgetPerson(t.Context(), "customer-1", "Dora@example.net"); err != nil {
		t.Fatal(err)
	}
	all, err := w.Applications(t.Context(), "", 10)
	if err != nil || len(all) != 1 || all[0].Name != "emil" {
		t.Errorf("applications %+v, %v, want that of emil", all, err)
	}
	events, _, err := w.Events(t.Context(), "", 10)
	for _, e := range events {
		if e.Subject == "dora" {
			t.Errorf("event %+v, %v, of who is forgotten", e, err)
		}
	}
}

// TestNothingWithoutMailOrURL: what cannot work says so.
func TestNothingWithoutMailOrURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *signin.Options) { o.PublicURL, o.SignUp = nil, signin.SignUpOn })
	_, err := w.Invite(t.Context(), registry.Actor{}, "anna", "")
	is(t, "invitation", err, signin.ErrOff)
	is(t, "reset", w.RequestReset(t.Context(), home, "anna"), signin.ErrOff)
	is(t, "sign-up", w.SignUp(t.Context(), home, "dora@example.net"), signin.ErrOff)
	_, err = w.BeginPasskey(t.Context(), home, "")
	is(t, "passkey", err, signin.ErrOff)
	_, _, err = w.BeginOIDC(t.Context(), home, "/")
	is(t, "provider", err, signin.ErrOff)
	must(t)(w.Password(t.Context(), home, "anna", password))
	is(t, "nobody invited", w.InviteByMail(t.Context(), registry.Actor{}, "nobody", ""), signin.ErrInvalid)
}

// TestTokensAreTold: the owner of an account hears of each new API token, whoever made it,
// also of two in one moment.
func TestTokensAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := account.Token{ID: "t1", Account: w.account(t, "anna").ID, Name: "my script", Created: w.clock.Now()}
	w.TellTokenMade(t.Context(), registry.Actor{Account: w.account(t, "root").ID, From: "203.0.113.7"}, made, "de")
	m := w.outbox.await(t, mail.TokenMade, 1)
	if m.To != "anna@example.org" || m.Data.Token != "my script" || m.Data.Place != "203.0.113.7" || m.Language != "de" {
		t.Errorf("the mail is %+v", m)
	}
	made.ID = "t2"
	w.TellTokenMade(t.Context(), registry.Actor{}, made, "")
	if next := w.outbox.await(t, mail.TokenMade, 2); next.ID == m.ID || next.Data.Place != "" {
		t.Errorf("the mail of the operator's token is %+v, after %+v", next, m)
	}
	made.Account = 4711
	w.TellTokenMade(t.Context(), registry.Actor{}, made, "")
	if n := len(w.outbox.all(mail.TokenMade)); n != 2 {
		t.Errorf("%d mails, one about nobody's token", n)
	}
}

// lateRegistry is a registry in which something happens before each edit of this room,
// which fails with what is returned.
type lateRegistry struct {
	*registry.Registry
	meanwhile func() error
}

// Apply implements signin.Registry.
func (l *lateRegistry) Apply(ctx context.Context, by registry.Actor, e registry.Edit) (registry.Revision, error) {
	if err := l.meanwhile(); err != nil {
		return 0, err
	}
	return l.Registry.Apply(ctx, by, e)
}

// late is the service of the world on a late registry.
func (w *world) late(t *testing.T, meanwhile func() error) *signin.Service {
	t.Helper()
	s, err := signin.New(signin.Config{
		Registry: &lateRegistry{w.registry, meanwhile}, Accounts: w.admin, Shelf: w.store.Shelf(), Mail: w.outbox, Options: w.opts,
		Logger: slog.New(slog.DiscardHandler), Now: w.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestALinkThatWasDroppedStaysDropped, also when it was being used in that moment, and
// could not be.
func TestALinkThatWasDroppedStaysDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before, after := w.invited(t), ""
	s := w.late(t, func() error {
		link, err := w.Invite(t.Context(), registry.Actor{}, "carla", "")
		if err != nil {
			return err
		}
		after = tokenOf(t, link, signin.PathInvitation)
		return registry.ErrUnavailable
	})
	_, err := s.AcceptInvitation(t.Context(), home, before, chosen)
	is(t, "used while another was made", err, registry.ErrUnavailable)
	_, err = w.AcceptInvitation(t.Context(), home, before, chosen)
	is(t, "used after another was made", err, signin.ErrLink)
	must(t)(w.AcceptInvitation(t.Context(), home, after, chosen))
}

// TestTheMailboxIsGivenUp while somebody uses a link that was sent to it.
func TestTheMailboxIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.RequestReset(t.Context(), home, "anna"); err != nil {
		t.Fatal(err)
	}
	token := tokenOf(t, w.outbox.await(t, mail.PasswordReset, 1).Data.Link, signin.PathReset)
	s := w.late(t, func() error {
		w.change(t, "anna", func(a *account.Account) { a.Email = "anna@example.net" })
		return nil
	})
	is(t, "a link to the address before", s.ResetPassword(t.Context(), home, token, chosen), signin.ErrLink)
	w.signIn(t, "anna")
}
