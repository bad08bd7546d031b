package dnsserver_test

import (
	"bytes"
	"context"
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
	pieces := map[string]int{"silent": 0, "an octet": 1, "a length": 2, "a piece": 9}
	conns := map[string]net.Conn{}
	for name, n := range pieces {
		conns[name] = dialTCP(t, "127.0.0.1", old.tcp)
		if _, err := conns[name].Write(message(t, 7, "home.example.org")[:n]); err != nil {
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
	for name, n := range pieces {
		if _, err := conns[name].Write(message(t, 7, "home.example.org")[n:]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := answered(conns[name], 7); err != nil {
			t.Errorf("%s: %v", name, err)
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
	c, err := dns.DialTimeout(network, address, 10*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
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
