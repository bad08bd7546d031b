package test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// until waits until a condition holds, for a limited time.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(rig.Patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not in time: %s", what)
}

// When the disk is full an update says 911 and changes nothing, the DNS goes on
// answering, and when there is room again all is well without a restart.
func TestDiskFull(t *testing.T) {
	rig.SQLiteOnly(t)
	needRoot(t)
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", dir).CombinedOutput(); err != nil {
		missing(t, "cannot mount a tmpfs: "+string(out))
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	w := newWorld(t, filepath.Join(dir, "data"))
	w.start()
	user, secret := w.seed("home.dyn.example.org")
	update := func(ip string) (int, string) {
		status, body, err := get(w.http, "/nic/update?hostname=home.dyn.example.org&myip="+ip, user, secret)
		if err != nil {
			t.Fatal(err)
		}
		return status, body
	}
	if status, body := update("192.0.2.1"); body != "good 192.0.2.1\n" {
		t.Fatalf("with room: %d %q", status, body)
	}
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	serial, last := w.serial(), ""
	until(t, "an update that finds no room", func() bool {
		last = nextAddress(last)
		status, body := update(last)
		return status == http.StatusServiceUnavailable && body == "911\n"
	})
	failed := last
	if got := w.ask("home.dyn.example.org", dns.TypeA); len(got) != 1 || got[0] == failed {
		t.Errorf("after a failed update the DNS says %v", got)
	}
	if status, _, _ := get(w.http, "/readyz", "", ""); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz = %d while the store fails, want 503", status)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	until(t, "an update when there is room again", func() bool {
		status, body := update("203.0.113.9")
		return status == http.StatusOK && (body == "good 203.0.113.9\n" || body == "nochg 203.0.113.9\n")
	})
	if got := w.ask("home.dyn.example.org", dns.TypeA); len(got) != 1 || got[0] != "203.0.113.9" {
		t.Errorf("with room again the DNS says %v", got)
	}
	if s := w.serial(); s-serial >= 1<<31 {
		t.Errorf("serial went back from %d to %d", serial, s)
	}
	w.stop()
	w.start()
	if got := w.ask("home.dyn.example.org", dns.TypeA); len(got) != 1 || got[0] != "203.0.113.9" {
		t.Errorf("after a restart the DNS says %v", got)
	}
}

// fill takes all room on a file's file system.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
}

// nextAddress returns an address other than the one before.
func nextAddress(last string) string {
	if last == "198.51.100.1" {
		return "198.51.100.2"
	}
	return "198.51.100.1"
}

// When syncing fails an update says 911 and the DNS goes on; when it works again
// the daemon does too, and what it says is true after a restart.
func TestSyncFails(t *testing.T) {
	rig.SQLiteOnly(t)
	need(t, "strace")
	w := newWorld(t, "")
	w.start()
	user, secret := w.seed("home.dyn.example.org")
	w.stop()
	w.prefix = []string{
		"strace", "-f", "--seccomp-bpf", "-o", os.DevNull, "-e", "trace=fsync,fdatasync",
		"-e", "inject=fsync,fdatasync:error=EIO:when=20..26",
	}
	w.start()
	failures, last, good := 0, "", ""
	// strace counts the calls of each thread by itself, so nobody knows which
	// update meets the fault.
	for n := 0; n < 60 || failures == 0 && n < 2000; n++ {
		last = nextAddress(last)
		status, body, err := get(w.http, "/nic/update?hostname=home.dyn.example.org&myip="+last, user, secret)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case status == http.StatusOK:
			good = last
		case status == http.StatusServiceUnavailable && body == "911\n":
			failures++
			time.Sleep(200 * time.Millisecond)
			last = good // ask for the same change again
		default:
			t.Fatalf("update: %d %q", status, body)
		}
		if got := w.ask("home.dyn.example.org", dns.TypeA); len(got) > 1 || status == http.StatusOK && got[0] != good {
			t.Fatalf("told good %s, the DNS says %v", good, got)
		}
	}
	if failures == 0 {
		t.Error("no update failed: the fault was not seen")
	}
	until(t, "an update after the fault", func() bool {
		status, _, err := get(w.http, "/nic/update?hostname=home.dyn.example.org&myip=203.0.113.9", user, secret)
		return err == nil && status == http.StatusOK
	})
	before := w.log.String()
	w.kill()
	w.prefix = nil
	w.start()
	if got := w.ask("home.dyn.example.org", dns.TypeA); len(got) != 1 || got[0] != "203.0.113.9" {
		t.Errorf("after a restart the DNS says %v, told good 203.0.113.9; the log:\n%s\nand after the restart:\n%s", got, before, w.log)
	}
}
