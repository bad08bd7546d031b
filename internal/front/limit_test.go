package front_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/front"
)

// dialFrom connects from an address of loopback's own choosing.
func dialFrom(t testing.TB, source, addr string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	t.Cleanup(func() { c.Close() })
	return c
}

// patient are limits under which no slow connection is closed while a test runs.
var patient = front.Limits{HeadTimeout: time.Hour, HandshakeTimeout: time.Hour}

// TestSlowFlood holds more slow connections than a source may have: half heads,
// silence, half bodies. Another source is served as ever.
func TestSlowFlood(t *testing.T) {
	t.Parallel()
	s, addr := newServer(t, front.Config{Limits: patient}, front.Plain)
	openings := []string{"", "GET /nic/upd", "GET /nic/update HTTP/1.1\r\nX: ", "POST /nic/update HTTP/1.0\r\nContent-Length: 9\r\n\r\na"}
	flood := make([]net.Conn, 600)
	for i := range flood {
		flood[i] = dialFrom(t, "127.0.0.2", addr)
		io.WriteString(flood[i], openings[i%len(openings)])
	}
	eventually(t, "the source has all that it may have", func() bool {
		st := s.Stats()
		return st.Open == front.DefaultPerSource && st.Crowded == uint64(len(flood)-front.DefaultPerSource)
	})
	for range 20 {
		got := askOnce(t, addr, "GET /nic/update?a"+h0+"\r\n").String()
		if want := device10("a"); got != want {
			t.Fatalf("got = %q, want %q", got, want)
		}
		if got := askOnce(t, addr, "GET /page HTTP/1.0\r\n\r\n").status; got != "HTTP/1.0 200 OK" {
			t.Fatalf("got = %q for a page", got)
		}
	}
	last := flood[len(flood)-1]
	if n, err := last.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("one connection too many: Read = %d, %v, want it closed", n, err)
	}
	for _, c := range flood {
		c.Close()
	}
	eventually(t, "all is given back", func() bool { return s.Stats().Open == 0 })
	c := dialFrom(t, "127.0.0.2", addr)
	io.WriteString(c, "GET /nic/update"+h0+"\r\n")
	if got := readReply(t, bufio.NewReader(c), "GET").status; got != "HTTP/1.0 200 OK" {
		t.Errorf("after the flood got = %q", got)
	}
}

func TestProxiesAreExempt(t *testing.T) {
	t.Parallel()
	limits := patient
	limits.PerSource = 2
	s, addr := newServer(t, front.Config{
		Limits:         limits,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.3/32")},
	}, front.Plain)
	for range 5 {
		dialFrom(t, "127.0.0.3", addr)
	}
	eventually(t, "five connections of a proxy", func() bool { return s.Stats().Open == 5 })
	for range 3 {
		io.WriteString(dialFrom(t, "127.0.0.3", addr), "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n")
	}
	eventually(t, "the client behind it has two", func() bool {
		st := s.Stats()
		return st.Open == 7 && st.Crowded == 1
	})
	io.WriteString(dialFrom(t, "127.0.0.3", addr), "PROXY TCP6 2001:db8::ffff:1 2001:db8::2 1 2\r\n")
	eventually(t, "its neighbour in the /64 has none", func() bool { return s.Stats().Crowded == 2 })
	io.WriteString(dialFrom(t, "127.0.0.3", addr), "PROXY TCP6 2001:db8:0:1::1 2001:db8::2 1 2\r\n")
	eventually(t, "the next /64 has", func() bool { return s.Stats().Open == 8 })
}

// TestTotal: over the total, connections wait their turn.
func TestTotal(t *testing.T) {
	t.Parallel()
	limits := patient
	limits.Total = 2
	s, addr := newServer(t, front.Config{Limits: limits}, front.Plain)
	held := []net.Conn{dial(t, addr), dial(t, addr)}
	eventually(t, "two connections", func() bool { return s.Stats().Open == 2 })
	third := dial(t, addr)
	io.WriteString(third, "GET /nic/update"+h0+"\r\n")
	third.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := third.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("over the total: Read = %d, %v, want to wait", n, err)
	}
	third.SetReadDeadline(time.Now().Add(time.Minute))
	held[0].Close()
	if got := readReply(t, bufio.NewReader(third), "GET").status; got != "HTTP/1.0 200 OK" {
		t.Errorf("got = %q", got)
	}
}

// TestTimeouts: what waits too long is told so if it has begun, and closed.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	table := testTable()
	table.Rest = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ignore" {
			echo("rest").ServeHTTP(w, r)
		}
	})
	config := front.Config{Table: table, TLS: newTLSConfig(t), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.3/32")}}
	const keep = "GET /nic/update HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	tests := []struct {
		name, source string
		kind         front.Kind
		raw, want    string // want: the statuses
	}{
		{"silence", "192.0.2.1", front.Plain, "", ""},
		{"half a request line", "192.0.2.1", front.Plain, "GET /nic", "408"},
		{"half a head", "192.0.2.1", front.Plain, "GET /nic/update HTTP/1.1\r\nX:", "408"},
		{"half a body", "192.0.2.1", front.Plain, "POST /nic/update HTTP/1.0\r\nContent-Length: 2\r\n\r\na", "408"},
		{"half a chunk", "192.0.2.1", front.Plain, "POST /nic/update HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na", "408"},
		{"silence after a reply", "192.0.2.1", front.Plain, keep, "200"},
		{"half a head after a reply", "192.0.2.1", front.Plain, keep + "GET /nic", "200 408"},
		{"half a body of a page", "192.0.2.1", front.Plain, "POST /page HTTP/1.0\r\nContent-Length: 2\r\n\r\na", "200"},
		{"half a body that nobody reads", "192.0.2.1", front.Plain, "POST /ignore" + h1 + "Content-Length: 2\r\n\r\na", "200"},
		{"half a body of a device on net/http", "192.0.2.1", front.Plain, "GET /page" + h1 + "\r\nPOST /nic/update" + h1 + "Content-Length: 2\r\n\r\na", "200 408"},
		{"silence instead of TLS", "192.0.2.1", front.TLS, "", ""},
		{"half a handshake", "192.0.2.1", front.TLS, "\x16\x03\x01\x00\xa5\x01", ""},
		{"half a PROXY header", "192.0.2.3", front.Plain, "PROXY TCP4 ", ""},
	}
	status := regexp.MustCompile(`HTTP/1\.[01] (\d+)`)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			serveMemory(t, config, test.kind, test.source, func(c net.Conn) {
				go io.WriteString(c, test.raw)
				all, err := io.ReadAll(c)
				var got []string
				for _, match := range status.FindAllSubmatch(all, -1) {
					got = append(got, string(match[1]))
				}
				if err != nil || strings.Join(got, " ") != test.want {
					t.Errorf("got = %v, %v, want %s", got, err, test.want)
				}
			})
		})
	}
}

// serveMemory runs a server with one client, over a connection that lies in memory and
// comes from source. The clock stands still while anybody has something to do.
func serveMemory(t *testing.T, cfg front.Config, kind front.Kind, source string, client func(net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := front.New(cfg)
		here, there := net.Pipe()
		l := &oneConn{conns: make(chan net.Conn, 1)}
		l.conns <- addressed{there, &net.TCPAddr{IP: net.ParseIP(source), Port: 53535}}
		ended := make(chan error)
		go func() { ended <- s.Serve(context.Background(), l, kind) }()
		client(here)
		here.Close()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("Serve = %v, want nil after Shutdown", err)
		}
	})
}

// oneConn is a listener with the connections that it was given.
type oneConn struct {
	conns chan net.Conn
	close sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

func (l *oneConn) Close() error {
	l.close.Do(func() { close(l.conns) })
	return nil
}

// addressed is a connection that comes from an address.
type addressed struct {
	net.Conn
	remote net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.remote }

// TestClientThatDoesNotRead loses its connection, not the handler its time.
func TestClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	big := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 16<<20)) // more than sockets hold
	})
	s, addr := newServer(t, front.Config{
		Limits: front.Limits{WriteTimeout: 30 * time.Millisecond},
		Table:  front.Table{Devices: map[string]http.Handler{"/nic/update": big}, Rest: big},
	}, front.Plain)
	for _, path := range []string{"/nic/update", "/page"} {
		io.WriteString(dial(t, addr), "GET "+path+" HTTP/1.0\r\n\r\n")
	}
	eventually(t, "both accepted", func() bool { return s.Stats().Connections == 2 })
	eventually(t, "both cut off", func() bool { return s.Stats().Open == 0 })
}

// TestLongUpload: a body without end is refused, and the client sees it.
func TestLongUpload(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{}, front.Plain)
	c := dial(t, addr)
	io.WriteString(c, "POST /nic/update HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
	go func() {
		chunk := "1000\r\n" + strings.Repeat("x", 0x1000) + "\r\n"
		for {
			if _, err := io.WriteString(c, chunk); err != nil {
				return
			}
		}
	}()
	if got := readReply(t, bufio.NewReader(c), "POST").String(); got != tooLarge {
		t.Errorf("got = %q, want %q", got, tooLarge)
	}
}

// A flaky listener fails before each connection, as for want of descriptors.
type flaky struct {
	net.Listener
	failures int
}

func (l *flaky) Accept() (net.Conn, error) {
	if l.failures--; l.failures >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestAcceptErrors(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log, logged := newLogger()
	s := front.New(front.Config{Table: testTable(), Logger: log})
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(context.Background(), &flaky{l, 3}, front.Plain) }()
	if got := askOnce(t, l.Addr().String(), "GET /nic/update"+h0+"\r\n").status; got != "HTTP/1.0 200 OK" {
		t.Errorf("got = %q", got)
	}
	if got := s.Stats().AcceptErrors; got != 3 {
		t.Errorf("AcceptErrors = %d, want 3", got)
	}
	most := int(time.Since(began)/time.Second) + 2
	if n := strings.Count(logged.String(), "too many open files"); n == 0 || n > most {
		t.Errorf("%d lines in the log, want one a second", n)
	}
	l.Close() // not by Shutdown: the daemon must know
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve = %v, want %v", err, net.ErrClosed)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
}
