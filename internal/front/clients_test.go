package front_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/front"
)

// TestRealClients lets programs of the field make an update. What counts is that
// they take the reply for a whole one and for a success.
func TestRealClients(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{} // updates by User-Agent's first word
	update := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="updates"`)
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, "badauth\n")
			return
		}
		agent, _, _ := strings.Cut(r.UserAgent(), "/")
		mu.Lock()
		seen[agent]++
		mu.Unlock()
		fmt.Fprintf(w, "good %s\n", r.FormValue("myip"))
	})
	_, addr := newServer(t, front.Config{Table: front.Table{Devices: map[string]http.Handler{"/nic/update": update}}}, front.Plain)
	host, port, _ := strings.Cut(addr, ":")
	url := "http://" + addr + "/nic/update?hostname=home.example.org&myip=203.0.113.9"
	const good = "good 203.0.113.9"
	tests := []struct {
		program, agent, config string
		args                   []string
		want                   string
	}{
		{
			"ddclient", "ddclient", "use=ip, ip=203.0.113.9\nprotocol=dyndns2\nserver=" + addr + "\nlogin=alice\npassword='s3cret'\nhome.example.org\n",
			[]string{"-file", "CONFIG", "-cache", "CONFIG.cache", "-foreground", "-daemon=0", "-noquiet", "-verbose"},
			"good: IP address set to 203.0.113.9",
		},
		{
			"inadyn", "inadyn", "period = 300\nverify-address = false\niface = lo\ncustom a@example.org {\nssl = false\nusername = alice\npassword = s3cret\n" +
				"hostname = home.example.org\nddns-server = " + host + ":" + port + "\nddns-path = \"/nic/update?hostname=%h&myip=203.0.113.9\"\n}\n",
			[]string{"-1", "-n", "-f", "CONFIG", "--cache-dir=DIR", "--no-pidfile", "-l", "debug"},
			good,
		},
		{"wget", "Wget", "", []string{"-q", "-O-", "--user=alice", "--password=s3cret", "--no-proxy", url}, good},
		{"curl", "curl", "", []string{"-sS", "--noproxy", "*", "-u", "alice:s3cret", "-H", "Connection: keep-alive", url, url}, good + "\n" + good},
		{"curl", "curl", "", []string{"-sS", "--noproxy", "*", "-u", "alice:s3cret", "-H", "Transfer-Encoding: chunked", "-d", "myip=203.0.113.9", "http://" + addr + "//NIC/update/"}, good},
	}
	for _, test := range tests {
		t.Run(test.program, func(t *testing.T) {
			t.Parallel()
			out := runClient(t, test.program, test.config, test.args)
			mu.Lock()
			defer mu.Unlock()
			if !strings.Contains(out, test.want) || seen[test.agent] == 0 {
				t.Errorf("got = %q after %d updates, want %q", out, seen[test.agent], test.want)
			}
		})
	}
}

// runClient runs a program that may not be there, and returns all that it says.
func runClient(t *testing.T, program, config string, args []string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, arg := range args {
		args[i] = strings.NewReplacer("CONFIG", file, "DIR", dir).Replace(arg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}
