package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Clients that run on their own live through an answer that asks for patience, here
// because their account is suspended, and get their address in when that is over.
func TestPatience(t *testing.T) {
	tests := []struct {
		program string
		start   func(w *world, user, secret string) *exec.Cmd
		again   func(t *testing.T, w *world, client *exec.Cmd) // makes it try now, and not in minutes
	}{
		{"inadyn", patientInadyn, func(t *testing.T, _ *world, client *exec.Cmd) {
			if err := client.Process.Signal(syscall.SIGUSR1); err != nil {
				t.Error(err)
			}
		}},
		{"ddclient", patientDDClient, restartDDClient},
	}
	for _, tt := range tests {
		t.Run(tt.program, func(t *testing.T) {
			need(t, tt.program)
			t.Parallel()
			w := newWorld(t, "")
			w.start()
			user, secret := w.seed(home)
			w.run("account", "set", "alice", "--suspended=true")
			client := tt.start(w, user, secret)
			var said bytes.Buffer
			client.Stdout, client.Stderr = &said, &said
			if err := client.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- client.Wait() }()
			t.Cleanup(func() {
				_ = client.Process.Kill()
				<-ended
			})
			until(t, "the client hears 911", func() bool {
				return strings.Contains(w.run("host", "history", home), "503 911 (account suspended)")
			})
			select {
			case err := <-ended:
				ended <- err
				t.Fatalf("%s gave up: %v\n%s", tt.program, err, &said)
			case <-time.After(2 * time.Second):
			}
			w.run("account", "set", "alice", "--suspended=false")
			tt.again(t, w, client)
			until(t, "the new address is there", func() bool {
				got := w.ask(home, dns.TypeA)
				return len(got) == 1 && got[0] == "203.0.113.9"
			})
		})
	}
}

func patientInadyn(w *world, user, secret string) *exec.Cmd {
	file := w.write("inadyn.conf", fmt.Sprintf(`period = 300
verify-address = false
custom my@dyn.example.org {
    ssl = false
    username = %s
    password = %s
    hostname = %s
    checkip-server = %s
    checkip-path = /checkip
    checkip-ssl = false
    ddns-server = %s
    ddns-path = "/nic/update?hostname=%%h&myip=203.0.113.9"
}
`, user, secret, home, w.http, w.http))
	return exec.Command("inadyn", "-n", "--force", "-f", file, "--cache-dir="+w.dir, "--no-pidfile", "-l", "debug")
}

func patientDDClient(w *world, user, secret string) *exec.Cmd {
	file := w.write("ddclient.conf", fmt.Sprintf(`use=cmd, cmd='echo 203.0.113.9'
protocol=dyndns2
server=%s
login=%s
password='%s'
%s
`, w.http, user, secret, home))
	return exec.Command("ddclient", "-file", file, "-cache", filepath.Join(w.dir, "ddclient.cache"), "-foreground", "-daemon=60", "-noquiet", "-verbose")
}

// restartDDClient lets it believe that the five minutes are over that it waits after
// a failure: it looks at the time of its last try, in its cache.
func restartDDClient(t *testing.T, w *world, _ *exec.Cmd) {
	cache := filepath.Join(w.dir, "ddclient.cache")
	text, err := os.ReadFile(cache)
	if err != nil {
		t.Fatal(err)
	}
	aged := regexp.MustCompile(`atime=\d+`).ReplaceAllFunc(text, func(m []byte) []byte {
		at, _ := strconv.Atoi(string(m[len("atime="):]))
		return fmt.Appendf(nil, "atime=%d", at-301)
	})
	if err := os.WriteFile(cache, aged, 0o600); err != nil {
		t.Fatal(err)
	}
	output(t, "ddclient", "-file", filepath.Join(w.dir, "ddclient.conf"), "-cache", cache, "-foreground", "-daemon=0", "-noquiet", "-verbose")
}
