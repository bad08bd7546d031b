package test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// newBilling returns a daemon with a zone, and the environment of a billing system.
func newBilling(t *testing.T) (w *world, env []string) {
	t.Helper()
	w = newWorld(t, "")
	w.start()
	w.run("zone", "add", "dyn.example.org", "--ns", "ns1.dyn.example.org=127.0.0.1")
	w.run("account", "add", "billing", "--role", "admin")
	var token struct{ Secret string }
	out := w.run("--json", "token", "add", "--account", "billing", "--staff", "--source", "127.0.0.0/8")
	if err := json.Unmarshal([]byte(out), &token); err != nil {
		t.Fatal(err)
	}
	return w, append(os.Environ(), "STAYPUT_URL=http://"+w.http, "STAYPUT_TOKEN="+token.Secret)
}

// Each command of doc/provisioning.md works as it stands there.
func TestProvisioningPage(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	page, err := os.ReadFile("../doc/provisioning.md")
	if err != nil {
		t.Fatal(err)
	}
	w, env := newBilling(t)
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 8 {
		t.Errorf("the page has %d blocks of commands", len(blocks))
	}
	for _, block := range blocks {
		for range 2 { // each may be sent again
			cmd := exec.Command("sh", "-eu", "-c", block[1])
			cmd.Env = env
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s%v\n%s", block[1], err, out)
			}
		}
	}
	if out := w.run("account", "show", "alice"); !regexp.MustCompile(`(?m)^hosts +1$`).MatchString(out) || !strings.Contains(out, "crm-4711") || strings.Contains(out, "state") {
		t.Errorf("in the end the account is\n%s", out)
	}
	w.stop()
}

// A client that a public generator makes of the description runs the same story.
func TestGeneratedClient(t *testing.T) {
	t.Parallel()
	w, env := newBilling(t)
	dir := t.TempDir()
	for _, name := range []string{"main.go", "go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("testdata", "provisioner", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := http.Get("http://" + w.http + "/api/v1/openapi-3.0.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	description, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "api.json")
	if err := os.WriteFile(file, description, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(in, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = in, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("..", "go", "tool", "-modfile=tools/go.mod", "oapi-codegen", "-generate", "types,client", "-package", "main", "-o", filepath.Join(dir, "client.gen.go"), file)
	run(dir, "go", "build", "-o", "provisioner", ".")
	got := run(dir, filepath.Join(dir, "provisioner"))
	const want = `I am billing with the role admin
refused: account dave may have no more than 2 hosts, says plan business
suspended: true
now: terminated with 0 hosts
`
	if got != want {
		t.Errorf("the client says\n%s\nwant\n%s", got, want)
	}
	w.stop()
}
