package dnsserver_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
)

// copyOf returns another descriptor of a TCP connection, as a successor has it.
func copyOf(t *testing.T, c net.Conn) net.Conn {
	t.Helper()
	f := duplicate(t, c.(*net.TCPConn))
	defer f.Close()
	fresh, err := net.FileConn(f)
	if err != nil {
		t.Error(err)
	}
	return fresh
}

// succeed makes s leave its connections to next. It returns when s takes nothing
// any more.
func (s *served) succeed(t *testing.T, next *served) {
	t.Helper()
	err := s.Leave(context.Background(), func(c net.Conn, unread []byte) {
		fresh, unread := copyOf(t, c), bytes.Clone(unread)
		next.ends.Go(func() { next.Adopt(context.Background(), fresh, unread) })
	})
	if err != nil {
		t.Error(err)
	}
}

// TestLeave: whatever a TCP connection is at, its client does not notice that
// another server goes on.
func TestLeave(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	old := serve(t, dnsserver.Options{}, g.load)
	next := serve(t, dnsserver.Options{}, nil)
	short, long := message(t, 7, "home.example.org"), longMessage(t, 7, "home.example.org")
	pieces := []struct {
		name  string
		query []byte
		come  int // octets of it, before the other goes on
		conn  net.Conn
	}{
		{name: "silent", query: short},
		{name: "an octet", query: short, come: 1},
		{name: "a length", query: short, come: 2},
		{name: "a piece", query: short, come: 9},
		{name: "a length of much", query: long, come: 2},
		{name: "a small piece of much", query: long, come: 500},
		{name: "a large piece of much", query: long, come: 2500},
	}
	for i, p := range pieces {
		pieces[i].conn = dialTCP(t, "127.0.0.1", old.tcp)
		if _, err := pieces[i].conn.Write(p.query[:p.come]); err != nil {
			t.Fatal(err)
		}
	}
	busy := dialTCP(t, "127.0.0.1", old.tcp)
	two := append(message(t, 1, "home.example.org"), message(t, 2, "home.example.org")...)
	if _, err := busy.Write(append(two, message(t, 3, "home.example.org")[:20]...)); err != nil {
		t.Fatal(err)
	}
	<-g.entered // the first query of the last connection

	old.succeed(t, next)
	for _, p := range pieces {
		if _, err := p.conn.Write(p.query[p.come:]); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
		if err := answered(p.conn, 7); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
	close(g.open)
	if _, err := busy.Write(message(t, 3, "home.example.org")[20:]); err != nil {
		t.Error(err)
	}
	for id := range uint16(3) {
		if err := answered(busy, id+1); err != nil {
			t.Errorf("query %d of a connection that was busy: %v", id+1, err)
		}
	}
}

// longMessage is message for a query that no reader's buffer has room for.
func longMessage(t *testing.T, id uint16, name string) []byte {
	t.Helper()
	m := question(name, dns.TypeA)
	m.Id = id
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 3000)}}
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
}

// TestLeaveTLS: only who has the keys can go on with a connection, so it ends, in
// order, with what had come answered.
func TestLeaveTLS(t *testing.T) {
	t.Parallel()
	s := serveTLS(t, dnsserver.Options{}, nil)
	idle, fresh := s.dialTLS(t), s.dialTLS(t)
	query := message(t, 7, "home.example.org")
	if _, err := idle.Write(query); err != nil {
		t.Fatal(err)
	}
	if err := answered(idle, 7); err != nil {
		t.Fatal(err)
	}
	if _, err := fresh.Write(query); err != nil {
		t.Fatal(err)
	}
	err := s.Leave(context.Background(), func(net.Conn, []byte) { t.Error("a connection with TLS was passed on") })
	if err != nil {
		t.Error(err)
	}
	if err := answered(fresh, 7); err != nil {
		t.Errorf("a query that had come: %v", err)
	}
	for name, c := range map[string]net.Conn{"idle": idle, "fresh": fresh} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v, want %v", name, err, io.EOF)
		}
	}
}

// TestLeaveUseless: a connection that brought what deserves no reply is not the
// successor's to bear.
func TestLeaveUseless(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	old := serve(t, dnsserver.Options{}, g.load)
	c := dialTCP(t, "127.0.0.1", old.tcp)
	if _, err := c.Write(append(message(t, 1, "home.example.org"), 0, 1, 0)); err != nil { // and no header
		t.Fatal(err)
	}
	<-g.entered
	if err := old.Leave(context.Background(), func(net.Conn, []byte) { t.Error("it was passed on") }); err != nil {
		t.Error(err)
	}
	close(g.open)
	if err := answered(c, 1); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want %v", err, io.EOF)
	}
}

// TestLeaveUnderLoad: servers come and go at the same sockets, and every query
// gets its answer, at the first try. Where the next one comes only after the end
// of the one before, that is so for all who ask once over a connection.
func TestLeaveUnderLoad(t *testing.T) {
	t.Parallel()
	t.Run("to the next", func(t *testing.T) {
		t.Parallel()
		leaveUnderLoad(t, 5, func(old *served, begin func() *served) *served {
			next := begin()
			old.succeed(t, next)
			return next
		})
	})
	t.Run("to a later one", func(t *testing.T) {
		t.Parallel()
		leaveUnderLoad(t, 1, func(old *served, begin func() *served) *served {
			if err := old.Leave(context.Background(), nil); err != nil {
				t.Error(err)
			}
			return begin()
		})
	})
}

// leaveUnderLoad replaces a server ten times, while clients ask a number of times
// over each connection.
func leaveUnderLoad(t *testing.T, times int, replace func(old *served, begin func() *served) *served) {
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	udp, err := dnsserver.ListenUDP(loopback)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := dnsserver.ListenTCP(loopback)
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	server := serveCopies(t, udp, tcp)
	var stopped atomic.Bool
	var asked atomic.Int64
	var clients sync.WaitGroup
	for range 4 {
		for network, address := range map[string]net.Addr{"udp": udp.LocalAddr(), "tcp": tcp.Addr()} {
			clients.Go(func() {
				for !stopped.Load() {
					if err := askSome(network, address.String(), times); err != nil {
						t.Errorf("%s: %v", network, err)
					}
					asked.Add(1)
				}
			})
		}
	}
	for range 10 {
		time.Sleep(20 * time.Millisecond)
		next := replace(server, func() *served { return serveCopies(t, udp, tcp) })
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		server = next
	}
	stopped.Store(true)
	clients.Wait()
	if asked.Load() == 0 {
		t.Error("nothing was asked")
	}
}

// askSome asks some times over one connection.
func askSome(network, address string, times int) error {
	c, err := dns.DialTimeout(network, address, time.Minute)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	for range times {
		if err := c.WriteMsg(question("home.example.org", dns.TypeA)); err != nil {
			return err
		}
		if _, err := c.ReadMsg(); err != nil {
			return err
		}
	}
	return nil
}

// serveCopies runs a server at other descriptors of two sockets.
func serveCopies(t *testing.T, udp *net.UDPConn, tcp *net.TCPListener) *served {
	t.Helper()
	state := &registry.State{Zones: exampleZones(t)}
	s := &served{Server: dnsserver.New(func() *registry.State { return state }, dnsserver.Options{})}
	u := duplicate(t, udp)
	defer u.Close()
	conn, err := net.FilePacketConn(u)
	if err != nil {
		t.Fatal(err)
	}
	l := duplicate(t, tcp)
	defer l.Close()
	listener, err := net.FileListener(l)
	if err != nil {
		t.Fatal(err)
	}
	s.ends.Go(func() { _ = s.ServeUDP(context.Background(), conn.(*net.UDPConn)) })
	s.ends.Go(func() { _ = s.ServeTCP(context.Background(), listener) })
	t.Cleanup(func() {
		_ = s.Shutdown(context.Background())
		s.ends.Wait()
	})
	return s
}

// duplicate returns another descriptor of a socket; the socket stays as it is.
func duplicate(t *testing.T, c syscall.Conn) *os.File {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var fd int
	var fault error
	if err := raw.Control(func(from uintptr) { fd, fault = syscall.Dup(int(from)) }); err != nil || fault != nil {
		t.Fatal(err, fault)
	}
	return os.NewFile(uintptr(fd), "socket")
}
