package dnsserver_test

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/update"
)

// forged returns a query that is signed in some way or other.
func forged(t testing.TB, key, algorithm, secret string, off time.Duration, octets int) []byte {
	t.Helper()
	q := question("c0.example.org", dns.TypeSOA)
	q.SetTsig(key, algorithm, 300, time.Now().Add(off).Unix())
	packet, _, err := dns.TsigGenerate(q, secret, "", false)
	if err != nil {
		t.Fatal(err)
	}
	if octets == 0 {
		return packet
	}
	if err := q.Unpack(packet); err != nil {
		t.Fatal(err)
	}
	r := q.IsTsig()
	mac, err := hex.DecodeString(r.MAC)
	if err != nil {
		t.Fatal(err)
	}
	mac = append(mac, make([]byte, 64)...)[:octets]
	r.MAC, r.MACSize = hex.EncodeToString(mac), uint16(octets)
	if packet, err = q.Pack(); err != nil {
		t.Fatal(err)
	}
	return packet
}

// told returns what the reply to a packet says: its code, its TSIG error, and whether it
// is signed.
func told(t testing.TB, address string, packet []byte) string {
	t.Helper()
	var reply dns.Msg
	if err := reply.Unpack(raw(t, address, packet)); err != nil {
		t.Fatal(err)
	}
	out := dns.RcodeToString[reply.Rcode]
	if r := reply.IsTsig(); r != nil {
		out += fmt.Sprintf(" %s signed %v", dns.RcodeToString[int(r.Error)], r.MAC != "")
	}
	return out
}

// Signatures that are not good get the same answers from us, BIND and Knot, but for the
// exceptions that are named.
func TestTSIGErrors(t *testing.T) {
	t.Parallel()
	content, _ := readUpdateCases(t)
	masters := map[string]string{"c0.example.org": content}
	key := tsigKey(t, "updater", "subdomain example.org ANY")
	key.Schemes = key.Schemes[:1]
	ours := serveUpdates(t, &registry.State{Zones: readZones(t, masters), TSIG: ringOf(key)}, update.Options{})
	peers := map[string]string{"bind": bindUpdates.start(t, masters), "knot": knotUpdates.start(t, masters)}
	// RFC 8945 §5.2.2.1 has codes for lengths, which Knot does not use; BIND adds a TSIG record
	// to FORMERR, of which the paragraph says nothing.
	lengths := map[string]string{"knot": "NOTAUTH BADSIG signed false", "bind": "FORMERR BADSIG signed false"}
	const other = "bm90IHRoZSBzZWNyZXQ="
	for _, tt := range []struct {
		about      string
		packet     []byte
		want       string
		exceptions map[string]string // what a peer says instead
	}{
		{about: "good", packet: forged(t, "updater.", dns.HmacSHA256, tsigSecret, 0, 0), want: "NOERROR NOERROR signed true"},
		{about: "unknown key", packet: forged(t, "stranger.", dns.HmacSHA256, tsigSecret, 0, 0), want: "NOTAUTH BADKEY signed false"},
		{about: "another algorithm", packet: forged(t, "updater.", dns.HmacSHA512, tsigSecret, 0, 0), want: "NOTAUTH BADKEY signed false"},
		{about: "wrong secret", packet: forged(t, "updater.", dns.HmacSHA256, other, 0, 0), want: "NOTAUTH BADSIG signed false"},
		{about: "too old", packet: forged(t, "updater.", dns.HmacSHA256, tsigSecret, -time.Hour, 0), want: "NOTAUTH BADTIME signed true"},
		{about: "from the future", packet: forged(t, "updater.", dns.HmacSHA256, tsigSecret, time.Hour, 0), want: "NOTAUTH BADTIME signed true"},
		{about: "too old, and wrong", packet: forged(t, "updater.", dns.HmacSHA256, other, -time.Hour, 0), want: "NOTAUTH BADSIG signed false"},
		{about: "truncated to half", packet: forged(t, "updater.", dns.HmacSHA256, tsigSecret, 0, 16), want: "NOTAUTH BADTRUNC signed true", exceptions: map[string]string{"knot": lengths["knot"]}},
		{about: "truncated further", packet: forged(t, "updater.", dns.HmacSHA256, tsigSecret, 0, 15), want: "FORMERR", exceptions: lengths},
		{about: "too long", packet: forged(t, "updater.", dns.HmacSHA256, tsigSecret, 0, 33), want: "FORMERR", exceptions: lengths},
	} {
		if got := told(t, ours.udp, tt.packet); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.about, got, tt.want)
		}
		for name, address := range peers {
			got, excepted := told(t, address, tt.packet), tt.exceptions[name]
			if got != tt.want && got != excepted || excepted != "" && got == tt.want {
				t.Errorf("%s: %s says %s, want %s", tt.about, name, got, tt.want)
			}
		}
	}
}
