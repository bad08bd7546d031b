//go:build linux

package packaging_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The Debian of the machines: a release, and what the package depends on, since
// there is no way out of a machine's network.
const (
	release  = "bookworm"
	includes = "procps,systemd"
)

// A machine is a Debian of its own on this kernel, with systemd as its first
// process and a network that holds only a loopback interface.
type machine struct {
	t    *testing.T
	root string
	pid  int // of systemd, as the host counts
}

// bootMachine returns a running machine. It and all of its traces are gone when
// the test ends.
func bootMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, root: filepath.Join(t.TempDir(), "root")}
	unpack(t, debian(t), m.root)
	cgroup := newCgroup(t)

	boot, err := filepath.Abs("boot")
	if err != nil {
		t.Fatal(err)
	}
	var console bytes.Buffer
	systemd := exec.Command(boot, m.root, cgroup)
	systemd.Stdout, systemd.Stderr = &console, &console
	systemd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The kernel sends Pdeathsig when the thread ends that started the process.
		runtime.LockOSThread()
		started <- systemd.Start()
		_ = systemd.Wait()
		close(ended)
	}()
	if err := <-started; err != nil {
		t.Fatalf("starting a machine: %v", err)
	}
	m.pid = systemd.Process.Pid
	t.Cleanup(func() {
		if t.Failed() {
			journal, _ := m.try("journalctl", "--no-pager", "--lines=40")
			t.Logf("journal of the machine:\n%s", journal)
		}
		_ = systemd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("console of the machine:\n%s", console.Bytes())
		}
	})
	m.eventually("the machine is up", func() bool {
		state, _ := m.try("systemctl", "is-system-running")
		return state == "running" || state == "degraded"
	})
	return m
}

// command returns a command that runs inside the machine as root.
func (m *machine) command(args ...string) *exec.Cmd {
	enter := []string{
		fmt.Sprintf("--target=%d", m.pid), "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--root", "--wd=/",
		"env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
	}
	return exec.Command("nsenter", append(enter, args...)...)
}

// try runs a command inside and returns what it printed, without white space at
// the end.
func (m *machine) try(args ...string) (string, error) {
	out, err := m.command(args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// run is try for a command that must succeed.
func (m *machine) run(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// property returns what systemd knows about the service.
func (m *machine) property(name string) string {
	m.t.Helper()
	return m.run("systemctl", "show", "--property="+name, "--value", "stayput")
}

// dig asks the machine's DNS server from within its network.
func (m *machine) dig(args ...string) string {
	network := fmt.Sprintf("--net=/proc/%d/ns/net", m.pid)
	out, _ := exec.Command("nsenter", append([]string{network, "dig", "@127.0.0.1", "+tries=1", "+time=60"}, args...)...).Output()
	return strings.TrimSpace(string(out))
}

// exists reports whether there is such a file inside.
func (m *machine) exists(path string) bool {
	_, err := os.Lstat(filepath.Join(m.root, path))
	return err == nil
}

// eventually waits until holds does, and fails the test when that never comes.
func (m *machine) eventually(what string, holds func() bool) {
	m.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if holds() {
			return
		}
	}
	m.t.Fatalf("waited a minute in vain: %s", what)
}

// holdPort takes a UDP port of the machine, as another DNS server would, until
// the returned function is called.
func (m *machine) holdPort(address string) (release func()) {
	m.t.Helper()
	type result struct {
		conn net.PacketConn
		err  error
	}
	done := make(chan result)
	go func() {
		// A thread that has changed its network ends with this goroutine.
		runtime.LockOSThread()
		conn, err := listenIn(m.pid, address)
		done <- result{conn, err}
	}()
	r := <-done
	if r.err != nil {
		m.t.Fatalf("taking %s in the machine: %v", address, r.err)
	}
	return func() { _ = r.conn.Close() }
}

// listenIn opens a socket in the network of another process. It leaves the
// calling thread there.
func listenIn(pid int, address string) (net.PacketConn, error) {
	network, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, err
	}
	defer network.Close()
	if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	return net.ListenPacket("udp", address)
}

// debian returns an archive of a fresh Debian with systemd. The first call on a
// computer makes it, which takes a minute or two; the next ones find it.
func debian(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(cache, "stayput", fmt.Sprintf("debian-%s-%s-%s.tar", release, includes, runtime.GOARCH))
	if _, err := os.Stat(archive); err == nil {
		return archive
	}
	if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "debian")
	must(t, exec.Command("debootstrap", "--variant=minbase", "--include="+includes, release, fresh, mirror(t)))
	must(t, exec.Command("tar", "--directory", fresh, "--create", "--file", archive+".new", "."))
	if err := os.Rename(archive+".new", archive); err != nil {
		t.Fatal(err)
	}
	return archive
}

// mirror returns where this computer fetches Debian from.
func mirror(t *testing.T) string {
	t.Helper()
	lists, _ := filepath.Glob("/etc/apt/sources.list.d/*")
	for _, path := range append(lists, "/etc/apt/sources.list") {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if url := regexp.MustCompile(`https?://\S+/debian/?(\s|$)`).Find(text); url != nil {
			return strings.TrimSpace(string(url))
		}
	}
	missing(t, "a mirror of Debian in /etc/apt")
	return ""
}

// unpack makes the root directory of a machine from an archive.
func unpack(t *testing.T, archive, root string) {
	t.Helper()
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	must(t, exec.Command("tar", "--directory", root, "--extract", "--numeric-owner", "--file", archive))
}

// newCgroup makes a control group for a machine. What systemd makes below it is
// removed with it.
func newCgroup(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\S+ (\S+) cgroup2 `).FindSubmatch(mounts)
	if found == nil {
		missing(t, "a cgroup2 file system")
	}
	group, err := os.MkdirTemp(string(found[1]), "stayput-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var below []string
		_ = filepath.WalkDir(group, func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				below = append(below, path)
			}
			return nil
		})
		for _, directory := range slices.Backward(below) {
			if err := os.Remove(directory); err != nil {
				t.Error(err)
			}
		}
	})
	return group
}

// must runs a command on this computer, which must succeed, and returns what it
// printed.
func must(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// missing ends a test that cannot run here. In CI everything must be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("this test wants %s", what)
	}
	t.Skipf("this test wants %s", what)
}
