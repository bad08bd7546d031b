package dnsserver_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// program returns the path of a program that a test needs. Without it the test
// is skipped, or fails where all programs ought to be there.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not installed", name)
	default:
		t.Skipf("%s is not installed", name)
	}
	return path
}

// peer is a server of another make, and how to start it on 127.0.0.1:port with
// the master files that stand in dir under the names of their zones.
type peer struct {
	program string
	config  func(dir string, port uint16, zones []string) string
	args    func(config string) []string
}

var bind = peer{
	program: "named",
	config: func(dir string, port uint16, zones []string) string {
		var b bytes.Buffer
		fmt.Fprintf(&b, `
options {
	directory %[1]q;
	listen-on port %[2]d { 127.0.0.1; };
	listen-on-v6 { none; };
	pid-file none;
	session-keyfile none;
	managed-keys-directory %[1]q;
	recursion no;
	dnssec-validation no;
	notify no;
	minimal-responses no-auth;
	minimal-any yes;
	zero-no-soa-ttl no;
	check-names primary ignore;
	check-integrity no;
};
controls { };
`, dir, port)
		for _, z := range zones {
			fmt.Fprintf(&b, "zone %q { type primary; file %q; };\n", z, filepath.Join(dir, z))
		}
		return b.String()
	},
	args: func(config string) []string { return []string{"-g", "-n", "1", "-c", config} },
}

var knot = peer{
	program: "knotd",
	config: func(dir string, port uint16, zones []string) string {
		var b bytes.Buffer
		fmt.Fprintf(&b, `
server:
    rundir: %[1]q
    listen: 127.0.0.1@%[2]d
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: %[1]q
template:
  - id: default
    storage: %[1]q
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
zone:
`, dir, port)
		for _, z := range zones {
			fmt.Fprintf(&b, "  - domain: %q\n    file: %q\n", z, filepath.Join(dir, z))
		}
		return b.String()
	},
	args: func(config string) []string { return []string{"-c", config} },
}

var nsd = peer{
	program: "nsd",
	config: func(dir string, port uint16, zones []string) string {
		var b bytes.Buffer
		fmt.Fprintf(&b, `
server:
	ip-address: 127.0.0.1@%[2]d
	server-count: 1
	username: ""
	zonesdir: %[1]q
	database: ""
	pidfile: ""
	zonelistfile: "%[1]s/zones"
	xfrdfile: ""
	xfrdir: %[1]q
	rrl-ratelimit: 0
	minimal-responses: no
remote-control:
	control-enable: no
`, dir, port)
		for _, z := range zones {
			fmt.Fprintf(&b, "zone:\n\tname: %q\n\tzonefile: %q\n", z, filepath.Join(dir, z))
		}
		return b.String()
	},
	args: func(config string) []string { return []string{"-d", "-c", config} },
}

// peers are the servers of other makes whose majority decides.
var peers = []peer{bind, knot, nsd}

// start runs the peer with the zones, master files by their origins, until the
// test ends, and returns where it listens.
func (p peer) start(t testing.TB, zones map[string]string) string {
	t.Helper()
	path, dir := program(t, p.program), t.TempDir()
	var origins []string
	for origin, text := range zones {
		origins = append(origins, origin)
		writeFile(t, filepath.Join(dir, origin), text)
	}
	var output bytes.Buffer
	for range 3 { // another may take the port before the peer does
		address, err := rig.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		config := filepath.Join(dir, "config")
		writeFile(t, config, p.config(dir, address.Port(), origins))
		output.Reset()
		command := exec.Command(path, p.args(config)...)
		command.Stdout, command.Stderr = &output, &output
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			_ = command.Wait()
			close(ended)
		}()
		if serves(address.String(), origins, ended) {
			t.Cleanup(func() {
				_ = command.Process.Kill()
				<-ended
			})
			return address.String()
		}
		_ = command.Process.Kill()
		<-ended
	}
	t.Fatalf("%s does not start:\n%s", p.program, output.String())
	return ""
}

// serves waits until the peer answers for all zones, and returns false when it
// ends or takes too long.
func serves(address string, origins []string, ended <-chan struct{}) bool {
	client := dns.Client{Timeout: time.Second}
	for deadline := time.Now().Add(rig.Patience); time.Now().Before(deadline); {
		reply, _, err := client.Exchange(question(origins[0], dns.TypeSOA), address)
		if err == nil && reply.Authoritative {
			if origins = origins[1:]; len(origins) == 0 {
				return true
			}
			continue
		}
		select {
		case <-ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
