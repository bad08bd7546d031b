package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const (
	home = "home.dyn.example.org"
	nas  = "nas.dyn.example.org"
)

// Real clients from Debian, each against a world of its own; the DNS shows the
// address as soon as the client has its answer.
func TestClients(t *testing.T) {
	tests := []struct {
		program string
		run     func(t *testing.T, w *world, user, secret string) string
		updates []string // hosts that have the address afterwards
	}{
		{"ddclient", ddclient, []string{home, nas}},
		{"inadyn", inadyn, []string{home, nas}},
		{"curl", curl, []string{home}},
		{"wget", wget, []string{home}},
		{"busybox", busybox, []string{home}},
	}
	for _, tt := range tests {
		t.Run(tt.program, func(t *testing.T) {
			need(t, tt.program, "dig")
			t.Parallel()
			w := newWorld(t, "")
			w.start()
			user, secret := w.seed(home, nas)
			out := tt.run(t, w, user, secret)
			for _, h := range tt.updates {
				if got := dig(t, w, h); got != "203.0.113.9" {
					t.Errorf("after %s, dig %s = %q, want 203.0.113.9; the client said:\n%s\nthe log:\n%s", tt.program, h, got, out, w.log)
				}
			}
			if strings.Contains(w.log.String(), secret) {
				t.Error("the secret is in the log")
			}
		})
	}
}

// What `stayput host setup` prints for programs that are here is what they take.
func TestRecipes(t *testing.T) {
	tests := []struct {
		program string
		needs   []string
		run     func(t *testing.T, w *world, recipe string) string
	}{
		{"curl", nil, func(t *testing.T, _ *world, recipe string) string { return output(t, "sh", "-c", recipe) }},
		{"ddclient", []string{"ddclient"}, func(t *testing.T, w *world, recipe string) string {
			return output(t, "ddclient", "-file", w.write("ddclient.conf", recipe), "-cache", filepath.Join(w.dir, "ddclient.cache"),
				"-foreground", "-daemon=0", "-noquiet", "-verbose")
		}},
		{"inadyn", []string{"inadyn"}, func(t *testing.T, w *world, recipe string) string {
			// It refuses loopback addresses otherwise.
			file := w.write("inadyn.conf", "verify-address = false\n"+recipe)
			return output(t, "inadyn", "-1", "-n", "--force", "-f", file, "--cache-dir="+w.dir, "--no-pidfile", "-l", "debug")
		}},
		{"systemd", []string{"systemd-analyze"}, systemd},
	}
	for _, tt := range tests {
		t.Run(tt.program, func(t *testing.T) {
			need(t, append(tt.needs, "curl")...)
			t.Parallel()
			w := newWorld(t, "")
			w.start()
			_, secret := w.seed(home)
			w.run("host", "set", home, "--nonglobal", "accept")
			out := tt.run(t, w, w.recipe(tt.program, "http://"+w.http, secret))
			if got := w.ask(home, dns.TypeA); len(got) != 1 || got[0] != "127.0.0.1" {
				t.Errorf("after %s, %s = %q; it said:\n%s\nthe log:\n%s", tt.program, home, got, out, w.log)
			}
		})
	}
}

// systemd does what the recipe says in a directory of its own, lets systemd judge
// the units, and runs the command of the service.
func systemd(t *testing.T, w *world, recipe string) string {
	if err := os.MkdirAll(filepath.Join(w.dir, "etc/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	script, _, found := strings.Cut(strings.NewReplacer(" /etc/", " "+w.dir+"/etc/", ">/etc/", ">"+w.dir+"/etc/").Replace(recipe), "systemctl ")
	if !found {
		t.Fatalf("the recipe starts nothing:\n%s", recipe)
	}
	output(t, "sh", "-e", "-c", script)
	units := filepath.Join(w.dir, "etc/systemd/system")
	output(t, "systemd-analyze", "verify", filepath.Join(units, "stayput-update.service"), filepath.Join(units, "stayput-update.timer"))
	secret := filepath.Join(w.dir, "etc/stayput-update.curl")
	if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the secret: %v, %v", info, err)
	}
	service, err := os.ReadFile(filepath.Join(units, "stayput-update.service"))
	if err != nil {
		t.Fatal(err)
	}
	_, command, _ := strings.Cut(string(service), "ExecStart=")
	command, _, _ = strings.Cut(command, "\n")
	return output(t, strings.Fields(strings.ReplaceAll(command, "%d/curl", secret))...)
}

func dig(t *testing.T, w *world, name string) string {
	t.Helper()
	host, port, _ := strings.Cut(w.dns, ":")
	out, err := exec.Command("dig", "+short", "+time=60", "@"+host, "-p", port, name, "A").Output()
	if err != nil {
		t.Fatalf("dig: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

func ddclient(t *testing.T, w *world, user, secret string) string {
	file := w.write("ddclient.conf", fmt.Sprintf(`use=ip, ip=203.0.113.9
protocol=dyndns2
server=%s
login=%s
password='%s'
%s,%s
`, w.http, user, secret, home, nas))
	out := output(t, "ddclient", "-file", file, "-cache", filepath.Join(w.dir, "ddclient.cache"),
		"-foreground", "-daemon=0", "-noquiet", "-verbose")
	for _, h := range []string{home, nas} {
		if want := "SUCCESS:  updating " + h + ": good: IP address set to 203.0.113.9"; !strings.Contains(out, want) {
			t.Errorf("ddclient did not say %q:\n%s", want, out)
		}
	}
	return out
}

func inadyn(t *testing.T, w *world, user, secret string) string {
	if status, body, err := get(w.http, "/nic/update?hostname="+home+","+nas+"&myip=198.51.100.1", user, secret); err != nil || status != 200 {
		t.Fatalf("preparing: %d %q %v", status, body, err)
	}
	file := w.write("inadyn.conf", fmt.Sprintf(`period = 300
verify-address = false
custom my@dyn.example.org {
    ssl = false
    username = %s
    password = %s
    hostname = {"%s", "%s"}
    checkip-server = %s
    checkip-path = /checkip
    checkip-ssl = false
    ddns-server = %s
    ddns-path = "/nic/update?hostname=%%h&myip=203.0.113.9"
}
`, user, secret, home, nas, w.http, w.http))
	return output(t, "inadyn", "-1", "-n", "--force", "-f", file, "--cache-dir="+w.dir, "--no-pidfile", "-l", "debug")
}

func curl(t *testing.T, w *world, user, secret string) string {
	out := output(t, "curl", "-sS", "-u", user+":"+secret, "http://"+w.http+"/nic/update?hostname="+home+"&myip=203.0.113.9")
	if out != "good 203.0.113.9\n" {
		t.Errorf("curl printed %q, want %q", out, "good 203.0.113.9\n")
	}
	return out
}

// GNU Wget asks first without credentials, is challenged, and comes again.
func wget(t *testing.T, w *world, user, secret string) string {
	saved := filepath.Join(w.dir, "answer")
	out := output(t, "wget", "-S", "-O", saved, fmt.Sprintf("http://%s:%s@%s/nic/update?hostname=%s&myip=203.0.113.9", user, secret, w.http, home))
	if !strings.Contains(out, "401 Unauthorized") {
		t.Errorf("wget was not challenged:\n%s", out)
	}
	body, err := os.ReadFile(saved)
	if err != nil || string(body) != "good 203.0.113.9\n" {
		t.Errorf("wget got %q, %v", body, err)
	}
	return out
}

// BusyBox's wget, which small routers have, sends its credentials at once.
func busybox(t *testing.T, w *world, user, secret string) string {
	out := output(t, "busybox", "wget", "-q", "-O", "-", fmt.Sprintf("http://%s:%s@%s/nic/update?hostname=%s&myip=203.0.113.9", user, secret, w.http, home))
	if out != "good 203.0.113.9\n" {
		t.Errorf("busybox wget printed %q", out)
	}
	return out
}

// Two hosts in one request give two lines; a list with a foreign name changes no
// foreign name.
func TestForeignNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start()
	user, secret := w.seed(home, nas)
	w.run("account", "add", "bob")
	w.run("host", "add", "bobs.dyn.example.org", "--account", "bob", "--address", "192.0.2.77")
	_, body, err := get(w.http, "/nic/update?hostname="+home+",bobs.dyn.example.org,"+nas+"&myip=203.0.113.9", user, secret)
	if want := "good 203.0.113.9\nnohost\ngood 203.0.113.9\n"; err != nil || body != want {
		t.Errorf("body = %q, %v, want %q", body, err, want)
	}
	for name, want := range map[string]string{home: "203.0.113.9", nas: "203.0.113.9", "bobs.dyn.example.org": "192.0.2.77"} {
		if got := w.ask(name, dns.TypeA); len(got) != 1 || got[0] != want {
			t.Errorf("%s = %v, want %s", name, got, want)
		}
	}
}
