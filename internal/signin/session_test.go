package signin_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
	"stayput.dev/test/rig"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change(t, "sam", func(a *account.Account) { a.Suspended = true })
	w.setHash(t, "root", "")
	for _, tt := range []struct {
		why, name, password string
		want                error
	}{
		{"by name", "anna", password, nil},
		{"by name in another case", "ANNA", password, nil},
		{"by mail address", "Anna@example.org", password, nil},
		{"wrong password", "anna", password + "x", signin.ErrWrong},
		{"no password", "anna", "", signin.ErrWrong},
		{"nobody", "nobody", password, signin.ErrWrong},
		{"no name", "", password, signin.ErrWrong},
		{"suspended", "sam", password, signin.ErrSuspended},
		{"suspended, wrong password", "sam", password + "x", signin.ErrWrong},
		{"an account without password", "root", "", signin.ErrWrong},
		{"an endless password", "anna", strings.Repeat("x", 1<<20), signin.ErrWrong},
	} {
		step, err := w.Password(t.Context(), home, tt.name, tt.password)
		is(t, tt.why, err, tt.want)
		if step.Done() != (tt.want == nil) {
			t.Errorf("%s: signed in: %v", tt.why, step.Done())
		}
	}
	if text := w.log.String(); strings.Contains(text, password) || strings.Contains(text, "nobody") {
		t.Errorf("the log says what people typed:\n%s", text)
	}
}

// TestTwoAccountsShareAnAddress: then it names neither.
func TestTwoAccountsShareAnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change(t, "sam", func(a *account.Account) { a.Email = "anna@example.org" })
	_, err := w.Password(t.Context(), home, "anna@example.org", password)
	is(t, "a shared address", err, signin.ErrWrong)
}

// TestForeignHash: an imported hash signs in, from several devices at once, too, and is
// ours from then on.
func TestForeignHash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foreign, err := bcrypt.GenerateFromPassword([]byte("foreign password"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	w.setHash(t, "anna", string(foreign))
	_, err = w.Password(t.Context(), home, "anna", "wrong password")
	is(t, "wrong password", err, signin.ErrWrong)
	steps := make([]signin.Step, 3)
	var all sync.WaitGroup
	for i := range steps {
		all.Go(func() {
			var err error
			if steps[i], err = w.Password(t.Context(), home, "anna", "foreign password"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, step := range steps {
		w.has(t, "after the hash was renewed", step.Cookie)
	}
	if h := w.account(t, "anna").Password; !strings.HasPrefix(h, "$argon2id$") {
		t.Errorf("the hash is still %s", h)
	}
}

// TestSessionFixation: a cookie that was there before is never that of the session
// after, neither at sign-in nor when the session may do more than before.
func TestSessionFixation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen := map[string]bool{}
	fresh := func(why string, step signin.Step) {
		t.Helper()
		if step.Cookie == "" || seen[step.Cookie] {
			t.Errorf("%s: the cookie is not new", why)
		}
		seen[step.Cookie] = true
	}
	first := w.signIn(t, "anna")
	fresh("sign-in", first)
	second := w.signIn(t, "anna")
	fresh("second sign-in", second)
	proved := must(t)(w.Prove(t.Context(), home, second.Session, password))
	fresh("proof", proved)
	w.hasNot(t, "before the proof", second.Cookie)
	w.has(t, "the other session", first.Cookie)
	if _, err := w.Prove(t.Context(), home, second.Session, password); err == nil {
		t.Error("a session that was renewed can be renewed again")
	}
	changed := must(t)(w.ChangePassword(t.Context(), home, proved.Session, "another long password"))
	fresh("password change", changed)
	w.hasNot(t, "before the change", proved.Cookie)
	w.hasNot(t, "elsewhere, before the change", first.Cookie)
	w.has(t, "after the change", changed.Cookie)
}

// TestSessionsEndAtOnce, whatever ends them.
func TestSessionsEndAtOnce(t *testing.T) {
	t.Parallel()
	for why, end := range map[string]func(*testing.T, *world, signin.Step){
		"signing out": func(t *testing.T, w *world, s signin.Step) { _ = w.SignOut(t.Context(), home, s.Cookie) },
		"revoked": func(t *testing.T, w *world, s signin.Step) {
			_ = w.End(t.Context(), home, s.Session.Account, s.Session.ID)
		},
		"everywhere": func(t *testing.T, w *world, s signin.Step) { _ = w.EndAll(t.Context(), home, s.Session.Account, "") },
		"by staff": func(t *testing.T, w *world, s signin.Step) {
			_ = w.EndAllBy(t.Context(), registry.Actor{}, s.Session.Account)
		},
		"role changed": func(t *testing.T, w *world, _ signin.Step) {
			w.change(t, "anna", func(a *account.Account) { a.Role = account.Admin })
		},
		"suspended": func(t *testing.T, w *world, _ signin.Step) {
			w.change(t, "anna", func(a *account.Account) { a.Suspended = true })
		},
		"password set by staff": func(t *testing.T, w *world, _ signin.Step) {
			next := "another long password"
			_, _ = w.admin.SetAccount(t.Context(), "anna", admin.AccountChange{Password: &next})
		},
		"deleted": func(t *testing.T, w *world, _ signin.Step) { _ = w.admin.DeleteAccount(t.Context(), "anna", true) },
		"idle":    func(_ *testing.T, w *world, _ signin.Step) { w.clock.Pass(signin.DefaultIdle) },
		"too long": func(t *testing.T, w *world, s signin.Step) {
			for range 60 {
				w.clock.Pass(signin.DefaultIdle / 2)
				_, _ = w.Session(t.Context(), home, s.Cookie)
			}
		},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			step := w.signIn(t, "anna")
			w.has(t, "before", step.Cookie)
			end(t, w, step)
			w.hasNot(t, "after", step.Cookie)
			w.restart(t)
			w.hasNot(t, "after a restart", step.Cookie)
		})
	}
}

// TestSessionsOutliveTheProcess, and end by idleness only.
func TestSessionsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	step := w.signIn(t, "anna")
	for range 4 {
		w.clock.Pass(signin.DefaultIdle * 3 / 4)
		w.has(t, "used again and again", step.Cookie)
	}
	w.restart(t)
	other := w.signIn(t, "anna")
	all, err := w.Sessions(t.Context(), step.Session.Account)
	if err != nil || len(all) != 2 || all[0].ID != other.Session.ID {
		t.Errorf("sessions %+v, %v", all, err)
	}
	if all[0].ID == step.Cookie || strings.Contains(all[0].ID, step.Cookie[:8]) {
		t.Error("a list shows the cookie")
	}
	if err := w.EndAll(t.Context(), home, step.Session.Account, other.Session.ID); err != nil {
		t.Fatal(err)
	}
	w.hasNot(t, "everywhere else", step.Cookie)
	w.has(t, "here", other.Cookie)
	is(t, "a session of somebody else", w.End(t.Context(), home, w.account(t, "root").ID, other.Session.ID), signin.ErrNoSession)
	w.has(t, "after somebody else tried to end it", other.Cookie)
}

func TestCookiesOfOthersAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	step := w.signIn(t, "anna")
	for _, cookie := range []string{"", "x", step.Cookie[1:], step.Cookie + "A", strings.Repeat("A", 43), step.Session.ID} {
		w.hasNot(t, cookie, cookie)
	}
}

// TestStrangersTakeNoMemory: a cookie that never was one leaves nothing behind.
func TestStrangersTakeNoMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range byte(100) {
		w.hasNot(t, "a made-up cookie", b64.EncodeToString(bytes.Repeat([]byte{i}, 32)))
	}
	if n := w.Buried(); n != 0 {
		t.Errorf("%d sessions are remembered that never were", n)
	}
}

// TestSessionsAtTheSameTime: revoking while others use the session leaves none.
func TestSessionsAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 5 {
		step := w.signIn(t, "anna")
		w.restart(t) // so that the first use reads the shelf
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 50 {
					_, _ = w.Session(t.Context(), home, step.Cookie)
				}
			})
		}
		all.Go(func() { _ = w.End(t.Context(), home, step.Session.Account, step.Session.ID) })
		all.Wait()
		w.hasNot(t, "after it was revoked", step.Cookie)
	}
}

func TestDangerWantsAFreshProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	step := w.signIn(t, "anna")
	w.clock.Pass(signin.FreshFor)
	_, err := w.ChangePassword(t.Context(), home, step.Session, "another long password")
	is(t, "password", err, signin.ErrProofNeeded)
	is(t, "mail address", w.ChangeEmail(t.Context(), home, step.Session, "new@example.org"), signin.ErrProofNeeded)
	_, err = w.BeginTOTP(t.Context(), step.Session)
	is(t, "second factor", err, signin.ErrProofNeeded)
	_, err = w.Prove(t.Context(), home, step.Session, "wrong password")
	is(t, "proof", err, signin.ErrWrong)
	step = must(t)(w.Prove(t.Context(), home, step.Session, password))
	if _, err := w.BeginTOTP(t.Context(), step.Session); err != nil {
		t.Errorf("after the proof: %v", err)
	}
}

func TestNewPasswords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	step := w.signIn(t, "anna")
	for _, bad := range []string{"", "short", "ninechars", "anna@example.org", "aaaaaaaaaaaaaaa", strings.Repeat("x", 2000), "bad utf-8 \xff\xff\xff"} {
		_, err := w.ChangePassword(t.Context(), home, step.Session, bad)
		is(t, bad, err, signin.ErrPassword)
	}
	must(t)(w.ChangePassword(t.Context(), home, step.Session, "пароль на десять знаков"))
	w.outbox.await(t, mail.PasswordChanged, 1)
}

// TestGuessingBecomesSlow, for the one who guesses, and never for the owner.
func TestGuessingBecomesSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(t, "anna")
	guess := func(c signin.Client, name string) error {
		_, err := w.Password(t.Context(), c, name, "a wrong guess")
		return err
	}
	for _, name := range []string{"anna", "nobody"} { // nothing tells them apart
		slow := 0
		for i := range 40 {
			err := guess(from("203.0.113."+string(rune('1'+i%5))), name)
			if signin.Wait(err) > 0 {
				slow++
			} else {
				is(t, name, err, signin.ErrWrong)
			}
		}
		if slow < 10 || slow > 20 {
			t.Errorf("%s: %d of 40 guesses were slowed", name, slow)
		}
	}
	is(t, "a guesser's further guess", guess(from("203.0.113.1"), "anna"), signin.ErrSlowed)
	must(t)(w.Password(t.Context(), home, "anna", password))
	must(t)(w.Password(t.Context(), from("198.51.100.7"), "anna", password)) // the owner on the road

	// One source is slowed whatever names it tries.
	slow := 0
	for i := range 40 {
		if signin.Wait(guess(from("2001:db8::1"), strings.Repeat("n", i+1))) > 0 {
			slow++
		}
	}
	if slow == 0 {
		t.Error("a source that tries many names is not slowed")
	}
	is(t, "another address of the same network", guess(from("2001:db8::2"), "anna"), signin.ErrSlowed)

	wrong := 0
	for range 6000 { // they are written down by Run
		events, err := w.EventsOf(t.Context(), w.account(t, "anna").ID)
		if err != nil {
			t.Fatal(err)
		}
		wrong = 0
		for _, e := range events {
			if e.What == signin.WrongPassword {
				wrong++
			}
		}
		if wrong > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if wrong == 0 || wrong > 6 {
		t.Errorf("%d events of wrong passwords, want some and few", wrong)
	}
}

// TestGuessingFromEverywhereBecomesSlow: who has thousands of addresses gets no further
// than others, while the owner signs in from where they were before, and by a link in a
// mail from elsewhere.
func TestGuessingFromEverywhereBecomesSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(t, "anna")
	looked := 0
	for i := range 200 {
		_, err := w.Password(t.Context(), from(fmt.Sprintf("2001:db8:%x::1", i)), "anna", "a wrong guess")
		if signin.Wait(err) == 0 {
			is(t, "a guess", err, signin.ErrWrong)
			looked++
		}
	}
	if looked < 50 || looked > 150 {
		t.Errorf("of 200 guesses from as many networks %d were looked at", looked)
	}
	must(t)(w.Password(t.Context(), home, "anna", password))

	away := from("198.51.100.7")
	_, err := w.Password(t.Context(), away, "anna", password)
	is(t, "the owner where they never were", err, signin.ErrSlowed)
	if err := w.RequestReset(t.Context(), away, "anna"); err != nil {
		t.Fatal(err)
	}
	token := tokenOf(t, w.outbox.await(t, mail.PasswordReset, 1).Data.Link, signin.PathReset)
	if err := w.ResetPassword(t.Context(), away, token, chosen); err != nil {
		t.Fatal(err)
	}
	must(t)(w.Password(t.Context(), away, "anna", chosen))
}

// TestManyAtOnce: eighty who sign in at once take turns, and each gets in or is
// told that it is busy.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	in, busy := 0, 0
	for i := range 80 {
		all.Go(func() {
			step, err := w.Password(t.Context(), from("198.51.100."+string(rune('1'+i%9))), "anna", password)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && step.Done():
				in++
			case err == signin.ErrBusy:
				busy++
			case signin.Wait(err) > 0:
				busy++
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if in == 0 || in+busy != 80 {
		t.Errorf("%d in, %d busy", in, busy)
	}
}

func TestNewPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(t, "anna")
	w.signIn(t, "anna")
	if n := len(w.outbox.all(mail.NewPlace)); n != 0 {
		t.Errorf("%d mails after the first place", n)
	}
	must(t)(w.Password(t.Context(), signin.Client{Addr: from("203.0.113.9").Addr, Agent: "evil <a href=x> Firefox/1 Windows"}, "anna", password))
	m := w.outbox.await(t, mail.NewPlace, 1)
	if m.To != "anna@example.org" || m.Data.Place != "203.0.113.9" || m.Data.Agent != "Firefox · Windows" {
		t.Errorf("mail %+v", m)
	}
}

// TestCookies: whoever came by TLS, to us or to a trusted proxy, gets a cookie that is for
// TLS alone, and so does everybody where that is how the pages are reached.
func TestCookies(t *testing.T) {
	t.Parallel()
	const (
		secure = "__Host-stayput-session=value; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax"
		plain  = "stayput-session=value; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"
	)
	for _, tt := range []struct{ public, came, proxy, want string }{
		{"https://dyn.example.org", "http", "", secure},
		{"http://dyn.example.org", "http", "", plain},
		{"http://dyn.example.org", "https", "", secure},
		{"", "http", "", plain},
		{"", "https", "", secure},
		{"", "http", "https", secure},
		{"", "http", "HTTPS", secure},
		{"", "http", "http", plain},
	} {
		w := newWorld(t, func(o *signin.Options) {
			o.PublicURL = nil
			if tt.public != "" {
				o.PublicURL, _ = url.Parse(tt.public)
			}
		})
		request := func() *http.Request {
			r := httptest.NewRequest(http.MethodGet, tt.came+"://dyn.example.org/", http.NoBody)
			if tt.proxy != "" {
				r.Header.Set("X-Forwarded-Proto", tt.proxy)
			}
			return r
		}
		answer := httptest.NewRecorder()
		w.SetCookie(answer, request(), "value")
		if got := answer.Header().Get("Set-Cookie"); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
		r := request()
		r.AddCookie(answer.Result().Cookies()[0])
		if got := w.CookieOf(r); got != "value" {
			t.Errorf("%+v: cookie %q", tt, got)
		}
		if planted := request(); tt.want == secure {
			planted.AddCookie(&http.Cookie{Name: "stayput-session", Value: "planted"})
			if got := w.CookieOf(planted); got != "" {
				t.Errorf("%+v: a cookie that anybody could plant counts: %s", tt, got)
			}
		}
		answer = httptest.NewRecorder()
		w.ClearCookie(answer, request())
		if c := answer.Result().Cookies()[0]; c.MaxAge >= 0 || c.Value != "" {
			t.Errorf("%+v: %v does not take the cookie away", tt, c)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		w.signIn(t, "anna")
		w.clock.Pass(time.Second)
	}
	w.signIn(t, "root")
	first, next, err := w.Events(t.Context(), "", 3)
	if err != nil || len(first) != 3 || first[0].Subject != "root" || first[1].Subject != "anna" || next == "" {
		t.Errorf("first page %+v, next %q, %v", first, next, err)
	}
	second, next, err := w.Events(t.Context(), next, 3)
	if err != nil || len(second) != 1 || next != "" {
		t.Errorf("second page %+v, next %q, %v", second, next, err)
	}
	of, err := w.EventsOf(t.Context(), w.account(t, "anna").ID)
	if err != nil || len(of) != 3 || of[0].What != signin.SignedIn || of[0].From != home.Addr || of[0].At.Before(of[2].At) {
		t.Errorf("of anna %+v, %v", of, err)
	}
}

// TestTwoProcessesShareTheShelf: a session that one of them ends, however that is,
// ends at the other within seconds.
func TestTwoProcessesShareTheShelf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other, err := signin.New(signin.Config{
		Registry: w.registry, Accounts: w.admin, Shelf: w.store.Shelf(), Options: w.opts, Shared: true, Now: w.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	anna := w.account(t, "anna").ID
	for _, tt := range []struct {
		why string
		end func(signin.Step) error
	}{
		{"signed out", func(s signin.Step) error { return w.SignOut(t.Context(), home, s.Cookie) }},
		{"ended in the list", func(s signin.Step) error { return w.End(t.Context(), home, anna, s.Session.ID) }},
		{"ended by staff", func(signin.Step) error { return w.EndAllBy(t.Context(), registry.Actor{Via: "test"}, anna) }},
	} {
		step := w.signIn(t, "anna")
		for range 3 {
			if _, err := other.Session(t.Context(), home, step.Cookie); err != nil {
				t.Errorf("%s: before that, at the other: %v", tt.why, err)
			}
			w.clock.Pass(5 * time.Second)
		}
		if err := tt.end(step); err != nil {
			t.Fatal(err)
		}
		w.clock.Pass(3 * time.Second)
		_, err := other.Session(t.Context(), home, step.Cookie)
		is(t, tt.why, err, signin.ErrNoSession)
	}
}

// TestWhatAnotherProcessChanged: a session, a link and a password that were made a moment
// ago count at a process that has not heard of it, and a password that is no longer right
// does not.
func TestWhatAnotherProcessChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	late := rig.NewLate(t, w.registry, w.store)
	other, err := signin.New(signin.Config{
		Registry: late, Accounts: w.admin, Shelf: w.store.Shelf(), Options: w.opts, Shared: true, Now: w.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.admin.AddAccount(t.Context(), admin.NewAccount{Name: "nina", Role: account.Customer}); err != nil {
		t.Fatal(err)
	}
	w.setHash(t, "nina", hash())
	step := w.signIn(t, "nina")
	if _, err := other.Session(t.Context(), home, step.Cookie); err != nil {
		t.Errorf("a session of an account that is new: %v", err)
	}
	if _, err := w.admin.AddAccount(t.Context(), admin.NewAccount{Name: "otto", Role: account.Customer}); err != nil {
		t.Fatal(err)
	}
	w.setHash(t, "otto", hash())
	if step, err := other.Password(t.Context(), home, "otto", password); err != nil || step.Cookie == "" {
		t.Errorf("a password of an account that is new: %v", err)
	}
	next, err := account.HashPassword("another password of anna")
	if err != nil {
		t.Fatal(err)
	}
	w.setHash(t, "anna", next)
	_, err = other.Password(t.Context(), home, "anna", password)
	is(t, "the old password", err, signin.ErrWrong)
}

// TestASessionEndsWhileItChangesThePassword: what was begun in it is not done.
func TestASessionEndsWhileItChangesThePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	thief, owner := w.signIn(t, "anna"), w.signIn(t, "anna")
	waiting, release := w.HoldHashes()
	changed := make(chan error, 1)
	go func() {
		_, err := w.ChangePassword(context.Background(), home, thief.Session, chosen)
		changed <- err
	}()
	for range 6000 {
		if waiting() == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := w.EndAll(t.Context(), home, owner.Session.Account, owner.Session.ID); err != nil {
		t.Fatal(err)
	}
	release()
	is(t, "in a session that has ended", <-changed, signin.ErrNoSession)
	w.has(t, "the session of who ended the other", owner.Cookie)
	w.signIn(t, "anna")
}
