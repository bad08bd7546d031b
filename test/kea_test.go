package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// keaDHCP is what Kea's DHCP server is told besides what doc/rfc2136.md tells it.
const keaDHCP = `{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "lan0" ] },
  "lease-database": { "type": "memfile", "persist": false },
  "subnet4": [ { "subnet": "203.0.113.0/24", "pools": [ { "pool": "203.0.113.10 - 203.0.113.20" } ] } ],
  %s
  "valid-lifetime": 600
} }`

// lan is a network with machines that ask Kea for addresses, while Kea asks us for their
// names, as doc/rfc2136.md has it.
type lan struct {
	*world
	t       *testing.T
	servers network
	clients network
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	needRoot(t)
	need(t, "ip", "nsenter", "unshare", "dig", "busybox", "kea-dhcp4", "kea-dhcp-ddns")
	l := &lan{newWorldAtHome(t), t, newNetwork(t), newNetwork(t)}
	l.servers.run(t, "ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", l.clients.process())
	for _, side := range []network{l.servers, l.clients} {
		side.run(t, "ip", "link", "set", "lan0", "up")
	}
	l.servers.run(t, "ip", "address", "add", "203.0.113.1/24", "dev", "lan0")

	l.prefix = l.servers
	l.start()
	l.seedAtHome()
	l.run("host", "set", home, "--address", "192.0.2.7")
	prepare := strings.Split(strings.TrimSpace(documented(t, "Kea", "")[0]), "\n")
	l.run(strings.Fields(prepare[0])[1:]...)
	examples := documented(t, "Kea", l.documentedKey(prepare[1]))
	l.kea("kea-dhcp-ddns", examples[1])
	l.kea("kea-dhcp4", fmt.Sprintf(keaDHCP, examples[2]))
	return l
}

// process returns the number of a process in the network.
func (n network) process() string {
	return strings.TrimSuffix(strings.TrimPrefix(n[1], "--net=/proc/"), "/ns/net")
}

// kea runs one of Kea's servers with its log in a file of its name.
func (l *lan) kea(program, config string) {
	l.t.Helper()
	const line = `exec env KEA_PIDFILE_DIR="$1" KEA_LOCKFILE_DIR="$1" "$2" -c "$3" >"$1/$2.log" 2>&1`
	l.servers.start(l.t, "sh", "-c", line, "sh", l.dir, program, l.write(program+".conf", config))
	l.logs(program, "_STARTED", 1)
}

// logs waits until a log of Kea's has had a text so many times.
func (l *lan) logs(program, text string, times int) {
	l.t.Helper()
	file := filepath.Join(l.dir, program+".log")
	l.t.Cleanup(func() {
		if l.t.Failed() {
			l.t.Logf("%s says:\n%s", program, read(l.t, file))
		}
	})
	until(l.t, fmt.Sprintf("%s says %s, time %d", program, text, times), func() bool {
		log, _ := os.ReadFile(file)
		return strings.Count(string(log), text) >= times
	})
}

// arrive lets a machine ask for an address, with a name and an identifier in hexadecimal.
// It returns the address, and how the machine leaves, which gives the address back.
func (l *lan) arrive(name, identifier string) (address string, leave func()) {
	l.t.Helper()
	script := filepath.Join(l.t.TempDir(), "bound")
	if err := writeProgram(script, `#!/bin/sh
[ "$1" = bound ] || exit 0
ip address replace "$ip/$mask" dev "$interface"
echo "$ip" >"$LEASE"
`); err != nil {
		l.t.Fatal(err)
	}
	lease := filepath.Join(l.t.TempDir(), "lease")
	args := slices.Concat(l.clients[1:], []string{
		"env", "LEASE=" + lease, "busybox", "udhcpc", "-i", "lan0", "-f", "-R", "-t", "20", "-T", "1", "-s", script,
		"-C", "-x", "0x3d:" + identifier, "-x", "hostname:" + name,
	})
	cmd := exec.Command(l.clients[0], args...)
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	gone := false
	leave = func() {
		if !gone {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
			gone = true
		}
	}
	l.t.Cleanup(leave)
	until(l.t, name+" has an address", func() bool {
		text, _ := os.ReadFile(lease)
		address = strings.TrimSpace(string(text))
		return address != ""
	})
	return address, leave
}

// has waits until a name has an address, "" for none, and what goes with it.
func (l *lan) has(name, address string) {
	l.t.Helper()
	name += ".dyn.example.org"
	until(l.t, fmt.Sprintf("%s has %q", name, address), func() bool { return l.askAtHome(l.t, name, "A") == address })
	if dhcid := l.askAtHome(l.t, name, "DHCID"); (dhcid != "") != (address != "") {
		l.t.Errorf("%s at %q has the DHCID record %q", name, address, dhcid)
	}
}

// points waits until the name of an address is so; "" is none.
func (l *lan) points(address, name string) {
	l.t.Helper()
	part := strings.Split(address, ".")
	if name != "" {
		name += ".dyn.example.org."
	}
	until(l.t, fmt.Sprintf("%s points to %q", address, name), func() bool {
		return l.askAtHome(l.t, part[3]+".113.0.203.in-addr.arpa", "PTR") == name
	})
}

// The first machine that calls itself something has the name, there and back, until it
// leaves; a second one has none (RFC 4703 §5.3.2) and takes none away (§5.5).
func TestKea(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	first, leave := l.arrive("printer", "01aaaaaaaaaaaa")
	l.has("printer", first)
	l.points(first, "printer")

	second, secondLeaves := l.arrive("printer", "01bbbbbbbbbbbb")
	l.logs("kea-dhcp-ddns", "DHCP_DDNS_ADD_FAILED", 1)
	l.has("printer", first)
	l.points(second, "")
	secondLeaves()
	l.logs("kea-dhcp-ddns", "DHCP_DDNS_REMOVE_FAILED", 1)
	l.has("printer", first)

	leave()
	l.has("printer", "")
	l.points(first, "")

	second, _ = l.arrive("printer", "01bbbbbbbbbbbb")
	l.has("printer", second)
	l.points(second, "printer")

	l.arrive("home", "01cccccccccccc")
	l.logs("kea-dhcp-ddns", "DHCP_DDNS_ADD_FAILED", 2)
	if got := l.askAtHome(t, home, "A"); got != "192.0.2.7" {
		t.Errorf("Kea moved the host %s to %s", home, got)
	}
}
