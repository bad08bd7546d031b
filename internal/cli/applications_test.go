package cli_test

import (
	"io"
	"maps"
	"mime/quotedprintable"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"stayput.dev/test/rig"
)

// TestApplications runs the stories of testdata/mail, for which there is a mail server, at
// $MAIL. Beside the commands of TestScripts they have this:
//
//	apply NAME         signs up by mail and chooses the name, as people do in the pages
//	mailed NAME TEXT   waits for the second mail, in which the text must be
func TestApplications(t *testing.T) {
	t.Parallel()
	server := rig.StartMailServer(t, rig.MailServerOptions{TLS: "none"})
	read := func(ts *testscript.TestScript, name string, n int) string {
		text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(server.Await(t, name+"@example.org", n)[n-1].Raw)))
		ts.Check(err)
		return string(text)
	}
	send := func(ts *testscript.TestScript, path string, form url.Values) {
		answer, err := http.PostForm("http://"+ts.Getenv("HTTP")+path, form)
		ts.Check(err)
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			ts.Fatalf("%s answers %s", path, answer.Status)
		}
	}
	p := scripts(t, filepath.Join("testdata", "mail"))
	setup := p.Setup
	p.Setup = func(env *testscript.Env) error {
		env.Vars = append(env.Vars, "MAIL="+server.Addr)
		return setup(env)
	}
	maps.Copy(p.Cmds, map[string]func(*testscript.TestScript, bool, []string){
		"apply": func(ts *testscript.TestScript, _ bool, args []string) {
			send(ts, "/signin/signup", url.Values{"email": {args[0] + "@example.org"}})
			path := regexp.MustCompile(`http://dns\.example\.org(/signin/signup/[\w-]+)`).FindStringSubmatch(read(ts, args[0], 1))
			if path == nil {
				ts.Fatalf("the mail has no link")
			}
			send(ts, path[1], url.Values{"name": {args[0]}, "password": {"correct horse battery"}})
		},
		"mailed": func(ts *testscript.TestScript, _ bool, args []string) {
			if text := read(ts, args[0], 2); !strings.Contains(text, args[1]) {
				ts.Fatalf("the mail lacks %q:\n%s", args[1], text)
			}
		},
	})
	testscript.Run(t, p)
}
