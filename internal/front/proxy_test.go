package front_test

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"stayput.dev/internal/front"
)

// trustedNet is where the proxies of these tests are.
var trustedNet = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8:f::/48")}

func trusted(a netip.Addr) bool {
	for _, p := range trustedNet {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	const (
		stranger = "192.0.2.7:1000"
		proxy    = "198.51.100.1:1000"
		proxy6   = "[2001:db8:f::1]:1000"
	)
	tests := []struct {
		name   string
		peer   string
		header []string
		want   string
	}{
		{"untrusted, none", stranger, nil, stranger},
		{"untrusted, one", stranger, []string{"203.0.113.1"}, stranger},
		{"untrusted, list", stranger, []string{"203.0.113.1, 198.51.100.2"}, stranger},
		{"untrusted, brackets", stranger, []string{"[2001:db8::1]:5"}, stranger},
		{"untrusted, garbage", stranger, []string{"x"}, stranger},
		{"untrusted, mapped", "[::ffff:192.0.2.7]:1000", []string{"203.0.113.1"}, stranger},
		{"untrusted, zone", "[fe80::1%eth0]:1000", nil, "[fe80::1]:1000"},

		{"trusted, none", proxy, nil, proxy},
		{"trusted, one", proxy, []string{"203.0.113.1"}, "203.0.113.1:0"},
		{"trusted, over IPv6", proxy6, []string{"203.0.113.1"}, "203.0.113.1:0"},
		{"trusted, mapped peer", "[::ffff:198.51.100.1]:1000", []string{"203.0.113.1"}, "203.0.113.1:0"},
		{"trusted, spoofed", proxy, []string{"192.0.2.99, 203.0.113.1"}, "203.0.113.1:0"},
		{"trusted, list of proxies", proxy, []string{"192.0.2.99, 203.0.113.1,198.51.100.2 ,\t2001:db8:f::2"}, "203.0.113.1:0"},
		{"trusted, lines", proxy, []string{"192.0.2.99", "203.0.113.1", "198.51.100.2"}, "203.0.113.1:0"},
		{"trusted, all trusted", proxy, []string{"198.51.100.9, 198.51.100.2"}, "198.51.100.9:0"},
		{"trusted, IPv6", proxy, []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		{"trusted, brackets", proxy, []string{"[2001:db8::1]"}, "[2001:db8::1]:0"},
		{"trusted, brackets and port", proxy, []string{"[2001:db8::1]:5"}, "[2001:db8::1]:5"},
		{"trusted, port", proxy, []string{"203.0.113.1:5"}, "203.0.113.1:5"},
		{"trusted, mapped", proxy, []string{"::ffff:203.0.113.1"}, "203.0.113.1:0"},
		{"trusted, mapped proxy", proxy, []string{"203.0.113.1, ::ffff:198.51.100.2"}, "203.0.113.1:0"},
		{"trusted, zone", proxy, []string{"fe80::1%eth0"}, "[fe80::1]:0"},
		{"trusted, empty", proxy, []string{""}, proxy},
		{"trusted, garbage", proxy, []string{"unknown"}, proxy},
		{"trusted, garbage left of a proxy", proxy, []string{"203.0.113.1, 0x7f000001, 198.51.100.2"}, "198.51.100.2:0"},
		{"trusted, garbage left of the client", proxy, []string{"x, 203.0.113.1"}, "203.0.113.1:0"},
		{"trusted, empty hop", proxy, []string{"203.0.113.1,,198.51.100.2"}, "198.51.100.2:0"},
		{"trusted, prefix", proxy, []string{"203.0.113.0/24"}, proxy},
		{"trusted, unclosed bracket", proxy, []string{"[2001:db8::1"}, proxy},
		{"trusted, leading zeros", proxy, []string{"203.0.113.010"}, proxy},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := front.ClientAddr(netip.MustParseAddrPort(test.peer), test.header, trusted)
			if got != netip.MustParseAddrPort(test.want) {
				t.Errorf("got = %v, want %v", got, test.want)
			}
		})
	}
}

// who answers with the client's address and what is left of forwarding headers.
var who = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	left := ""
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip"} {
		left += " " + r.Header.Get(name)
	}
	addr := netip.MustParseAddrPort(r.RemoteAddr)
	io.WriteString(w, addr.Addr().String()+left)
})

func whoTable() front.Table {
	return front.Table{Devices: map[string]http.Handler{"/nic/update": who}, Rest: who}
}

func TestForwardingHeaders(t *testing.T) {
	t.Parallel()
	_, open := newServer(t, front.Config{Table: whoTable()}, front.Plain)
	loopback := []netip.Prefix{netip.MustParsePrefix("::ffff:127.0.0.0/104")}
	_, behind := newServer(t, front.Config{Table: whoTable(), TrustedProxies: loopback}, front.Plain)
	const forwarding = "X-Forwarded-For: 192.0.2.99\r\nX-FORWARDED-for: 203.0.113.1\r\n" +
		"Forwarded: for=192.0.2.98\r\nX-Real-IP: 192.0.2.97\r\nX-Forwarded-Proto: https\r\n\r\n"
	tests := []struct{ name, addr, path, header, want string }{
		{"untrusted device", open, "/nic/update", forwarding, "127.0.0.1    "},
		{"untrusted page", open, "/page", forwarding, "127.0.0.1    "},
		{"untrusted without", open, "/nic/update", "\r\n", "127.0.0.1    "},
		{"trusted device", behind, "/nic/update", forwarding, "203.0.113.1 for=192.0.2.98 192.0.2.99 https 192.0.2.97"},
		{"trusted page", behind, "/page", forwarding, "203.0.113.1 for=192.0.2.98 192.0.2.99 https 192.0.2.97"},
		{"trusted without", behind, "/nic/update", "\r\n", "127.0.0.1    "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := askOnce(t, test.addr, "GET "+test.path+h0+test.header).body
			if got != test.want {
				t.Errorf("got = %q, want %q", got, test.want)
			}
		})
	}
}

// v2 builds a PROXY header of version 2.
func v2(command, family byte, rest string) string {
	return "\r\n\r\n\x00\r\nQUIT\n" + string([]byte{command, family, byte(len(rest) >> 8), byte(len(rest))}) + rest
}

const (
	v4Pair = "\xcb\x00\x71\x09\x7f\x00\x00\x01\x03\xe8\x00\x50"
	v6Pair = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x03\xe8\x00\x50"
)

// proxyHeaders are headers with the client that they name: "" is the proxy
// itself, "!" closes the connection.
var proxyHeaders = []struct{ name, header, client string }{
	{"none", "", ""},
	{"v1", "PROXY TCP4 203.0.113.9 127.0.0.1 1000 80\r\n", "203.0.113.9"},
	{"v1 over IPv6", "PROXY TCP6 2001:db8::9 2001:db8::1 1000 80\r\n", "2001:db8::9"},
	{"v1 unknown", "PROXY UNKNOWN\r\n", ""},
	{"v1 unknown with more", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ""},
	{"v1 of the wrong family", "PROXY TCP4 2001:db8::9 2001:db8::1 1000 80\r\n", "!"},
	{"v1 cut short", "PROXY TCP4 203.0.113.9\r\n", "!"},
	{"v1 with a bad port", "PROXY TCP4 203.0.113.9 127.0.0.1 70000 80\r\n", "!"},
	{"v1 without end", "PROXY TCP4 " + strings.Repeat("1", 200), "!"},
	{"v2", v2(0x21, 0x11, v4Pair), "203.0.113.9"},
	{"v2 over IPv6", v2(0x21, 0x21, v6Pair), "2001:db8::9"},
	{"v2 with extensions", v2(0x21, 0x11, v4Pair+"\x04\x00\x03abc"), "203.0.113.9"},
	{"v2 local", v2(0x20, 0x00, ""), ""},
	{"v2 local with addresses", v2(0x20, 0x11, v4Pair), ""},
	{"v2 of a file system socket", v2(0x21, 0x31, strings.Repeat("x", 216)), ""},
	{"v2 cut short", v2(0x21, 0x11, "\xcb\x00"), "!"},
	{"v2 of another version", v2(0x31, 0x11, v4Pair), "!"},
	{"v2 with another command", v2(0x22, 0x11, v4Pair), "!"},
	{"v2 too long", v2(0x21, 0x11, strings.Repeat("x", 4000)), "!"},
}

func TestProxyHeader(t *testing.T) {
	t.Parallel()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	_, behind := newServer(t, front.Config{Table: whoTable(), TrustedProxies: loopback}, front.Plain)
	_, open := newServer(t, front.Config{Table: whoTable()}, front.Plain)
	for _, test := range proxyHeaders {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, path := range []string{"/nic/update", "/page"} {
				raw := test.header + "POST " + path + " HTTP/1.0\r\n\r\n"
				got, want := ask1(behind, raw), test.client
				if want == "" {
					want = "127.0.0.1"
				}
				if want == "!" && got != "" || want != "!" && !strings.HasSuffix(got, "\r\n\r\n"+want+"    ") {
					t.Errorf("%s: got = %q, want %q", path, got, want)
				}
				if got := ask1(open, raw); test.header != "" && !strings.HasPrefix(got, "HTTP/1.0 400 ") {
					t.Errorf("%s, untrusted: got = %q, want 400", path, got)
				}
			}
		})
	}
}

// TestProxyHeaderIsNoProxy: what a client behind a PROXY header says about
// itself counts no more than what others say.
func TestProxyHeaderIsNoProxy(t *testing.T) {
	t.Parallel()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	_, addr := newServer(t, front.Config{Table: whoTable(), TrustedProxies: loopback}, front.Plain)
	got := ask1(addr, "PROXY TCP4 203.0.113.9 127.0.0.1 1000 80\r\nGET /nic/update HTTP/1.0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
	if want := "203.0.113.9    "; !strings.HasSuffix(got, "\r\n\r\n"+want) {
		t.Errorf("got = %q, want %q", got, want)
	}
}

func TestProxyHeaderByteByByte(t *testing.T) {
	t.Parallel()
	for _, test := range proxyHeaders {
		for i := range len(test.header) {
			if _, n, err := front.ParseProxy([]byte(test.header[:i])); n != 0 || err != nil && !errors.Is(err, front.ErrProxyShort) && test.client != "!" {
				t.Errorf("%s: %d bytes: ParseProxy = %d, %v", test.name, i, n, err)
			}
		}
	}
}
