package test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// status is what the tests read of `stayput status`.
type status struct {
	PID          int    `json:"pid"`
	Version      string `json:"version"`
	UpgradeError string `json:"upgrade_error"`
}

func (w *world) status() (s status) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.run("status", "--json")), &s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// upgrade lets a new process take over.
func (w *world) upgrade() {
	w.t.Helper()
	old := w.pid
	w.run("upgrade")
	if w.pid = w.status().PID; w.pid == old {
		w.t.Fatalf("after an upgrade process %d still serves", old)
	}
	w.endFirst()
}

// signal is upgrade by a signal.
func (w *world) signal(t *testing.T) {
	t.Helper()
	old := w.pid
	if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	until(t, "another process serves", func() bool {
		w.pid = w.status().PID
		return w.pid != old
	})
	w.endFirst()
}

// Three upgrades while clients ask and update without a pause: nothing is
// refused, reset or unanswered, no acknowledged update is lost, and none is unseen
// by a query that was sent after its acknowledgement.
func TestUpgradeUnderLoad(t *testing.T) {
	w := newWorld(t, "")
	w.start()
	l := newLoad(t, w, loadPace{updaters: 8, flood: 3, perConn: 100})
	for _, upgrade := range []func(){w.upgrade, func() { w.signal(t) }, w.upgrade} {
		time.Sleep(500 * time.Millisecond)
		upgrade()
	}
	time.Sleep(500 * time.Millisecond)
	l.end()
	w.stop()
	w.start() // on what the last one left
	l.ledger.mustAudit(t, w, l.ledger.book())
}

// Three upgrades of a node, one that only answers questions or any, while another one takes
// updates: nothing is unanswered, no answer is older than one before, and each process
// follows.
func TestUpgradeOfANode(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  func(t *testing.T, database string) []string
	}{
		{"that only answers, on a standby", func(t *testing.T, database string) []string {
			return []string{"STAYPUT_STORE_URL=" + rig.NewStandby(t).URL(database), "STAYPUT_ROLE=dns"}
		}},
		{"that takes updates", func(_ *testing.T, database string) []string { return []string{"STAYPUT_STORE_URL=" + database} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			nodes, _ := newNodes(t, 1)
			other, w := nodes[0], newWorld(t, "")
			other.env = append(other.env, "STAYPUT_STORE_TIMEOUT=20s") // no update may hear 911
			other.start()
			w.env = append(tt.env(t, primaryURL(other)), "STAYPUT_STORE_NODE=upgraded")
			w.start()
			l := newFollowersLoad(t, w, other, loadPace{updaters: 2, flood: 1, perConn: 100})
			for _, upgrade := range []func(){w.upgrade, func() { w.signal(t) }, w.upgrade} {
				upgrade()
				known := l.ledger.book()
				until(t, "the new process follows", func() bool { return len(l.ledger.audit(w, known)) == 0 })
			}
			l.halt()
			until(t, "it has followed to the end", func() bool { return len(l.ledger.audit(w, l.ledger.book())) == 0 })
			w.stop()
			other.stop()
		})
	}
}

// The process that was to take over fails, in many ways. The one that runs goes on
// as if nothing had been.
func TestUpgradeFails(t *testing.T) {
	const configFault = "[dns]\nlisten = \"nowhere\"\n"
	for _, tt := range []struct {
		name   string
		break_ func(w *world) (mend func())
		want   string
	}{
		{"a program that fails", func(w *world) func() { return w.replace("#!/bin/sh\nexit 1\n") }, "the new process: exit status 1"},
		{"a program that is none", func(w *world) func() { return w.replace("nonsense") }, "exec format error"},
		{"a fault in the configuration", func(w *world) func() { return w.configure(configFault) }, "dns.listen: wants a list"},
		{"other data", func(w *world) func() { return w.configure("data = \"elsewhere\"\n") }, "data directory"},
		{"before it has loaded", func(w *world) func() { return w.replaceByTest("") }, "signal: killed"},
		{"before it answers", func(w *world) func() { return w.replaceByTest("loaded") }, "signal: killed"},
		{"before it has the store", func(w *world) func() { return w.replaceByTest("loaded,answering") }, "signal: killed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			w.ownProgram()
			w.start()
			l := newLoad(t, w, loadPace{updaters: 4, flood: 1, perConn: 100})
			mend := tt.break_(w)
			out, err := w.try("upgrade", "--socket", filepath.Join(w.data, "admin.sock"))
			mend()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("upgrading: %q, %v, want an error with %q", out, err, tt.want)
			}
			if s := w.status(); s.PID != w.pid || s.UpgradeError == "" {
				t.Errorf("after an upgrade that failed: %+v, before process %d", s, w.pid)
			}
			time.Sleep(200 * time.Millisecond)
			w.upgrade()
			if s := w.status(); s.UpgradeError != "" {
				t.Errorf("after an upgrade: %+v", s)
			}
			l.end()
			w.stop()
		})
	}
}

// A command that takes long keeps an upgrade from going on. What ran before runs on then,
// and nothing of it twice.
func TestUpgradeWaitsForACommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start()
	end := w.occupy(t)
	if out, err := w.try("upgrade", "--socket", filepath.Join(w.data, "admin.sock")); err == nil || !strings.Contains(err.Error(), "still running") {
		t.Errorf("upgrading: %q, %v", out, err)
	}
	end()
	until(t, "silent hosts are looked for once over", func() bool {
		return strings.Count(w.goroutines(t), "update.(*Expiry).Run(") == 1
	})
	w.upgrade()
	w.stop()
}

// A reload that comes while a new process takes over is heard by that, which may have read
// the settings before they changed.
func TestReloadDuringUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start()
	old, end := w.pid, w.occupy(t)
	defer end()
	if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	until(t, "the new process has loaded", func() bool { return strings.Count(w.log.String(), "state loaded") == 2 })
	settings := must(os.ReadFile(filepath.Join(w.dir, "stayput.toml")))(t)
	w.write("stayput.toml", strings.Replace(string(settings), "[dns]\n", "[dns]\nversion = \"after the reload\"\n", 1))
	if err := syscall.Kill(old, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	end()
	until(t, "another process serves", func() bool { w.pid = w.status().PID; return w.pid != old })
	until(t, "it has the new settings", func() bool {
		m := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
		m.Question[0].Qclass = dns.ClassCHAOS
		m, err := rig.Exchange(m, w.dns)
		return err == nil && len(m.Answer) == 1 && strings.Contains(m.Answer[0].String(), "after the reload")
	})
	w.endFirst()
	w.stop()
}

// occupy has the daemon run a command until end is called.
func (w *world) occupy(t *testing.T) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var long sync.WaitGroup
	long.Go(func() { _, _ = w.profile(ctx, "trace?seconds=600") })
	until(t, "the command runs", func() bool { return strings.Contains(w.goroutines(t), "pprof.Trace(") })
	return func() { cancel(); long.Wait() }
}

// goroutines tells what each of the daemon does.
func (w *world) goroutines(t *testing.T) string {
	t.Helper()
	return must(w.profile(t.Context(), "goroutine?debug=2"))(t)
}

// profile asks the daemon for one of its profiles.
func (w *world) profile(ctx context.Context, which string) (string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(w.data, "admin.sock"))
	}}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://admin/debug/pprof/"+which, nil)
	if err != nil {
		return "", err
	}
	reply, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return string(text), err
}

// What devices asked is known to the next process, too.
func TestUpgradeKeepsHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start()
	user, secret := w.seed(home)
	report := func(addr string) {
		t.Helper()
		if status, body, err := get(w.http, "/nic/update?hostname="+home+"&myip="+addr, user, secret); err != nil || status != 200 {
			t.Fatalf("%d %q %v", status, body, err)
		}
	}
	report("203.0.113.9")
	w.upgrade()
	report("203.0.113.10")
	until(t, "both reports stand in the history", func() bool {
		history := w.run("host", "history", home)
		return strings.Contains(history, "good 203.0.113.9") && strings.Contains(history, "good 203.0.113.10")
	})
	w.stop()
}

// A daemon that is stopped while the next one loads takes that with it.
func TestStopDuringUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.ownProgram()
	w.start()
	w.replaceByTest("sleep")
	if err := syscall.Kill(w.pid, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	until(t, "a new process is started", func() bool { return strings.Contains(w.log.String(), "starting a new process") })
	w.stop() // and waits for all processes
}

// ownProgram gives the world a copy of the program that can be replaced.
func (w *world) ownProgram() {
	w.t.Helper()
	w.install(must(binary())(w.t))
}

// install puts a program in the place of the world's own one, at once.
func (w *world) install(program string) {
	w.t.Helper()
	w.own = filepath.Join(w.dir, "stayput")
	fresh := w.own + ".new"
	_ = os.Remove(fresh) // to rename a file over itself leaves both names
	if err := os.Link(program, fresh); err != nil {
		text := must(os.ReadFile(program))(w.t)
		if err := writeProgram(fresh, string(text)); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := os.Rename(fresh, w.own); err != nil {
		w.t.Fatal(err)
	}
}

// writeProgram writes a file that is to be executed. Nobody in this process starts another
// meanwhile, which would have the file open for writing for a moment, and so keep it from
// being executed (https://go.dev/issue/22315).
func writeProgram(file, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(file, []byte(text), 0o755)
}

// replace puts another program in the place of the world's, as an installation
// does; undo puts the old one back.
func (w *world) replace(text string) (undo func()) {
	w.t.Helper()
	if err := os.Rename(w.own, w.own+".old"); err != nil {
		w.t.Fatal(err)
	}
	if err := writeProgram(w.own, text); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if err := os.Rename(w.own+".old", w.own); err != nil {
			w.t.Fatal(err)
		}
	}
}

// replaceByTest is replace with a program that says some words as an heir would,
// waits for the answer to each, and then kills itself.
func (w *world) replaceByTest(words string) (undo func()) {
	w.t.Helper()
	self := must(os.Executable())(w.t)
	return w.replace("#!/bin/sh\nSTAYPUT_TEST_HEIR='" + words + "' exec '" + self + "' heir\n")
}

// configure adds to the world's configuration, or replaces a line of it.
func (w *world) configure(text string) (undo func()) {
	w.t.Helper()
	file := filepath.Join(w.dir, "stayput.toml")
	old := must(os.ReadFile(file))(w.t)
	w.write("stayput.toml", text)
	return func() { w.write("stayput.toml", string(old)) }
}

// must returns what fails the test if there is an error, and else the value.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// playHeir is the process that replaceByTest puts in the place of the daemon.
func playHeir(words string) {
	line := os.NewFile(3, "line")
	buf := make([]byte, 1<<17)
	_, _ = line.Read(buf) // the sockets
	if words == "sleep" {
		select {}
	}
	for word := range strings.SplitSeq(words, ",") {
		if word != "" {
			_, _ = line.WriteString(`{"say":"` + word + `"}`)
			_, _ = line.Read(buf)
		}
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
