package signin_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
	"stayput.dev/internal/signin"
	"stayput.dev/test/rig"
)

// buildProvider builds test/oidcprovider, a module of its own, once, and returns the
// program and what the compiler said.
var buildProvider = sync.OnceValues(func() (file, complaint string) {
	file = filepath.Join(programs, "oidcprovider")
	command := exec.Command("go", "build", "-trimpath", "-o", file, ".")
	command.Env = append(os.Environ(), "CGO_ENABLED=0") // as stayput is built, with which it shares much
	command.Dir = "../../test/oidcprovider"
	if out, err := command.CombinedOutput(); err != nil {
		return "", err.Error() + "\n" + string(out)
	}
	return file, ""
})

// programs is where it goes; TestMain makes it and takes it away.
var programs string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if programs, err = os.MkdirTemp("", "oidcprovider-*"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(programs)
	return m.Run()
}

const redirect = "https://dyn.example.org" + signin.PathOIDC

// startProvider runs a real provider until the test ends, and returns its issuer.
func startProvider(t *testing.T) string {
	t.Helper()
	file, complaint := buildProvider()
	if file == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the identity provider does not build: %s", complaint)
		}
		t.Skipf("the identity provider does not build: %s", complaint)
	}
	command := exec.Command(file, redirect)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the identity provider does not start")
	}
	return lines.Text()
}

// login goes to the provider as a browser does, signs in there, and returns the query
// that it comes back with.
func login(t *testing.T, to, user string) url.Values {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	var back url.Values
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirect+"?") {
			back = r.URL.Query()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page, err := browser.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	page.Body.Close()
	form := url.Values{"id": {page.Request.URL.Query().Get("authRequestID")}, "username": {user}, "password": {"verysecure"}}
	answer, err := browser.PostForm(page.Request.URL.Scheme+"://"+page.Request.URL.Host+"/login/username", form)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if back == nil {
		t.Fatalf("the provider does not send %s back: %s", user, answer.Status)
	}
	return back
}

// TestRealProvider signs in with zitadel/oidc's provider: code flow, PKCE, signatures
// and user info are theirs.
func TestRealProvider(t *testing.T) {
	t.Parallel()
	issuer := startProvider(t)
	o := &signin.OIDC{
		Issuer: issuer, ClientID: "web", ClientSecret: "secret", Name: "Example SSO",
		GroupsClaim: "preferred_username", SupportGroups: []string{"test-user2"}, CreateAccounts: true, LinkByEmail: true,
	}
	w := newWorld(t, func(opts *signin.Options) { opts.OIDC = o })
	if name, ok := w.Provider(); !ok || name != "Example SSO" {
		t.Errorf("provider %q, %v", name, ok)
	}
	w.change(t, "anna", func(a *account.Account) { a.Email = "Test-User@zitadel.ch" })
	visit := func(user, back string) (signin.Step, string) {
		t.Helper()
		to, cookie, err := w.BeginOIDC(t.Context(), home, back)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := url.Parse(to); err != nil || u.Query().Get("code_challenge_method") != "S256" || u.Query().Get("nonce") == "" {
			t.Errorf("%s has no PKCE or no nonce", to)
		}
		query := login(t, to, user)
		step, back, err := w.FinishOIDC(t.Context(), home, cookie, query)
		if err != nil {
			t.Fatalf("%s: %v\n%s", user, err, w.log)
		}
		_, _, err = w.FinishOIDC(t.Context(), home, cookie, query)
		is(t, "the code again", err, signin.ErrWrong)
		return step, back
	}

	// Somebody new, whose group says their role.
	step, back := visit("test-user2", "/hosts?page=2")
	a, ok := w.registry.State().Accounts.AccountByID(step.Session.Account)
	if !ok || a.Name != "test-user2" || a.Email != "test-user2@zitadel.ch" || a.Role != account.Support || back != "/hosts?page=2" {
		t.Errorf("account %+v, back %s", a, back)
	}
	w.has(t, "after the provider", step.Cookie)
	again, _ := visit("test-user2", "https://evil.example.net/")
	if again.Session.Account != a.ID {
		t.Errorf("the second time it is account %d, not %d", again.Session.Account, a.ID)
	}

	// They get no password here, with which they would get round the provider.
	if err := w.RequestReset(t.Context(), home, "test-user2"); err != nil {
		t.Error(err)
	}

	// Somebody with an account, by the mail address that the provider has confirmed.
	step, _ = visit("test-user@127.0.0.1", "")
	if step.Session.Account != w.account(t, "anna").ID {
		t.Errorf("account %d, want anna's", step.Session.Account)
	}

	// The group's role is taken away.
	o2 := *o
	o2.SupportGroups, o2.AdminGroups = nil, []string{"nobody"}
	opts := w.opts
	opts.OIDC = &o2
	w.SetOptions(opts)
	demoted, _ := visit("test-user2", "")
	if demoted.Session.Role != account.Customer {
		t.Errorf("role %s", demoted.Session.Role)
	}
	w.hasNot(t, "the session with the old role", again.Cookie)
	if n := len(w.outbox.all(mail.PasswordReset)); n != 0 {
		t.Errorf("%d links for a new password", n)
	}
	o2.CustomerGroups = []string{"nobody"}
	to, cookie, err := w.BeginOIDC(t.Context(), home, "")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = w.FinishOIDC(t.Context(), home, cookie, login(t, to, "test-user2"))
	is(t, "in no group", err, signin.ErrNotAllowed)
}

// TestAProviderThatIsAway is not asked by everybody.
func TestAProviderThatIsAway(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(server.Close)
	w := newWorld(t, func(o *signin.Options) { o.OIDC = &signin.OIDC{Issuer: server.URL, ClientID: "web"} })
	for range 5 {
		if _, _, err := w.BeginOIDC(t.Context(), home, "/"); err == nil {
			t.Error("a provider that is away was found")
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("it was asked %d times, want once", n)
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	type forgery struct {
		spoil func(map[string]any)
		token func(*rig.Provider, map[string]any) string
		rules func(*signin.OIDC)
		info  map[string]any
		want  error
	}
	// Whoever may set mail addresses at the provider says that they are somebody's.
	says := func(name string) func(map[string]any) {
		return func(c map[string]any) { c["email"] = name + "@example.org" }
	}
	staffed := func(o *signin.OIDC) { o.AdminGroups = []string{"users"} }
	for why, x := range map[string]forgery{
		"nothing wrong":          {},
		"for another client":     {spoil: func(c map[string]any) { c["aud"] = "other" }, want: signin.ErrWrong},
		"of another provider":    {spoil: func(c map[string]any) { c["iss"] = "https://idp.example.net" }, want: signin.ErrWrong},
		"for another request":    {spoil: func(c map[string]any) { c["nonce"] = "other" }, want: signin.ErrWrong},
		"without a nonce":        {spoil: func(c map[string]any) { delete(c, "nonce") }, want: signin.ErrWrong},
		"expired":                {spoil: func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() }, want: signin.ErrWrong},
		"without a subject":      {spoil: func(c map[string]any) { delete(c, "sub") }, want: signin.ErrWrong},
		"signed by somebody":     {token: func(_ *rig.Provider, c map[string]any) string { return rig.SignToken(other, "RS256", c) }, want: signin.ErrWrong},
		"not signed":             {token: func(f *rig.Provider, c map[string]any) string { return f.Sign("none", c) }, want: signin.ErrWrong},
		"no token":               {token: func(*rig.Provider, map[string]any) string { return "" }, want: signin.ErrWrong},
		"about somebody else":    {info: map[string]any{"sub": "u2"}, want: signin.ErrWrong},
		"address not confirmed":  {spoil: func(c map[string]any) { c["email_verified"] = false }, want: signin.ErrNotAllowed},
		"nobody's address":       {spoil: func(c map[string]any) { c["email"] = "x@example.net" }, want: signin.ErrNotAllowed},
		"linking not wanted":     {rules: func(o *signin.OIDC) { o.LinkByEmail = false }, want: signin.ErrNotAllowed},
		"an admin's address":     {spoil: says("root"), want: signin.ErrNotAllowed},
		"support's address":      {spoil: says("sam"), want: signin.ErrNotAllowed},
		"an admin, says a group": {spoil: says("root"), rules: staffed},
		"support, says a group":  {spoil: says("sam"), rules: func(o *signin.OIDC) { o.SupportGroups = []string{"users"} }},
		"an admin in the group of support": {
			spoil: says("root"), rules: func(o *signin.OIDC) { o.SupportGroups = []string{"users"} }, want: signin.ErrNotAllowed,
		},
		"an admin in no group":   {spoil: says("root"), rules: func(o *signin.OIDC) { o.AdminGroups = []string{"others"} }, want: signin.ErrNotAllowed},
		"not in the group":       {rules: func(o *signin.OIDC) { o.CustomerGroups = []string{"others"} }, want: signin.ErrNotAllowed},
		"confirmed by user info": {spoil: func(c map[string]any) { delete(c, "email"); delete(c, "email_verified") }, info: map[string]any{"sub": "u1", "email": "anna@example.org", "email_verified": "true"}},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			f := rig.StartProvider(t)
			f.Spoil = x.spoil
			if x.token != nil {
				f.Token = func(c map[string]any) string { return x.token(f, c) }
			}
			if x.info != nil {
				f.Info = x.info
			}
			o := &signin.OIDC{Issuer: f.URL, ClientID: "web", Name: "Forger", LinkByEmail: true}
			if x.rules != nil {
				x.rules(o)
			}
			w := newWorld(t, func(opts *signin.Options) { opts.OIDC = o })
			to, cookie, err := w.BeginOIDC(t.Context(), home, "/")
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = w.FinishOIDC(t.Context(), home, cookie, f.Approve(to))
			is(t, why, err, x.want)
		})
	}
}

// TestTheWayBackIsOnesOwn: nobody can make another finish what they began.
func TestTheWayBackIsOnesOwn(t *testing.T) {
	t.Parallel()
	f := rig.StartProvider(t)
	w := newWorld(t, func(o *signin.Options) {
		o.OIDC = &signin.OIDC{Issuer: f.URL, ClientID: "web", LinkByEmail: true}
	})
	begin := func() (url.Values, string) {
		to, cookie, err := w.BeginOIDC(t.Context(), home, "/")
		if err != nil {
			t.Fatal(err)
		}
		return f.Approve(to), cookie
	}
	query, cookie := begin()
	_, theirs := begin()
	finish := func(why, cookie string, query url.Values, want error) {
		t.Helper()
		_, _, err := w.FinishOIDC(t.Context(), home, cookie, query)
		is(t, why, err, want)
	}
	finish("another's cookie", theirs, query, signin.ErrLink)
	finish("no cookie", "", query, signin.ErrLink)
	finish("no state", cookie, url.Values{"code": query["code"]}, signin.ErrLink)
	finish("refused there", cookie, url.Values{"state": query["state"], "error": {"access_denied"}}, signin.ErrWrong)
	finish("another code", cookie, url.Values{"state": query["state"], "code": {"x"}}, signin.ErrWrong)
	finish("in order", cookie, query, nil)
	query, cookie = begin()
	w.clock.Pass(11 * time.Minute)
	finish("too late", cookie, query, signin.ErrLink)
}

// meddled is a shelf where something happens just before a link to a provider's user is
// kept for the first time, which may fail for that.
type meddled struct {
	signin.Shelf
	done   atomic.Bool
	before func() error
}

// Put implements signin.Writer.
func (m *meddled) Put(ctx context.Context, item shelf.Item) (uint64, error) {
	if item.Kind == "oidc-subject" && !m.done.Swap(true) {
		if err := m.before(); err != nil {
			return 0, err
		}
	}
	return m.Shelf.Put(ctx, item)
}

// TestTwoFirstSignIns of one person at the same moment, as of a browser that opens two
// pages, lead to one account.
func TestTwoFirstSignIns(t *testing.T) {
	t.Parallel()
	for why, byEmail := range map[string]bool{"by mail address": true, "by identity alone": false} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			f := rig.StartProvider(t)
			f.Spoil = func(c map[string]any) { c["email"] = "dora@example.net" }
			w := newWorld(t, func(o *signin.Options) {
				o.OIDC = &signin.OIDC{Issuer: f.URL, ClientID: "web", LinkByEmail: byEmail, CreateAccounts: true}
			})
			visit := func() signin.Step {
				to, cookie, err := w.BeginOIDC(t.Context(), home, "/")
				if err != nil {
					t.Error(err)
				}
				step, _, err := w.FinishOIDC(t.Context(), home, cookie, f.Approve(to))
				if err != nil {
					t.Errorf("%v\n%s", err, w.log)
				}
				return step
			}
			var other signin.Step
			w.shelf = &meddled{Shelf: w.store.Shelf(), before: func() error { other = visit(); return nil }}
			w.restart(t)
			had := w.registry.State().Accounts.CountAccounts()
			one := visit()
			if one.Session.Account == 0 || one.Session.Account != other.Session.Account {
				t.Errorf("accounts %d and %d, want one", one.Session.Account, other.Session.Account)
			}
			if now := w.registry.State().Accounts.CountAccounts(); now != had+1 {
				t.Errorf("%d accounts, want one more than %d", now, had)
			}
		})
	}
}

// TestAnAccountThatCannotBeLinkedGoes, so that who tries again does not get a second.
func TestAnAccountThatCannotBeLinkedGoes(t *testing.T) {
	t.Parallel()
	f := rig.StartProvider(t)
	f.Spoil = func(c map[string]any) { c["email"] = "dora@example.net" }
	w := newWorld(t, func(o *signin.Options) {
		o.OIDC = &signin.OIDC{Issuer: f.URL, ClientID: "web", CreateAccounts: true}
	})
	w.shelf = &meddled{Shelf: w.store.Shelf(), before: func() error { return registry.ErrUnavailable }}
	w.restart(t)
	for _, want := range []error{registry.ErrUnavailable, nil} {
		to, cookie, err := w.BeginOIDC(t.Context(), home, "/")
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.FinishOIDC(t.Context(), home, cookie, f.Approve(to))
		is(t, "a first sign-in", err, want)
	}
	w.account(t, "dora")
	if _, second := w.registry.State().Accounts.Account("dora-2"); second {
		t.Error("there are two accounts")
	}
}

func TestLocalPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/": "/", "/hosts/a?b=c#d": "/hosts/a?b=c#d", "": "/", "hosts": "/", "//evil.example.net": "/", "/\\evil.example.net": "/",
		"https://evil.example.net/": "/", "javascript:alert(1)": "/", "/a\r\nb": "/", "/\t/evil.example.net": "/", "/" + strings.Repeat("x", 2000): "/",
	} {
		if got := signin.LocalPath(path); got != want {
			t.Errorf("LocalPath(%q) = %q, want %q", path, got, want)
		}
	}
}
