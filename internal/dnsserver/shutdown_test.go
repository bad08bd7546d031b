package dnsserver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// gate is a state that keeps queries waiting.
type gate struct {
	entered chan struct{} // gets a value for each query that waits
	open    chan struct{} // closed: they go on
	state   *registry.State
}

func newGate(t *testing.T) *gate {
	return &gate{make(chan struct{}, 100), make(chan struct{}), &registry.State{Zones: exampleZones(t)}}
}

func (g *gate) load() *registry.State {
	g.entered <- struct{}{}
	<-g.open
	return g.state
}

// send sends a query and returns the connection, to read the reply from later.
func send(t *testing.T, network, address string) *dns.Conn {
	t.Helper()
	conn, err := dns.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if err := conn.WriteMsg(question("home.example.org", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// closed waits until nobody listens at a TCP address.
func closed(t *testing.T, address string) {
	t.Helper()
	for {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
}

// Queries that have come in are answered, connections without one are closed.
func TestShutdown(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	s := serve(t, dnsserver.Options{}, g.load)
	idle, err := net.Dial("tcp", s.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	tcp := send(t, "tcp", s.tcp)
	udp := send(t, "udp", s.udp)
	<-g.entered
	<-g.entered

	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	closed(t, s.tcp)
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("an idle connection was sent something")
	}
	select {
	case err := <-done:
		t.Fatalf("Shutdown did not wait: %v", err)
	default:
	}
	close(g.open)
	for _, conn := range []*dns.Conn{tcp, udp} {
		if reply, err := conn.ReadMsg(); err != nil || len(reply.Answer) != 1 {
			t.Errorf("got = %v, %v", reply, err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Replies arrive whole though the client has sent more than will be answered: a close with
// unread input would reset the connection.
func TestShutdownOfABusyConnection(t *testing.T) {
	t.Parallel()
	onLinux(t)
	text := zone.Rdata(strings.Repeat("\xff"+strings.Repeat("x", 255), 250))
	state := &registry.State{Zones: setOf(newZone(t, "example.org", zone.RRset{
		Name: zone.MustName("long.example.org"), Type: zone.TypeTXT, TTL: 60, Data: []zone.Rdata{text},
	}))}
	s := serve(t, dnsserver.Options{}, func() *registry.State { return state })
	conn, err := dns.Dial("tcp", s.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	for range 400 { // more than the kernel keeps replies to
		if err := conn.WriteMsg(question("long.example.org", dns.TypeTXT)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.ReadMsgHeader(nil); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	closed(t, s.tcp)
	for err == nil {
		_, err = conn.ReadMsgHeader(nil)
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("got = %v, want %v", err, io.EOF)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Shutdown does not wait for longer than it is told.
func TestShutdownCutsShort(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	s := serve(t, dnsserver.Options{}, g.load)
	conn := send(t, "tcp", s.tcp)
	<-g.entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got = %v, want %v", err, context.Canceled)
	}
	if reply, err := conn.ReadMsg(); err == nil {
		t.Errorf("got = %v, want a closed connection", reply)
	}
	close(g.open)
}

// A socket can be given up alone, and none is served after Shutdown.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{}, nil)
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	open := func() (*net.UDPConn, *net.TCPListener) {
		conn, err := dnsserver.ListenUDP(loopback)
		if err != nil {
			t.Fatal(err)
		}
		l, err := dnsserver.ListenTCP(loopback)
		if err != nil {
			t.Fatal(err)
		}
		return conn, l
	}
	ctx, cancel := context.WithCancel(context.Background())
	ends := make(chan error)
	conn, l := open()
	go func() { ends <- s.ServeUDP(ctx, conn) }()
	go func() { ends <- s.ServeTCP(ctx, l) }()
	exchange(t, "tcp", l.Addr().String(), question("example.org", dns.TypeSOA))
	cancel()
	for range 2 {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
	exchange(t, "udp", s.udp, question("example.org", dns.TypeSOA))

	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	conn, l = open()
	if err := s.ServeUDP(context.Background(), conn); err != nil {
		t.Error(err)
	}
	if err := s.ServeTCP(context.Background(), l); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got = %v, want a closed listener", err)
	}
}

// Whoever closes a socket under us is told.
func TestServeFails(t *testing.T) {
	t.Parallel()
	s := dnsserver.New(newGate(t).load, dnsserver.Options{})
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	conn, err := dnsserver.ListenUDP(loopback)
	if err != nil {
		t.Fatal(err)
	}
	l, err := dnsserver.ListenTCP(loopback)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	l.Close()
	if err := s.ServeUDP(context.Background(), conn); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got = %v, want %v", err, net.ErrClosed)
	}
	if err := s.ServeTCP(context.Background(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got = %v, want %v", err, net.ErrClosed)
	}
}
