package rig

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

//go:embed smtpd.py
var mailServerScript string

// python is Debian's, which has the packages of Debian.
const python = "/usr/bin/python3"

// MailServerOptions say how a mail server is spoken to.
type MailServerOptions struct {
	TLS       string // "none", "starttls" or "tls"
	Cert, Key string // PEM files; empty for none
	User      string // who may send; empty: everybody
	Password  string
}

// MailServer is aiosmtpd, a real mail server, that keeps what it gets.
type MailServer struct {
	Addr string // host:port

	mu   sync.Mutex // guards what follows
	mail []Mail
	more chan struct{} // closed when another comes
}

// Mail is a message as a MailServer got it.
type Mail struct {
	From  string
	To    []string
	TLS   bool
	Login bool
	Raw   string // header and body
}

// StartMailServer runs a mail server until the test ends. Where aiosmtpd is missing
// the test is skipped, and with CI=true it fails.
func StartMailServer(t *testing.T, o MailServerOptions) *MailServer {
	t.Helper()
	if err := exec.Command(python, "-c", "import aiosmtpd").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("aiosmtpd is missing: test/install-peers installs it")
		}
		t.Skip("aiosmtpd is missing: test/install-peers installs it")
	}
	args := []string{"-c", mailServerScript, "--tls=" + o.TLS}
	for flag, value := range map[string]string{"cert": o.Cert, "key": o.Key, "user": o.User, "password": o.Password} {
		if value != "" {
			args = append(args, "--"+flag+"="+value)
		}
	}
	command := exec.Command(python, args...)
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	s := &MailServer{more: make(chan struct{})}
	var listening struct{ Port int }
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &listening) != nil || listening.Port == 0 {
		_ = command.Process.Kill()
		_ = command.Wait()
		t.Fatalf("the mail server does not start: %s", complaint.String())
	}
	s.Addr = fmt.Sprintf("127.0.0.1:%d", listening.Port)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines.Scan() {
			var m Mail
			if json.Unmarshal(lines.Bytes(), &m) == nil {
				s.add(m)
			}
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-done
		_ = command.Wait()
	})
	return s
}

func (s *MailServer) add(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail = append(s.mail, m)
	close(s.more)
	s.more = make(chan struct{})
}

// Await returns all mail to an address when there are at least n, in the order in
// which they came. It fails the test when it has no more patience.
func (s *MailServer) Await(t *testing.T, to string, n int) []Mail {
	t.Helper()
	late := time.After(Patience)
	for {
		s.mu.Lock()
		var found []Mail
		for _, m := range s.mail {
			if len(m.To) == 1 && m.To[0] == to {
				found = append(found, m)
			}
		}
		more := s.more
		s.mu.Unlock()
		if len(found) >= n {
			return found
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("%d mails to %s came, want %d", len(found), to, n)
		}
	}
}

// Count returns how much mail came, to whomever.
func (s *MailServer) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mail)
}
