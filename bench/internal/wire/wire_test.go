package wire_test

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/bench/internal/wire"
)

func TestQuestionUnpacks(t *testing.T) {
	t.Parallel()
	packed := wire.AppendQuestion(nil, 0xbeef, "h0000001.dyn.example.test", wire.TypeAAAA)
	var m dns.Msg
	if err := m.Unpack(packed); err != nil {
		t.Fatal(err)
	}
	want := dns.Question{Name: "h0000001.dyn.example.test.", Qtype: dns.TypeAAAA, Qclass: dns.ClassINET}
	if m.Id != 0xbeef || m.Response || m.RecursionDesired || len(m.Question) != 1 || m.Question[0] != want {
		t.Errorf("question = %v, want %v", m, want)
	}
}

func TestUpdateIsSignedAndSaysWhatItShould(t *testing.T) {
	t.Parallel()
	secret := []byte("0123456789abcdef0123456789abcdef")
	u := wire.NewUpdater("dyn.example.test", "bench-key", secret)
	for id, address := range map[uint16][4]byte{1: {198, 51, 100, 7}, 0xffff: {203, 0, 113, 255}} {
		packed := u.Message(id, "h0000042", address, 60, time.Now())
		if err := dns.TsigVerify(bytes.Clone(packed), base64.StdEncoding.EncodeToString(secret), "", false); err != nil {
			t.Fatalf("TSIG of message %d: %v", id, err)
		}
		var m dns.Msg
		if err := m.Unpack(packed); err != nil {
			t.Fatal(err)
		}
		checkUpdate(t, &m, id, address)
	}
}

func checkUpdate(t *testing.T, m *dns.Msg, id uint16, address [4]byte) {
	t.Helper()
	if m.Id != id || m.Opcode != dns.OpcodeUpdate {
		t.Errorf("header = %v, want id %d and opcode UPDATE", m.MsgHdr, id)
	}
	if len(m.Question) != 1 || m.Question[0].Name != "dyn.example.test." || m.Question[0].Qtype != dns.TypeSOA {
		t.Errorf("zone section = %v, want the SOA of dyn.example.test.", m.Question)
	}
	if len(m.Answer) != 0 || len(m.Ns) != 2 || len(m.Extra) != 1 {
		t.Fatalf("sections have %d, %d, %d records, want 0, 2, 1", len(m.Answer), len(m.Ns), len(m.Extra))
	}
	remove := m.Ns[0].Header()
	if remove.Name != "h0000042.dyn.example.test." || remove.Class != dns.ClassANY || remove.Rrtype != dns.TypeA || remove.Ttl != 0 {
		t.Errorf("first record = %v, want the deletion of the A RRset", m.Ns[0])
	}
	add, ok := m.Ns[1].(*dns.A)
	if !ok || add.Hdr.Name != remove.Name || add.Hdr.Ttl != 60 || [4]byte(add.A.To4()) != address {
		t.Errorf("second record = %v, want A %v with TTL 60", m.Ns[1], address)
	}
}

func TestReplyFields(t *testing.T) {
	t.Parallel()
	m := new(dns.Msg)
	m.SetQuestion("nowhere.dyn.example.test.", dns.TypeA)
	m.Id = 77
	question, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	reply, err := new(dns.Msg).SetRcode(m, dns.RcodeNameError).Pack()
	if err != nil {
		t.Fatal(err)
	}
	if wire.IsReply(question) || !wire.IsReply(reply) || wire.IsReply(reply[:5]) {
		t.Errorf("IsReply = %v, %v, %v, want false, true, false",
			wire.IsReply(question), wire.IsReply(reply), wire.IsReply(reply[:5]))
	}
	if wire.ID(reply) != 77 || wire.Rcode(reply) != wire.NXDomain || wire.Answers(reply) != 0 {
		t.Errorf("id, rcode, answers = %d, %d, %d, want 77, %d, 0", wire.ID(reply), wire.Rcode(reply), wire.Answers(reply), wire.NXDomain)
	}
}
