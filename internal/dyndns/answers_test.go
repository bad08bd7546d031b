package dyndns_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/front"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
)

// answers is what a device is told in each situation, and what each client makes of
// it: "ok", "retry" after a while by itself, or "stop" until somebody looks after
// it. A client may stop only where somebody must act: in the situations marked with
// an exclamation mark.
const answers = `
situation              reply                  ddclient  inadyn  dyndns  ez-ipupdate  wget
address changed        200 good 203.0.113.9   ok        ok      ok      ok           ok
nothing changed        200 nochg 203.0.113.1  ok        ok      ok      ok           ok
private address        200 good 192.168.1.1   ok        ok      ok      ok           ok
two hosts              200 good 203.0.113.9   ok        ok      ok      ok           ok
one of two is foreign  200 good 203.0.113.9   ok        ok      ok      ok           ok
! no credentials       401 badauth            retry     stop    stop    stop         retry
! wrong secret         401 badauth            retry     stop    stop    stop         retry
! unknown user         401 badauth            retry     stop    stop    stop         retry
! foreign host         200 nohost             retry     stop    retry   stop         retry
! no such host         200 nohost             retry     stop    retry   stop         retry
! malformed name       200 notfqdn            retry     stop    stop    stop         retry
! no address           200 badip              retry     stop    stop    stop         retry
store broken           503 911                retry     retry   retry   retry        retry
source over limit      503 911                retry     retry   retry   retry        retry
key over limit         503 911                retry     retry   retry   retry        retry
host over limit        503 911                retry     retry   retry   retry        retry
limits, no change      200 nochg 203.0.113.1  ok        ok      ok      ok           ok
many wrong secrets     503 911                retry     retry   retry   retry        retry
account suspended      503 911                retry     retry   retry   retry        retry
`

// clients is what each client makes of a reply, as it was seen to, or as its
// source says: doc/protocols.md.
var clients = map[string]func(status int, body string) string{
	// ddclient 3.10 and 4: fails and tries again, whatever it is told.
	"ddclient": func(status int, body string) string {
		if word := firstWord(body); status == 200 && (word == "good" || word == "nochg") {
			return "ok"
		}
		return "retry"
	},
	// inadyn 2.10 with "custom", which most who run it use: any word of success
	// anywhere in the body, or it ends; only 5xx is a reason to wait.
	"inadyn": func(status int, body string) string {
		switch {
		case status == 200 && containsAny(strings.ToLower(body), "good", "nochg", "ok", "true", "updated", "success"):
			return "ok"
		case status >= 500:
			return "retry"
		}
		return "stop"
	},
	// inadyn 2.10 with its dyndns plug-in.
	"dyndns": func(status int, body string) string {
		switch {
		case status == 200 && containsAny(body, "good", "nochg"):
			return "ok"
		case status >= 500 || status == 200 && containsAny(body, "nohost", "dnserr", "911", "abuse"):
			return "retry"
		}
		return "stop"
	},
	// ez-ipupdate 3.0, in many old routers: needs the blank behind "good".
	"ez-ipupdate": func(status int, body string) string {
		switch {
		case status == 200 && containsAny("\n"+body, "\ngood ", "\nnochg"):
			return "ok"
		case status == 401 || status == 200 && !containsAny(body, "dnserr", "good"):
			return "stop"
		}
		return "retry"
	},
	// GNU Wget as OpenWrt's scripts run it: comes again with credentials after a
	// challenge, and endlessly after everything else.
	"wget": func(status int, body string) string {
		if status == 200 && containsAny(body, "good", "nochg") {
			return "ok"
		}
		return "retry"
	},
}

func firstWord(body string) string { return strings.TrimSpace(strings.SplitN(body, " ", 2)[0]) }

func containsAny(text string, words ...string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// TestAnswers brings about each situation, over the front as it is for devices, and
// holds the reply and what clients make of it against the table.
func TestAnswers(t *testing.T) {
	t.Parallel()
	table := strings.Split(strings.TrimSpace(answers), "\n")
	names := strings.Fields(table[0])[2:]
	if len(table)-1 != len(situations) || len(names) != len(clients) {
		t.Errorf("the table has %d situations and %d clients, want %d and %d", len(table)-1, len(names), len(situations), len(clients))
	}
	for _, line := range table[1:] {
		situation, rest := strings.TrimSpace(line[:23]), strings.Fields(line[23:])
		situation, mayStop := strings.CutPrefix(situation, "! ")
		cells := rest[len(rest)-len(names):]
		want := strings.Join(rest[:len(rest)-len(names)], " ")
		t.Run(situation, func(t *testing.T) {
			t.Parallel()
			happen := situations[situation]
			if happen == nil {
				t.Fatal("nobody knows how this comes about")
			}
			s := newStage(t)
			happen(s)
			body, _, _ := strings.Cut(s.body, "\n")
			if got := fmt.Sprintf("%d %s", s.status, body); got != want {
				t.Errorf("reply = %s, want %s", got, want)
			}
			for i, name := range names {
				if got := clients[name](s.status, s.body); got != cells[i] {
					t.Errorf("%s = %s, want %s", name, got, cells[i])
				}
				if cells[i] == "stop" && !mayStop {
					t.Errorf("%s stops, and nobody has a reason to look after it", name)
				}
			}
		})
	}
}

// situations brings each of them about; the last reply counts.
var situations = map[string]func(*stage){
	"address changed": func(s *stage) { s.ask("alice:alices-update-secret", "home", "203.0.113.9") },
	"nothing changed": func(s *stage) { s.ask("alice:alices-update-secret", "home", "203.0.113.1") },
	"private address": func(s *stage) { s.ask("alice:alices-update-secret", "home", "192.168.1.1") },
	"two hosts":       func(s *stage) { s.ask("alice:alices-update-secret", "home,nas", "203.0.113.9") },
	"one of two is foreign": func(s *stage) {
		s.ask("alice:alices-update-secret", "home,printer", "203.0.113.9")
	},
	"no credentials": func(s *stage) { s.ask("", "home", "203.0.113.9") },
	"wrong secret":   func(s *stage) { s.ask("alice:wrong", "home", "203.0.113.9") },
	"unknown user":   func(s *stage) { s.ask("mallory:alices-update-secret", "home", "203.0.113.9") },
	"foreign host":   func(s *stage) { s.ask("alice:alices-update-secret", "printer", "203.0.113.9") },
	"no such host":   func(s *stage) { s.ask("alice:alices-update-secret", "mars", "203.0.113.9") },
	"malformed name": func(s *stage) { s.ask("alice:alices-update-secret", "ho_me", "203.0.113.9") },
	"no address":     func(s *stage) { s.ask("alice:alices-update-secret", "home", "%3Cipaddr%3E") },
	"store broken": func(s *stage) {
		s.world.store.SetFault(errors.New("disk full"))
		s.ask("alice:alices-update-secret", "home", "203.0.113.9")
	},
	"source over limit": func(s *stage) { s.exceed(update.Limits{SourceChanges: once}) },
	"key over limit":    func(s *stage) { s.exceed(update.Limits{KeyChanges: once}) },
	"host over limit":   func(s *stage) { s.exceed(update.Limits{HostChanges: once}) },
	"limits, no change": func(s *stage) {
		s.exceed(update.Limits{SourceChanges: once, KeyChanges: once, HostChanges: once})
		s.ask("alice:alices-update-secret", "home", "203.0.113.1")
	},
	"many wrong secrets": func(s *stage) {
		s.world.service.SetRules(update.Rules{Limits: update.Limits{KeyGuesses: once}})
		for i := 0; s.status != http.StatusServiceUnavailable && i < 100; i++ { // more often if they take long
			s.ask(fmt.Sprint("bob:guess", i), "printer", "203.0.113.9")
		}
	},
	"account suspended": func(s *stage) {
		s.world.apply(s.t, func(st *registry.State) (registry.Changes, error) {
			a, _ := st.Accounts.Account("alice")
			a.Suspended = true
			return registry.Changes{Accounts: account.Changes{Accounts: []account.Account{a}}}, nil
		})
		s.ask("alice:alices-update-secret", "home", "203.0.113.9")
	},
}

// once is a limit that lets nothing through for long.
var once = update.Rate{PerSecond: 1, Burst: 1}

// stage is a world behind the front, and the last reply.
type stage struct {
	t      *testing.T
	world  *world
	addr   string
	status int
	body   string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	w := newWorld(t, dyndns.Options{})
	server := front.New(front.Config{
		Table:          front.Table{Devices: w.handler.Paths()},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(context.Background(), listener, front.Plain) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(server.Shutdown(ctx), <-ended); err != nil {
			t.Error(err)
		}
	})
	return &stage{t: t, world: w, addr: listener.Addr().String()}
}

// ask sends a request as inadyn does, from an address that has limits, and checks
// what every client needs of a reply.
func (s *stage) ask(login, hosts, addr string) {
	s.t.Helper()
	hosts = strings.ReplaceAll(hosts, ",", ".dyn.example.org,") + ".dyn.example.org"
	r, err := http.NewRequest(http.MethodGet, "http://"+s.addr+"/nic/update?hostname="+hosts+"&myip="+addr, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", "203.0.113.77")
	if user, secret, ok := strings.Cut(login, ":"); ok {
		r.SetBasicAuth(user, secret)
	}
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if err := r.Write(conn); err != nil {
		s.t.Fatal(err)
	}
	reply, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.status, s.body = reply.StatusCode, string(body)
	if len(reply.TransferEncoding) > 0 || reply.ContentLength != int64(len(body)) || reply.Header.Get("Content-Encoding") != "" {
		s.t.Errorf("reply with %v, length %d, encoding %q", reply.TransferEncoding, reply.ContentLength, reply.Header.Get("Content-Encoding"))
	}
	if challenged := reply.Header.Get("WWW-Authenticate") != ""; challenged != (s.status == http.StatusUnauthorized) {
		s.t.Errorf("status %d, challenge: %v", s.status, challenged)
	}
}

// exceed changes home until a limit is reached, and leaves it at 203.0.113.1.
func (s *stage) exceed(limits update.Limits) {
	s.t.Helper()
	for range 100 { // as a rule once: unless a second passes between two requests
		s.world.service.SetRules(update.Rules{})
		s.ask("alice:alices-update-secret", "home", "203.0.113.2")
		s.world.service.SetRules(update.Rules{Limits: limits})
		if s.ask("alice:alices-update-secret", "home", "203.0.113.1"); s.status != http.StatusOK {
			continue
		}
		if s.ask("alice:alices-update-secret", "home", "203.0.113.2"); s.status != http.StatusOK {
			return
		}
	}
	s.t.Fatal("no limit was reached")
}
