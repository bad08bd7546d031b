package dnsserver_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/zone"
)

// FuzzAnswer holds what is promised of every reply, whatever the packet.
func FuzzAnswer(f *testing.F) {
	var zones zone.Set
	for origin, text := range comparedZones {
		zones = zones.With(readZone(f, origin, text))
	}
	for _, c := range hostilePackets(f) {
		f.Add(c.packet, false)
	}
	for i, q := range comparedQuestions(f, zones) {
		if i%50 == 0 {
			packet, err := q.SetEdns0(4096, true).Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(packet, true)
		}
	}
	opts := dnsserver.Options{Version: "Stayput"}
	used := dnsserver.NewResponder(opts)
	f.Fuzz(func(t *testing.T, packet []byte, tcp bool) {
		via := dnsserver.UDP
		if tcp {
			via = dnsserver.TCP
		}
		kept := bytes.Clone(packet)
		reply := dnsserver.NewResponder(opts).Answer(zones, packet, nil, via)
		if !bytes.Equal(packet, kept) {
			t.Error("the packet was changed")
		}
		if again := used.Answer(zones, packet, make([]byte, dnsserver.BufferSize), via); !bytes.Equal(again, reply) {
			t.Errorf("a used responder replies %x, a new one %x", again, reply)
		}
		if silent := len(packet) < 12 || packet[2]&0x80 != 0; silent || reply == nil {
			if !silent || reply != nil {
				t.Errorf("reply %x", reply)
			}
			return
		}
		checkReply(t, packet, reply, tcp)
	})
}

func checkReply(t *testing.T, packet, reply []byte, tcp bool) {
	t.Helper()
	var m dns.Msg
	if err := m.Unpack(reply); err != nil {
		t.Fatalf("reply %x: %v", reply, err)
	}
	limit := 512
	if m.IsEdns0() != nil {
		limit = 1232
	}
	if !tcp && len(reply) > limit {
		t.Errorf("reply of %d octets, want %d at most", len(reply), limit)
	}
	if tcp && m.Truncated {
		t.Error("truncated over TCP")
	}
	if m.Truncated && len(m.Answer)+len(m.Ns) > 0 {
		t.Error("truncated with records")
	}
	if m.Id != binary.BigEndian.Uint16(packet) || !m.Response || m.Opcode != int(packet[2]>>3&15) {
		t.Errorf("header %v", m.MsgHdr)
	}
	if m.RecursionAvailable || m.AuthenticatedData || m.Zero {
		t.Errorf("header %v", m.MsgHdr)
	}
	if len(m.Question) > 0 {
		echo := reply[12:]
		for i := 0; ; i += 1 + int(echo[i]) {
			if echo[i] == 0 {
				echo = echo[:i+5]
				break
			}
		}
		if !bytes.HasPrefix(packet[12:], echo) {
			t.Errorf("question %x in the reply to %x", echo, packet)
		}
	} else if m.Rcode != dns.RcodeFormatError && m.Rcode != dns.RcodeNotImplemented && m.Rcode != dns.RcodeBadVers {
		t.Errorf("%s without a question", dns.RcodeToString[m.Rcode])
	}
}
