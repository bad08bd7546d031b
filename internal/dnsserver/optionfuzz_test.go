package dnsserver_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
)

// withOptions returns a query whose OPT record holds list, whatever that is.
func withOptions(t testing.TB, list []byte) []byte {
	t.Helper()
	packet, err := question("home.example.org", dns.TypeA).SetEdns0(1232, false).Pack()
	if err != nil {
		t.Fatal(err)
	}
	size := packet[len(packet)-2:]
	binary.BigEndian.PutUint16(size, uint16(len(list)))
	return append(packet, list...)
}

// option returns an option as it stands in a list.
func option(code uint16, data string) string {
	head := binary.BigEndian.AppendUint16(nil, code)
	return string(binary.BigEndian.AppendUint16(head, uint16(len(data)))) + data
}

// FuzzOptions holds what is promised of a reply, whatever the options of the query.
func FuzzOptions(f *testing.F) {
	for _, list := range []string{
		"", "\x00", "\x00\x0a\x00\x08", "\x00\x0a\xff\xff12345678", option(3, "") + "\x00",
		option(3, ""), option(10, "12345678"), option(10, "1234567"), option(11, ""), option(11, "\x00\x64"), option(12, "\x00\x00"),
		option(3, "") + option(10, "1234567812345678") + option(11, "") + option(12, ""),
		option(10, "12345678") + option(10, ""), option(8, "\x00\x01\x18\x00\xc0\x00\x02"), option(65535, ""),
	} {
		for via := range uint8(3) {
			f.Add([]byte(list), via)
		}
	}
	zones := exampleZones(f)
	opts := dnsserver.Options{Identity: "ns1.example.org", CookieSecrets: []dnsserver.CookieSecret{secret(f, secretA)}}
	f.Fuzz(func(t *testing.T, list []byte, via uint8) {
		client := dnsserver.Client{Via: dnsserver.Transport(via % 3), Addr: netip.MustParseAddr("192.0.2.1")}
		if len(list) > 0xffff {
			return
		}
		packet := withOptions(t, list)
		out := dnsserver.NewResponder(opts).AnswerTo(client, zones, packet, nil)
		checkReply(t, packet, out, client.Via != dnsserver.UDP)
		var query, reply dns.Msg
		if err := reply.Unpack(out); err != nil {
			t.Fatal(err)
		}
		if reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeFormatError {
			t.Errorf("got = %v", dns.RcodeToString[reply.Rcode])
		}
		if (reply.Rcode == dns.RcodeSuccess) != (len(reply.Answer) == 1) {
			t.Errorf("%s with %d answers", dns.RcodeToString[reply.Rcode], len(reply.Answer))
		}
		if reply.IsEdns0() == nil || query.Unpack(packet) != nil {
			return // the list is broken, or one of the options is
		}
		checkOptions(t, &query, &reply, out, client.Via)
	})
}

// checkOptions checks that each option of the reply was asked for, and is as it
// must be.
func checkOptions(t *testing.T, query, reply *dns.Msg, out []byte, via dnsserver.Transport) {
	t.Helper()
	asked := map[uint16]bool{}
	for _, o := range query.IsEdns0().Option {
		asked[o.Option()] = true
	}
	for _, o := range reply.IsEdns0().Option {
		ok := asked[o.Option()]
		switch o.(type) {
		case *dns.EDNS0_COOKIE, *dns.EDNS0_NSID:
		case *dns.EDNS0_TCP_KEEPALIVE:
			ok = ok && via != dnsserver.UDP
		case *dns.EDNS0_PADDING:
			ok = ok && via == dnsserver.TLS && len(out)%468 == 0
		default:
			ok = false
		}
		if !ok {
			t.Errorf("option %v in the reply to %v", o, query.IsEdns0())
		}
		delete(asked, o.Option()) // none comes twice
	}
}

// FuzzCookie holds that the only cookies that prove anything are those that we made,
// for the client and lately.
func FuzzCookie(f *testing.F) {
	key := secret(f, secretA)
	cookieFor := func(cookie, client []byte) []byte {
		hash := dnsserver.SipHash((*[16]byte)(&key), append(bytes.Clone(cookie[:16]), client...))
		return binary.LittleEndian.AppendUint64(bytes.Clone(cookie[:16]), hash)
	}
	v4, v6 := []byte{192, 0, 2, 1}, bytes.Repeat([]byte{0x20}, 16)
	for _, age := range []int64{0, 1700, 1900, 3500, 3700, -200, -400} {
		head := append([]byte("12345678\x01\x00\x00\x00"), binary.BigEndian.AppendUint32(nil, uint32(time.Now().Unix()-age))...)
		f.Add(cookieFor(head, v4), v4)
		f.Add(cookieFor(head, v6), v6)
		f.Add(cookieFor(head, v6), v4)
	}
	f.Add([]byte("12345678"), v4)
	f.Add(bytes.Repeat([]byte{1}, 40), v4)
	zones := exampleZones(f)
	opts := dnsserver.Options{CookieSecrets: []dnsserver.CookieSecret{key}, RequireCookies: true}
	f.Fuzz(func(t *testing.T, cookie, client []byte) {
		addr, ok := netip.AddrFromSlice(client)
		if !ok || addr.Is4In6() || len(cookie) > 1000 {
			return
		}
		// The clock may go on while we look.
		ours := len(cookie) == 24 && cookie[8] == 1 && bytes.Equal(cookie, cookieFor(cookie, client))
		age := int32(0)
		if ours {
			age = int32(uint32(time.Now().Unix()) - binary.BigEndian.Uint32(cookie[12:]))
		}
		good, unsure := ours && age > -300 && age < 3600, ours && (age+300 < 2 && age+300 > -2 || age-3600 < 2 && age-3600 > -2)

		packet := withOptions(t, []byte(option(10, string(cookie))))
		out := dnsserver.NewResponder(opts).AnswerTo(dnsserver.Client{Addr: addr}, zones, packet, nil)
		var reply dns.Msg
		if err := reply.Unpack(out); err != nil {
			t.Fatal(err)
		}
		if (reply.Rcode == dns.RcodeSuccess) != good && !unsure {
			t.Errorf("%x from %v, ours: %v, age %d: got = %v", cookie, addr, ours, age, dns.RcodeToString[reply.Rcode])
		}
		if broken := len(cookie) < 8 || len(cookie) > 8 && len(cookie) < 16 || len(cookie) > 40; (reply.Rcode == dns.RcodeFormatError) != broken {
			t.Errorf("%d octets: got = %v", len(cookie), dns.RcodeToString[reply.Rcode])
		}
	})
}
