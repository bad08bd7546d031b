package dyndns_test

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/update"
)

// saltedSum is what a client sends for its secret.
func saltedSum(secret, salt string) string {
	sum := func(s string) string {
		m := md5.Sum([]byte(s))
		return hex.EncodeToString(m[:])
	}
	return sum(sum(secret) + "." + salt)
}

// gnudipServer is a server over TCP that ends when stop is called, and with the
// test.
type gnudipServer struct {
	addr string
	stop func()
}

func newGnuDIPServer(t *testing.T, updates dyndns.Updater) gnudipServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- dyndns.NewGnuDIP(updates, nil).Serve(ctx, l) }()
	stop := func() {
		cancel()
		if err, ok := <-ended; ok && err != nil {
			t.Errorf("Serve: %v", err)
		}
		close(ended)
	}
	once := false
	s := gnudipServer{addr: l.Addr().String(), stop: func() {
		if !once {
			once = true
			stop()
		}
	}}
	t.Cleanup(s.stop)
	return s
}

// dial returns a connection and the salt that was sent.
func (s gnudipServer) dial(t *testing.T) (conn net.Conn, salt string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || len(line) != 11 {
		t.Fatalf("salt = %q, %v, want ten characters and a line end", line, err)
	}
	return conn, line[:10]
}

// ask sends a line, with SUM for the secret, and returns all that comes back.
func (s gnudipServer) ask(t *testing.T, line, secret string) string {
	t.Helper()
	conn, salt := s.dial(t)
	if _, err := io.WriteString(conn, strings.ReplaceAll(line, "SUM", saltedSum(secret, salt))); err != nil {
		t.Fatal(err)
	}
	reply, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(reply)
}

// gnudipTests are what clients say, and hear: over TCP in these words, over HTTP in
// pages that say the same. The clients are at 127.0.0.1, which cannot be reached
// from outside.
var gnudipTests = []struct {
	line, reply string
	a           string // of home then
}{
	{"sums:SUM:home.dyn.example.org:0:203.0.113.9", "0", "203.0.113.9"},
	{"sums:SUM:home.dyn.example.org:0:203.0.113.9", "0", "203.0.113.9"},
	{"home:SUM:dyn.example.org:0:203.0.113.10", "0", "203.0.113.10"}, // user.domain is the host
	{"sums:SUM:home.dyn.example.org:0", "0", "203.0.113.10"},         // the source
	{"sums:SUM:home.dyn.example.org:2", "0:127.0.0.1", "203.0.113.10"},
	{"sums:SUM:home.dyn.example.org:2:203.0.113.11", "0:127.0.0.1", "203.0.113.10"},
	{"sums:SUM:home.dyn.example.org:1", "2", "none"},
	{"sums:SUM:home.dyn.example.org:0:203.0.113.12", "0", "203.0.113.12"},
	{"sums:SUM:home.dyn.example.org:0:0.0.0.0", "2", "none"},
	{"sums:SUM:home.dyn.example.org:1:203.0.113.13", "2", "none"},
	{"sums:SUM:home.dyn.example.org:0:203.0.113.14", "0", "203.0.113.14"},
	{"sums:SUM:home.dyn.example.org:0:2001:db8::9", "0", "203.0.113.14"},

	{"sums:SUM:printer.dyn.example.org:0:203.0.113.20", "1", "203.0.113.14"}, // another's
	{"sums:SUM::0:203.0.113.20", "1", "203.0.113.14"},                        // one of several
	{"sums:SUM:home.dyn.example.org:0:somewhere", "1", "203.0.113.14"},
	{"sums:SUM:home.dyn.example.org:3:203.0.113.20", "1", "203.0.113.14"},
	{"sums:SUM:home.dyn.example.org::203.0.113.20", "1", "203.0.113.14"},
	{"sums:a-secret-with-sums:home.dyn.example.org:0:203.0.113.20", "1", "203.0.113.14"},
	{"alice:SUM:home.dyn.example.org:0:203.0.113.20", "1", "203.0.113.14"}, // a key that keeps no sums
	{"nobody:SUM:home.dyn.example.org:0:203.0.113.20", "1", "203.0.113.14"},
	{":SUM:home.dyn.example.org:0:203.0.113.20", "1", "203.0.113.14"},
	{"sums::home.dyn.example.org:0:203.0.113.20", "1", "203.0.113.14"},
}

func TestGnuDIP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyndns.Options{})
	s := newGnuDIPServer(t, w.service)
	for _, test := range gnudipTests {
		if got := s.ask(t, test.line+"\n", "a-secret-with-sums"); got != test.reply+"\n" {
			t.Errorf("%s: reply = %q, want %q", test.line, got, test.reply+"\n")
		}
		if got := w.a(t, "home.dyn.example.org"); got != test.a {
			t.Errorf("%s: address = %s, want %s", test.line, got, test.a)
		}
	}
	for line, want := range map[string]string{
		"sums:SUM:home.dyn.example.org:0:203.0.113.30\r\n": "0\n",
		"\n":         "1\n",
		"sums:SUM\n": "1\n",
	} {
		if got := s.ask(t, line, "a-secret-with-sums"); got != want {
			t.Errorf("%.40q: reply = %q, want %q", line, got, want)
		}
	}
	w.store.SetFault(errors.New("disk full"))
	if got := s.ask(t, "sums:SUM:home.dyn.example.org:0:203.0.113.31\n", "a-secret-with-sums"); got != "" {
		t.Errorf("reply = %q while nothing can be stored, want none", got)
	}
}

// TestGnuDIPLine: more than a line may hold is not read.
func TestGnuDIPLine(t *testing.T) {
	t.Parallel()
	e := &ear{results: []update.Result{{}}}
	conn, _ := newGnuDIPServer(t, e).dial(t)
	if _, err := io.WriteString(conn, "sums:SUM:home.dyn.example.org:0:"+strings.Repeat("x", 600)+"\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(conn); len(got) > 0 || len(e.heard) > 0 { // perhaps the connection is reset
		t.Errorf("reply = %q to %v", got, e.heard)
	}
}

// TestGnuDIPSaltsAreForOneConnection: what was overheard is of no use.
func TestGnuDIPSaltsAreForOneConnection(t *testing.T) {
	t.Parallel()
	s := newGnuDIPServer(t, newWorld(t, dyndns.Options{}).service)
	_, overheard := s.dial(t)
	line := "sums:" + saltedSum("a-secret-with-sums", overheard) + ":home.dyn.example.org:0:203.0.113.9\n"
	if got := s.ask(t, line, ""); got != "1\n" {
		t.Errorf("reply = %q, want %q", got, "1\n")
	}
}

// TestGnuDIPLimitsSources: one that holds connections keeps nobody else out, and
// gets new ones when it lets go.
func TestGnuDIPLimitsSources(t *testing.T) {
	t.Parallel()
	s := newGnuDIPServer(t, &ear{})
	var held []net.Conn
	for {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
		if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			break // closed without a word
		}
	}
	if len(held) != 17 {
		t.Errorf("the source got %d connections, want 16", len(held)-1)
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	other, err := dialer.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if line, err := bufio.NewReader(other).ReadString('\n'); err != nil {
		t.Errorf("another source got %q, %v", line, err)
	}
	for _, conn := range held {
		conn.Close()
	}
	for { // until the server has noticed
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, err = bufio.NewReader(conn).ReadString('\n')
		conn.Close()
		if err == nil {
			return
		}
	}
}

// slow is an Updater that takes its time.
type slow struct {
	ear
	began, goOn chan struct{}
}

func (s *slow) Update(ctx context.Context, req update.Request) ([]update.Result, error) {
	close(s.began)
	<-s.goOn
	return s.ear.Update(ctx, req)
}

// TestGnuDIPStopsInOrder: who has asked is answered, who has not is sent away.
func TestGnuDIPStopsInOrder(t *testing.T) {
	t.Parallel()
	updates := &slow{ear: ear{results: []update.Result{{}}}, began: make(chan struct{}), goOn: make(chan struct{})}
	s := newGnuDIPServer(t, updates)
	asked, _ := s.dial(t)
	silent, _ := s.dial(t)
	if _, err := io.WriteString(asked, "sums:SUM:home.dyn.example.org:0:203.0.113.9\n"); err != nil {
		t.Fatal(err)
	}
	<-updates.began
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	if rest, err := io.ReadAll(silent); err != nil || len(rest) > 0 {
		t.Errorf("who had not asked heard %q, %v", rest, err)
	}
	close(updates.goOn)
	if reply, err := io.ReadAll(asked); err != nil || string(reply) != "0\n" {
		t.Errorf("who had asked heard %q, %v", reply, err)
	}
	<-stopped
	if conn, err := net.Dial("tcp", s.addr); err == nil {
		conn.Close()
		t.Error("the server still listens")
	}
}

var meta = regexp.MustCompile(`(?m)^<meta name="([a-z]+)" content="(.*)">$`)

// page asks over HTTP and returns the values on the page that comes back, in the
// form of a query.
func page(t *testing.T, h http.Handler, query url.Values) url.Values {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/gnudip/cgi-bin/gdipupdt.cgi?"+query.Encode(), nil)
	r.RemoteAddr = "127.0.0.1:49152"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	values := url.Values{}
	for _, m := range meta.FindAllStringSubmatch(w.Body.String(), -1) {
		values.Set(m[1], m[2])
	}
	if w.Code != http.StatusOK {
		values.Set("status", fmt.Sprint(w.Code))
	}
	return values
}

// wish returns the query that says a line with the salt of a page.
func wish(line, secret string, salt url.Values) url.Values {
	fields := strings.SplitN(strings.ReplaceAll(line, "SUM", saltedSum(secret, salt.Get("salt"))), ":", 5)
	query := url.Values{"salt": salt["salt"], "time": salt["time"], "sign": salt["sign"]}
	for i, field := range fields {
		query.Set([]string{"user", "pass", "domn", "reqc", "addr"}[i], field)
	}
	return query
}

func TestGnuDIPOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyndns.Options{})
	h := w.handler.Paths()["/gnudip/cgi-bin/gdipupdt.cgi"]
	for _, test := range gnudipTests {
		query := wish(test.line, "a-secret-with-sums", page(t, h, nil))
		if query.Get("pass") == "" {
			continue // asks for another salt
		}
		reply := page(t, h, query)
		got := reply.Get("retc")
		if reply.Has("addr") {
			got += ":" + reply.Get("addr")
		}
		if got != test.reply {
			t.Errorf("%s: reply = %v, want %q", test.line, reply, test.reply)
		}
		if got := w.a(t, "home.dyn.example.org"); got != test.a {
			t.Errorf("%s: address = %s, want %s", test.line, got, test.a)
		}
	}
	w.store.SetFault(errors.New("disk full"))
	reply := page(t, h, wish("sums:SUM:home.dyn.example.org:0:203.0.113.31", "a-secret-with-sums", page(t, h, nil)))
	if reply.Encode() != "status=503" {
		t.Errorf("reply = %v while nothing can be stored, want status 503", reply)
	}
}

// TestGnuDIPPage: the lines that clients look for, as they look for them.
func TestGnuDIPPage(t *testing.T) {
	t.Parallel()
	h := dyndns.New(&ear{}, dyndns.Options{}).Paths()["/gnudip/cgi-bin/gdipupdt.cgi"]
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/gnudip/cgi-bin/gdipupdt.cgi", nil))
	want := regexp.MustCompile("^<html>\n<head>\n<title>GnuDIP</title>\n" +
		"<meta name=\"salt\" content=\"[A-Z0-9]{10}\">\n<meta name=\"time\" content=\"[0-9]{10,}\">\n<meta name=\"sign\" content=\"[0-9a-f]{32}\">\n" +
		"</head>\n<body>\n</body>\n</html>\n$")
	if got := w.Body.String(); !want.MatchString(got) || w.Header().Get("Content-Type") != "text/html" {
		t.Errorf("page = %q, %v", got, w.Header())
	}
}

// TestGnuDIPSaltsCountOnce, for a minute, and in the process that gave them.
func TestGnuDIPSaltsCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ear{results: []update.Result{{}}}
		newHandler := func() http.Handler { return dyndns.New(e, dyndns.Options{}).Paths()["/gnudip/cgi-bin/gdipupdt.cgi"] }
		h := newHandler()
		ask := func(salt url.Values, want, why string) {
			t.Helper()
			if got := page(t, h, wish("sums:SUM:home.dyn.example.org:0:203.0.113.9", "secret", salt)).Get("retc"); got != want {
				t.Errorf("%s: retc = %q, want %q", why, got, want)
			}
		}
		salt := page(t, h, nil)
		ask(salt, "0", "a new salt")
		for range 5 {
			ask(salt, "1", "a salt that was used")
			time.Sleep(14 * time.Second)
		}
		salt = page(t, h, nil)
		time.Sleep(59 * time.Second)
		ask(salt, "0", "a salt of a minute")
		ask(salt, "1", "used when it was old")
		salt = page(t, h, nil)
		time.Sleep(time.Minute)
		ask(salt, "1", "a salt that is too old")

		salt = page(t, h, nil)
		for _, key := range []string{"salt", "time", "sign"} {
			forged := url.Values{"salt": salt["salt"], "time": salt["time"], "sign": salt["sign"]}
			forged.Set(key, strings.Repeat("1", len(salt.Get(key))))
			ask(forged, "1", "another "+key)
		}
		e.err = account.ErrBadCredential
		ask(salt, "1", "a wrong secret")
		e.err = nil
		ask(salt, "0", "its salt, which let nobody in")
		for what, came := range map[string]ear{
			"no host of the key": {results: []update.Result{{Outcome: update.NoHost}}},
			"a bad address":      {err: &update.KeyError{Err: update.ErrBadAddress}},
		} {
			salt = page(t, h, nil)
			e.results, e.err = came.results, came.err
			ask(salt, "1", what)
			e.results, e.err = []update.Result{{}}, nil
			ask(salt, "1", "what was overheard of a right secret with "+what)
		}
		salt = page(t, h, nil)
		h = newHandler()
		ask(salt, "1", "a salt of another process")
	})
}

// TestGnuDIPForgetsWhoMustWait: what is put off keeps nothing, or strangers could use
// up the salts of everybody.
func TestGnuDIPForgetsWhoMustWait(t *testing.T) {
	t.Parallel()
	e := &ear{err: update.ErrLimited}
	h := dyndns.New(e, dyndns.Options{}).Paths()["/gnudip/cgi-bin/gdipupdt.cgi"]
	query := wish("sums:SUM:home.dyn.example.org:0:203.0.113.9", "secret", page(t, h, nil))
	if got := page(t, h, query).Get("status"); got != "503" {
		t.Errorf("status = %q while limited, want 503", got)
	}
	e.err, e.results = nil, []update.Result{{}}
	if got := page(t, h, query).Get("retc"); got != "0" {
		t.Errorf("retc = %q with the salt that was put off, want 0", got)
	}
	query = wish("sums:SUM:home.dyn.example.org:0:203.0.113.9", "secret", page(t, h, nil))
	e.err = &update.KeyError{Err: update.ErrLimited}
	if got := page(t, h, query).Get("status"); got != "503" {
		t.Errorf("status = %q while a key is limited, want 503", got)
	}
	e.err = nil
	if got := page(t, h, query).Get("retc"); got != "1" {
		t.Errorf("retc = %q for what was overheard of a key that was limited, want 1", got)
	}
}
