package weblog_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"stayput.dev/internal/weblog"
	"stayput.dev/test/rig"
)

func TestParse(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr("203.0.113.7")
	tests := []struct {
		why, line string
		want      weblog.Line
	}{
		{"a request", `203.0.113.7 200 4 "GET /?hostname=a.example.org HTTP/1.1" "Basic YTpi" "curl/7.88"`, weblog.Line{
			Source: addr, Status: 200, Length: 4, Method: "GET", Target: "/?hostname=a.example.org", Authorization: "Basic YTpi", Agent: "curl/7.88",
		}},
		{"without what may be missing", `203.0.113.7 401 - "GET / HTTP/1.0" "-" "-"`, weblog.Line{
			Source: addr, Status: 401, Method: "GET", Target: "/",
		}},
		{"what Apache escapes", `203.0.113.7 200 4 "GET /?a=\"\\\xc3\xa4 b HTTP/1.0" "-" "a \"quoted\" agent"`, weblog.Line{
			Source: addr, Status: 200, Length: 4, Method: "GET", Target: "/?a=\"\\ä b", Agent: `a "quoted" agent`,
		}},
		{"what is no request", `203.0.113.7 400 226 "\x16\x03" "-" "-"`, weblog.Line{}},
		{"no request came", `203.0.113.7 408 - "-" "-" "-"`, weblog.Line{Source: addr, Status: 408}},
		{"the answer to one that was mirrored", "5f1a200\t200 4", weblog.Line{}},
		{"the answer to one that was mirrored", "5f1a 200 4", weblog.Line{ID: "5f1a", Status: 200, Length: 4}},
		{"a header more", `203.0.113.7 200 4 "GET / HTTP/1.1" "Basic YTpi\r\nX-Forwarded-For: 192.0.2.1" "-"`, weblog.Line{}},
		{"the same by its code", `203.0.113.7 200 4 "GET / HTTP/1.1" "Basic YTpi\x0d\x0aA: b" "-"`, weblog.Line{}},
		{"no end", `203.0.113.7 200 4 "GET / HTTP/1.1" "-" "-`, weblog.Line{}},
		{"no address", `client.example.org 200 4 "GET / HTTP/1.1" "-" "-"`, weblog.Line{}},
		{"no status", `203.0.113.7 good 4 "GET / HTTP/1.1" "-" "-"`, weblog.Line{}},
		{"a length below nothing", `203.0.113.7 200 -4 "GET / HTTP/1.1" "-" "-"`, weblog.Line{}},
		{"nothing", "", weblog.Line{}},
	}
	for _, tt := range tests {
		got, err := weblog.Parse(tt.line)
		if wrong := tt.want == (weblog.Line{}); got != tt.want || wrong != errors.Is(err, weblog.ErrLine) {
			t.Errorf("%s: %+v, %v, want %+v", tt.why, got, err, tt.want)
		}
	}
}

// daemon takes down the requests that it gets, and answers with a status.
type daemon struct {
	net.Listener
	mu    sync.Mutex // guards heard
	heard []string
}

func newDaemon(t *testing.T, status int) *daemon {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{Listener: l}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		h := r.Header
		d.heard = append(d.heard, strings.Join([]string{
			r.Method, r.RequestURI, h.Get("X-Forwarded-For"), h.Get("Authorization"), h.Get("User-Agent"),
			h.Get("Shadow-Id"), h.Get("Shadow-Status"), h.Get("Shadow-Length"),
		}, "|"))
		if len(d.heard)%2 == 0 {
			w.Header().Set("Connection", "close")
		}
		w.WriteHeader(status)
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return d
}

func TestMirror(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, http.StatusNoContent)
	dropped := 0
	m := weblog.Mirror{Address: d.Addr().String(), Prefix: "/shadow", Strip: "/dyndns", Complain: func(n int, _ error) { dropped += n }}
	log := `203.0.113.7 200 4 "GET /dyndns/?hostname=a.example.org HTTP/1.1" "Basic YTpi" "curl"
203.0.113.7 200 4 "GET http://example.org/dyndns/nic/update?hostname=a.example.org HTTP/1.1" "-" "-"
203.0.113.7 200 4 "GET /dyndns/?hostname=a.example.org&url=http://example.org/x HTTP/1.1" "-" "-"
203.0.113.7 200 4 "GET /other/?hostname=a.example.org HTTP/1.1" "-" "-"
203.0.113.7 200 4 "GET /dyndnsx HTTP/1.1" "-" "-"
203.0.113.7 405 8 "POST /dyndns?hostname=a.example.org HTTP/1.1" "-" "-"
what is this
203.0.113.7 408 - "-" "-" "-"

2001:db8::7 200 4 "HEAD /dyndns/ HTTP/1.1" "-" "-"
5f1a 200 4
` + strings.Repeat("x", 100_000) + "\n5f1b 200 4"
	if err := m.Run(t.Context(), strings.NewReader(log)); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET|/shadow/?hostname=a.example.org|203.0.113.7|Basic YTpi|curl||200|4",
		"GET|/shadow/nic/update?hostname=a.example.org|203.0.113.7||||200|4",
		"GET|/shadow/?hostname=a.example.org&url=http://example.org/x|203.0.113.7||||200|4",
		"POST|/shadow?hostname=a.example.org|203.0.113.7||||405|8",
		"HEAD|/shadow/|2001:db8::7||||200|4",
		"GET|/shadow/answer|127.0.0.1|||5f1a|200|4",
		"GET|/shadow/answer|127.0.0.1|||5f1b|200|4",
	}
	if !slices.Equal(d.heard, want) {
		t.Errorf("the daemon heard\n%s\nwant\n%s", strings.Join(d.heard, "\n"), strings.Join(want, "\n"))
	}
	if dropped != 2 {
		t.Errorf("%d lines were dropped, want 2", dropped)
	}
}

// TestMirrorComplains: what is dropped is told of, with the reason.
func TestMirrorComplains(t *testing.T) {
	t.Parallel()
	gone, err := rig.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	for why, address := range map[string]string{
		"mirrored requests are not taken": newDaemon(t, http.StatusForbidden).Addr().String(),
		"status 500":                      newDaemon(t, http.StatusInternalServerError).Addr().String(),
		"connection refused":              gone.String(),
	} {
		var said []string
		m := weblog.Mirror{Address: address, Complain: func(n int, err error) { said = append(said, fmt.Sprint(n, " ", err)) }}
		if err := m.Run(t.Context(), strings.NewReader("a 200 4\nb 200 4\n")); err != nil {
			t.Error(err)
		}
		if len(said) != 2 || !strings.HasPrefix(said[0], "1 ") || !strings.Contains(said[0], why) {
			t.Errorf("complaints = %q, want two of %q", said, why)
		}
	}
}

// TestMirrorNeverWaits: a daemon that takes nothing does not keep the web server waiting.
func TestMirrorNeverWaits(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	log, web := io.Pipe()
	m := weblog.Mirror{Address: l.Addr().String()}
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx, log) }()
	out := bufio.NewWriter(web)
	for i := range 5000 { // more than are queued
		fmt.Fprintf(out, "%d 200 4\n", i)
	}
	if err := errors.Join(out.Flush(), web.Close()); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := errors.Join(conn.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`203.0.113.7 200 4 "GET /?a=\"\\\xc3\xa4 b HTTP/1.0" "Basic YTpi" "-"`)
	f.Add("5f1a 200 4")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := weblog.Parse(text)
		if err != nil {
			return
		}
		for _, field := range []string{l.ID, l.Method, l.Target, l.Authorization, l.Agent} {
			if strings.ContainsFunc(field, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("%q has a control character", field)
			}
		}
	})
}

// TestMirrorOfHead: a reply to HEAD has no body, whatever length it tells of.
func TestMirrorOfHead(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	m := weblog.Mirror{Address: s.Listener.Addr().String(), Prefix: "/shadow", Complain: func(n int, err error) {
		t.Errorf("%d lines were dropped: %v", n, err)
	}}
	log := strings.Repeat("203.0.113.7 404 19 \"HEAD /favicon.ico HTTP/1.1\" \"-\" \"-\"\n", 2) + "5f1a 200 4\n"
	if err := m.Run(t.Context(), strings.NewReader(log)); err != nil {
		t.Error(err)
	}
}

// TestMirrorCountsWhatItLoses: of lines that come too fast, each is either handed on or
// told of.
func TestMirrorCountsWhatItLoses(t *testing.T) {
	t.Parallel()
	const lines = 5000 // more than are queued
	var heard, dropped atomic.Int64
	read := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-read
		heard.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	log, web := io.Pipe()
	m := weblog.Mirror{Address: s.Listener.Addr().String(), Complain: func(n int, _ error) { dropped.Add(int64(n)) }}
	ended := make(chan error, 1)
	go func() { ended <- m.Run(t.Context(), log) }()
	out := bufio.NewWriter(web)
	for i := range lines {
		fmt.Fprintf(out, "%d 200 4\n", i)
	}
	err := errors.Join(out.Flush(), web.Close())
	close(read)
	if err = errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
	if heard.Load()+dropped.Load() != lines {
		t.Errorf("of %d lines %d were handed on, and %d told of", lines, heard.Load(), dropped.Load())
	}
}
