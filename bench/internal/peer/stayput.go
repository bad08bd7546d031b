//go:build linux

package peer

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/sample"
)

// A Stayput is a running stayput daemon.
type Stayput struct {
	*Server
	HTTP  netip.AddrPort
	HTTPS netip.AddrPort // answers only when started with TLS

	binary, config, dir string
}

// StayputOptions say how a daemon is to run.
type StayputOptions struct {
	Binary string
	Dir    string // for its configuration and data; what an earlier daemon left there is served again
	CPU    int    // the one core that it may use, or AnyCPU
	TLS    bool   // serve HTTPS too, with an RSA certificate of its own making
	Push   string // where the zone is pushed to, as in dns.push; "" for nowhere
	Store  string // the database, as in store.url; "" for a file in Dir
	Node   string // its name among those of one database
}

// Build compiles stayput from the module that the working directory lies in,
// and returns the path of the binary in dir.
func Build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "stayput")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "stayput.dev/cmd/stayput")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building stayput: %w: %s", err, out)
	}
	return binary, nil
}

// StartStayput starts a daemon and returns at once: AwaitReady and AwaitHost
// wait for what the caller needs. The caller stops it.
func StartStayput(o StayputOptions) (*Stayput, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, fmt.Errorf("starting stayput: %w", err)
	}
	s := &Stayput{
		Server: &Server{Name: "stayput", DNS: loopback(ports[0])},
		HTTP:   loopback(ports[1]),
		HTTPS:  loopback(ports[2]),
		binary: o.Binary,
		dir:    o.Dir,
	}
	if s.config, err = s.configure(o); err != nil {
		return nil, fmt.Errorf("configuring stayput: %w", err)
	}
	s.Process, err = Spawn(o.CPU, filepath.Join(o.Dir, "log"), o.Binary, "serve", "--config", s.config)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Stayput) configure(o StayputOptions) (string, error) {
	data := filepath.Join(o.Dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", err
	}
	text := fmt.Sprintf("data = %q\n\n[dns]\nlisten = [%q]\ntransfers = [\"127.0.0.1\"]\n", data, s.DNS)
	if o.Push != "" {
		text += fmt.Sprintf("push = [%q]\n", o.Push)
	}
	if o.Store != "" {
		text += fmt.Sprintf("\n[store]\nurl = %q\nnode = %q\n", o.Store, o.Node)
	}
	text += fmt.Sprintf("\n[http]\nlisten = [%q]\n", s.HTTP)
	if o.TLS {
		cert, key, err := writeCertificate(o.Dir)
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf("tls_listen = [%q]\n\n[[http.certificate]]\ncert = %q\nkey = %q\n", s.HTTPS, cert, key)
	}
	return write(o.Dir, "stayput.toml", text)
}

// AwaitReady waits until the daemon says that it serves.
func (s *Stayput) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	return s.Await(ctx, 5*time.Millisecond, func() bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.HTTP.String()+"/readyz", nil)
		if err != nil {
			return false
		}
		reply, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		reply.Body.Close()
		return reply.StatusCode == http.StatusOK
	})
}

// Snapshot returns where the daemon keeps a snapshot of its own, if its data is in
// PostgreSQL.
func (s *Stayput) Snapshot() string { return filepath.Join(s.dir, "data", "local.snapshot") }

// run runs a command of stayput against the daemon.
func (s *Stayput) run(ctx context.Context, args ...string) error { return s.tell(ctx, "", args...) }

// tell is run for a command that reads its standard input.
func (s *Stayput) tell(ctx context.Context, input string, args ...string) error {
	args = append([]string{"--config", s.config}, args...)
	command := exec.CommandContext(ctx, s.binary, args...)
	command.Stdin = strings.NewReader(input)
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("stayput %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// ImportZone makes the daemon serve the zone of a master file.
func (s *Stayput) ImportZone(ctx context.Context, file string) error {
	return s.run(ctx, "zone", "import", sample.ZoneName, file)
}

// AddKey gives the daemon the TSIG key that all peers know.
func (s *Stayput) AddKey(ctx context.Context) error {
	return s.tell(ctx, base64.StdEncoding.EncodeToString(Secret())+"\n", "tsig", "add", KeyName, "--secret-stdin")
}

// MaySignIn gives an account a password, and makes it where it is that of staff; role is
// customer, support or admin.
func (s *Stayput) MaySignIn(ctx context.Context, name, role, password string) error {
	if role == "customer" {
		return s.tell(ctx, password+"\n", "account", "set", name, "--password-stdin")
	}
	return s.tell(ctx, password+"\n", "account", "add", name, "--role", role, "--password-stdin")
}

// StaffToken makes an API token of an account of staff.
func (s *Stayput) StaffToken(ctx context.Context, name string) (string, error) {
	command := exec.CommandContext(ctx, s.binary, "--config", s.config, "token", "add", "--account", name, "--staff")
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("making a token: %w", err)
	}
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "stp_") {
			return word, nil
		}
	}
	return "", errors.New("making a token: the answer has none")
}

// PushState is how far a daemon is with pushing.
type PushState struct {
	Names   int // that targets took
	Pending int // names that they do not have yet
	Faults  int // targets that take nothing
}

// Pushing returns how far the daemon is with pushing.
func (s *Stayput) Pushing(ctx context.Context) (p PushState, err error) {
	page, err := s.metrics(ctx)
	if err != nil {
		return p, err
	}
	for name, to := range map[string]*int{"names_total": &p.Names, "pending": &p.Pending, "faults": &p.Faults} {
		if *to, err = counted(page, "stayput_push_"+name); err != nil {
			return p, err
		}
	}
	return p, nil
}

// AwaitArchive waits until the daemon has written down for later all that happened.
func (s *Stayput) AwaitArchive(ctx context.Context) error {
	var failed error
	err := s.Await(ctx, time.Second, func() bool {
		page, err := s.metrics(ctx)
		if err != nil {
			return false
		}
		lag, err := counted(page, "stayput_archive_lag_commits")
		failed = err
		return lag == 0
	})
	return errors.Join(err, failed)
}

// metrics returns the page of metrics.
func (s *Stayput) metrics(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.HTTP.String()+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	return io.ReadAll(reply.Body)
}

// counted returns what a page of metrics says of a name.
func counted(page []byte, name string) (int, error) {
	for line := range strings.Lines(string(page)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return int(n), err
		}
	}
	return 0, fmt.Errorf("the daemon does not count %s", name)
}

// Seed makes the sample zone with hosts that belong to accounts, each account
// with one update key, and returns the keys. It is the one place that knows
// how a daemon is filled.
func (s *Stayput) Seed(ctx context.Context, hosts, accounts int) ([]load.Key, error) {
	list := filepath.Join(s.dir, "keys.csv")
	err := s.run(ctx, "seed", "--zone", sample.ZoneName, "--hosts", strconv.Itoa(hosts), "--accounts", strconv.Itoa(accounts), "--out", list)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(list)
	if err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	defer f.Close()
	keys, err := readKeys(f)
	if err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	return keys, nil
}

// readKeys reads lines of username,secret,hostname[,hostname...].
func readKeys(r io.Reader) ([]load.Key, error) {
	lines := csv.NewReader(r)
	lines.FieldsPerRecord = -1
	var keys []load.Key
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return keys, nil
		}
		if err != nil {
			return nil, err
		}
		if len(fields) < 3 {
			return nil, fmt.Errorf("%d fields in %q, want a user name, a secret and hosts", len(fields), fields)
		}
		keys = append(keys, load.Key{Username: fields[0], Secret: fields[1], Hosts: fields[2:]})
	}
}
