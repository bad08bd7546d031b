package signin_test

import (
	"net/url"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/signin"
	"stayput.dev/test/rig"
)

// newConnecting returns a world with a provider to which nobody is linked by mail.
func newConnecting(t *testing.T, change ...func(*signin.OIDC)) (*world, *rig.Provider) {
	t.Helper()
	p := rig.StartProvider(t)
	p.Be("u1", "anna.sso", "users")
	w := newWorld(t, func(o *signin.Options) {
		o.OIDC = &signin.OIDC{Issuer: p.URL, ClientID: "web", Name: "Example SSO"}
		for _, c := range change {
			c(o.OIDC)
		}
	})
	return w, p
}

// connect goes to the provider and back.
func (w *world) connect(t *testing.T, p *rig.Provider, session signin.Session) error {
	t.Helper()
	to, cookie, err := w.BeginConnect(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	if !w.IsConnect(t.Context(), cookie) {
		t.Error("the cookie is not known again")
	}
	return w.FinishConnect(t.Context(), home, session, cookie, p.Approve(to))
}

// viaProvider signs in with the provider.
func (w *world) viaProvider(t *testing.T, p *rig.Provider) (signin.Step, error) {
	t.Helper()
	to, cookie, err := w.BeginOIDC(t.Context(), home, "/")
	if err != nil {
		t.Fatal(err)
	}
	step, _, err := w.FinishOIDC(t.Context(), home, cookie, p.Approve(to))
	return step, err
}

// identity returns the only one of an account.
func (w *world) identity(t *testing.T, name string) signin.Identity {
	t.Helper()
	all, err := w.Identities(t.Context(), w.account(t, name).ID)
	if err != nil || len(all) != 1 {
		t.Fatalf("%s has the identities %+v, %v; want one", name, all, err)
	}
	return all[0]
}

// TestConnecting: staff and customers alike connect their accounts themselves, sign in by
// the provider, and end it, and hear of both by mail.
func TestConnecting(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"anna", "root"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := newConnecting(t)
			_, err := w.viaProvider(t, p)
			is(t, "before", err, signin.ErrNotAllowed)
			step := w.signIn(t, name)
			is(t, "connecting", w.connect(t, p, step.Session), nil)
			if i := w.identity(t, name); i.Name != "anna.sso" || i.Issuer != p.URL || !i.Good || !i.Since.Equal(w.clock.Now().UTC().Truncate(time.Millisecond)) {
				t.Errorf("the identity is %+v", i)
			}
			if m := w.outbox.await(t, mail.Connected, 1); m.To != name+"@example.org" || m.Data.Provider != "Example SSO" || m.Data.Identity != "anna.sso" || m.Data.Place != home.Addr.String() {
				t.Errorf("the mail is %+v", m)
			}
			_, _, err = w.BeginConnect(t.Context(), step.Session)
			is(t, "connecting twice", err, signin.ErrConnected)

			there := must(t)(w.viaProvider(t, p))
			if there.Session.Account != w.account(t, name).ID {
				t.Errorf("the provider leads to account %d", there.Session.Account)
			}
			is(t, "disconnecting", w.Disconnect(t.Context(), home, step.Session, w.identity(t, name).ID), nil)
			if m := w.outbox.await(t, mail.Disconnected, 1); m.To != name+"@example.org" || m.Data.Provider != "Example SSO" || m.Data.Identity != "anna.sso" {
				t.Errorf("the mail is %+v", m)
			}
			_, err = w.viaProvider(t, p)
			is(t, "after", err, signin.ErrNotAllowed)
			w.hasNot(t, "the session of the provider", there.Cookie)
			w.has(t, "the session that ended it", step.Cookie)
		})
	}
}

// TestConnectingWantsAProof, at the beginning and at the end, and so does disconnecting.
func TestConnectingWantsAProof(t *testing.T) {
	t.Parallel()
	w, p := newConnecting(t)
	step := w.signIn(t, "anna")
	w.clock.Pass(signin.FreshFor - time.Minute)
	to, cookie, err := w.BeginConnect(t.Context(), step.Session)
	is(t, "in time", err, nil)
	w.clock.Pass(time.Minute)
	is(t, "coming back too late", w.FinishConnect(t.Context(), home, step.Session, cookie, p.Approve(to)), signin.ErrProofNeeded)
	_, _, err = w.BeginConnect(t.Context(), step.Session)
	is(t, "beginning too late", err, signin.ErrProofNeeded)
	is(t, "disconnecting", w.Disconnect(t.Context(), home, step.Session, "x"), signin.ErrProofNeeded)
}

// TestConnectingIsOnesOwn: what somebody began only they finish, in the same session, and
// what was begun to sign in connects nothing.
func TestConnectingIsOnesOwn(t *testing.T) {
	t.Parallel()
	w, p := newConnecting(t, func(o *signin.OIDC) { o.LinkByEmail = true })
	anna, other, root := w.signIn(t, "anna"), w.signIn(t, "anna"), w.signIn(t, "root")
	to, cookie, err := w.BeginConnect(t.Context(), anna.Session)
	is(t, "beginning", err, nil)
	query := p.Approve(to)
	finish := func(why string, session signin.Session, cookie string, query url.Values) {
		t.Helper()
		is(t, why, w.FinishConnect(t.Context(), home, session, cookie, query), signin.ErrLink)
	}
	finish("nobody's session", signin.Session{}, cookie, query)
	finish("another's session", root.Session, cookie, query)
	finish("another session of one's own", other.Session, cookie, query)
	finish("no cookie", anna.Session, "", query)
	finish("no state", anna.Session, cookie, url.Values{"code": query["code"]})
	_, theirs, err := w.BeginConnect(t.Context(), root.Session)
	is(t, "another begins", err, nil)
	finish("another's cookie", anna.Session, theirs, query)
	finish("another's cookie and session", root.Session, theirs, query)
	_, _, err = w.FinishOIDC(t.Context(), home, cookie, query)
	is(t, "signing in by it", err, signin.ErrLink)
	in, door, err := w.BeginOIDC(t.Context(), home, "/")
	is(t, "beginning to sign in", err, nil)
	if w.IsConnect(t.Context(), door) {
		t.Error("the cookie of a sign-in is taken for one that connects")
	}
	finish("the cookie of a sign-in", anna.Session, door, p.Approve(in))
	is(t, "refused there", w.FinishConnect(t.Context(), home, anna.Session, cookie, url.Values{"state": query["state"], "error": {"access_denied"}}), signin.ErrWrong)
	is(t, "in order", w.FinishConnect(t.Context(), home, anna.Session, cookie, query), nil)
	w.identity(t, "anna")
}

// TestAnIdentityHasOneAccount, as long as there is that account.
func TestAnIdentityHasOneAccount(t *testing.T) {
	t.Parallel()
	w, p := newConnecting(t)
	anna, root := w.signIn(t, "anna"), w.signIn(t, "root")
	is(t, "anna", w.connect(t, p, anna.Session), nil)
	is(t, "root", w.connect(t, p, root.Session), signin.ErrTaken)
	if step := must(t)(w.viaProvider(t, p)); step.Session.Account != anna.Session.Account {
		t.Errorf("the provider leads to account %d, want anna's", step.Session.Account)
	}
	is(t, "another's identity", w.Disconnect(t.Context(), home, root.Session, w.identity(t, "anna").ID), signin.ErrInvalid)
	if err := w.admin.DeleteAccount(t.Context(), "anna", true); err != nil {
		t.Fatal(err)
	}
	is(t, "root, when anna is gone", w.connect(t, p, root.Session), nil)
}

// TestConnectingKeepsTheRole: whoever would cease to be staff by the groups of the
// provider is not connected.
func TestConnectingKeepsTheRole(t *testing.T) {
	t.Parallel()
	for why, x := range map[string]struct {
		name   string
		groups []string
		want   error
	}{
		"an admin there, too":                {"root", []string{"admins"}, nil},
		"an admin who is support there":      {"root", []string{"desk"}, signin.ErrNotAllowed},
		"support that is an admin there":     {"sam", []string{"admins"}, nil},
		"support in no group of staff":       {"sam", []string{"customers"}, signin.ErrNotAllowed},
		"a customer":                         {"anna", []string{"customers"}, nil},
		"a customer in no group that may in": {"anna", []string{"users"}, signin.ErrNotAllowed},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			w, p := newConnecting(t, func(o *signin.OIDC) {
				o.AdminGroups, o.SupportGroups, o.CustomerGroups = []string{"admins"}, []string{"desk"}, []string{"customers"}
			})
			p.Be("u1", "somebody", x.groups...)
			is(t, why, w.connect(t, p, w.signIn(t, x.name).Session), x.want)
		})
	}
}

// TestAWayInIsLeft: nobody shuts themselves out, neither by ending the connection nor by
// removing a passkey.
func TestAWayInIsLeft(t *testing.T) {
	t.Parallel()
	w, p := newConnecting(t)
	is(t, "connecting", w.connect(t, p, w.signIn(t, "anna").Session), nil)
	w.change(t, "anna", func(a *account.Account) { a.Password = "" })
	step := must(t)(w.viaProvider(t, p))
	identity := w.identity(t, "anna").ID
	is(t, "the only way", w.Disconnect(t.Context(), home, step.Session, identity), signin.ErrLastWay)

	step = w.addPasskey(t, newDevice(t), step, "")
	is(t, "with a passkey", w.Disconnect(t.Context(), home, step.Session, identity), nil)
	factors, err := w.Factors(t.Context(), step.Session.Account)
	if err != nil {
		t.Fatal(err)
	}
	passkey := factors.Passkeys[0].ID
	is(t, "the passkey that is left", w.RemovePasskey(t.Context(), home, step.Session, passkey), signin.ErrLastWay)
	is(t, "connecting again", w.connect(t, p, step.Session), nil)
	is(t, "the passkey, with the provider", w.RemovePasskey(t.Context(), home, step.Session, passkey), nil)
}

// TestOneWayInIsLeft, also when both end at the same moment.
func TestOneWayInIsLeft(t *testing.T) {
	t.Parallel()
	for _, last := range []string{"passkey", "oidc-subject"} {
		w, p := newConnecting(t)
		is(t, "connecting", w.connect(t, p, w.signIn(t, "anna").Session), nil)
		w.change(t, "anna", func(a *account.Account) { a.Password = "" })
		step := w.addPasskey(t, newDevice(t), must(t)(w.viaProvider(t, p)), "")
		factors, err := w.Factors(t.Context(), step.Session.Account)
		if err != nil {
			t.Fatal(err)
		}
		identity := w.identity(t, "anna").ID
		disconnect := func() error { return w.Disconnect(t.Context(), home, step.Session, identity) }
		remove := func() error { return w.RemovePasskey(t.Context(), home, step.Session, factors.Passkeys[0].ID) }
		first, then := disconnect, remove
		if last == "passkey" {
			first, then = remove, disconnect
		}
		w.shelf = &lateShelf{Shelf: w.shelf, taking: func(kind string) {
			if kind == last {
				is(t, "the other", then(), nil)
			}
		}}
		w.restart(t)
		is(t, last, first(), signin.ErrLastWay)
	}
}

// TestASessionEndsWhileItConnects: whoever is at the provider when the session ends is
// not connected.
func TestASessionEndsWhileItConnects(t *testing.T) {
	t.Parallel()
	w, p := newConnecting(t)
	step := w.signIn(t, "anna")
	to, cookie, err := w.BeginConnect(t.Context(), step.Session)
	if err != nil {
		t.Fatal(err)
	}
	back := p.Approve(to)
	w.shelf = &lateShelf{Shelf: w.shelf, got: func(kind string) {
		if kind == "oidc-subject" { // the provider has said who it is
			if err := w.EndAll(t.Context(), home, step.Session.Account, ""); err != nil {
				t.Error(err)
			}
		}
	}}
	w.restart(t)
	is(t, "after the session", w.FinishConnect(t.Context(), home, step.Session, cookie, back), signin.ErrNoSession)
	if all, err := w.Identities(t.Context(), step.Session.Account); err != nil || len(all) != 0 {
		t.Errorf("anna is connected with %+v, %v", all, err)
	}
}

// TestAnotherProvider: what was connected with one that is no more leads nowhere, is seen,
// and can be ended.
func TestAnotherProvider(t *testing.T) {
	t.Parallel()
	w, p := newConnecting(t)
	step := w.signIn(t, "anna")
	is(t, "connecting", w.connect(t, p, step.Session), nil)
	next := rig.StartProvider(t)
	opts := w.opts
	opts.OIDC = &signin.OIDC{Issuer: next.URL, ClientID: "web", Name: "Next SSO"}
	w.SetOptions(opts)
	old := w.identity(t, "anna")
	if old.Good || old.Issuer != p.URL {
		t.Errorf("the identity is %+v, want one of a provider that is no more", old)
	}
	is(t, "connecting with the next", w.connect(t, next, step.Session), nil)
	is(t, "ending the one before", w.Disconnect(t.Context(), home, step.Session, old.ID), nil)
	if m := w.outbox.await(t, mail.Disconnected, 1); m.Data.Provider != p.URL {
		t.Errorf("the mail is about %s, want %s", m.Data.Provider, p.URL)
	}
	if now := w.identity(t, "anna"); !now.Good {
		t.Errorf("the identity is %+v, want that of the next provider", now)
	}
}

// TestConnectingWithARealProvider: zitadel/oidc's provider says who root is.
func TestConnectingWithARealProvider(t *testing.T) {
	t.Parallel()
	o := &signin.OIDC{Issuer: startProvider(t), ClientID: "web", ClientSecret: "secret", Name: "Example SSO"}
	w := newWorld(t, func(opts *signin.Options) { opts.OIDC = o })
	step := w.signIn(t, "root")
	to, cookie, err := w.BeginConnect(t.Context(), step.Session)
	is(t, "beginning", err, nil)
	is(t, "coming back", w.FinishConnect(t.Context(), home, step.Session, cookie, login(t, to, "test-user2")), nil)
	if i := w.identity(t, "root"); i.Name != "test-user2" {
		t.Errorf("root is connected with %+v", i)
	}
	if to, cookie, err = w.BeginOIDC(t.Context(), home, "/"); err != nil {
		t.Fatal(err)
	}
	there, _, err := w.FinishOIDC(t.Context(), home, cookie, login(t, to, "test-user2"))
	if is(t, "signing in", err, nil); there.Session.Role != account.Admin {
		t.Errorf("the session is %+v, want root's", there.Session)
	}
}

// TestALinkByMailIsTold: whoever has an account hears of it, too, when the provider's word
// for their mail address was enough.
func TestALinkByMailIsTold(t *testing.T) {
	t.Parallel()
	w, p := newConnecting(t, func(o *signin.OIDC) { o.LinkByEmail = true })
	must(t)(w.viaProvider(t, p))
	if m := w.outbox.await(t, mail.Connected, 1); m.To != "anna@example.org" || m.Data.Identity != "anna.sso" {
		t.Errorf("the mail is %+v", m)
	}
	must(t)(w.viaProvider(t, p))
	if n := len(w.outbox.all(mail.Connected)); n != 1 {
		t.Errorf("%d mails, want one", n)
	}
}
