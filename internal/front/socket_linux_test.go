package front_test

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"stayput.dev/internal/front"
)

// accepted returns both ends of a connection; the first is as the front accepts it.
func accepted(t *testing.T) (own, client net.Conn, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gate := front.GateOf(l)
	defer gate.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if own, err = gate.Accept(); err != nil {
		t.Fatal(err)
	}
	if own.RemoteAddr().String() != client.LocalAddr().String() || own.LocalAddr().String() != client.RemoteAddr().String() {
		t.Errorf("accepted %v at %v, want %v at %v", own.RemoteAddr(), own.LocalAddr(), client.LocalAddr(), client.RemoteAddr())
	}
	return own, client, func() { own.Close(); client.Close() }
}

func TestSocket(t *testing.T) {
	t.Parallel()
	nettest.TestConn(t, func() (own, client net.Conn, stop func(), err error) {
		own, client, stop = accepted(t)
		return own, client, stop, nil
	})
}

// net/http tells deadlines and ends of connections from faults by these.
func TestSocketFaults(t *testing.T) {
	t.Parallel()
	own, client, stop := accepted(t)
	defer stop()
	own.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := own.Read(make([]byte, 1))
	if fault, ok := errors.AsType[*net.OpError](err); !ok || !fault.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("reading past the deadline: %#v", err)
	}
	own.SetReadDeadline(time.Time{})
	if err := client.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	client.Close()
	_, err = own.Read(make([]byte, 1))
	if fault, ok := errors.AsType[*net.OpError](err); !ok || !errors.Is(fault.Err, syscall.ECONNRESET) {
		t.Errorf("reading from one that has reset: %#v", err)
	}
	own.Close()
	if _, err = own.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing after the end: %#v", err)
	}
}

// A closed gate ends who waits at it, and lets go of the port.
func TestGateCloses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gate, ended := front.GateOf(l), make(chan error)
	go func() {
		_, err := gate.Accept()
		ended <- err
	}()
	if err := gate.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != net.ErrClosed {
		t.Errorf("accepting: %v, want %v", err, net.ErrClosed)
	}
	again, err := net.Listen("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// A reply that is not the last does not wait for the client's acknowledgement.
func TestSocketsDoNotDelay(t *testing.T) {
	t.Parallel()
	own, _, stop := accepted(t)
	defer stop()
	if on, err := front.NoDelay(own); err != nil || on == 0 {
		t.Errorf("TCP_NODELAY is %d, %v", on, err)
	}
}
