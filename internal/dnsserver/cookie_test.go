package dnsserver_test

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/zone"
)

// secret reads a secret as administrators write it.
func secret(t testing.TB, text string) (s dnsserver.CookieSecret) {
	t.Helper()
	if n, err := hex.Decode(s[:], []byte(text)); n != len(s) || err != nil {
		t.Fatalf("%s is no secret: %v", text, err)
	}
	return s
}

// withCookie returns the query with a COOKIE option, whose data is written in
// hexadecimal.
func withCookie(m *dns.Msg, cookie string) *dns.Msg {
	if m.IsEdns0() == nil {
		m.SetEdns0(1232, false)
	}
	opt := m.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: dns.EDNS0COOKIE, Data: []byte(unhex(cookie))})
	return m
}

func unhex(text string) string {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// askFrom returns the reply to a client of a new responder.
func askFrom(t testing.TB, opts dnsserver.Options, client dnsserver.Client, zones zone.Set, query *dns.Msg) *dns.Msg {
	t.Helper()
	packet, err := query.Pack()
	if err != nil {
		t.Fatal(err)
	}
	reply := new(dns.Msg)
	out := dnsserver.NewResponder(opts).AnswerTo(client, zones, packet, nil)
	if err := reply.Unpack(out); err != nil {
		t.Fatalf("reply to %v: %v", query, err)
	}
	return reply
}

// cookieIn returns the cookie in a message as hexadecimal, "" for none.
func cookieIn(m *dns.Msg) string {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if c, ok := o.(*dns.EDNS0_COOKIE); ok {
				return c.Cookie
			}
		}
	}
	return ""
}

// atTime runs a test at a time of its own.
func atTime(t *testing.T, unix int64, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(unix, 0)))
		test(t)
	})
}

const (
	secretA = "e5e973e5a6b2a43f48e7dc849e37bfcf"
	secretB = "dd3bdf9344b678b185a6f5cb60fca715"
	secretC = "445536bcd2513298075a5d379663c962"
)

// The examples of RFC 9018, appendix A. The cookie in A.3 is older than an hour
// when the example answers it; while it is good it is renewed after half an
// hour, which shows that its hash is.
func TestCookieVectors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, client, secrets, query string
		at                           int64
		reply                        string
	}{
		{
			"A.1", "198.51.100.100", secretA, "2464c4abcf10c957", 1559731985,
			"2464c4abcf10c957010000005cf79f111f8130c3eee29480",
		},
		{
			"A.2", "198.51.100.100", secretA, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385,
			"2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
		},
		{
			"A.3, good", "203.0.113.203", secretA, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559727985,
			"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
		},
		{
			"A.3", "203.0.113.203", secretA, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700,
			"fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
		},
		{
			"A.4", "2001:db8:220:1:59de:d0f4:8769:82b8", secretC + " " + secretB,
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961,
			"22681ab97d52c298010000005cf7c609a6bb79d16625507a",
		},
		{
			"A.4, a server that is behind", "2001:db8:220:1:59de:d0f4:8769:82b8", secretB + " " + secretC,
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961,
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8",
		},
		{
			"IPv4 in IPv6", "::ffff:198.51.100.100", secretA, "2464c4abcf10c957", 1559731985,
			"2464c4abcf10c957010000005cf79f111f8130c3eee29480",
		},
	} {
		var opts dnsserver.Options
		for s := range strings.FieldsSeq(tt.secrets) {
			opts.CookieSecrets = append(opts.CookieSecrets, secret(t, s))
		}
		client := dnsserver.Client{Via: dnsserver.UDP, Addr: netip.MustParseAddr(tt.client)}
		atTime(t, tt.at, func(t *testing.T) {
			reply := askFrom(t, opts, client, exampleZones(t), withCookie(question("home.example.org", dns.TypeA), tt.query))
			if got := cookieIn(reply); got != tt.reply || len(reply.Answer) != 1 {
				t.Errorf("%s: got = %v in\n%v\nwant %v", tt.name, got, reply, tt.reply)
			}
		})
	}
}

// A cookie is good for an hour, and five minutes before it was made, where it was
// received and nowhere else. Who must have one is answered only then.
func TestCookieIsProof(t *testing.T) {
	t.Parallel()
	const made = 1559731985
	good := "2464c4abcf10c957010000005cf79f111f8130c3eee29480"
	for _, tt := range []struct {
		name, client, cookie string
		at                   int64
		proof, kept          bool
	}{
		{"new", "198.51.100.100", good, made, true, true},
		{"young", "198.51.100.100", good, made + 1800, true, true},
		{"to be renewed", "198.51.100.100", good, made + 1801, true, false},
		{"old", "198.51.100.100", good, made + 3600, true, false},
		{"too old", "198.51.100.100", good, made + 3601, false, false},
		{"ahead", "198.51.100.100", good, made - 300, true, true},
		{"too far ahead", "198.51.100.100", good, made - 301, false, false},
		{"of another client", "198.51.100.101", good, made, false, false},
		{"of another family", "2001:db8::1", good, made, false, false},
		{"another part of the client", "198.51.100.100", "3" + good[1:], made, false, false},
		{"another version", "198.51.100.100", good[:17] + "2" + good[18:], made, false, false},
		{"another reserved bit", "198.51.100.100", good[:19] + "1" + good[20:], made, false, false},
		{"another time", "198.51.100.100", good[:31] + "0" + good[32:], made, false, false},
		{"another hash", "198.51.100.100", good[:47] + "1", made, false, false},
		{"the client's part", "198.51.100.100", good[:16], made, false, false},
		{"short", "198.51.100.100", good[:32], made, false, false},
		{"long", "198.51.100.100", good + good[:32], made, false, false},
	} {
		opts := dnsserver.Options{CookieSecrets: []dnsserver.CookieSecret{secret(t, secretA)}, RequireCookies: true}
		client := dnsserver.Client{Addr: netip.MustParseAddr(tt.client)}
		atTime(t, tt.at, func(t *testing.T) {
			zones := exampleZones(t)
			reply := askFrom(t, opts, client, zones, withCookie(question("home.example.org", dns.TypeA), tt.cookie))
			if proof := reply.Rcode == dns.RcodeSuccess && len(reply.Answer) == 1; proof != tt.proof {
				t.Errorf("%s: %s with %d answers", tt.name, dns.RcodeToString[reply.Rcode], len(reply.Answer))
			}
			if !tt.proof && (reply.Rcode != dns.RcodeBadCookie || len(reply.Answer) > 0) {
				t.Errorf("%s: %s with %d answers, want BADCOOKIE", tt.name, dns.RcodeToString[reply.Rcode], len(reply.Answer))
			}
			next := cookieIn(reply)
			if kept := next == tt.cookie; kept != tt.kept || !strings.HasPrefix(next, tt.cookie[:16]) {
				t.Errorf("%s: %s is answered by %s", tt.name, tt.cookie, next)
			}
			// What it gets is good.
			reply = askFrom(t, opts, client, zones, withCookie(question("home.example.org", dns.TypeA), next))
			if len(reply.Answer) != 1 {
				t.Errorf("%s, then %s: %v", tt.name, next, reply)
			}
		})
	}
}

// What is answered to those who need not have a cookie, or cannot.
func TestCookieIsOptional(t *testing.T) {
	t.Parallel()
	const wrong = "2464c4abcf10c9570000000000000000"
	on := dnsserver.Options{CookieSecrets: []dnsserver.CookieSecret{secret(t, secretA)}}
	must := on
	must.RequireCookies = true
	off := dnsserver.Options{RequireCookies: true}
	known := netip.MustParseAddr("192.0.2.1")
	for _, tt := range []struct {
		name   string
		opts   dnsserver.Options
		via    dnsserver.Transport
		addr   netip.Addr
		query  *dns.Msg
		want   string
		cookie bool
	}{
		{"without", on, dnsserver.UDP, known, question("home.example.org", dns.TypeA), "NOERROR", false},
		{"wrong", on, dnsserver.UDP, known, withCookie(question("home.example.org", dns.TypeA), wrong), "NOERROR", true},
		{"wrong over TCP", must, dnsserver.TCP, known, withCookie(question("home.example.org", dns.TypeA), wrong), "NOERROR", true},
		{"wrong over TLS", must, dnsserver.TLS, known, withCookie(question("home.example.org", dns.TypeA), wrong), "NOERROR", true},
		{"without, over TCP", must, dnsserver.TCP, known, question("home.example.org", dns.TypeA), "NOERROR", false},
		{"must, without", must, dnsserver.UDP, known, question("home.example.org", dns.TypeA), "NOERROR tc", false},
		{"must, without, version 1", must, dnsserver.UDP, known, version(question("home.example.org", dns.TypeA), 1), "BADVERS", false},
		{"no cookies", off, dnsserver.UDP, known, withCookie(question("home.example.org", dns.TypeA), wrong), "NOERROR", false},
		{"no cookies, broken one", off, dnsserver.UDP, known, withCookie(question("home.example.org", dns.TypeA), "00"), "NOERROR", false},
		{"unknown client", on, dnsserver.UDP, netip.Addr{}, withCookie(question("home.example.org", dns.TypeA), wrong), "NOERROR", false},
		{"two, the second broken", on, dnsserver.UDP, known, withCookie(withCookie(question("home.example.org", dns.TypeA), wrong), "00"), "NOERROR", true},
		{"two, the first broken", on, dnsserver.UDP, known, withCookie(withCookie(question("home.example.org", dns.TypeA), "00"), wrong), "FORMERR", false},
		{"not ours", on, dnsserver.UDP, known, withCookie(question("home.example.net", dns.TypeA), wrong), "REFUSED", true},

		// Without a question (RFC 7873 §5.4).
		{"only a cookie", on, dnsserver.UDP, known, withCookie(new(dns.Msg), wrong[:16]), "NOERROR", true},
		{"only a wrong cookie", on, dnsserver.UDP, known, withCookie(new(dns.Msg), wrong), "BADCOOKIE", true},
		{"only a broken cookie", on, dnsserver.UDP, known, withCookie(new(dns.Msg), "00"), "FORMERR", false},
		{"nothing", on, dnsserver.UDP, known, new(dns.Msg).SetEdns0(1232, false), "FORMERR", false},
		{"only a cookie, no cookies", off, dnsserver.UDP, known, withCookie(new(dns.Msg), wrong), "FORMERR", false},
	} {
		reply := askFrom(t, tt.opts, dnsserver.Client{Via: tt.via, Addr: tt.addr}, exampleZones(t), tt.query)
		got := rcodeName(reply.Rcode)
		if reply.Truncated {
			got += " tc"
		}
		if got != tt.want || (cookieIn(reply) != "") != tt.cookie {
			t.Errorf("%s: got = %v with cookie %q, want %v", tt.name, got, cookieIn(reply), tt.want)
		}
		if answers := len(reply.Answer); (answers == 1) != (got == "NOERROR" && len(tt.query.Question) == 1) {
			t.Errorf("%s: %d answers", tt.name, answers)
		}
		if (reply.IsEdns0() != nil) != (tt.query.IsEdns0() != nil) {
			t.Errorf("%s: EDNS in the query and not in the reply, or the other way", tt.name)
		}
	}
}

func version(m *dns.Msg, v uint8) *dns.Msg {
	m.SetEdns0(1232, false).IsEdns0().SetVersion(v)
	return m
}

// A cookie has 8 octets, or 16 to 40 (RFC 7873 §5.2.2).
func TestCookieSizes(t *testing.T) {
	t.Parallel()
	opts := dnsserver.Options{CookieSecrets: []dnsserver.CookieSecret{secret(t, secretA)}}
	for size := range 60 {
		query := withCookie(question("home.example.org", dns.TypeA), hex.EncodeToString(make([]byte, size)))
		reply := askFrom(t, opts, dnsserver.Client{Addr: netip.MustParseAddr("192.0.2.1")}, exampleZones(t), query)
		want := dns.RcodeFormatError
		if size == 8 || size >= 16 && size <= 40 {
			want = dns.RcodeSuccess
		}
		if reply.Rcode != want {
			t.Errorf("%d octets: got = %v, want %v", size, dns.RcodeToString[reply.Rcode], dns.RcodeToString[want])
		}
	}
}

// Cookies cost no allocation, whatever they are worth.
func TestCookiesDoNotAllocate(t *testing.T) {
	zones := exampleZones(t)
	opts := dnsserver.Options{CookieSecrets: []dnsserver.CookieSecret{secret(t, secretA), secret(t, secretB)}}
	r, buf := dnsserver.NewResponder(opts), make([]byte, dnsserver.BufferSize)
	for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
		client := dnsserver.Client{Addr: netip.MustParseAddr(addr)}
		first := withCookie(question("home.example.org", dns.TypeA), "2464c4abcf10c957")
		second := withCookie(question("home.example.org", dns.TypeA), cookieIn(askFrom(t, opts, client, zones, first)))
		for _, query := range []*dns.Msg{first, second} {
			packet, err := query.Pack()
			if err != nil {
				t.Fatal(err)
			}
			var reply []byte
			if n := testing.AllocsPerRun(100, func() { reply = r.AnswerTo(client, zones, packet, buf) }); n > 0 {
				t.Errorf("%s: %v allocations", addr, n)
			}
			if !bytes.Contains(reply, []byte(unhex("2464c4abcf10c95701000000"))) {
				t.Errorf("%s: no cookie in %x", addr, reply)
			}
		}
	}
}
