package dnsserver_test

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
)

// soaAnswer is what nearly all questions of RFC 8906 §8 ask for.
const soaAnswer = "answer example.org. 60 IN SOA ns1.example.org. hostmaster.example.org. 7 300 60 1209600 30"

// compliance is the tests of RFC 8906 §8, and what stands beside them in RFC
// 6891. The query is one for the SOA record of the zone, without any flags.
var compliance = []struct {
	why    string
	change func(q *dns.Msg)
	want   []string
}{
	{"8.1.1 zone configured", func(*dns.Msg) {}, []string{"NOERROR aa", soaAnswer}},
	{"8.1.2 unknown type", typed(1000), []string{"NOERROR aa", soaAuthority}},
	{"the last type", typed(65535), []string{"NOERROR aa", soaAuthority}},
	{"8.1.3.1 CD", func(q *dns.Msg) { q.CheckingDisabled = true }, []string{"NOERROR aa", soaAnswer}},
	{"8.1.3.2 AD", func(q *dns.Msg) { q.AuthenticatedData = true }, []string{"NOERROR aa", soaAnswer}},
	{"8.1.3.3 reserved bit", func(q *dns.Msg) { q.Zero = true }, []string{"NOERROR aa", soaAnswer}},
	{"8.1.3.4 RD", func(q *dns.Msg) { q.RecursionDesired = true }, []string{"NOERROR aa rd", soaAnswer}},
	{"flags of replies", func(q *dns.Msg) { q.Authoritative, q.Truncated, q.RecursionAvailable = true, true, true }, []string{"NOERROR aa", soaAnswer}},
	{"8.1.4 unknown opcode", opcode(15), []string{"NOTIMP"}},
	{"inverse query", opcode(dns.OpcodeIQuery), []string{"NOTIMP"}},
	{"unknown opcode with EDNS", func(q *dns.Msg) { opcode(15)(q); edns(q) }, []string{"NOTIMP edns=1232 ede=21"}},
	{"8.2.1 minimal EDNS", func(q *dns.Msg) { edns(q) }, []string{"NOERROR aa edns=1232", soaAnswer}},
	{"8.2.2 version 1", func(q *dns.Msg) { edns(q).SetVersion(1) }, []string{"BADVERS edns=1232"}},
	{"version 255", func(q *dns.Msg) { edns(q).SetVersion(255) }, []string{"BADVERS edns=1232"}},
	{"8.2.3 unknown option", func(q *dns.Msg) { unknownOption(q) }, []string{"NOERROR aa edns=1232", soaAnswer}},
	{"8.2.4 unknown flags", func(q *dns.Msg) { edns(q).Hdr.Ttl |= 0x7fff }, []string{"NOERROR aa edns=1232", soaAnswer}},
	{"8.2.5 version 1, unknown flag", func(q *dns.Msg) { o := edns(q); o.SetVersion(1); o.Hdr.Ttl |= 0x40 }, []string{"BADVERS edns=1232"}},
	{"8.2.6 version 1, unknown option", func(q *dns.Msg) { unknownOption(q).SetVersion(1) }, []string{"BADVERS edns=1232"}},
	{"8.2.8 DO", func(q *dns.Msg) { edns(q).SetDo() }, []string{"NOERROR aa edns=1232 do", soaAnswer}},
	{"8.2.9 version 1, DO", func(q *dns.Msg) { o := edns(q); o.SetVersion(1); o.SetDo() }, []string{"BADVERS edns=1232 do"}},
	{"8.2.10 many options", func(q *dns.Msg) { manyOptions(q) }, []string{"NOERROR aa edns=1232", soaAnswer}},
	{"no octets", func(q *dns.Msg) { edns(q).SetUDPSize(0) }, []string{"NOERROR aa edns=1232", soaAnswer}},
	{"all octets", func(q *dns.Msg) { edns(q).SetUDPSize(65535) }, []string{"NOERROR aa edns=1232", soaAnswer}},
	{"EDNS and no such zone", func(q *dns.Msg) { q.Question[0].Name = "example.net."; edns(q) }, []string{"REFUSED edns=1232 ede=20"}},
	{"EDNS and no such name", func(q *dns.Msg) { q.Question[0].Name = "nowhere.example.org."; edns(q) }, []string{"NXDOMAIN aa edns=1232", soaAuthority}},
	{"two OPT", func(q *dns.Msg) { o := edns(q); q.Extra = append(q.Extra, o) }, []string{"FORMERR"}},
	{"OPT with a name", func(q *dns.Msg) { edns(q).Hdr.Name = "example.org." }, []string{"FORMERR"}},
	{"OPT in the answer", func(q *dns.Msg) { edns(q); q.Answer, q.Extra = q.Extra, nil }, []string{"FORMERR"}},
	{"OPT in the authority", func(q *dns.Msg) { edns(q); q.Ns, q.Extra = q.Extra, nil }, []string{"FORMERR"}},
	{"no question", func(q *dns.Msg) { q.Question = nil; edns(q) }, []string{"FORMERR edns=1232"}},
	{"two questions", func(q *dns.Msg) { q.Question = append(q.Question, q.Question[0]) }, []string{"FORMERR"}},
}

const soaAuthority = "authority example.org. 30 IN SOA ns1.example.org. hostmaster.example.org. 7 300 60 1209600 30"

func typed(typ uint16) func(*dns.Msg)  { return func(q *dns.Msg) { q.Question[0].Qtype = typ } }
func opcode(code int) func(q *dns.Msg) { return func(q *dns.Msg) { q.Opcode, q.Question = code, nil } }

// edns gives the query an OPT record and returns it.
func edns(q *dns.Msg) *dns.OPT { return q.SetEdns0(4096, false).IsEdns0() }

func unknownOption(q *dns.Msg) *dns.OPT {
	opt := edns(q)
	opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: 100, Data: []byte("abc")})
	return opt
}

// manyOptions asks for what many clients ask for, cookies apart.
func manyOptions(q *dns.Msg) {
	opt := edns(q)
	opt.Option = append(opt.Option,
		&dns.EDNS0_NSID{Code: dns.EDNS0NSID},
		&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, Address: net.IPv4zero},
		&dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true},
		&dns.EDNS0_PADDING{Padding: make([]byte, 16)},
	)
}

// TestCompliance asks what RFC 8906 says every server should be asked, over UDP
// and TCP.
func TestCompliance(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{}, nil)
	for _, tt := range compliance {
		for network, address := range map[string]string{"udp": s.udp, "tcp": s.tcp} {
			q := question("example.org", dns.TypeSOA)
			tt.change(q)
			reply := exchange(t, network, address, q)
			if diff := cmp.Diff(tt.want, render(reply)); diff != "" {
				t.Errorf("%s over %s (-want +got):\n%s", tt.why, network, diff)
			}
			if reply.Opcode != q.Opcode || reply.Id != q.Id {
				t.Errorf("%s over %s: opcode %d, ID %d", tt.why, network, reply.Opcode, reply.Id)
			}
		}
	}
}

// What says that it is a reply gets none; over TCP, that is the end of the
// connection, once what had come with it is answered.
func TestReplyGetsNone(t *testing.T) {
	t.Parallel()
	s := serve(t, dnsserver.Options{}, nil)
	conn := dialTCP(t, "127.0.0.1", s.tcp)
	reply := message(t, 1, "home.example.org")
	reply[4] |= 0x80
	if _, err := conn.Write(append(reply, message(t, 2, "home.example.org")...)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("error = %v, want the end", err)
	}
	for rest := got; len(rest) > 4; rest = rest[2+int(binary.BigEndian.Uint16(rest)):] {
		if id := binary.BigEndian.Uint16(rest[2:]); id != 2 {
			t.Errorf("got a reply to %d: %x", id, got)
		}
	}
	udp, err := net.Dial("udp", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for _, packet := range [][]byte{reply[2:], message(t, 3, "home.example.org")[2:]} {
		if _, err := udp.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	_ = udp.SetDeadline(time.Now().Add(time.Minute))
	if err := answered(udp, 3); err != nil { // and not 1
		t.Error(err)
	}
}

// 8.2.7: a truncated reply has EDNS too, and TCP says it all.
func TestTruncatedWithEDNS(t *testing.T) {
	t.Parallel()
	zones := setOf(newZone(t, "example.org", texts("big", 40, 250)))
	q := question("big.example.org", dns.TypeTXT)
	q.SetEdns0(512, true)
	if got, want := strings.Join(render(ask(t, dnsserver.Options{}, zones, q, dnsserver.UDP)), "\n"), "NOERROR aa tc edns=1232 do"; got != want {
		t.Errorf("got = %s, want %s", got, want)
	}
	if got := ask(t, dnsserver.Options{}, zones, q, dnsserver.TCP); got.Truncated || len(got.Answer) != 40 || got.IsEdns0() == nil {
		t.Errorf("over TCP: %v", got)
	}
}

// 300 clients that hold connections open, silent or in the middle of a message,
// starve nobody: others are answered, and so are they when they go on.
func TestIdleConnectionsStarveNobody(t *testing.T) {
	t.Parallel()
	onLinux(t) // 127.0.0.2
	s := serve(t, dnsserver.Options{TCPIdle: time.Minute}, nil)
	idle := make([]net.Conn, 300)
	rest := make([][]byte, len(idle))
	for i := range idle {
		idle[i] = dialTCP(t, []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}[i%3], s.tcp)
		m := message(t, uint16(i), "home.example.org")
		sent := i % 4 // up to half of the header
		if _, err := idle[i].Write(m[:sent]); err != nil {
			t.Fatal(err)
		}
		rest[i] = m[sent:]
	}
	for id := range uint16(100) {
		conn := dialTCP(t, "127.0.0.4", s.tcp)
		if _, err := conn.Write(message(t, id, "home.example.org")); err != nil {
			t.Fatal(err)
		}
		if err := answered(conn, id); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	for i, conn := range idle {
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		if i%4 > 1 {
			continue // a message that has begun may have had its time
		}
		if _, err := conn.Write(rest[i]); err != nil {
			t.Fatal(err)
		}
		if err := answered(conn, uint16(i)); err != nil {
			t.Errorf("idle connection %d: %v", i, err)
		}
	}
}
