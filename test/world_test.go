// Package test holds what can only be shown from outside: the real binary, real
// clients and real faults.
package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// binary builds the binary under test, once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "stayput-test-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "stayput")
	build := exec.Command("go", "build", "-trimpath", "-o", file, "stayput.dev/cmd/stayput")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped, and so compiled once for all who build it
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	if words, ok := os.LookupEnv("STAYPUT_TEST_HEIR"); ok {
		playHeir(words)
	}
	code := m.Run()
	if file, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

// need skips the test when a program that it talks to is not installed; in CI
// that is a failure.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p+" is not installed")
		}
	}
}

// needRoot is need for what only root may do.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		missing(t, "only root may mount file systems and make networks")
	}
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// world is a daemon with its data, on ports that the kernel chose.
type world struct {
	t      testing.TB
	dir    string // configuration
	data   string
	prefix []string   // what the daemon is run by, such as strace
	own    string     // path of its program, "" for that of all worlds
	env    []string   // besides ours
	files  []*os.File // what it inherits besides

	cmd       *exec.Cmd // nil when the first process has ended
	pid       int       // of the process that serves
	group     int       // of its processes; 0 when none runs
	dns, http string
	dnsTLS    string // "" where nothing listens for it
	https     string // "" without a certificate
	log       *logBuffer
}

// newWorld prepares a world whose data is in the given directory, or in one of its
// own when that is empty. It does not start the daemon.
func newWorld(t testing.TB, data string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), data: data}
	if data == "" {
		w.data = filepath.Join(w.dir, "data")
	}
	if url := rig.StoreURL(t, w.data); url != "" {
		w.env = append(w.env, "STAYPUT_STORE_URL="+url)
	}
	w.write("stayput.toml", fmt.Sprintf("data = %q\n[dns]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = [\"127.0.0.1:0\"]\n", w.data))
	return w
}

func (w *world) write(name, content string) string {
	w.t.Helper()
	file := filepath.Join(w.dir, name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// start runs the daemon and waits until it is ready.
func (w *world) start() {
	w.t.Helper()
	w.launch()
	select {
	case r := <-w.log.ready:
		w.dns = r.DNS[0].String()
		if len(r.DNSTLS) > 0 {
			w.dnsTLS = r.DNSTLS[0].String()
		}
		if len(r.HTTP) > 0 {
			w.http = r.HTTP[0].String()
		}
		if len(r.HTTPS) > 0 {
			w.https = r.HTTPS[0].String()
		}
	case <-time.After(60 * time.Second):
		_ = w.cmd.Process.Signal(syscall.SIGQUIT) // the log then says what every goroutine does
		time.Sleep(time.Second)
		w.kill()
		w.t.Fatalf("the daemon is not ready after a minute; its log:\n%s", w.log)
	}
}

// launch runs the daemon.
func (w *world) launch() {
	w.t.Helper()
	args := append(append([]string{}, w.prefix...), w.program(), "serve", "--config", filepath.Join(w.dir, "stayput.toml"))
	w.cmd = exec.Command(args[0], args[1:]...)
	w.cmd.Env = append(append(os.Environ(), "STAYPUT_LOG_FORMAT=json"), w.env...)
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	w.cmd.ExtraFiles = w.files
	w.log = newLogBuffer(w.t)
	w.cmd.Stderr = w.log.pipe
	if err := w.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	_ = w.log.pipe.Close() // the daemon has it
	w.pid, w.group = w.cmd.Process.Pid, w.cmd.Process.Pid
	w.t.Cleanup(w.kill)
}

// program returns the path of the daemon's program.
func (w *world) program() string {
	w.t.Helper()
	if w.own != "" {
		return w.own
	}
	file, err := binary()
	if err != nil {
		w.t.Fatal(err)
	}
	return file
}

// kill ends the daemon as kill -9 does, with all its children.
func (w *world) kill() {
	if w.group == 0 {
		return
	}
	_ = syscall.Kill(-w.group, syscall.SIGKILL)
	if w.cmd != nil {
		_ = w.cmd.Wait()
	}
	<-w.log.ended
	w.cmd, w.group = nil, 0
}

// stop ends the daemon as systemd does, and fails the test when it does not end
// well.
func (w *world) stop() {
	w.t.Helper()
	if err := syscall.Kill(w.pid, syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	w.endFirst()
	<-w.log.ended
	w.group = 0
}

// endFirst waits until the process that the test started has ended well.
func (w *world) endFirst() {
	w.t.Helper()
	if w.cmd == nil {
		return
	}
	if err := w.cmd.Wait(); err != nil {
		w.t.Errorf("the daemon ended: %v; its log:\n%s", err, w.log)
	}
	w.cmd = nil
}

// run runs a command of the command line and returns what it printed.
func (w *world) run(args ...string) string {
	w.t.Helper()
	out, err := w.try(args...)
	if err != nil {
		w.t.Fatalf("stayput %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// try is run for a command that may fail: then the error has what it said.
func (w *world) try(args ...string) (string, error) {
	w.t.Helper()
	stdout, stderr, err := w.output(args...)
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, stderr)
	}
	return stdout, nil
}

// output runs a command of the command line and returns what it printed and said, also
// when it fails.
func (w *world) output(args ...string) (stdout, stderr string, err error) {
	w.t.Helper()
	return w.converse("", args...)
}

// tell is run for a command that reads its standard input.
func (w *world) tell(input string, args ...string) string {
	w.t.Helper()
	stdout, stderr, err := w.converse(input, args...)
	if err != nil {
		w.t.Fatalf("stayput %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return stdout
}

func (w *world) converse(input string, args ...string) (stdout, stderr string, err error) {
	w.t.Helper()
	file, err := binary()
	if err != nil {
		w.t.Fatal(err)
	}
	var out, said bytes.Buffer
	cmd := exec.Command(file, append([]string{"--config", filepath.Join(w.dir, "stayput.toml")}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

// seed makes a zone, an account, its hosts and one update key for all of them.
func (w *world) seed(hosts ...string) (user, secret string) {
	w.t.Helper()
	w.run("zone", "add", "dyn.example.org", "--ns", "ns1.dyn.example.org=127.0.0.1")
	w.run("account", "add", "alice")
	for _, h := range hosts {
		w.run("host", "add", h, "--account", "alice")
	}
	var key struct{ Username, Secret string }
	if err := json.Unmarshal([]byte(w.run("key", "add", "--account", "alice", "--json")), &key); err != nil {
		w.t.Fatal(err)
	}
	return key.Username, key.Secret
}

// ask returns the answer's records of one type as text, sorted as they came.
func (w *world) ask(name string, qtype uint16) []string {
	w.t.Helper()
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	r, err := rig.Exchange(m, w.dns)
	if err != nil {
		w.t.Fatalf("asking for %s: %v; the log:\n%s", name, err, w.log)
	}
	var out []string
	for _, rr := range r.Answer {
		out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return out
}

// serial returns the serial of the zone.
func (w *world) serial() uint32 {
	w.t.Helper()
	m := new(dns.Msg).SetQuestion("dyn.example.org.", dns.TypeSOA)
	r, err := rig.Exchange(m, w.dns)
	if err != nil || len(r.Answer) != 1 {
		w.t.Fatalf("asking for the SOA: %v", err)
	}
	return r.Answer[0].(*dns.SOA).Serial
}

type readyLine struct {
	Msg    string
	DNS    []netip.AddrPort
	DNSTLS []netip.AddrPort `json:"dns_tls"`
	HTTP   []netip.AddrPort
	HTTPS  []netip.AddrPort
}

// logBuffer keeps what the processes of a daemon log, and finds the first line that
// says that one is ready.
type logBuffer struct {
	mu    sync.Mutex // guards text
	text  bytes.Buffer
	ready chan readyLine
	pipe  *os.File      // to be written into
	ended chan struct{} // closed when all who had the pipe have ended
}

func newLogBuffer(t testing.TB) *logBuffer {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l := &logBuffer{ready: make(chan readyLine, 1), pipe: in, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		defer out.Close()
		for in := bufio.NewReader(out); ; {
			line, err := in.ReadBytes('\n')
			l.add(line)
			if err != nil {
				return
			}
		}
	}()
	return l
}

func (l *logBuffer) add(line []byte) {
	var r readyLine
	if json.Unmarshal(line, &r) == nil && r.Msg == "ready" {
		select {
		case l.ready <- r:
		default:
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(line)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
