package front_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stayput.dev/internal/front"
)

// door is a listening socket of which servers get descriptors of their own.
type door struct{ *net.TCPListener }

func newDoor(t *testing.T) door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return door{l.(*net.TCPListener)}
}

// serve serves the door with s until stop is called.
func (d door) serve(t *testing.T, s *front.Server, kind front.Kind) (stop func()) {
	t.Helper()
	raw, err := d.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var fd int
	if err := raw.Control(func(from uintptr) { fd, err = syscall.Dup(int(from)) }); err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "socket")
	defer file.Close()
	l, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx, l, kind) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// A caller asks over one connection until a reply ends it, and then over the next.
type caller struct {
	network func() (net.Conn, error)
	request string
	every   time.Duration
	answers atomic.Int64
}

// call asks until stopped is closed. Whatever goes wrong is an error.
func (c *caller) call(stopped <-chan struct{}) error {
	for {
		before := time.Now()
		conn, err := c.network()
		if err != nil {
			return err
		}
		if over, err := c.talk(conn, before, stopped); err != nil || over {
			return err
		}
	}
}

// talk asks over a connection that was not there before a time.
func (c *caller) talk(conn net.Conn, before time.Time, stopped <-chan struct{}) (over bool, err error) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	for sign := before; ; {
		select {
		case <-time.After(c.every):
		case <-stopped:
			return true, nil
		}
		// On a busy machine so much may pass between two signs of a client, or until
		// the server gets to see the second, that others were told meanwhile that the
		// connection ends: it is one that waits for too long. What counts is when it
		// asked last, as the answer may have lain about.
		last := sign
		away := func() bool { return time.Since(last) > 900*time.Millisecond }
		sign = time.Now()
		if _, err := io.WriteString(conn, c.request); err != nil && !away() {
			return false, fmt.Errorf("asking: %w", err)
		}
		r, err := http.ReadResponse(in, nil)
		if err != nil && away() {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("reading the answer: %w", err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if r.StatusCode != http.StatusOK {
			return false, fmt.Errorf("answer %s", r.Status)
		}
		c.answers.Add(1)
		if r.Close {
			return false, nil
		}
	}
}

// TestLeave: clients of every kind, each as it likes with its connections, notice
// nothing when one server follows another at the same sockets. Only those that
// wait for longer than anybody should are cut off.
func TestLeave(t *testing.T) {
	t.Parallel()
	plain, secure := newDoor(t), newDoor(t)
	overTCP := func() (net.Conn, error) { return net.Dial("tcp", plain.Addr().String()) }
	overTLS := func() (net.Conn, error) { // shakes hands when it asks
		conn, err := net.Dial("tcp", secure.Addr().String())
		if err != nil {
			return nil, err
		}
		return tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}), nil
	}
	const device, web = "GET /nic/update HTTP/1.1\r\nHost: a\r\n", "GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
	const closing, keeping = device + "\r\n", device + "Connection: keep-alive\r\n\r\n"
	callers := map[string]*caller{
		"device, connection for each": {network: overTCP, request: closing},
		"slow device":                 {network: overTCP, request: closing, every: 400 * time.Millisecond},
		"device that keeps":           {network: overTCP, request: keeping, every: time.Millisecond},
		"device that keeps for long":  {network: overTCP, request: keeping, every: 700 * time.Millisecond},
		"page":                        {network: overTCP, request: web, every: time.Millisecond},
		"device over TLS":             {network: overTLS, request: closing},
		"page over TLS":               {network: overTLS, request: web, every: 100 * time.Millisecond},
	}
	cert := newCertificate(t, "a", ecdsaKey(t))
	config := front.Config{Table: testTable(), TLS: &tls.Config{GetCertificate: front.PickCertificate(cert)}}

	open := func() (*front.Server, func()) {
		s := front.New(config)
		stopPlain, stopSecure := plain.serve(t, s, front.Plain), secure.serve(t, s, front.TLS)
		return s, func() { stopPlain(); stopSecure() }
	}
	server, stop := open()
	stopped := make(chan struct{})
	var calling sync.WaitGroup
	for name, c := range callers {
		calling.Go(func() {
			if err := c.call(stopped); err != nil {
				t.Errorf("%s: %v after %d answers", name, err, c.answers.Load())
			}
		})
	}
	for range 2 {
		time.Sleep(500 * time.Millisecond)
		server.Leave(context.Background(), stop)
		next, stopNext := open()
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		server, stop = next, stopNext
	}
	for name, c := range callers { // the last server's clients, too
		before := c.answers.Load()
		eventually(t, name+" has an answer", func() bool { return c.answers.Load() > before || t.Failed() })
	}
	close(stopped)
	calling.Wait()
	stop()
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestLeaveCutsTheSilent: a connection that brings no request ends with the server.
func TestLeaveCutsTheSilent(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	s := front.New(front.Config{Table: testTable()})
	stop := d.serve(t, s, front.Plain)
	silent := dial(t, d.Addr().String())
	eventually(t, "the connection is there", func() bool { return s.Stats().Open == 1 })
	s.Leave(context.Background(), stop)
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("a silent connection was sent something")
	}
}
