package daemon_test

import (
	"io"
	"mime/quotedprintable"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/internal/daemon"
	"stayput.dev/test/rig"
)

// TestInvitationsByMail: the daemon sends them in the account's language, or in the one
// that is asked for, and the link leads in, once.
func TestInvitationsByMail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := rig.StartMailServer(t, rig.MailServerOptions{TLS: "none"})
	const mail = "public_url = \"http://dns.example.org\"\n[mail]\nsecurity = \"none\"\nfrom = \"Example DNS <dns@example.org>\"\n"
	cfg := load(t, dir, mail+"server = \""+server.Addr+"\"\n")
	d := start(t, cfg, daemon.Options{})
	for name, language := range map[string]string{"alice": "es", "bob": ""} {
		if _, err := d.admin.AddAccount(t.Context(), admin.NewAccount{Name: name, Email: name + "@example.org", Language: language}); err != nil {
			t.Fatal(err)
		}
	}
	client := api.NewClient(d.Socket)
	defer client.Close()
	for name, language := range map[string]string{"alice": "es", "bob": "de"} {
		if made, err := client.Invite(t.Context(), name, api.NewInvitation{Mail: true, Language: "de"}); err != nil || made.Link != "" {
			t.Fatalf("invitation %+v, %v, want one by mail", made, err)
		}
		m := server.Await(t, name+"@example.org", 1)[0]
		if !strings.Contains(m.Raw, "Content-Language: "+language) {
			t.Errorf("mail\n%s", m.Raw)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(m.Raw)))
		path := regexp.MustCompile(`http://dns\.example\.org(/signin/invitation/[\w-]+)`).FindSubmatch(text)
		if err != nil || path == nil {
			t.Fatalf("no link in the mail: %v\n%s", err, text)
		}
		accept(t, "http://"+d.HTTP[0].String(), string(path[1]), name)
	}
}

// TestTokensAreTold: the owner of an API token hears of it by mail when it was made by the
// command line's way, which is the API's.
func TestTokensAreTold(t *testing.T) {
	t.Parallel()
	server := rig.StartMailServer(t, rig.MailServerOptions{TLS: "none"})
	cfg := load(t, t.TempDir(), "[mail]\nserver = \""+server.Addr+"\"\nsecurity = \"none\"\nfrom = \"dns@example.org\"\n")
	d := start(t, cfg, daemon.Options{})
	if _, err := d.admin.AddAccount(t.Context(), admin.NewAccount{Name: "alice", Email: "alice@example.org"}); err != nil {
		t.Fatal(err)
	}
	client := api.NewClient(d.Socket)
	defer client.Close()
	if _, err := client.AddToken(t.Context(), api.NewToken{Account: "alice", Name: "nightly-backup"}); err != nil {
		t.Fatal(err)
	}
	if m := server.Await(t, "alice@example.org", 1)[0]; !strings.Contains(m.Raw, "nightly-backup") {
		t.Errorf("mail\n%s", m.Raw)
	}
}

// TestIdentitiesAreExported: who signs in by an identity provider finds in the file about
// themselves whom of it they are connected with.
func TestIdentitiesAreExported(t *testing.T) {
	t.Parallel()
	p := rig.StartProvider(t)
	p.Be("u1", "alice.sso")
	d := start(t, load(t, t.TempDir(), "public_url = \"http://dns.example.org\"\n[oidc]\nissuer = \""+p.URL+"\"\nclient_id = \"web\"\nname = \"Example SSO\"\ncreate_accounts = true\n"), daemon.Options{})
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(path string) (to, text string) {
		t.Helper()
		r, err := browser.Get("http://" + d.HTTP[0].String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode >= 400 {
			t.Fatalf("%s: %d, %v\n%s", path, r.StatusCode, err, body)
		}
		return r.Header.Get("Location"), string(body)
	}
	to, _ := get("/signin/provider")
	get("/signin/oidc?" + p.Approve(to).Encode())
	if _, file := get("/account/data"); !strings.Contains(file, `"name": "alice.sso"`) || !strings.Contains(file, p.URL) {
		t.Errorf("the file does not say whom of the provider alice is:\n%s", file)
	}
}

// accept follows the link of an invitation, as a browser does.
func accept(t *testing.T, server, path, name string) {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	visit := func(r *http.Response, err error) (int, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, _ := io.ReadAll(r.Body)
		return r.StatusCode, string(text)
	}
	for range 2 { // looking changes nothing
		if status, text := visit(browser.Get(server + path)); status != http.StatusOK || !strings.Contains(text, name) {
			t.Fatalf("%s: %d\n%s", path, status, text)
		}
	}
	form := url.Values{"username": {name}, "password": {"a password of my own"}}
	if status, text := visit(browser.PostForm(server+path, form)); status != http.StatusOK || !strings.Contains(text, name) {
		t.Errorf("after the form: %d\n%s", status, text)
	}
	if status, _ := visit(browser.Get(server + "/keys")); status != http.StatusOK {
		t.Errorf("a page for those who are signed in: %d", status)
	}
	if status, text := visit(browser.Get(server + "/api/v1/self")); status != http.StatusOK || !strings.Contains(text, `"account":"`+name+`"`) {
		t.Errorf("the API to who is signed in: %d\n%s", status, text)
	}
	if status, _ := visit(browser.PostForm(server+path, form)); status < 400 {
		t.Errorf("the link again: %d, want a failure", status)
	}
}

// TestEnrolBeforeTheAPI: whoever must set up a second factor first is nobody to the API.
func TestEnrolBeforeTheAPI(t *testing.T) {
	t.Parallel()
	d := start(t, load(t, t.TempDir(), "public_url = \"http://dns.example.org\"\n[signin]\nrequire_second_factor = [\"customer\"]\n"), daemon.Options{})
	if _, err := d.admin.AddAccount(t.Context(), admin.NewAccount{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	client := api.NewClient(d.Socket)
	defer client.Close()
	made, err := client.Invite(t.Context(), "alice", api.NewInvitation{})
	if err != nil {
		t.Fatal(err)
	}
	server, path := "http://"+d.HTTP[0].String(), strings.TrimPrefix(made.Link, "http://dns.example.org")
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	for _, ask := range []func() (*http.Response, error){
		func() (*http.Response, error) {
			return browser.PostForm(server+path, url.Values{"password": {"a password of my own"}})
		},
		func() (*http.Response, error) { return browser.Get(server + "/account") },
	} {
		r, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK || strings.HasPrefix(r.Request.URL.Path, "/signin") {
			t.Fatalf("%s: %d", r.Request.URL, r.StatusCode)
		}
	}
	r, err := browser.Get(server + "/api/v1/self")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the API answers %d, want 401", r.StatusCode)
	}
}

// TestSecretsComeFromFiles: a password stands in a file, and nowhere else; without it
// the daemon does not start.
func TestSecretsComeFromFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "mail.password")
	if err := os.WriteFile(file, []byte("canary-password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const settings = "[mail]\nserver = \"127.0.0.1:9\"\nsecurity = \"none\"\nfrom = \"dns@example.org\"\nusername = \"stayput\"\npassword_file = \"mail.password\"\n"
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cfg := load(t, dir, settings)
	d := start(t, cfg, daemon.Options{LogTo: log})
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(log.Name()); err != nil || strings.Contains(string(text), "canary") {
		t.Errorf("the log tells the password, or cannot be read: %v\n%s", err, text)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := daemon.Run(t.Context(), cfg, daemon.Options{LogTo: log}); err == nil || !strings.Contains(err.Error(), "mail.password") {
		t.Errorf("without the file: %v", err)
	}
}
