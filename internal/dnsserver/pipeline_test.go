package dnsserver_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
)

// slow is a state that keeps the first queries waiting, and no other.
type slow struct {
	*gate
	left atomic.Int32
}

func newSlow(t *testing.T, queries int32) *slow {
	s := &slow{gate: newGate(t)}
	s.left.Store(queries)
	return s
}

func (s *slow) load() *registry.State {
	if s.left.Add(-1) >= 0 {
		return s.gate.load()
	}
	return s.state
}

// stream returns a query as it goes over TCP.
func stream(t *testing.T, id uint16, query *dns.Msg) []byte {
	t.Helper()
	query.Id = id
	packet, err := query.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
}

// readIDs reads so many replies and returns their IDs.
func readIDs(t *testing.T, conn net.Conn, n int) (ids []uint16) {
	t.Helper()
	c := dns.Conn{Conn: conn}
	for range n {
		reply, err := c.ReadMsg()
		if err != nil {
			t.Errorf("after the replies %v: %v", ids, err)
			return ids
		}
		ids = append(ids, reply.Id)
	}
	return ids
}

// transfer returns a query that takes long where there is one; here it is refused.
func transfer() *dns.Msg { return question("example.org", dns.TypeAXFR) }

func updating() *dns.Msg { return new(dns.Msg).SetUpdate("example.org.") }

// Queries do not wait for what takes long, nor do two of that kind for one another.
func TestOutOfOrder(t *testing.T) {
	t.Parallel()
	s := newSlow(t, 2)
	serveMemory(t, s.load, dnsserver.Options{}, func(_ *dnsserver.Server, l *pipes) {
		s.entered, s.open = make(chan struct{}, 2), make(chan struct{})
		conn := l.dial()
		defer conn.Close()
		go func() { _, _ = conn.Write(append(stream(t, 1, transfer()), stream(t, 2, updating())...)) }()
		<-s.entered
		<-s.entered
		// The last one comes with the transfer behind it, and does not wait for that.
		go func() {
			_, _ = conn.Write(slices.Concat(message(t, 3, "home.example.org"), message(t, 4, "ns1.example.org"), stream(t, 5, transfer())))
		}()
		if got := readIDs(t, conn, 3); !slices.Equal(got, []uint16{3, 4, 5}) {
			t.Errorf("got = %v, want the quick ones", got)
		}
		close(s.open)
		if got := readIDs(t, conn, 2); !slices.Contains(got, 1) || !slices.Contains(got, 2) {
			t.Errorf("got = %v, want the others", got)
		}
	})
}

// Of what takes long, a connection may have 16 at once; more wait unread.
func TestLongQueriesAreBounded(t *testing.T) {
	t.Parallel()
	s := newSlow(t, 20)
	serveMemory(t, s.load, dnsserver.Options{}, func(_ *dnsserver.Server, l *pipes) {
		s.entered, s.open = make(chan struct{}, 20), make(chan struct{})
		conn := l.dial()
		defer conn.Close()
		go func() {
			for id := range uint16(20) {
				_, _ = conn.Write(stream(t, id, transfer()))
			}
		}()
		synctest.Wait()
		if got := len(s.entered); got != 16 {
			t.Errorf("got = %v queries being answered, want 16", got)
		}
		close(s.open)
		got := readIDs(t, conn, 20)
		slices.Sort(got)
		if len(slices.Compact(got)) != 20 {
			t.Errorf("got = %v, want 20 replies", got)
		}
	})
}

// A connection is not silent while it waits for a reply.
func TestWaitingIsNotIdle(t *testing.T) {
	t.Parallel()
	s := newSlow(t, 1)
	serveMemory(t, s.load, dnsserver.Options{TCPIdle: 30 * time.Second}, func(server *dnsserver.Server, l *pipes) {
		s.entered, s.open = make(chan struct{}, 1), make(chan struct{})
		conn := l.dial()
		defer conn.Close()
		_, _ = conn.Write(stream(t, 1, transfer()))
		time.Sleep(100 * time.Second)
		close(s.open)
		if got := readIDs(t, conn, 1); len(got) != 1 {
			t.Error("no reply")
		}
		start := time.Now()
		for server.Stats().Connections > 0 {
			time.Sleep(time.Second / 2)
		}
		if got := time.Since(start).Truncate(time.Second); got != 30*time.Second {
			t.Errorf("closed after %v, want 30s", got)
		}
	})
}

// Replies to queries that came together leave together.
func TestRepliesLeaveTogether(t *testing.T) {
	t.Parallel()
	serveMemory(t, nil, dnsserver.Options{}, func(_ *dnsserver.Server, l *pipes) {
		conn := l.dial()
		defer conn.Close()
		var all []byte
		for id := range uint16(10) {
			all = append(all, message(t, id, "home.example.org")...)
		}
		_, _ = conn.Write(all)
		buf := make([]byte, 4096)
		n, err := conn.Read(buf) // what was written at once, as pipes have it
		if err != nil {
			t.Fatal(err)
		}
		replies := 0
		for out := buf[:n]; len(out) > 2; replies++ {
			out = out[2+binary.BigEndian.Uint16(out):]
		}
		if replies != 10 {
			t.Errorf("got = %v replies in one write, want 10", replies)
		}
	})
}

// longAnswers is a state with a name, long.example.org, whose TXT records take 53,000
// octets.
func longAnswers(t testing.TB) *registry.State {
	t.Helper()
	var text strings.Builder
	text.WriteString(example)
	for i := range 200 {
		fmt.Fprintf(&text, "long 60 TXT \"%03d%s\"\n", i, strings.Repeat("x", 250))
	}
	return &registry.State{Zones: setOf(readZone(t, "example.org", text.String()))}
}

// Clients that take no reply, or begin long messages and do not end them, cost a
// bounded amount of memory, however many they are, and keep nobody from being
// served. Without the bound, each of these would hold 53,000 octets and more.
func TestSlowClientsCostLittle(t *testing.T) {
	const clients = 2000
	long := longAnswers(t)
	txt := stream(t, 1, question("long.example.org", dns.TypeTXT))
	for _, tt := range []struct {
		name string
		send []byte
	}{
		{"takes no reply", bytes.Repeat(txt, 3)},
		{"takes no transfer", bytes.Repeat(append(stream(t, 2, transfer()), txt...), 3)},
		{"half a message", append([]byte{0xff, 0xff}, make([]byte, 60000)...)},
		{"an update of many octets", slices.Concat([]byte{0xff, 0xff, 0, 0, 5 << 3}, make([]byte, 0xffff-3), message(t, 2, "home.example.org"))},
	} {
		opts := dnsserver.Options{TCPConnections: clients + 1}
		serveMemory(t, func() *registry.State { return long }, opts, func(_ *dnsserver.Server, l *pipes) {
			before := heap()
			for i := range clients {
				conn := l.dialFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}).String())
				defer conn.Close()
				go func() { _, _ = conn.Write(tt.send) }()
			}
			synctest.Wait()
			if grown := heap() - before; grown > 64<<20 {
				t.Errorf("%s: %d clients cost %d MiB", tt.name, clients, grown>>20)
			}
			conn := l.dial()
			defer conn.Close()
			if _, err := conn.Write(message(t, 1, "home.example.org")); err != nil {
				t.Error(err)
			}
			if err := answered(conn, 1); err != nil {
				t.Error(err)
			}
		})
	}
}

// heap returns the octets of memory that are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
