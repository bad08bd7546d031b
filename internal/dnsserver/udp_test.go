package dnsserver_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// udpClient asks a server over UDP, many questions at a time.
type udpClient struct {
	t      testing.TB
	server *served
	conn   net.Conn
	last   []byte // the question whose reply comes behind all others
}

// newUDPClient returns a client of a server that knows host, which has an A record and
// nothing else.
func newUDPClient(t testing.TB, s *served, host string) udpClient {
	t.Helper()
	conn, err := net.Dial("udp", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := udpClient{t: t, server: s, conn: conn}
	c.last = c.pack(question(host, dns.TypeA))
	copy(c.last, "\xff\xff")
	return c
}

func (c *udpClient) pack(m *dns.Msg) []byte {
	c.t.Helper()
	packet, err := m.Pack()
	if err != nil {
		c.t.Fatal(err)
	}
	return packet
}

// exchange sends packets, and then one whose reply comes behind all others. It
// returns the replies by their IDs.
func (c *udpClient) exchange(packets [][]byte) map[string][]byte {
	c.t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(time.Minute))
	for _, p := range append(packets[:len(packets):len(packets)], c.last) {
		if _, err := c.conn.Write(p); err != nil {
			c.t.Fatal(err)
		}
	}
	replies := map[string][]byte{}
	for buf := make([]byte, 1<<16); ; {
		n, err := c.conn.Read(buf)
		if err != nil {
			c.t.Fatal(err)
		}
		id := string(buf[:2])
		if id == "\xff\xff" {
			return replies
		}
		if replies[id] != nil {
			c.t.Errorf("two replies to %x", id)
		}
		replies[id] = bytes.Clone(buf[:n])
	}
}

// awaitTable waits until the flat table is in step with the zones.
func (c *udpClient) awaitTable() {
	c.t.Helper()
	end := time.Now().Add(time.Minute)
	for before := c.server.Stats().Flat; c.server.Stats().Flat == before; {
		if c.exchange(nil); time.Now().After(end) {
			c.t.Fatal("the table does not come into step")
		}
	}
}

// compare sends packets, to which it gives IDs, and holds the replies against those of a
// Responder.
func (c *udpClient) compare(zones zone.Set, packets [][]byte) {
	c.t.Helper()
	plain := dnsserver.NewResponder(dnsserver.Options{})
	for i, p := range packets {
		binary.BigEndian.PutUint16(p, uint16(i))
	}
	const atOnce = 50 // more would not fit into the socket
	for start := 0; start < len(packets); start += atOnce {
		part := packets[start:min(start+atOnce, len(packets))]
		replies := c.exchange(part)
		for _, p := range part {
			want := plain.Answer(zones, p, nil, dnsserver.UDP)
			if got := replies[string(p[:2])]; !bytes.Equal(got, want) {
				c.t.Errorf("packet %x:\n got = %x\nwant = %x", p, got, want)
			}
		}
	}
}

// What the tests of the Responder send, sent over UDP.
func TestPacketsOverUDP(t *testing.T) {
	t.Parallel()
	var zones zone.Set
	for origin, text := range comparedZones {
		zones = zones.With(readZone(t, origin, text))
	}
	state := &registry.State{Zones: zones}
	s := serve(t, dnsserver.Options{}, func() *registry.State { return state })
	c := newUDPClient(t, s, "mail.example.org")
	c.awaitTable()
	var packets [][]byte
	for _, h := range hostilePackets(t) {
		if len(h.packet) > 2 {
			packets = append(packets, bytes.Clone(h.packet))
		}
	}
	for i, q := range comparedQuestions(t, zones) {
		if i%2 == 0 {
			q.SetEdns0(uint16(i), i%4 == 0)
		}
		packets = append(packets, c.pack(q))
	}
	c.compare(zones, packets)
	if got := s.Stats(); got.Flat < 100 || got.Panics > 0 {
		t.Errorf("%d replies from the table, %d panics", got.Flat, got.Panics)
	}
}

// FuzzUDP holds what comes back over UDP against the Responder, whatever the packet.
func FuzzUDP(f *testing.F) {
	zones := setOf(readZone(f, "example.org", example))
	state := &registry.State{Zones: zones}
	c := newUDPClient(f, serve(f, dnsserver.Options{}, func() *registry.State { return state }), "mail.example.org")
	c.awaitTable()
	for _, h := range hostilePackets(f) {
		f.Add(h.packet)
	}
	for _, name := range []string{"home.example.org", "HOME.example.org", "nowhere.example.org"} {
		f.Add(c.pack(question(name, dns.TypeAAAA)))
		f.Add(c.pack(question(name, dns.TypeA).SetEdns0(1232, true)))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		if len(packet) < 2 || len(packet) > 1<<15 { // too short for an ID, too long to be sent
			return
		}
		c.t = t
		c.compare(zones, [][]byte{bytes.Clone(packet)})
	})
}

// Who hears that a host has moved sees it, whether the table is in step or
// not.
func TestUpdateIsVisible(t *testing.T) {
	t.Parallel()
	var state atomic.Pointer[registry.State]
	z := newZone(t, "example.org", zone.RRset{Name: zone.MustName("still.example.org"), Type: zone.TypeA, TTL: 60, Data: []zone.Rdata{"\xc0\x00\x02\x01"}})
	state.Store(&registry.State{Zones: setOf(z)})
	s := serve(t, dnsserver.Options{}, state.Load)
	c := newUDPClient(t, s, "still.example.org")
	host := zone.MustName("home.example.org")
	query := c.pack(question("home.example.org", dns.TypeA))
	for i := range 2000 {
		data := zone.Rdata([]byte{203, 0, 113, byte(i)})
		d := state.Load().Zones.Get(z.Origin()).Edit()
		if err := d.Put(zone.RRset{Name: host, Type: zone.TypeA, TTL: 60, Data: []zone.Rdata{data}}); err != nil {
			t.Fatal(err)
		}
		next, _, err := d.Finish()
		if err != nil {
			t.Fatal(err)
		}
		state.Store(&registry.State{Zones: setOf(next)})
		for range i % 4 { // the more, the likelier does the table know it
			reply := c.exchange([][]byte{query})[string(query[:2])]
			if !bytes.HasSuffix(reply, []byte(data)) {
				t.Fatalf("update %d: got = %x", i, reply)
			}
		}
	}
	if got := s.Stats(); got.Flat == 0 || got.Flat == got.Queries["udp"] {
		t.Errorf("%d of %d replies from the table, want some", got.Flat, got.Queries["udp"])
	}
}

// A server that was warmed has the table, and to warm one that was shut down does
// nothing.
func TestWarm(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{}, nil)
	s.Warm()
	c := newUDPClient(t, s, "mail.example.org")
	c.awaitTable()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Warm()
}

// A change that is much work for the table and is taken back at once leaves
// nothing behind.
func TestLargeChangeTakenBack(t *testing.T) {
	t.Parallel()
	const hosts = 500
	all := func(data zone.Rdata) *zone.Zone {
		sets := []zone.RRset{{Name: zone.MustName("still.example.org"), Type: zone.TypeA, TTL: 60, Data: []zone.Rdata{"\xc0\x00\x02\x01"}}}
		for i := range hosts {
			sets = append(sets, zone.RRset{Name: zone.MustName(fmt.Sprintf("h%d.example.org", i)), Type: zone.TypeA, TTL: 60, Data: []zone.Rdata{data}})
		}
		return newZone(t, "example.org", sets...)
	}
	before, between := setOf(all("\xcb\x00\x71\x01")), setOf(all("\xcb\x00\x71\x02"))
	var state atomic.Pointer[registry.State]
	state.Store(&registry.State{Zones: before})
	s := serve(t, dnsserver.Options{}, state.Load)
	c := newUDPClient(t, s, "still.example.org")
	packets := make([][]byte, hosts)
	for i := range packets {
		packets[i] = c.pack(question(fmt.Sprintf("h%d.example.org", i), dns.TypeA))
	}
	for i := range 100 {
		c.awaitTable()
		state.Store(&registry.State{Zones: between})
		if _, err := c.conn.Write(c.last); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); time.Since(began) < time.Duration(10*i)*time.Microsecond; {
			runtime.Gosched() // so long, perhaps, that the table is in between
		}
		state.Store(&registry.State{Zones: before})
		if _, err := c.conn.Read(make([]byte, 512)); err != nil {
			t.Fatal(err)
		}
		c.awaitTable()
		c.compare(before, packets)
	}
}

// An address may come after the server.
func TestAddressThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	onLinux(t)
	for _, addr := range []string{"192.0.2.77:0", "[2001:db8::77]:0"} {
		udp, err := dnsserver.ListenUDP(netip.MustParseAddrPort(addr))
		if err != nil {
			t.Errorf("UDP %s: %v", addr, err)
			continue
		}
		udp.Close()
		tcp, err := dnsserver.ListenTCP(netip.MustParseAddrPort(addr))
		if err != nil {
			t.Errorf("TCP %s: %v", addr, err)
			continue
		}
		tcp.Close()
	}
}

// All sockets of an address have its port.
func TestListenUDPs(t *testing.T) {
	t.Parallel()
	onLinux(t)
	conns, err := dnsserver.ListenUDPs(netip.MustParseAddrPort("127.0.0.1:0"), 3)
	if err != nil || len(conns) != 3 {
		t.Fatalf("got = %d sockets, %v, want 3", len(conns), err)
	}
	for _, conn := range conns {
		if got, want := conn.LocalAddr().String(), conns[0].LocalAddr().String(); got != want {
			t.Errorf("got = %v, want %v", got, want)
		}
		conn.Close()
	}
	// An address that another holds without sharing.
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if conns, err := dnsserver.ListenUDPs(netip.MustParseAddrPort(taken.LocalAddr().String()), 2); err == nil {
		t.Errorf("got = %v, want an error", conns)
	}
}

// TestCookiesOverUDP holds what the server says to cookies of all kinds against what
// a Responder says, whoever of the two answers.
func TestCookiesOverUDP(t *testing.T) {
	t.Parallel()
	opts := dnsserver.Options{CookieSecrets: []dnsserver.CookieSecret{{1}, {2}}, Whoami: true}
	state := &registry.State{Zones: exampleZones(t)}
	s := serve(t, opts, func() *registry.State { return state })
	c := newUDPClient(t, s, "mail.example.org")
	c.awaitTable()
	responder, from := dnsserver.NewResponder(opts), dnsserver.Client{Via: dnsserver.UDP, Addr: netip.MustParseAddr("127.0.0.1")}
	cookies := []string{"", "01", "0102030405060708", strings.Repeat("01", 16), strings.Repeat("01", 24), strings.Repeat("01", 40), strings.Repeat("01", 41)}
	good := cookieIn(exchange(t, "udp", s.udp, withCookie(question("home.example.org", dns.TypeA), cookies[2])))
	cookies = append(cookies, good, good[:46]+"00")
	for _, q := range []struct {
		name string
		typ  uint16
	}{{"home.example.org", dns.TypeA}, {"HOME.example.org", dns.TypeAAAA}, {"nobody.example.org", dns.TypeA}, {"whoami.example.org", dns.TypeA}} {
		for _, cookie := range cookies {
			m := withCookie(question(q.name, q.typ), cookie)
			m.Id = 0
			packet := c.pack(m)
			for same := false; !same; { // a cookie is of the second when it was made
				second := time.Now().Unix()
				want := bytes.Clone(responder.AnswerTo(from, state.Zones, packet, nil))
				got := c.exchange([][]byte{packet})["\x00\x00"]
				if same = time.Now().Unix() == second; same && !bytes.Equal(got, want) {
					t.Errorf("%s with cookie %q:\n got = %x\nwant = %x", q.name, cookie, got, want)
				}
			}
		}
	}
}
