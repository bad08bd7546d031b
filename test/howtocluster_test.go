package test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// clusterHowTo is three machines on which somebody does what doc/operate/cluster.md
// says, as it is printed there. Only what these machines do not have is put in its
// place: apt and systemctl.
type clusterHowTo struct {
	t        *testing.T
	steps    []step
	machines map[string]*machine
	network  *keeper // with the bridge that joins them
	key      string  // user name and secret, once they were printed
}

// step is a block of commands and the machines that it is for.
type step struct {
	on       []string
	commands string
}

var stepOf = regexp.MustCompile("(?s)\nOn ([a-z0-9, ]+):\n\n```sh\n(.*?\n)```\n")

// TestClusterHowTo does as the page says, from nothing to a cluster that has lost a
// node and a database and has both back.
func TestClusterHowTo(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "ip", "nsenter", "unshare", "setpriv", "bash", "pg_createcluster", "dig", "curl")
	h := newClusterHowTo(t)

	// The database, on ns1, on ns2, and how they stand together.
	h.do()
	h.do()
	h.do()

	// The nodes.
	h.do()
	made := h.do()
	h.key = keyPrinted(t, made)
	for _, name := range []string{"ns1", "ns2", "ns3"} {
		if !strings.Contains(made, name) {
			t.Errorf("the status does not show %s:\n%s", name, made)
		}
	}
	h.update("198.51.100.7")

	// A node dies.
	h.machines["ns3"].crash()
	status := h.update("198.51.100.8")
	until(t, "the status misses ns3", func() bool {
		said, err := h.machines["ns1"].try(status)
		return err != nil && strings.Contains(said, "ns3")
	})
	h.boot("ns3")

	// The primary dies.
	h.machines["ns1"].crash()
	if got := h.machines["ns3"].sh("dig +short @192.0.2.3 home.dyn.example.org"); got != "198.51.100.8\n" {
		t.Errorf("without a database ns3 answers %q", got)
	}
	h.do()
	until(t, "updates are taken again", func() bool {
		got, err := h.machines["ns2"].try(h.filled("curl -sS -u USER:SECRET 'http://192.0.2.3/nic/update?hostname=home.dyn.example.org&myip=198.51.100.8'"))
		return err == nil && got == "nochg 198.51.100.8\n"
	})
	h.update("198.51.100.9")
	h.boot("ns1")
	h.do()
	if got := h.do(); !strings.Contains(got, "sync") {
		t.Errorf("in the end the status says\n%s", got)
	}
	if len(h.steps) > 0 {
		t.Errorf("%d blocks of the page were not done", len(h.steps))
	}
	if got := h.machines["ns1"].sh("dig +short @192.0.2.1 home.dyn.example.org"); got != "198.51.100.9\n" {
		t.Errorf("back again ns1 answers %q", got)
	}
}

func newClusterHowTo(t *testing.T) *clusterHowTo {
	t.Helper()
	h := &clusterHowTo{t: t, machines: map[string]*machine{}}
	page := read(t, "../doc/operate/cluster.md")
	for _, m := range stepOf.FindAllStringSubmatch(page, -1) {
		h.steps = append(h.steps, step{strings.Split(strings.ReplaceAll(m[1], " and ", ", "), ", "), m[2]})
	}
	if blocks := strings.Count(page, "\n```sh\n"); blocks != len(h.steps) {
		t.Fatalf("%d of %d blocks say where they are to be done", len(h.steps), blocks)
	}
	h.network = keep(t, "--net", "ip link add bridge type bridge && ip link set bridge up")
	for i, name := range []string{"ns1", "ns2", "ns3"} {
		h.machines[name] = newMachine(t, name, i+1)
		h.boot(name)
	}
	return h
}

// boot starts a machine and what starts there by itself.
func (h *clusterHowTo) boot(name string) {
	h.t.Helper()
	m := h.machines[name]
	m.boot(h.network)
	if m.enabled {
		m.startStayput()
	}
}

// do does the next step on each of its machines, one after the other, and returns what
// that prints. What they do not have is done in another way.
func (h *clusterHowTo) do() string {
	h.t.Helper()
	s := h.next()
	var out, script strings.Builder
	for _, name := range s.on {
		m := h.machines[name]
		flush := func() {
			if script.Len() > 0 {
				out.WriteString(m.sh(h.filled(script.String())))
				script.Reset()
			}
		}
		for line := range strings.Lines(s.commands) {
			command := strings.TrimSpace(line)
			if missing := m.inPlaceOf(command); missing != nil {
				flush()
				missing()
				continue
			}
			if command == "stayput cluster status" { // some seconds later all is well
				flush()
				until(h.t, command+" says that all is well", func() bool {
					said, err := m.try(command)
					if err == nil {
						out.WriteString(said)
					}
					return err == nil
				})
				continue
			}
			script.WriteString(line)
		}
		flush()
	}
	return out.String()
}

// update does the next step, which moves the host to an address and then asks for it,
// until all that are asked know it. It returns what the step says after that.
func (h *clusterHowTo) update(address string) (rest string) {
	h.t.Helper()
	s := h.next()
	m := h.machines[s.on[0]]
	first, then, _ := strings.Cut(s.commands, "\n")
	if got := m.sh(h.filled(first)); got != "good "+address+"\n" {
		h.t.Errorf("%s says %q", first, got)
	}
	for line := range strings.Lines(then) {
		if !strings.HasPrefix(line, "dig ") {
			rest += line
			continue
		}
		until(h.t, line+" says "+address, func() bool { return m.sh(line) == address+"\n" })
	}
	return rest
}

func (h *clusterHowTo) next() step {
	h.t.Helper()
	if len(h.steps) == 0 {
		h.t.Fatal("the page has no further step")
	}
	s := h.steps[0]
	h.steps = h.steps[1:]
	return s
}

// filled returns a script with the key that was printed.
func (h *clusterHowTo) filled(script string) string {
	return strings.NewReplacer("USER:SECRET", h.key, "curl -u", "curl -sS -u").Replace(script)
}

var printedKey = regexp.MustCompile(`(?s)username:?\s+(\S+).*?secret:?\s+(\S+)`)

// keyPrinted returns user name and secret of what key add has said.
func keyPrinted(t *testing.T, said string) string {
	t.Helper()
	m := printedKey.FindStringSubmatch(said)
	if m == nil {
		t.Fatalf("no key was printed:\n%s", said)
	}
	return m[1] + ":" + m[2]
}

// keeper is a process that keeps namespaces, and ends all that runs in them when it
// ends.
type keeper struct {
	t   *testing.T
	in  io.Closer
	cmd *exec.Cmd
	pid int // of whom the namespaces are
}

// keep makes namespaces, says in them what the script says, and keeps them until
// the test or stop ends it.
func keep(t *testing.T, spaces, script string) *keeper {
	t.Helper()
	cmd := exec.Command("unshare", append(strings.Fields(spaces), "--pid", "--mount-proc", "--fork", "--kill-child", "bash", "-c", script+" && echo up && read")...) // which also reaps
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k := &keeper{t: t, in: in, cmd: cmd}
	t.Cleanup(k.stop)
	if _, err := io.ReadFull(out, make([]byte, len("up\n"))); err != nil {
		t.Fatalf("making namespaces: %v", err)
	}
	child := read(t, fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", cmd.Process.Pid))
	if _, err := fmt.Sscan(child, &k.pid); err != nil {
		t.Fatal(err)
	}
	return k
}

// stop ends everything in the namespaces, as a power cut does.
func (k *keeper) stop() {
	if k.cmd == nil {
		return
	}
	_ = syscall.Kill(k.pid, syscall.SIGKILL) // with it all processes of its namespace
	k.in.Close()
	_ = k.cmd.Wait()
	k.cmd = nil
}

// machine is what an operator would call one: a network, a host name, processes and
// files of its own, as far as they matter here.
type machine struct {
	t       *testing.T
	name    string
	number  int // the last octet of its address
	dir     string
	keeper  *keeper
	enabled bool // Stayput starts at boot
}

// ownFiles are the directories that each machine has for itself.
var ownFiles = []string{"/etc", "/run", "/var/lib", "/var/log"}

func newMachine(t *testing.T, name string, number int) *machine {
	t.Helper()
	m := &machine{t: t, name: name, number: number, dir: memoryDir(t)}
	printed(t, "cp", "-a", "/etc", m.dir+"/etc")
	for _, own := range ownFiles[1:] {
		if err := os.MkdirAll(m.dir+own, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	printed(t, "install", "-D", file, m.dir+"/bin/stayput")
	printed(t, "rm", "-rf", m.dir+"/etc/postgresql/15", m.dir+"/etc/stayput")
	return m
}

// memoryDir returns a directory that keeps its files until the test ends, in memory
// where that is possible: what is made durable, other tests look at.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "stayput-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// boot starts the machine; nothing runs on it yet.
func (m *machine) boot(network *keeper) {
	m.t.Helper()
	var script strings.Builder
	for _, own := range ownFiles {
		fmt.Fprintf(&script, "mount --bind %s%s %s && ", m.dir, own, own)
	}
	fmt.Fprintf(&script, "mkdir -p /run/postgresql && rm -rf /run/* && install -d -o postgres -g postgres -m 2775 /run/postgresql && hostname %s && ip link set lo up", m.name)
	m.keeper = keep(m.t, "--net --mount --uts", script.String())
	pid := fmt.Sprint(m.keeper.pid)
	printed(m.t, "nsenter", "-n", "-t", fmt.Sprint(network.pid), "ip", "link", "add", m.name, "master", "bridge", "up", "type", "veth", "peer", "name", "eth0", "netns", pid)
	m.sh(fmt.Sprintf("ip address add 192.0.2.%d/24 dev eth0\nip link set eth0 up", m.number))
}

// crash is a power cut, but for what the kernel has not written yet.
func (m *machine) crash() {
	m.keeper.stop()
}

// sh runs commands and returns what they print.
func (m *machine) sh(script string) string {
	m.t.Helper()
	out, err := m.try(script)
	if err != nil {
		m.t.Fatalf("on %s: %v\n%s\nsays\n%s\nThe log of Stayput:\n%s", m.name, err, script, out, m.log())
	}
	return out
}

// try runs commands and returns what they print and say.
func (m *machine) try(script string) (string, error) {
	cmd := m.command(script)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (m *machine) command(script string) *exec.Cmd {
	cmd := exec.Command("nsenter", "-a", "-t", fmt.Sprint(m.keeper.pid), "sh", "-ec", script)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "PATH="+m.dir+"/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8")
	return cmd
}

// inPlaceOf returns what is to be done where the page says what this machine does not
// have; nil when it has it.
func (m *machine) inPlaceOf(command string) func() {
	switch {
	case command == "apt install postgresql":
		return func() { // which makes a cluster and starts it
			m.sh("install -d -o postgres -g postgres /var/lib/postgresql /var/log/postgresql\npg_createcluster 15 main\npg_ctlcluster 15 main start")
		}
	case strings.HasPrefix(command, "apt install ./stayput"):
		return func() { // what the package brings
			m.sh("useradd --system --home-dir /var/lib/stayput --shell /usr/sbin/nologin stayput\ninstall -d /etc/stayput\ninstall -d -o stayput -g stayput -m 700 /var/lib/stayput")
		}
	case command == "systemctl enable stayput":
		return func() { m.enabled = true }
	case command == "systemctl restart stayput":
		return m.startStayput
	}
	return nil
}

// startStayput starts the daemon as its unit does, and waits until it is ready.
func (m *machine) startStayput() {
	m.t.Helper()
	log, err := os.OpenFile(filepath.Join(m.dir, "stayput.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	cmd := m.command("umask 077\nexec setpriv --reuid=stayput --regid=stayput --init-groups --inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service " +
		"stayput serve --config /etc/stayput/stayput.toml")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		m.keeper.stop()
		_ = cmd.Wait()
	})
	until(m.t, "Stayput is ready on "+m.name, func() bool {
		_, err := m.try("curl -fsS -o /dev/null http://127.0.0.1/readyz")
		return err == nil
	})
}

func (m *machine) log() string {
	said, _ := os.ReadFile(filepath.Join(m.dir, "stayput.log")) // there may be none yet
	return string(said)
}
