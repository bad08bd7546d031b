package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The files of the judges' network: a root of its own, served by NSD, and what
// Stayput serves.
const judges = "testdata/judges/"

var (
	rootAddresses = []string{"192.0.2.1", "198.51.100.1", "2001:db8:1::1", "2001:db8:2::1"}
	ownAddresses  = []string{"192.0.2.53", "198.51.100.53", "2001:db8:1::53", "2001:db8:2::53"}
)

// TestJudges lets Zonemaster and DNSViz look for faults in zones of ours: one
// from a master file, one with hosts below it, and one below that.
func TestJudges(t *testing.T) {
	needRoot(t)
	need(t, "ip", "nsenter", "unshare", "nsd", "zonemaster-cli", "dnsviz")
	t.Parallel()
	network := newNetwork(t)
	network.start(t, "nsd", "-d", "-c", judges+"nsd.conf")
	w := newWorld(t, "")
	w.prefix = network
	w.write("stayput.toml", strings.Replace(read(t, judges+"stayput.toml"), "DATA", w.data, 1))
	w.start()
	w.run("zone", "import", "example.org", judges+"example.org.zone")
	w.run("account", "add", "alice")
	zones := []string{"example.org", "dyn.example.org", "lab.dyn.example.org"}
	for _, name := range zones[1:] {
		w.run("zone", "add", name, "--ns", "ns1.example.org", "--ns", "ns2.example.org", "--rname", "hostmaster@example.org")
		w.run("host", "add", "home."+name, "--account", "alice", "--address", "192.0.2.7", "--address", "2001:db8::7")
		w.run("host", "add", "away."+name, "--account", "alice")
	}
	profile := networkProfile(t)
	for _, name := range zones {
		if faults := network.zonemaster(t, profile, name); len(faults) > 0 {
			t.Errorf("Zonemaster finds in %s:\n%s", name, strings.Join(faults, "\n"))
		}
		if faults := network.dnsviz(t, name); faults != "" {
			t.Errorf("DNSViz finds in %s:\n%s", name, faults)
		}
	}
	if network.zonemaster(t, profile, "lame.example.org") == nil {
		t.Error("Zonemaster finds no fault in a zone that is not there")
	}
	if network.dnsviz(t, "lame.example.org") == "" {
		t.Error("DNSViz finds no fault in a zone that is not there")
	}
}

// network is how to run a program in a network namespace; the empty one is that of
// the tests.
type network []string

// newNetwork makes a network with nobody in it, which has the addresses of both
// servers.
func newNetwork(t *testing.T) network {
	t.Helper()
	n := newEmptyNetwork(t)
	for _, address := range slices.Concat(rootAddresses, ownAddresses) {
		if strings.Contains(address, ":") {
			n.run(t, "ip", "address", "add", address+"/128", "dev", "lo", "nodad")
		} else {
			n.run(t, "ip", "address", "add", address+"/32", "dev", "lo")
		}
	}
	for _, family := range []string{"-4", "-6"} { // DNSViz asks nobody where it sees no way out
		n.run(t, "ip", family, "route", "add", "default", "dev", "lo")
	}
	return n
}

// newEmptyNetwork makes a network that has nothing but a loopback. It goes with the
// test, however that ends: it lives as long as a program in it, which ends with its
// input.
func newEmptyNetwork(t *testing.T) network {
	t.Helper()
	keeper := exec.Command("unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat")
	in, err := keeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := keeper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = keeper.Wait()
	})
	if _, err := io.ReadFull(out, make([]byte, len("up\n"))); err != nil {
		t.Fatalf("making a network: %v", err)
	}
	return network{"nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", keeper.Process.Pid)}
}

// run runs a program in the network and returns what it prints.
func (n network) run(t *testing.T, args ...string) string {
	t.Helper()
	return printed(t, append(slices.Clone(n), args...)...)
}

// start runs a server in the network until the test ends.
func (n network) start(t *testing.T, args ...string) {
	t.Helper()
	args = append(slices.Clone(n), args...)
	cmd := exec.Command(args[0], args[1:]...)
	log := new(bytes.Buffer) // to be read when it has ended
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			const most = 16 << 10 // octets
			t.Logf("%s says:\n%s", strings.Join(args, " "), log.Bytes()[max(log.Len()-most, 0):])
		}
	})
}

// zonemaster returns what Zonemaster takes for an error or worse.
func (n network) zonemaster(t *testing.T, profile, zone string) []string {
	t.Helper()
	report := n.run(t, "zonemaster-cli", "--profile", profile, "--hints", judges+"hints.zone",
		"--level", "ERROR", "--no-progress", "--raw", "--show-level", zone)
	var faults []string
	for line := range strings.Lines(report) {
		if strings.Contains(line, " ERROR ") || strings.Contains(line, " CRITICAL ") {
			faults = append(faults, line)
		}
	}
	return faults
}

// networkProfile makes a file of Zonemaster's own profile without the tests of
// addresses and of who routes them: they ask the Internet.
func networkProfile(t *testing.T) string {
	t.Helper()
	var profile struct {
		Cases []string `json:"test_cases"`
	}
	if err := json.Unmarshal([]byte(printed(t, "zonemaster-cli", "--dump-profile")), &profile); err != nil {
		t.Fatal(err)
	}
	profile.Cases = slices.DeleteFunc(profile.Cases, func(c string) bool {
		return strings.HasPrefix(c, "address") || c == "connectivity03"
	})
	text, err := json.Marshal(profile)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "profile.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// dnsviz returns what DNSViz takes for an error, as JSON; "" for none.
func (n network) dnsviz(t *testing.T, zone string) string {
	t.Helper()
	var root []string
	for _, address := range rootAddresses {
		if strings.Contains(address, ":") {
			address = "[" + address + "]"
		}
		root = append(root, "a.root-servers="+address)
	}
	probed := filepath.Join(t.TempDir(), "probed.json")
	n.run(t, "dnsviz", "probe", "-A", "-E", "-a", ".", "-x", ".+:"+strings.Join(root, ","), "-o", probed, zone)
	return strings.TrimSpace(printed(t, "dnsviz", "grok", "-l", "error", "-r", probed))
}

// printed runs a program and returns what it prints, complaints apart.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, &complaint)
	}
	return string(out)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
