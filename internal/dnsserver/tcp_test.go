package dnsserver_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
)

func dialTCP(t *testing.T, from, address string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// message returns a query as it goes over TCP.
func message(t *testing.T, id uint16, name string) []byte {
	t.Helper()
	m := question(name, dns.TypeA)
	m.Id = id
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
}

// answered reads a reply and checks that it is one to the query with the ID.
func answered(conn net.Conn, id uint16) error {
	c := dns.Conn{Conn: conn}
	reply, err := c.ReadMsg()
	if err != nil {
		return err
	}
	if reply.Id != id || len(reply.Answer) != 1 {
		return fmt.Errorf("reply %v, want an answer to %d", reply, id)
	}
	return nil
}

// Queries come together or in pieces, as TCP likes; replies come in order.
func TestPipeline(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{}, nil)
	conn := dialTCP(t, "127.0.0.1", s.tcp)
	var all []byte
	for id := range uint16(300) {
		all = append(all, message(t, id, "home.example.org")...)
	}
	cut := 100
	for i := range cut {
		if _, err := conn.Write(all[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Write(all[cut:]); err != nil {
		t.Fatal(err)
	}
	// That is all: what has come in is answered nevertheless.
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for id := range uint16(300) {
		if err := answered(conn, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got = %v, want %v", err, io.EOF)
	}
}

// Messages of all lengths are read; what deserves no reply ends the connection.
func TestMessageLengths(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{}, nil)
	for _, size := range []int{12, 13, 511, 1024, 1025, 40000, 65535} {
		conn := dialTCP(t, "127.0.0.1", s.tcp)
		packet := make([]byte, size)
		out := append(binary.BigEndian.AppendUint16(nil, uint16(size)), packet...)
		if _, err := conn.Write(append(out, message(t, 7, "home.example.org")...)); err != nil {
			t.Fatal(err)
		}
		c := dns.Conn{Conn: conn}
		if reply, err := c.ReadMsg(); err != nil || reply.Rcode != dns.RcodeFormatError {
			t.Errorf("%d octets: %v %v", size, reply, err)
		}
		if err := answered(conn, 7); err != nil {
			t.Errorf("after %d octets: %v", size, err)
		}
	}
	for _, out := range []string{"\x00\x00", "\x00\x01x", "\x00\x0c\x12\x34\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00"} {
		conn := dialTCP(t, "127.0.0.1", s.tcp)
		if _, err := io.WriteString(conn, out); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("after %q: %d octets, %v", out, n, err)
		}
	}
}

// Who holds connections open, silent or with half a message, keeps nobody out,
// and does not cut off who is being answered.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	const limit = 50
	s := serve(t, dnsserver.Options{TCPConnections: limit, TCPConnectionsPerSource: limit}, g.load)
	busy := send(t, "tcp", s.tcp)
	<-g.entered
	for i := range 300 {
		conn := dialTCP(t, "127.0.0.1", s.tcp)
		half := message(t, 1, "home.example.org")[:i%20]
		if _, err := conn.Write(half); err != nil {
			t.Fatal(err)
		}
	}
	close(g.open)
	for id := range uint16(60) {
		conn := dialTCP(t, "127.0.0.1", s.tcp)
		if _, err := conn.Write(message(t, id, "home.example.org")); err != nil {
			t.Fatal(err)
		}
		if err := answered(conn, id); err != nil {
			t.Fatal(err)
		}
	}
	if reply, err := busy.ReadMsg(); err != nil || len(reply.Answer) != 1 {
		t.Errorf("got = %v, %v", reply, err)
	}
	stats := s.Stats()
	if stats.Connections > limit || stats.Displaced < 300-limit {
		t.Errorf("%d connections open, %d displaced", stats.Connections, stats.Displaced)
	}
}

// Who asked a moment ago stays; who did not for longer goes.
func TestSilentLongestMakesRoom(t *testing.T) {
	t.Parallel()
	serveMemory(t, nil, dnsserver.Options{TCPConnections: 2}, func(_ *dnsserver.Server, l *pipes) {
		ask := func(conn net.Conn, id uint16) {
			if _, err := conn.Write(message(t, id, "home.example.org")); err != nil {
				t.Error(err)
			}
			if err := answered(conn, id); err != nil {
				t.Error(err)
			}
			synctest.Wait() // until the server has done with the query
		}
		first := l.dial()
		defer first.Close()
		second := l.dial()
		defer second.Close()
		ask(second, 1)
		ask(first, 1)
		third := l.dial()
		defer third.Close()
		ask(third, 2)
		ask(first, 2)
		if _, err := second.Read(make([]byte, 1)); err == nil {
			t.Error("the connection that was silent longest is open")
		}
	})
}

// Even where all are busy, the one that keeps us waiting longest goes.
func TestBusyConnectionsMakeRoom(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	s := serve(t, dnsserver.Options{TCPConnections: 2}, g.load)
	first := send(t, "tcp", s.tcp)
	<-g.entered
	second := send(t, "tcp", s.tcp)
	<-g.entered
	third := send(t, "tcp", s.tcp)
	<-g.entered
	close(g.open)
	if reply, err := first.ReadMsg(); err == nil {
		t.Errorf("got = %v, want a closed connection", reply)
	}
	for _, conn := range []*dns.Conn{second, third} {
		if reply, err := conn.ReadMsg(); err != nil || len(reply.Answer) != 1 {
			t.Errorf("got = %v, %v", reply, err)
		}
	}
}

// One source that takes more than its share pays itself.
func TestSourcesDoNotDisplaceOthers(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{TCPConnections: 20, TCPConnectionsPerSource: 3}, nil)
	quiet := dialTCP(t, "127.0.0.1", s.tcp)
	greedy := make([]net.Conn, 30)
	for i := range greedy {
		greedy[i] = dialTCP(t, "127.0.0.2", s.tcp)
		if _, err := greedy[i].Write(message(t, 1, "home.example.org")); err != nil {
			t.Fatal(err)
		}
		if err := answered(greedy[i], 1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := quiet.Write(message(t, 2, "home.example.org")); err != nil {
		t.Fatal(err)
	}
	if err := answered(quiet, 2); err != nil {
		t.Error(err)
	}
	if got := s.Stats().Displaced; got != 27 {
		t.Errorf("got = %v displaced, want 27", got)
	}
}
