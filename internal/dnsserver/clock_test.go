package dnsserver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
)

// pipes is a listener whose connections lie in memory, so that the test can hold
// the clock.
type pipes struct {
	conns chan net.Conn
	close func()
}

func newPipes() *pipes {
	conns := make(chan net.Conn)
	return &pipes{conns, sync.OnceFunc(func() { close(conns) })}
}

func (p *pipes) Accept() (net.Conn, error) {
	conn, ok := <-p.conns
	switch {
	case !ok:
		return nil, net.ErrClosed
	case conn == nil:
		return nil, syscall.EMFILE
	}
	return conn, nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) Close() error {
	p.close()
	return nil
}

// dial returns the client's end of a new connection.
func (p *pipes) dial() net.Conn { return p.dialFrom("192.0.2.1") }

func (p *pipes) dialFrom(addr string) net.Conn {
	client, server := net.Pipe()
	p.conns <- addressed{server, &net.TCPAddr{IP: net.ParseIP(addr), Port: 53535}}
	return client
}

// addressed is a connection that comes from an address.
type addressed struct {
	net.Conn
	remote net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.remote }

// A connection is closed when it has been silent for its time, when a message is
// begun and not ended, and when a reply is not taken.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	query := message(t, 1, "home.example.org")
	for _, tt := range []struct {
		name string
		act  func(conn net.Conn)
		want time.Duration // until the connection is closed
	}{
		{"silent", func(net.Conn) {}, 30 * time.Second},
		{"half a length", func(conn net.Conn) { _, _ = conn.Write(query[:1]) }, 30 * time.Second},
		{"half a message", func(conn net.Conn) { _, _ = conn.Write(query[:9]) }, 5 * time.Second},
		{"drop by drop", func(conn net.Conn) {
			for _, b := range query {
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(1100 * time.Millisecond)
			}
		}, 6 * time.Second}, // of which one is for the length
		{"reply not taken", func(conn net.Conn) { _, _ = conn.Write(query) }, 5 * time.Second},
		{"used, then silent", func(conn net.Conn) {
			for range 3 {
				time.Sleep(29 * time.Second)
				_, _ = conn.Write(query)
				if err := answered(conn, 1); err != nil {
					t.Error(err)
				}
			}
		}, (3*29 + 30) * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serveMemory(t, nil, dnsserver.Options{TCPIdle: 30 * time.Second}, func(s *dnsserver.Server, l *pipes) {
				start := time.Now()
				conn := l.dial()
				defer conn.Close()
				tt.act(conn)
				for s.Stats().Connections > 0 {
					time.Sleep(time.Second / 2)
				}
				if got := time.Since(start).Truncate(time.Second); got != tt.want {
					t.Errorf("got = %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// serveMemory runs a server whose clock stands still while anybody has something
// to do. A nil state is that of exampleZones.
func serveMemory(t *testing.T, state func() *registry.State, opts dnsserver.Options, test func(*dnsserver.Server, *pipes)) {
	t.Helper()
	if state == nil {
		fixed := &registry.State{Zones: exampleZones(t)}
		state = func() *registry.State { return fixed }
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	synctest.Test(t, func(t *testing.T) {
		s := dnsserver.New(state, opts)
		l, ended := newPipes(), make(chan error)
		go func() { ended <- s.ServeTCP(context.Background(), l) }()
		test(s, l)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Of what counts as one client, one connection is too many here.
func TestSources(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		first, second string
		same          bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::2", true},
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
	} {
		serveMemory(t, nil, dnsserver.Options{TCPConnectionsPerSource: 1}, func(s *dnsserver.Server, l *pipes) {
			defer l.dialFrom(tt.first).Close()
			defer l.dialFrom(tt.second).Close()
			synctest.Wait()
			if got := s.Stats().Displaced == 1; got != tt.same {
				t.Errorf("%s and %s: displaced %v, want %v", tt.first, tt.second, got, tt.same)
			}
		})
	}
}

// A connection that is being answered when Shutdown comes is not waited for
// once it has its reply, nor is one that has sent half a query.
func TestShutdownIsPrompt(t *testing.T) {
	t.Parallel()
	query := message(t, 1, "home.example.org")
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t)
		s := dnsserver.New(g.load, dnsserver.Options{})
		l := newPipes()
		go func() { _ = s.ServeTCP(context.Background(), l) }()
		half, busy := l.dial(), l.dial()
		defer half.Close()
		defer busy.Close()
		// The length, and in the busy one half of a second query too.
		_, _ = half.Write(query[:2])
		_, _ = busy.Write(append(query, query[:9]...))
		<-g.entered
		start, done := time.Now(), make(chan error)
		go func() { done <- s.Shutdown(context.Background()) }()
		synctest.Wait()
		close(g.open)
		if err := answered(busy, 1); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := time.Since(start); got != 0 {
			t.Errorf("waited %v", got)
		}
	})
}

// Without file descriptors, the server closes who is idle and goes on.
func TestAcceptFails(t *testing.T) {
	t.Parallel()
	query := message(t, 1, "home.example.org")
	serveMemory(t, nil, dnsserver.Options{}, func(s *dnsserver.Server, l *pipes) {
		idle := l.dial()
		l.conns <- nil // which makes Accept fail
		if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("got = %v, want %v", err, io.EOF)
		}
		conn := l.dial()
		defer conn.Close()
		if _, err := conn.Write(query); err != nil {
			t.Error(err)
		}
		if err := answered(conn, 1); err != nil {
			t.Error(err)
		}
	})
}

// Who finds a packet that makes us panic does not fill the disk: one a second is
// logged.
func TestPanicsAreLoggedSparsely(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	query := message(t, 1, "home.example.org")
	broken := func() *registry.State { panic("broken") }
	opts := dnsserver.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	serveMemory(t, broken, opts, func(s *dnsserver.Server, l *pipes) {
		for range 10 { // in ten seconds, four each
			for range 4 {
				conn := l.dial()
				_, _ = conn.Write(query)
				if _, err := conn.Read(make([]byte, 1)); err == nil {
					t.Error("a reply")
				}
				conn.Close()
			}
			time.Sleep(time.Second)
		}
		if got := s.Stats().Panics; got != 40 {
			t.Errorf("got = %v panics, want 40", got)
		}
	})
	if got := strings.Count(log.String(), "panic=broken"); got != 10 {
		t.Errorf("got = %v lines in the log, want 10", got)
	}
}
