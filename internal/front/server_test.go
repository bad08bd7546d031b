package front_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/front"
	"stayput.dev/test/rig"
)

// echo answers with what the front made of the request.
func echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			body = []byte(err.Error())
		}
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "%s %s %s ?%s host=%s body=%s\n", name, r.Method, r.URL.Path, r.URL.RawQuery, r.Host, body)
	})
}

// testTable has a device path, a subtree with tokens, a check-IP host and Rest.
func testTable() front.Table {
	return front.Table{
		Devices: map[string]http.Handler{
			"/nic/update": echo("device"),
			"/update":     echo("device"),
			"/update/":    echo("tree"),
			"/u/":         echo("tree"),
		},
		Root: func(r *http.Request) http.Handler {
			if strings.HasPrefix(r.Host, "checkip.") || r.URL.Query().Has("myip") {
				return echo("root")
			}
			return nil
		},
		Rest: echo("rest"),
	}
}

// newServer starts a server on a port of its own and returns its address.
// Without a table it has testTable.
func newServer(t testing.TB, cfg front.Config, kind front.Kind) (*front.Server, string) {
	t.Helper()
	if cfg.Rest == nil && cfg.Devices == nil {
		cfg.Table = testTable()
	}
	s := front.New(cfg)
	return s, serve(t, s, kind)
}

// serve adds a listener to a server, which is shut down with the test.
func serve(t testing.TB, s *front.Server, kind front.Kind) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(context.Background(), l, kind) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("Serve = %v, want nil after Shutdown", err)
		}
	})
	return l.Addr().String()
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends raw bytes and returns all that comes back until the server closes.
func ask(t testing.TB, addr, raw string) string {
	t.Helper()
	c := dial(t, addr)
	go io.WriteString(c, raw) // the server may refuse before it has read all
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("reading the reply: %v, after %q", err, all)
	}
	return string(all)
}

// A reply is what clients look at.
type reply struct {
	status, connection, body string
	header                   http.Header
}

func (r reply) String() string { return r.status + "; " + r.connection + "; " + r.body }

// readReply reads one reply and checks what holds for all of ours: a length
// unless the status forbids it, a date, no chunks.
func readReply(t testing.TB, r *bufio.Reader, method string) reply {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("reading the status line: %v, after %q", err, line)
	}
	got := reply{status: strings.TrimSuffix(line, "\r\n"), header: http.Header{}}
	for {
		line, err := r.ReadString('\n')
		if err != nil || !strings.HasSuffix(line, "\r\n") {
			t.Fatalf("header line = %q, %v", line, err)
		}
		if line = strings.TrimSuffix(line, "\r\n"); line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		got.header.Add(name, value)
	}
	if strings.Contains(got.status, " 100 ") {
		return got
	}
	got.connection = got.header.Get("Connection")
	if _, err := http.ParseTime(got.header.Get("Date")); err != nil {
		t.Errorf("date: %v", err)
	}
	if te := got.header.Get("Transfer-Encoding"); te != "" {
		t.Errorf("transfer encoding = %q, want none", te)
	}
	n, err := strconv.Atoi(got.header.Get("Content-Length"))
	if err != nil && !strings.Contains(got.status, " 204 ") {
		t.Errorf("content length of %q: %v", got.status, err)
	}
	if method == "HEAD" {
		return got
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		t.Fatalf("reading the body: %v", err)
	}
	got.body = string(body)
	return got
}

// askOnce sends one request, and checks that nothing follows the one reply.
func askOnce(t testing.TB, addr, raw string) reply {
	t.Helper()
	method, _, _ := strings.Cut(raw, " ")
	r := bufio.NewReader(strings.NewReader(ask(t, addr, raw)))
	got := readReply(t, r, method)
	if rest, _ := io.ReadAll(r); len(rest) > 0 {
		t.Errorf("after the reply came %q", rest)
	}
	return got
}

func newLogger() (*slog.Logger, *rig.Log) {
	b := new(rig.Log)
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})), b
}

// eventually waits for what happens in another goroutine.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}

func TestShutdownFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	entered, release := make(chan bool), make(chan bool)
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- true
		<-release
		io.WriteString(w, "done\n")
	})
	s := front.New(front.Config{Table: front.Table{
		Devices: map[string]http.Handler{"/nic/update": slow, "/fast": echo("device")}, Rest: slow,
	}})
	addr := serve(t, s, front.Plain)

	idle, kept := dial(t, addr), dial(t, addr)
	io.WriteString(kept, "GET /fast HTTP/1.1\r\nConnection: keep-alive\r\n\r\n")
	readReply(t, bufio.NewReader(kept), "GET")
	device, web := dial(t, addr), dial(t, addr)
	io.WriteString(device, "GET /nic/update HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
	io.WriteString(web, "GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
	<-entered
	<-entered

	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(context.Background()) }()
	for _, c := range []net.Conn{idle, kept} {
		if n, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("idle connection: Read = %d, %v, want EOF", n, err)
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("Shutdown = %v before the replies were sent", err)
	default:
	}
	close(release)
	for name, c := range map[string]net.Conn{"device": device, "web": web} {
		got := readReply(t, bufio.NewReader(c), "GET").String()
		if want := "HTTP/1.1 200 OK; close; done\n"; got != want {
			t.Errorf("%s got = %q, want %q", name, got, want)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("dialling after Shutdown succeeded")
	}
}

// TestShutdownIsNotKept: half a request, which anybody can send, is not worth waiting
// for as long as for a reply.
func TestShutdownIsNotKept(t *testing.T) {
	t.Parallel()
	s := front.New(front.Config{Table: testTable(), Limits: front.Limits{HeadTimeout: time.Hour}})
	addr := serve(t, s, front.Plain)
	for i, half := range []string{"GET /nic/up", "POST /update HTTP/1.0\r\nContent-Length: 2\r\n\r\na"} {
		c := dial(t, addr)
		io.WriteString(c, half)
		eventually(t, "half a request is there", func() bool { return front.Asking(s) == i+1 })
		defer func() {
			if text, err := io.ReadAll(c); err != nil || !strings.Contains(string(text), " 408 ") {
				t.Errorf("%q: reply = %.40q, %v, want 408", half, text, err)
			}
		}()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
}

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	entered, left := make(chan bool), make(chan bool)
	s := front.New(front.Config{Table: front.Table{Devices: map[string]http.Handler{
		"/nic/update": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			entered <- true
			<-r.Context().Done()
			close(left)
		}),
	}}})
	addr := serve(t, s, front.Plain)
	c := dial(t, addr)
	io.WriteString(c, "GET /nic/update HTTP/1.0\r\n\r\n")
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v, want %v", err, context.Canceled)
	}
	<-left
	if n, _ := io.Copy(io.Discard, c); n != 0 {
		t.Errorf("got %d bytes of a reply from a closed connection", n)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := front.New(front.Config{Table: testTable()})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l, front.Plain) }()
	ask(t, l.Addr().String(), "GET /update HTTP/1.0\r\n\r\n")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if err := s.Serve(context.Background(), l, front.Plain); err != nil {
		t.Errorf("Serve after Shutdown = %v, want nil", err)
	}
}

func TestServeNeedsTLSForTLS(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []front.Kind{front.TLS, front.LegacyTLS} {
		if err := front.New(front.Config{}).Serve(context.Background(), l, kind); err == nil {
			t.Error("Serve without a TLS configuration succeeded")
		}
	}
}

// ask1 is ask for what the server may cut off.
func ask1(addr, raw string) string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(c, raw)
	all, _ := io.ReadAll(c)
	return string(all)
}
