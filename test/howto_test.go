package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// howto is a machine with BIND and Apache, on which somebody does what doc/moving-in.md
// says under "In ten minutes", as it is printed there. Only what this machine does
// not have is put in its place: systemctl, and the paths of files.
type howto struct {
	t       *testing.T
	network network
	dir     string // of the old installation
	daemon  *world
	blocks  []block
	apache  string // the lines that Apache has now, beside those that all have
}

// block is what stands between fences.
type block struct{ kind, text string }

var fenced = regexp.MustCompile("(?s)\n```([a-z]+)\n(.*?\n)```\n")

// oldScript stands for PHP: it says good to whoever comes, and tells BIND.
const oldScript = `#!/bin/sh
host=${QUERY_STRING#hostname=}
host=${host%%&*}
printf 'server 127.0.0.1\nzone dyn.example.org\nupdate delete %s A\nupdate add %s 300 A %s\nsend\n' "$host" "$host" "${QUERY_STRING#*myip=}" |
	nsupdate -k DIR/ddns.key && printf 'Content-Type: text/plain\n\ngood'
`

// TestHowTo does as the page says, while a device reports and a script edits the files.
func TestHowTo(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ip", "nsenter", "unshare", "named", "rndc", "ddns-confgen", "nsupdate", "dig", "apache2", "curl")
	h := newHowTo(t)

	// Look.
	bind := h.next("bind")
	h.start(bind)
	device := func(address string) string {
		return h.network.run(t, "curl", "-sS", "-u", "user1:correct horse", "http://127.0.0.1/?hostname=home.dyn.example.org&myip="+address)
	}
	there := func(name string) string {
		return strings.TrimSpace(h.network.run(t, "dig", "+short", "@127.0.0.1", name, "A"))
	}
	if got := device("192.0.2.1"); got != "good" || there("home.dyn.example.org") != "192.0.2.1" {
		t.Fatalf("the old installation answers %q", got)
	}
	config := h.next("toml")
	h.configure(config)
	if got := h.sh(); !strings.Contains(got, "added key user1\n") || !strings.Contains(got, "this was a dry run") {
		t.Errorf("the dry run says\n%s", got)
	}

	// Take over.
	if got := h.sh(); !strings.Contains(got, ", 0 refused\n") || !strings.Contains(got, "added host home.dyn.example.org\n") {
		t.Errorf("the import says\n%s", got)
	}

	// Compare.
	h.apache += h.next("apache")
	h.sh()
	if got := device("192.0.2.2"); got != "good" {
		t.Errorf("the device hears %q", got)
	}
	until(t, "the request was compared", func() bool {
		return strings.Contains(h.daemon.run("shadow", "report"), "1 request judged") && strings.Contains(h.daemon.run("shadow", "report"), " 1 answered alike, 0 differently")
	})
	h.write("conf/dyndns.hosts", "home.dyn.example.org:user1\nnew.dyn.example.org:user2\n")
	h.write("conf/dyndns.user", "user1:abhfCpXqd4GrI\nuser2:abhfCpXqd4GrI\n")

	// Change over.
	h.apache = h.next("apache")
	push := h.next("toml")
	h.configure(strings.NewReplacer("[dns]\n", "[dns]\n"+push, "shadow = true\n", "").Replace(config))
	if got := h.sh(); !strings.Contains(got, "changed host home.dyn.example.org: 192.0.2.2\n") || !strings.Contains(got, "added key user2\n") {
		t.Errorf("the last import says\n%s", got)
	}
	until(t, "updates come here, and reach BIND", func() bool {
		return device("192.0.2.3") == "good" && there("home.dyn.example.org") == "192.0.2.3"
	})
	until(t, "BIND has all", func() bool { return strings.Contains(h.daemon.run("zone", "push"), "up to date") })
	if got := strings.Fields(h.network.run(t, "dig", "+noall", "+answer", "@127.0.0.1", "home.dyn.example.org", "A")); len(got) < 2 || got[1] != "300" {
		t.Errorf("BIND answers %q, want a TTL of 300", got)
	}
	if len(h.blocks) > 0 {
		t.Errorf("%d blocks of the page were not done", len(h.blocks))
	}
}

func newHowTo(t *testing.T) *howto {
	t.Helper()
	h := &howto{t: t, network: newNetwork(t), dir: t.TempDir()}
	page := read(t, "../doc/moving-in.md")
	_, page, _ = strings.Cut(page, "### In ten minutes\n")
	page, _, _ = strings.Cut(page, "\n### ")
	for _, m := range fenced.FindAllStringSubmatch(page, -1) {
		h.blocks = append(h.blocks, block{m[1], m[2]})
	}
	h.daemon = newWorld(t, "")
	h.daemon.prefix = h.network
	h.write("old.sh", strings.ReplaceAll(oldScript, "DIR", h.dir))
	h.write("conf/dyndns.hosts", "home.dyn.example.org:user1\n")
	h.write("conf/dyndns.user", "user1:abhfCpXqd4GrI\n")
	h.write("ddns.key", printed(t, "ddns-confgen", "-q", "-z", "dyn.example.org", "-k", "ddns-key"))
	if err := os.Symlink(h.daemon.program(), filepath.Join(h.dir, "stayput")); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *howto) write(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := writeProgram(path, text); err != nil {
		h.t.Fatal(err)
	}
}

// next returns the next block, which must be of a kind.
func (h *howto) next(kind string) string {
	h.t.Helper()
	if len(h.blocks) == 0 || h.blocks[0].kind != kind {
		h.t.Fatalf("the next block is not %s: %+v", kind, h.blocks)
	}
	text := h.blocks[0].text
	h.blocks = h.blocks[1:]
	return text
}

// start runs BIND with a line in its zone, and Apache as it was before.
func (h *howto) start(bind string) {
	h.t.Helper()
	h.write("db.dyn", "$TTL 300\n@ SOA ns.example.net. hostmaster.example.net. 2026112601 300 60 1209600 60\n@ NS ns.example.net.\n")
	h.write("rndc.key", printed(h.t, "tsig-keygen", "rndc-key"))
	h.write("rndc.conf", fmt.Sprintf("include \"%s/rndc.key\";\noptions { default-key rndc-key; default-server 127.0.0.1; };\n", h.dir))
	h.write("named.conf", strings.ReplaceAll(`
include "DIR/ddns.key";
include "DIR/rndc.key";
controls { inet 127.0.0.1 allow { localhost; } keys { rndc-key; }; };
options {
	directory "DIR";
	listen-on { 127.0.0.1; };
	listen-on-v6 { none; };
	pid-file none;
	session-keyfile none;
	managed-keys-directory "DIR";
	recursion no;
	dnssec-validation no;
	notify no;
};
zone "dyn.example.org" {
	type primary;
	file "DIR/db.dyn";
	update-policy { grant ddns-key zonesub ANY; };
`, "DIR", h.dir)+bind+"};\n")
	h.network.start(h.t, "named", "-g", "-n", "1", "-c", filepath.Join(h.dir, "named.conf"))
	h.apache = strings.ReplaceAll(`
ScriptAlias / DIR/old.sh/
<Directory DIR>
	Options ExecCGI
</Directory>
`, "DIR", h.dir)
	h.configureApache()
	h.startApache()
	until(h.t, "BIND and Apache answer", func() bool {
		return exec.Command(h.network[0], append(h.network[1:], "curl", "-sS", "-o", "/dev/null", "http://127.0.0.1/")...).Run() == nil &&
			exec.Command(h.network[0], append(h.network[1:], "dig", "+time=1", "@127.0.0.1", "dyn.example.org", "SOA")...).Run() == nil
	})
}

// startApache runs Apache, which ends with the test and takes its children along.
func (h *howto) startApache() {
	h.t.Helper()
	args := append(slices.Clone(h.network), "apache2", "-DFOREGROUND", "-f", filepath.Join(h.dir, "apache.conf"))
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it signals all of its group
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if said, err := os.ReadFile(filepath.Join(h.dir, "apache.log")); err == nil && h.t.Failed() {
			h.t.Logf("Apache says:\n%s", said)
		}
	})
}

func (h *howto) configureApache() {
	h.t.Helper()
	const modules = "/usr/lib/apache2/modules/mod_"
	var b strings.Builder
	for _, m := range []string{"mpm_prefork", "authz_core", "alias", "cgi", "proxy", "proxy_http"} {
		fmt.Fprintf(&b, "LoadModule %s_module %s%s.so\n", m, modules, m)
	}
	fmt.Fprintf(&b, "ServerName dyn.example.org\nServerRoot %[1]q\nPidFile %[1]s/apache.pid\nDefaultRuntimeDir %[1]q\nErrorLog %[1]s/apache.log\nListen 127.0.0.1:80\n", h.dir)
	b.WriteString(strings.ReplaceAll(h.apache, "/usr/bin/stayput", filepath.Join(h.dir, "stayput")))
	h.write("apache.conf", b.String())
}

// configure writes the daemon's configuration.
func (h *howto) configure(text string) {
	h.t.Helper()
	h.daemon.write("stayput.toml", fmt.Sprintf("data = %q\n%s", h.daemon.data, text))
}

// sh does what the next block of commands says and returns what it prints.
func (h *howto) sh() string {
	h.t.Helper()
	var out strings.Builder
	for command := range strings.SplitSeq(strings.ReplaceAll(h.next("sh"), "\\\n", ""), "\n") {
		switch command {
		case "":
		case "systemctl restart stayput":
			h.daemon.start()
		case "systemctl reload stayput":
			if err := syscall.Kill(h.daemon.pid, syscall.SIGHUP); err != nil {
				h.t.Fatal(err)
			}
		case "systemctl reload apache2":
			h.configureApache()
			h.network.run(h.t, "apache2", "-k", "graceful", "-f", filepath.Join(h.dir, "apache.conf"))
		case "stayput zone push dyn.example.org": // some moments after a start
			until(h.t, "the pusher has started", func() bool {
				_, err := h.daemon.try("zone", "push", "dyn.example.org")
				return err == nil
			})
			out.WriteString(h.command(command))
		default:
			out.WriteString(h.command(command))
		}
	}
	return out.String()
}

// command runs a command in the directory of the old installation.
func (h *howto) command(text string) string {
	h.t.Helper()
	text = strings.Replace(text, "rndc ", "rndc -c "+filepath.Join(h.dir, "rndc.conf")+" ", 1)
	script := fmt.Sprintf("cd %s && PATH=%s:$PATH STAYPUT_DATA=%s && export PATH STAYPUT_DATA && %s", h.dir, h.dir, h.daemon.data, text)
	return h.network.run(h.t, "sh", "-c", script)
}
