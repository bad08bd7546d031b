package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// credentials is an update key of its own for the host home.
type credentials struct{ Username, Secret string }

// key makes an update key for the host home.
func (w *world) key(flags ...string) credentials {
	w.t.Helper()
	var k credentials
	args := append([]string{"key", "add", "--account", "alice", "--host", home, "--json"}, flags...)
	if err := json.Unmarshal([]byte(w.run(args...)), &k); err != nil {
		w.t.Fatal(err)
	}
	return k
}

// The protocols of ddclient whose server can be set, as ddclient of Debian speaks
// them. Most insist on TLS. Of those that are missing, dslreports1 takes numbers
// for hosts only and keysystems asks nothing in this version.
func TestDdclientProtocols(t *testing.T) {
	t.Parallel()
	need(t, "ddclient")
	tests := []struct {
		protocol string
		key      []string // flags of `stayput key add`
		login    string   // "" for the key's user name
		also     string
		source   bool // it does not send the address
		silent   bool // it does not tell of success
	}{
		{protocol: "changeip"},
		{protocol: "dnsexit"},
		{protocol: "dnsmadeeasy"},
		{protocol: "duckdns", key: []string{"--token"}},
		{protocol: "dyndns1"},
		{protocol: "dyndns2"},
		{protocol: "easydns"},
		{protocol: "freedns", key: []string{"--md5"}},
		{protocol: "freemyip", key: []string{"--token"}, source: true},
		{protocol: "googledomains", silent: true},
		{protocol: "namecheap", key: []string{"--token"}, login: "dyn.example.org"},
		{protocol: "njalla", key: []string{"--token"}},
		{protocol: "noip"},
		{protocol: "ovh"},
		{protocol: "sitelutions"},
		{protocol: "woima"},
		{protocol: "zoneedit1", also: "zone=dyn.example.org\n"},
	}
	w := newWorld(t, "")
	w.certify()
	w.start()
	user, secret := w.seed(home)
	w.run("host", "set", home, "--nonglobal", "accept")
	for i, tt := range tests {
		w.reset(user, secret)
		k := w.key(tt.key...)
		if tt.login != "" {
			k.Username = tt.login
		}
		address := fmt.Sprintf("203.0.113.%d", i+1)
		file := w.write("ddclient.conf", fmt.Sprintf(`use=ip, ip=%s
ssl=yes
ssl_ca_file=%s
protocol=%s
server=%s
login=%s
password='%s'
%s%s
`, address, filepath.Join(w.dir, "cert.pem"), tt.protocol, w.https, k.Username, k.Secret, tt.also, home))
		out := output(t, "ddclient", "-file", file, "-cache", filepath.Join(w.dir, tt.protocol), "-foreground", "-daemon=0", "-noquiet", "-verbose")
		if !tt.silent && !strings.Contains(out, "SUCCESS:") {
			t.Errorf("%s: ddclient knows of no success:\n%s", tt.protocol, out)
		}
		if tt.source {
			address = "127.0.0.1"
		}
		if got := w.ask(home, dns.TypeA); len(got) != 1 || got[0] != address {
			t.Errorf("after %s, %s = %q, want %s", tt.protocol, home, got, address)
		}
	}
}

// The plugins of ddupdate, which know the address of their service by heart; here
// they are told ours.
func TestDdupdatePlugins(t *testing.T) {
	t.Parallel()
	need(t, "ddupdate")
	tests := []struct {
		plugin, name string
		key          []string
		source       bool // it does not send the address
	}{
		{plugin: "changeip", name: "changeip.com"},
		{plugin: "dnsexit", name: "dnsexit.com"},
		{plugin: "duckdns", name: "duckdns.org", key: []string{"--token"}},
		{plugin: "duiadns", name: "duiadns.net", key: []string{"--token"}},
		{plugin: "dyfi", name: "dy.fi", source: true},
		{plugin: "dynu", name: "dynu.com", key: []string{"--md5"}},
		{plugin: "dynv6_com", name: "dynv6.com", key: []string{"--token"}},
		{plugin: "freedns", name: "freedns.afraid.org", key: []string{"--md5"}, source: true},
		{plugin: "googledomains", name: "domains.google.com"},
		{plugin: "hurricane_electric", name: "hurricane_electric", key: []string{"--token"}},
		{plugin: "myonlineportal_net", name: "myonlineportal.net"},
		{plugin: "no_ip", name: "no-ip.com"},
	}
	w := newWorld(t, "")
	w.start()
	user, secret := w.seed(home)
	w.run("host", "set", home, "--nonglobal", "accept")
	if err := os.MkdirAll(filepath.Join(w.dir, "share/ddupdate/plugins"), 0o755); err != nil {
		t.Fatal(err)
	}
	service := regexp.MustCompile(`(_url|_update_host) = (["'])https?://[^/"']*`)
	install := func(plugin string) {
		text, err := os.ReadFile("/usr/share/ddupdate/plugins/" + plugin + ".py")
		if err != nil {
			t.Fatal(err)
		}
		w.write("share/ddupdate/plugins/"+plugin+".py", service.ReplaceAllString(string(text), "${1} = ${2}http://"+w.http))
	}
	install("hardcoded_ip")
	for i, tt := range tests {
		w.reset(user, secret)
		k := w.key(tt.key...)
		install(tt.plugin)
		w.write(".netrc", fmt.Sprintf("default login %s password %s\n", k.Username, k.Secret))
		w.write("ddupdate.conf", "[update]\n")
		address := fmt.Sprintf("203.0.113.%d", i+1)
		cmd := exec.Command("ddupdate",
			"-c", filepath.Join(w.dir, "ddupdate.conf"), "-f", "-H", home, "-s", tt.name,
			"-a", "hardcoded-ip", "-O", "ip="+address, "-l", "debug")
		cmd.Env = append(os.Environ(), "HOME="+w.dir, "XDG_DATA_HOME="+filepath.Join(w.dir, "share"), "XDG_DATA_DIRS="+w.dir, "XDG_CACHE_HOME="+filepath.Join(w.dir, tt.plugin))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", tt.plugin, err, out)
			continue
		}
		if tt.source {
			address = "127.0.0.1"
		}
		if got := w.ask(home, dns.TypeA); len(got) != 1 || got[0] != address {
			t.Errorf("after %s, %s = %q, want %s; it said:\n%s", tt.plugin, home, got, address, out)
		}
	}
}
