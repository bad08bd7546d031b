package dnsserver_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// sign appends a TSIG record of the key "operator" to a message (RFC 8945 §4.3).
func sign(t testing.TB, message []byte) []byte {
	t.Helper()
	secret, err := tsig.ParseSecret(tsigSecret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	timers := binary.BigEndian.AppendUint32([]byte{byte(now >> 40), byte(now >> 32)}, uint32(now))
	timers = append(timers, 1, 44)
	owner := []byte("\x08operator\x00")
	algorithm := []byte("\x0bhmac-sha256\x00")
	m := hmac.New(sha256.New, secret)
	for _, part := range [][]byte{message, owner, {0, 255, 0, 0, 0, 0}, algorithm, timers, {0, 0, 0, 0}} {
		m.Write(part)
	}
	mac := m.Sum(nil)
	out := slices.Concat(message, owner, []byte{0, 250, 0, 255, 0, 0, 0, 0, 0, byte(len(algorithm) + len(mac) + 16)},
		algorithm, timers, []byte{0, byte(len(mac))}, mac, message[:2], []byte{0, 0, 0, 0})
	binary.BigEndian.PutUint16(out[10:], binary.BigEndian.Uint16(out[10:])+1)
	return out
}

// FuzzUpdate: whatever stands in an UPDATE that may do anything, the reply is signed, and
// the zone remains one: an SOA record and an NS record at the apex, no alias beside other
// records, and a host has either addresses, an alias or the placeholder.
func FuzzUpdate(f *testing.F) {
	_, cases := readUpdateCases(f)
	for _, c := range cases {
		c.origin = "example.org"
		m := c.message(f)
		packet, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		if c.zone == nil {
			f.Add(uint8(len(m.Answer)), uint8(len(m.Ns)), packet[12+17:])
		}
	}
	state := streetState(f)
	f.Fuzz(func(t *testing.T, prerequisites, updates uint8, sections []byte) {
		if len(sections) > 4096 {
			return
		}
		r, err := registry.Open(t.Context(), &kept{state: state}, registry.Options{Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		defer func() {
			stop()
			<-ended
		}()
		packet := []byte{0, 1, 5 << 3, 0, 0, 1, 0, prerequisites, 0, updates, 0, 0}
		packet = append(packet, "\x07example\x03org\x00\x00\x06\x00\x01"...)
		packet = sign(t, append(packet, sections...))
		responder := dnsserver.NewResponder(dnsserver.Options{Updates: update.New(r, update.Options{Logger: quiet})})
		out := responder.AnswerFrom(r.State(), dnsserver.Client{Via: dnsserver.TCP}, packet, nil)
		var reply dns.Msg
		if err := reply.Unpack(out); err != nil {
			t.Fatalf("reply %x: %v", out, err)
		}
		if reply.Rcode == dns.RcodeServerFailure {
			t.Error("SERVFAIL")
		}
		// Where the sections end elsewhere, the signature is only octets behind the message.
		if reply.IsTsig() == nil && reply.Rcode != dns.RcodeFormatError && reply.Rcode != dns.RcodeRefused {
			t.Errorf("the reply is not signed: %v", &reply)
		}
		checkZone(t, r.State(), reply.Rcode == dns.RcodeSuccess)
	})
}

func checkZone(t *testing.T, state *registry.State, maySucceed bool) {
	t.Helper()
	z := state.Zones.Get(zone.MustName("example.org"))
	if !maySucceed && state.Revision != 0 {
		t.Error("something has changed")
	}
	if apex := z.Node(z.Origin()); apex.Lookup(zone.TypeSOA).Len() != 1 || apex.Lookup(zone.TypeNS).Len() == 0 {
		t.Error("the apex has lost what it rests on")
	}
	for name, node := range z.Nodes() {
		sets := 0
		for range node.All() {
			sets++
		}
		alias := node.Lookup(zone.TypeCNAME).Len()
		if alias > 1 || alias == 1 && sets > 1 {
			t.Errorf("%s has an alias beside other records", name)
		}
	}
	for h := range state.Accounts.Hosts("") {
		node := z.Node(h.Name)
		has := func(typ zone.Type) bool { return node.Lookup(typ).Len() > 0 }
		texts := node.Lookup(zone.TypeTXT).RRset(h.Name).Data
		silent := slices.Contains(texts, zone.TextData(update.Placeholder))
		if named := has(zone.TypeA) || has(zone.TypeAAAA) || has(zone.TypeCNAME); named == silent {
			t.Errorf("host %s: has something %v, has the placeholder %v", h.Name, named, silent)
		}
	}
}
