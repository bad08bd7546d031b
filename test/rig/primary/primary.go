// Package primary runs DNS servers of other makes that are primaries of a zone and take
// UPDATEs, for tests that push into them and that treat them badly.
package primary

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// What all servers know: a zone with a host of others, and a key that may change and
// transfer it.
const (
	Zone    = "dyn.example.org"
	KeyName = "stayput-push"
	Master  = `
$TTL 300
@	SOA ns1.example.net. hostmaster.example.net. 1 300 60 1209600 60
@	NS  ns1.example.net.
www	A   192.0.2.80
www	TXT "not ours"
`
)

// Secret returns that of the key, of HMAC-SHA256.
func Secret() []byte { return []byte("0123456789abcdef0123456789abcdef") }

// SecretText returns it as configurations want it.
func SecretText() string { return base64.StdEncoding.EncodeToString(Secret()) }

// A Kind is a make of server.
type Kind struct {
	Name    string
	program string
	// configure writes what the server reads into its directory.
	configure func(*Server)
	args      func(dir string) []string
	// freeze makes the server refuse UPDATEs, and thaw take them again.
	freeze, thaw func(*Server)
}

// Kinds returns all.
func Kinds() []Kind { return []Kind{BIND, Knot, PowerDNS} }

// A Server is a primary that runs, and is gone with its test.
type Server struct {
	Addr netip.AddrPort

	tb      testing.TB
	kind    Kind
	dir     string
	control uint16
	command *exec.Cmd
	said    bytes.Buffer
	ended   chan struct{} // closed when the process is gone
}

// New returns a server that is not started. Without its programs the test is skipped, or
// fails where all ought to be there.
func (k Kind) New(tb testing.TB) *Server {
	tb.Helper()
	LookUp(tb, k.program)
	addr, err := rig.FreePort()
	if err != nil {
		tb.Fatal(err)
	}
	control, err := rig.FreePort()
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{Addr: addr, tb: tb, kind: k, dir: tb.TempDir(), control: control.Port()}
	tb.Cleanup(s.Kill)
	k.configure(s)
	return s
}

// Run is New, and Start.
func (k Kind) Run(tb testing.TB) *Server {
	tb.Helper()
	s := k.New(tb)
	s.Start()
	return s
}

// Start starts the server, for the first time or again, and returns when it answers.
func (s *Server) Start() {
	s.tb.Helper()
	s.said.Reset()
	s.command = exec.Command(LookUp(s.tb, s.kind.program), s.kind.args(s.dir)...)
	s.command.Stdout, s.command.Stderr = &s.said, &s.said
	if err := s.command.Start(); err != nil {
		s.tb.Fatal(err)
	}
	command, ended := s.command, make(chan struct{})
	s.ended = ended
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	for deadline := time.Now().Add(rig.Patience); ; time.Sleep(20 * time.Millisecond) {
		if reply := s.Ask(Zone, dns.TypeSOA); reply != nil {
			return
		}
		select {
		case <-ended:
			s.tb.Fatalf("%s ended:\n%s", s.kind.program, &s.said)
		default:
		}
		if time.Now().After(deadline) {
			s.Kill()
			s.tb.Fatalf("%s does not start:\n%s", s.kind.program, &s.said)
		}
	}
}

// Signal sends a signal to the process.
func (s *Server) Signal(signal syscall.Signal) { _ = s.command.Process.Signal(signal) }

// Kill ends the server as kill -9 does, if it runs.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Stop ends the server in good order.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

func (s *Server) end(signal syscall.Signal) {
	if s.command == nil {
		return
	}
	s.Signal(signal)
	<-s.ended
	s.command = nil
}

// Freeze makes the server refuse UPDATEs, as while somebody edits the zone by hand.
func (s *Server) Freeze() { s.kind.freeze(s) }

// Thaw lets the server take UPDATEs again.
func (s *Server) Thaw() { s.kind.thaw(s) }

// Ask returns the reply to a question, nil without one.
func (s *Server) Ask(name string, qtype uint16) *dns.Msg {
	client := dns.Client{Timeout: 500 * time.Millisecond}
	reply, _, err := client.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), s.Addr.String())
	if err != nil {
		return nil
	}
	return reply
}

// Update sends lines of nsupdate, as an administrator at the primary does.
func (s *Server) Update(lines ...string) {
	s.tb.Helper()
	script := fmt.Sprintf("server 127.0.0.1 %d\nzone %s\n%s\nsend\n", s.Addr.Port(), Zone, strings.Join(lines, "\n"))
	s.run(script, "nsupdate", "-y", "hmac-sha256:"+KeyName+":"+SecretText())
}

// Transfer returns all records of the zone, but those that make it, which are the
// server's own.
func (s *Server) Transfer() (all []dns.RR) {
	s.tb.Helper()
	m := new(dns.Msg).SetAxfr(dns.Fqdn(Zone))
	m.SetTsig(dns.Fqdn(KeyName), dns.HmacSHA256, 300, time.Now().Unix())
	in := rig.NewTransfer()
	in.TsigSecret = map[string]string{dns.Fqdn(KeyName): SecretText()}
	parts, err := in.In(m, s.Addr.String())
	if err != nil {
		s.tb.Fatal(err)
	}
	for part := range parts {
		if part.Error != nil {
			s.tb.Fatal(part.Error)
		}
		for _, rr := range part.RR {
			h := rr.Header()
			if h.Name != dns.Fqdn(Zone) || h.Rrtype != dns.TypeSOA && h.Rrtype != dns.TypeNS {
				all = append(all, rr)
			}
		}
	}
	return all
}

// run runs a program that must succeed, with its standard input.
func (s *Server) run(input, program string, args ...string) {
	s.tb.Helper()
	command := exec.Command(LookUp(s.tb, program), args...)
	command.Stdin = strings.NewReader(input)
	if out, err := command.CombinedOutput(); err != nil {
		s.tb.Fatalf("%s %v: %v: %s", program, args, err, out)
	}
}

// file returns the path of a file of the server's.
func (s *Server) file(name string) string { return filepath.Join(s.dir, name) }

// Write writes a file into the server's directory.
func (s *Server) Write(name, text string) {
	s.tb.Helper()
	if err := os.WriteFile(s.file(name), []byte(text), 0o600); err != nil {
		s.tb.Fatal(err)
	}
}

// LookUp returns the path of a program that a test needs. Without it the test is skipped,
// or fails with CI=true, where all programs ought to be there.
func LookUp(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(tb, name+" is not installed")
	}
	return path
}

func missing(tb testing.TB, why string) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatal(why)
	}
	tb.Skip(why)
}
