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
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"stayput.dev/internal/cli"
	"stayput.dev/internal/zone"
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
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Values[worldKey{}] = new(world)
			env.Vars = append(env.Vars, raceOptions)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"daemon": func(ts *testscript.TestScript, _ bool, args []string) { theWorld(ts).start(ts, args) },
			"halt":   func(ts *testscript.TestScript, _ bool, _ []string) { theWorld(ts).halt(ts) },
			"hangup": func(ts *testscript.TestScript, _ bool, _ []string) { theWorld(ts).hangup(ts) },
			"update": update,
			"ask":    ask,
		},
	})
}

// raceOptions lets programs that were built with -race end at once. Otherwise each
// sleeps for a second first.
const raceOptions = "GORACE=atexit_sleep_ms=0"

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
		"STAYPUT_DNS_LISTEN=127.0.0.1:0", "STAYPUT_HTTP_LISTEN=127.0.0.1:0")
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
	answer, err := dns.Exchange(m, ts.Getenv("DNS"))
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), dns.RcodeToString[answer.Rcode])
	for _, rr := range answer.Answer {
		fmt.Fprintln(ts.Stdout(), rr)
	}
}
