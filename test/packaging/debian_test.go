//go:build linux

// Package packaging_test installs the Debian package where it is going to live:
// on a Debian with a running systemd.
package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const (
	configuration = "/etc/stayput/stayput.toml"
	data          = "/var/lib/stayput"
	host          = "home.dyn.example.org"
	address       = "192.0.2.7"
)

// TestDebianPackage is the life of an installation: the first, while somebody
// else holds port 53; the work; an upgrade; the end.
func TestDebianPackage(t *testing.T) {
	if os.Getuid() != 0 {
		missing(t, "root")
	}
	for _, program := range []string{"debootstrap", "dig", "dpkg-deb", "ip", "lintian", "make", "nsenter", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program)
		}
	}
	packages := t.TempDir()
	old, fresh := buildPackage(t, "v1.0.0", packages), buildPackage(t, "v1.1.0", packages)
	must(t, exec.Command("lintian", "--fail-on=error,warning", "--allow-root", fresh))

	m := bootMachine(t)
	release := m.holdPort("127.0.0.1:53")
	m.install(old)
	m.eventually("the journal says who is to blame", func() bool {
		journal := m.run("journalctl", "--unit=stayput", "--output=cat", "--no-pager")
		return strings.Contains(journal, "cannot listen on 0.0.0.0:53") && strings.Contains(journal, "hint: ")
	})
	release()
	m.eventually("the service starts once the port is free", func() bool { return m.property("ActiveState") == "active" })

	m.checkUnit()
	m.work()
	m.upgrade(fresh)
	m.sockets()
	m.purge(fresh)
}

// buildPackage returns the path of the package of a version, made in directory.
func buildPackage(t *testing.T, version, directory string) string {
	t.Helper()
	build := exec.Command("make", "--no-print-directory", "--directory=../..", "deb", "VERSION="+version, "DIST="+directory)
	// This test may itself be running below a make.
	build.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	must(t, build)
	return filepath.Join(directory, "stayput_"+strings.TrimPrefix(version, "v")+"-1_"+runtime.GOARCH+".deb")
}

// install installs or upgrades as an administrator does.
func (m *machine) install(deb string) {
	m.t.Helper()
	inside := "/root/" + filepath.Base(deb)
	must(m.t, exec.Command("cp", deb, m.root+inside))
	m.run("apt-get", "install", "--yes", "--no-install-recommends", inside)
	if got, want := m.run("dpkg-query", "--show", "--showformat=${db:Status-Status}", "stayput"), "installed"; got != want {
		m.t.Errorf("state of the package = %s, want %s", got, want)
	}
}

// checkUnit: systemd finds nothing wrong in the unit, and little exposed.
func (m *machine) checkUnit() {
	m.t.Helper()
	const unit = "/usr/lib/systemd/system/stayput.service"
	if out := m.run("systemd-analyze", "verify", "--man=no", unit); out != "" {
		m.t.Errorf("systemd-analyze verify: %s", out)
	}
	// In tenths: 2.0 and below is what systemd calls safe.
	m.run("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", unit)
	if got, want := m.run("systemctl", "is-enabled", "stayput"), "enabled"; got != want {
		m.t.Errorf("service is %s, want %s", got, want)
	}
}

// work: the service, locked in as the unit says, does what it is for.
func (m *machine) work() {
	m.t.Helper()
	if got, want := m.run("stayput", "version"), "1.0.0"; !strings.Contains(got, want) {
		m.t.Errorf("stayput version = %s, want %s in it", got, want)
	}
	m.run("stayput", "zone", "add", "dyn.example.org", "--ns", "ns1.dyn.example.org=192.0.2.53")
	m.run("stayput", "account", "add", "alice")
	m.run("stayput", "host", "add", host, "--account", "alice", "--address", address)
	m.checkHost()

	pid := m.property("MainPID")
	m.run("systemctl", "reload", "stayput")
	m.checkHost()
	if got := m.property("MainPID"); got != pid {
		m.t.Errorf("a reload replaced process %s by %s", pid, got)
	}
	fed := m.property("WatchdogTimestampMonotonic")
	m.eventually("the service tells the watchdog that it is well", func() bool {
		return m.property("WatchdogTimestampMonotonic") != fed
	})
}

// upgrade: the new version takes over at once, with the administrator's
// configuration and the customers' hosts. Nobody notices, and systemd knows whom it
// watches over.
func (m *machine) upgrade(deb string) {
	m.t.Helper()
	edit := "\n# The administrator was here.\n"
	before, err := os.ReadFile(m.root + configuration)
	if err != nil {
		m.t.Fatal(err)
	}
	after := string(before) + edit
	if err := os.WriteFile(m.root+configuration, []byte(after), 0o644); err != nil {
		m.t.Fatal(err)
	}
	pid := m.property("MainPID")
	since := m.property("ActiveEnterTimestampMonotonic")
	unnoticed := m.watch()
	m.install(deb)
	unnoticed()

	if got, want := m.run("stayput", "version"), "1.1.0"; !strings.Contains(got, want) {
		m.t.Errorf("stayput version after the upgrade = %s, want %s in it", got, want)
	}
	fresh := m.awaitOther(pid)
	if got := m.run("stayput", "status", "--json"); !strings.Contains(got, `"version": "v1.1.0"`) || !strings.Contains(got, `"pid": `+fresh) {
		m.t.Errorf("after the upgrade process %s should answer as version v1.1.0, but: %s", fresh, got)
	}
	if got := m.property("ActiveEnterTimestampMonotonic"); got != since {
		m.t.Error("the service was restarted")
	}
	if got, err := os.ReadFile(m.root + configuration); err != nil || string(got) != after {
		m.t.Errorf("configuration after the upgrade = %q, %v, want %q", got, err, after)
	}
	m.checkHost()
	fed := m.property("WatchdogTimestampMonotonic")
	m.eventually("the new process tells the watchdog that it is well", func() bool {
		return m.property("WatchdogTimestampMonotonic") != fed
	})

	m.run("kill", "-KILL", fresh)
	m.eventually("systemd starts the service again when the new process is killed", func() bool {
		return m.property("MainPID") != fresh && m.property("ActiveState") == "active"
	})
	m.checkHost()
}

// watch asks for the host and whether the service is active, again and again,
// until the returned function is called.
func (m *machine) watch() (end func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if got := m.dig("+short", host, "A"); got != address {
				m.t.Errorf("meanwhile dig %s = %q, want %s", host, got, address)
			}
			if got, _ := m.try("systemctl", "is-active", "stayput"); got != "active" {
				m.t.Errorf("meanwhile the service is %s", got)
			}
		}
	}()
	return func() {
		close(stop)
		<-done
	}
}

// sockets: with the example's sockets the service may even be restarted, and
// questions only wait.
func (m *machine) sockets() {
	m.t.Helper()
	const examples, units = "/usr/share/doc/stayput/examples", "/etc/systemd/system"
	for _, unit := range []string{"stayput-dns.socket", "stayput-http.socket"} {
		m.run("cp", examples+"/"+unit, units)
		if out := m.run("systemd-analyze", "verify", "--man=no", units+"/"+unit); out != "" {
			m.t.Errorf("systemd-analyze verify %s: %s", unit, out)
		}
	}
	m.run("systemctl", "daemon-reload")
	m.run("systemctl", "stop", "stayput")
	m.run("systemctl", "start", "stayput-dns.socket", "stayput-http.socket")
	if got, want := m.dig("+short", host, "A"), address; got != want { // which starts the service
		m.t.Errorf("over a socket of systemd: dig %s = %q, want %s", host, got, want)
	}
	pid := m.property("MainPID")
	asked := make(chan string)
	go func() {
		for range 10 {
			asked <- m.dig("+short", host, "A")
		}
		close(asked)
	}()
	m.run("systemctl", "restart", "stayput")
	for got := range asked {
		if got != address {
			m.t.Errorf("during a restart: dig %s = %q, want %s", host, got, address)
		}
	}
	if got := m.property("MainPID"); got == pid || got == "0" {
		m.t.Errorf("main process after the restart = %s, was %s", got, pid)
	}
	restarted := m.property("MainPID")
	m.run("stayput", "upgrade")
	m.checkHost()
	m.awaitOther(restarted)
	m.run("systemctl", "stop", "stayput-dns.socket", "stayput-http.socket", "stayput")
	m.run("rm", units+"/stayput-dns.socket", units+"/stayput-http.socket")
	m.run("systemctl", "daemon-reload")
	m.run("systemctl", "start", "stayput")
}

// purge: the configuration goes, what customers entrusted to us stays, unless
// the administrator says otherwise.
func (m *machine) purge(deb string) {
	m.t.Helper()
	said := m.run("apt-get", "purge", "--yes", "stayput")
	if !strings.Contains(said, data) {
		m.t.Errorf("the purge does not say where the data stays:\n%s", said)
	}
	if m.exists(filepath.Dir(configuration)) {
		m.t.Errorf("the purge left %s", filepath.Dir(configuration))
	}
	if answer := m.dig("+short", host, "A"); strings.Contains(answer, address) {
		m.t.Errorf("the service answers %s after the purge", answer)
	}

	m.install(deb)
	m.checkHost()

	m.run("env", "STAYPUT_PURGE_DATA=yes", "apt-get", "purge", "--yes", "stayput")
	if m.exists(data) {
		m.t.Errorf("a purge with STAYPUT_PURGE_DATA=yes left %s", data)
	}
	if _, err := m.try("getent", "passwd", "stayput"); err == nil {
		m.t.Error("a purge with STAYPUT_PURGE_DATA=yes left the user")
	}
}

// awaitOther waits until systemd knows another main process than the one before, and
// returns it.
func (m *machine) awaitOther(before string) (pid string) {
	m.t.Helper()
	m.eventually("another process than "+before+" is the main one", func() bool {
		pid = m.property("MainPID")
		return pid != before && pid != "0"
	})
	return pid
}

// checkHost: the DNS answers with the host's address.
func (m *machine) checkHost() {
	m.t.Helper()
	if got := m.dig("+short", host, "A"); got != address {
		m.t.Errorf("dig %s = %q, want %s\n%s", host, got, address, m.dig(host, "A"))
	}
}
