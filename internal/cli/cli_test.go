package cli_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"stayput.dev/internal/cli"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"stayput": func() { os.Exit(cli.Main("1.2.3", os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the stories of testdata/script. Beside the usual commands they
// have these:
//
//	daemon [flag...]             runs `stayput serve`; $DNS and $HTTP say where it answers
//	halt                         ends the daemon as systemd does
//	hangup                       sends it SIGHUP and waits for its word
//	update USER:SECRET QUERY     asks the update service, as a router does
//	ask NAME TYPE                asks the DNS
//	[postgres]                   tells whether the data is in PostgreSQL
//	apache [FILE]                runs Apache before the daemon, below /dyndns/; $APACHE says where it answers
//	nginx FILE                   runs nginx; $NGINX says where it answers
//	bind ZONE FILE KEYFILE       runs BIND with a zone; $BIND says where it answers
//	await-report PATTERN         waits until the report of shadow mode has such a line
//	oldservice HOSTS USERS ZONE KEYFILE  runs what answers as nicokaiser/Dyndns does; $OLD says where
//	sidebyside TABLE             holds our answers against those of that
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts(t, filepath.Join("testdata", "script")))
}

// scripts says how the stories in a directory are run.
func scripts(t *testing.T, dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Values[worldKey{}] = new(world)
			env.Vars = append(env.Vars, raceOptions)
			if url := rig.StoreURL(t, env.WorkDir); url != "" {
				env.Vars = append(env.Vars, databaseVariable+"="+url)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "postgres" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return rig.OnPostgres(), nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"daemon":       func(ts *testscript.TestScript, _ bool, args []string) { theWorld(ts).start(ts, args) },
			"halt":         func(ts *testscript.TestScript, _ bool, _ []string) { theWorld(ts).halt(ts) },
			"hangup":       func(ts *testscript.TestScript, _ bool, _ []string) { theWorld(ts).hangup(ts) },
			"update":       update,
			"ask":          ask,
			"bind":         bind,
			"apache":       apache,
			"nginx":        nginx,
			"await-report": awaitReport,
			"oldservice":   startOldService,
			"sidebyside":   sideBySide,
		},
	}
}

// raceOptions lets programs that were built with -race end at once. Otherwise each
// sleeps for a second first.
const raceOptions = "GORACE=atexit_sleep_ms=0"

// databaseVariable says which database the programs of a script use; it is empty or
// not there for a file.
const databaseVariable = "STAYPUT_STORE_URL"

type worldKey struct{}

func theWorld(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// world is the daemon of one script.
type world struct {
	cmd *exec.Cmd
	log *bufio.Scanner
}

// start runs the daemon and returns when it is ready.
func (w *world) start(ts *testscript.TestScript, args []string) {
	path, err := exec.LookPath("stayput")
	ts.Check(err)
	w.cmd = exec.Command(path, append([]string{"serve"}, args...)...)
	w.cmd.Dir = ts.MkAbs(".")
	w.cmd.Env = append(os.Environ(), raceOptions, "STAYPUT_LOG_FORMAT=json",
		"STAYPUT_DNS_LISTEN=127.0.0.1:0", "STAYPUT_HTTP_LISTEN=127.0.0.1:0", databaseVariable+"="+ts.Getenv(databaseVariable))
	stderr, err := w.cmd.StderrPipe()
	ts.Check(err)
	ts.Check(w.cmd.Start())
	ts.Defer(func() { _ = w.cmd.Process.Kill() })
	w.log = bufio.NewScanner(stderr)
	var ready struct{ DNS, HTTP []netip.AddrPort }
	ts.Check(json.Unmarshal([]byte(w.await(ts, "ready")), &ready))
	ts.Setenv("DNS", ready.DNS[0].String())
	ts.Setenv("HTTP", ready.HTTP[0].String())
}

// await reads the log up to the line with the message, and returns it.
func (w *world) await(ts *testscript.TestScript, message string) string {
	for w.log.Scan() {
		ts.Logf("daemon: %s", w.log.Text())
		var line struct{ Msg string }
		if json.Unmarshal(w.log.Bytes(), &line) == nil && line.Msg == message {
			return w.log.Text()
		}
	}
	ts.Fatalf("the daemon ended and did not say %q", message)
	return ""
}

func (w *world) halt(ts *testscript.TestScript) {
	ts.Check(w.cmd.Process.Signal(syscall.SIGTERM))
	for w.log.Scan() {
		ts.Logf("daemon: %s", w.log.Text())
	}
	ts.Check(w.cmd.Wait())
}

func (w *world) hangup(ts *testscript.TestScript) {
	ts.Check(w.cmd.Process.Signal(syscall.SIGHUP))
	w.await(ts, "configuration reloaded")
}

// awaitReport waits until `stayput shadow report` prints a line that fits: what a web
// server mirrors comes when that finds the time.
func awaitReport(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("(?m)" + args[0])
	var got string
	for range 1200 {
		ts.Check(ts.Exec("stayput", "shadow", "report"))
		if got = ts.ReadFile("stdout"); want.MatchString(got) {
			_, err := io.WriteString(ts.Stdout(), got)
			ts.Check(err)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("the report is still\n%s", got)
}

func update(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: update USER:SECRET QUERY")
	}
	user, secret, _ := strings.Cut(args[0], ":")
	r, err := http.NewRequest(http.MethodGet, "http://"+ts.Getenv("HTTP")+"/nic/update?"+args[1], nil)
	ts.Check(err)
	r.SetBasicAuth(user, secret)
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	if ok := answer.StatusCode == http.StatusOK; ok == neg {
		ts.Fatalf("the update service answers %s", answer.Status)
	}
	_, err = io.Copy(ts.Stdout(), answer.Body)
	ts.Check(err)
}

func ask(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: ask NAME TYPE")
	}
	typ, err := zone.ParseType(args[1])
	ts.Check(err)
	m := new(dns.Msg).SetQuestion(dns.Fqdn(args[0]), uint16(typ))
	answer, err := rig.Exchange(m, ts.Getenv("DNS"))
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), dns.RcodeToString[answer.Rcode])
	for _, rr := range answer.Answer {
		fmt.Fprintln(ts.Stdout(), rr)
	}
}
