package front_test

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/front"
)

// h1 and h0 are the head lines that most cases have no interest in.
const (
	h1 = " HTTP/1.1\r\nHost: members.example.org\r\n"
	h0 = " HTTP/1.0\r\n"
)

const (
	bad        = "HTTP/1.1 400 Bad Request; close; Bad Request\n"
	bad10      = "HTTP/1.0 400 Bad Request; close; Bad Request\n"
	unknownTE  = "HTTP/1.1 501 Not Implemented; close; Not Implemented\n"
	tooLarge   = "HTTP/1.1 413 Request Entity Too Large; close; Request Entity Too Large\n"
	headTooBig = "HTTP/1.0 431 Request Header Fields Too Large; close; Request Header Fields Too Large\n"
	badVersion = "HTTP/1.0 505 HTTP Version Not Supported; close; HTTP Version Not Supported\n"
)

// said is the reply to a request that one of the echo handlers answered.
func said(version, format string, args ...any) string {
	return "HTTP/" + version + " 200 OK; close; " + fmt.Sprintf(format, args...) + "\n"
}

// device10 and device11 are its usual forms.
func device10(query string) string {
	return said("1.0", "device GET /nic/update ?%s host= body=", query)
}

func device11(query string) string {
	return said("1.1", "device GET /nic/update ?%s host=members.example.org body=", query)
}

// requests are requests as devices send them and as nobody should, each with
// the one reply to it. After it the connection is closed.
var requests = []struct{ name, raw, want string }{
	// Targets.
	{"plain", "GET /nic/update?hostname=a" + h1 + "\r\n", device11("hostname=a")},
	{"HTTP/1.0 without host", "GET /nic/update?hostname=a" + h0 + "\r\n", device10("hostname=a")},
	{"HTTP/1.1 without host", "GET /nic/update?a HTTP/1.1\r\n\r\n", said("1.1", "device GET /nic/update ?a host= body=")},
	{
		"absolute without host", "GET http://dynupdate.example.org/nic/update?a HTTP/1.0\r\n\r\n",
		said("1.0", "device GET /nic/update ?a host=dynupdate.example.org body="),
	},
	{
		"absolute outweighs host", "GET http://a.example.org:8245/nic/update" + h1 + "\r\n",
		said("1.1", "device GET /nic/update ? host=a.example.org:8245 body="),
	},
	{
		"absolute in capitals with credentials", "GET HTTP://u:p@a.example.org/nic/update" + h0 + "\r\n",
		said("1.0", "device GET /nic/update ? host=a.example.org body="),
	},
	{
		"absolute with a query and no path", "GET http://a.example.org?myip=1" + h0 + "\r\n",
		said("1.0", "root GET / ?myip=1 host=a.example.org body="),
	},
	{"no leading slash", "GET nic/update?a=b" + h0 + "\r\n", device10("a=b")},
	{"doubled leading slash", "GET //nic/update?a" + h0 + "\r\n", device10("a")},
	{"doubled slashes within", "GET //NIC///update//?a" + h0 + "\r\n", device10("a")},
	{"doubled slash before a token", "GET /u//T" + h0 + "\r\n", said("1.0", "tree GET /u//T ? host= body=")},
	{"trailing slash", "GET /nic/update/?a" + h0 + "\r\n", device10("a")},
	{"upper case", "GET /NIC/Update?A=B" + h0 + "\r\n", device10("A=B")},
	{"bare host", "GET checkip.example.org HTTP/1.0\r\n\r\n", said("1.0", "root GET / ? host=checkip.example.org body=")},
	{"bare host beside a host line", "GET a.example.org?myip=1" + h1 + "\r\n", said("1.1", "root GET / ?myip=1 host=members.example.org body=")},
	{
		"bare host with a path", "GET a.example.org/nic/update?x" + h0 + "\r\n",
		said("1.0", "device GET /nic/update ?x host=a.example.org body="),
	},
	{"bare host that nobody answers", "GET a.example.org" + h1 + "\r\n", bad},
	{"escaped question mark", "GET /nic/update%3Fhostname=a&b=c" + h0 + "\r\n", device10("hostname=a&b=c")},
	{"escaped in lower case", "GET /nic/update%3fhostname=a" + h0 + "\r\n", device10("hostname=a")},
	{"escaped by RouterOS", `GET /nic/update\3Fhostname=a` + h0 + "\r\n", device10("hostname=a")},
	{"escaped and unescaped", "GET /nic/update/%3Fa=b?c=d" + h0 + "\r\n", device10("a=b?c=d")},
	{
		"blanks in the query", "GET /nic/update?hostname=a, b&mx= HTTP/1.1\r\n\r\n",
		said("1.1", "device GET /nic/update ?hostname=a, b&mx= host= body="),
	},
	{"blanks around the target", "GET   /nic/update?a   HTTP/1.0 \r\n\r\n", device10("a")},
	{"blank before the query", "GET /nic/update ?a" + h0 + "\r\n", device10("a")},
	{"version inside the query", "GET /nic/update?a HTTP/1.1&b HTTP/1.0\r\n\r\n", device10("a HTTP/1.1&b")},
	{"raw octets in the query", "GET /nic/update?<\"|\xfc>;%zz" + h0 + "\r\n", device10("<\"|\xfc>;%zz")},
	{"second question mark", "GET /nic/update??a?b" + h0 + "\r\n", device10("?a?b")},
	{"token in the path", "GET /Update/Home/ToKeN/203.0.113.9/" + h0 + "\r\n", said("1.0", "tree GET /update/Home/ToKeN/203.0.113.9 ? host= body=")},
	{"escaped token in the path", "GET /u/a%20B?ip=1" + h0 + "\r\n", said("1.0", "tree GET /u/a B ?ip=1 host= body=")},
	{"subtree without a token", "GET /u/?u=U" + h0 + "\r\n", said("1.0", "tree GET /u/ ?u=U host= body=")},
	{"key beside its subtree", "GET /update/?a" + h0 + "\r\n", said("1.0", "device GET /update ?a host= body=")},
	{"no question mark after a token", "GET /u/T%3Fip=1" + h0 + "\r\n", said("1.0", "tree GET /u/T ?ip=1 host= body=")},

	// Methods, hosts and other lines.
	{"any method", "PROPFIND /nic/update" + h1 + "\r\n", said("1.1", "device PROPFIND /nic/update ? host=members.example.org body=")},
	{"higher minor version", "GET /nic/update HTTP/1.7\r\n\r\n", said("1.1", "device GET /nic/update ? host= body=")},
	{"version in lower case", "GET /nic/update http/1.0\r\n\r\n", device10("")},
	{
		"two hosts", "GET /nic/update HTTP/1.1\r\nHost: a.example.org\r\nHost: b.example.org\r\n\r\n",
		said("1.1", "device GET /nic/update ? host=a.example.org body="),
	},
	{"host that is no host", "GET /nic/update HTTP/1.1\r\nHost: x y\r\n\r\n", said("1.1", "device GET /nic/update ? host= body=")},
	{"names in any case", "GET /nic/update HTTP/1.1\r\nhOST:\ta.example.org \r\n\r\n", said("1.1", "device GET /nic/update ? host=a.example.org body=")},
	{"bare line feeds", "GET /nic/update?a HTTP/1.0\nHost: a\n\n", said("1.0", "device GET /nic/update ?a host=a body=")},
	{"empty lines before", "\r\n\r\nGET /nic/update?a" + h0 + "\r\n", device10("a")},

	// Bodies.
	{"form", "POST /nic/update" + h1 + "Content-Length: 3\r\n\r\na=b", said("1.1", "device POST /nic/update ? host=members.example.org body=a=b")},
	{"form and a line end too much", "POST /nic/update" + h0 + "Content-Length: 3\r\n\r\na=b\r\n", said("1.0", "device POST /nic/update ? host= body=a=b")},
	{"same length twice", "POST /nic/update" + h1 + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", said("1.1", "device POST /nic/update ? host=members.example.org body=a")},
	{
		"chunked form", "POST /nic/update" + h1 + "Transfer-Encoding: Chunked\r\n\r\n2;x=y\r\na=\r\n1 \r\nb\r\n0\r\nT: u\r\n\r\n",
		said("1.1", "device POST /nic/update ? host=members.example.org body=a=b"),
	},
	{"body too large", "POST /nic/update" + h1 + "Content-Length: 8193\r\n\r\n" + strings.Repeat("a", 8193), tooLarge},
	{"body far too large", "POST /nic/update" + h1 + "Content-Length: 99999999999999999\r\n\r\n", tooLarge},
	{"chunked body too large", "POST /nic/update" + h1 + "Transfer-Encoding: chunked\r\n\r\n2000\r\n" + strings.Repeat("a", 8192) + "\r\n1\r\na\r\n0\r\n\r\n", tooLarge},
	{"length too large and expected", "POST /nic/update" + h1 + "Expect: 100-continue\r\nContent-Length: 9000\r\n\r\n", tooLarge},

	// Smuggling.
	{"coding and length", "POST /nic/update" + h1 + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", bad},
	{"length and coding", "POST /page" + h1 + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad},
	{"length and unknown coding", "POST /page" + h1 + "Content-Length: 3\r\nTransfer-Encoding: xchunked\r\n\r\nabc", bad},
	{"two codings", "POST /nic/update" + h1 + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", bad},
	{"chunked twice", "POST /page" + h1 + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad},
	{"coding in HTTP/1.0", "POST /page HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad10},
	{"list of codings", "POST /nic/update" + h1 + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", unknownTE},
	{"coding that looks chunked", "POST /page" + h1 + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", unknownTE},
	{"coding with a form feed", "POST /page" + h1 + "Transfer-Encoding:\x0cchunked\r\n\r\n0\r\n\r\n", bad},
	{"empty coding", "POST /page" + h1 + "Transfer-Encoding:\r\n\r\n", unknownTE},
	{"blank before the colon", "POST /page" + h1 + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", bad},
	{"two lengths", "POST /nic/update" + h1 + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", bad},
	{"list of lengths", "POST /page" + h1 + "Content-Length: 3, 3\r\n\r\nabc", bad},
	{"signed length", "POST /nic/update" + h1 + "Content-Length: +3\r\n\r\nabc", bad},
	{"negative length", "POST /page" + h1 + "Content-Length: -1\r\n\r\n", bad},
	{"hexadecimal length", "POST /page" + h1 + "Content-Length: 0x3\r\n\r\nabc", bad},
	{"empty length", "POST /nic/update" + h1 + "Content-Length:\r\n\r\n", bad},
	{"length beyond counting", "POST /page" + h1 + "Content-Length: 18446744073709551617\r\n\r\na", bad},
	{"folded line", "GET /nic/update" + h1 + "X: a\r\n b\r\n\r\n", bad},
	{"folded coding", "POST /page" + h1 + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", bad},
	{"folded first line", "GET /page HTTP/1.1\r\n Host: a\r\n\r\n", bad},
	{"bare carriage return", "GET /page" + h1 + "X: a\rTransfer-Encoding: chunked\r\n\r\n", bad},
	{"line without a colon", "GET /page" + h1 + "nothing\r\n\r\n", bad},
	{"line without a name", "GET /page" + h1 + ": x\r\n\r\n", bad},
	{"NUL in a value", "GET /nic/update" + h1 + "X: a\x00b\r\n\r\n", bad},
	{"NUL in a name", "GET /nic/update" + h1 + "X\x00: a\r\n\r\n", bad},
	{"NUL in the target", "GET /nic/update?\x00" + h1 + "\r\n", bad10},
	{"tab in the target", "GET /nic/update?a\tb" + h1 + "\r\n", bad10},
	{"tabs for blanks", "GET\t/nic/update\tHTTP/1.1\r\n\r\n", bad10},
	{"chunk size without digits", "POST /nic/update" + h1 + "Transfer-Encoding: chunked\r\n\r\n;\r\n\r\n", bad},
	{"chunk size with 0x", "POST /nic/update" + h1 + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", bad},
	{"chunk size beyond counting", "POST /nic/update" + h1 + "Transfer-Encoding: chunked\r\n\r\n100000000000000000\r\n", bad},
	{"chunk with a bare line feed", "POST /nic/update" + h1 + "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", bad},
	{"chunk longer than its size", "POST /nic/update" + h1 + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", bad},
	{"chunk line that never ends", "POST /nic/update" + h1 + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 9000), bad},
	{"trailers that never end", "POST /nic/update" + h1 + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("T: u\r\n", 100), bad},
	{"PROXY header from a stranger", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /nic/update HTTP/1.0\r\n\r\n", bad10},

	// No requests.
	{"HTTP/0.9", "GET /nic/update?hostname=a\r\n", bad10},
	{"HTTP/0.9 elsewhere", "GET /\n", bad10},
	{"method only", "GET\r\n", bad10},
	{"no target", "GET HTTP/1.1\r\n\r\n", bad10},
	{"blank first", " GET /nic/update HTTP/1.1\r\n\r\n", bad10},
	{"no version number", "GET /nic/update HTTP/\r\n\r\n", bad10},
	{"version with two digits", "GET /nic/update HTTP/1.10\r\n\r\n", bad10},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", badVersion},
	{"HTTP/3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", badVersion},
	{"TLS on the plain port", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", bad10},
	{"method that is no token", "G(T /nic/update HTTP/1.1\r\n\r\n", bad10},

	// What devices are forgiven is refused elsewhere.
	{"page in HTTP/1.1 without host", "GET /page HTTP/1.1\r\n\r\n", bad},
	{"page with two hosts", "GET /page HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", bad},
	{"page with a host that is none", "GET /page HTTP/1.1\r\nHost: x y\r\n\r\n", bad},
	{"page with a blank in its target", "GET /page?a b" + h1 + "\r\n", bad},
	{"page without a slash", "GET page" + h1 + "\r\n", bad},
	{"page with a broken escape", "GET /%zz" + h1 + "\r\n", bad},
	{"page with the version in lower case", "GET /page http/1.0\r\n\r\n", bad10},

	// Limits.
	{"head too large", "GET /nic/update?" + strings.Repeat("a", 17<<10) + h1 + "\r\n", headTooBig},
	{"head too large in lines", "GET /page" + h1 + strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 20) + "\r\n", headTooBig},
	{"too many lines", "GET /nic/update" + h1 + strings.Repeat("X: a\r\n", 100) + "\r\n", headTooBig},
	{"empty lines without end", strings.Repeat("\r\n", 10<<10), headTooBig},
}

func TestRequests(t *testing.T) {
	t.Parallel()
	s, addr := newServer(t, front.Config{}, front.Plain)
	for _, test := range requests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := askOnce(t, addr, test.raw).String(); got != test.want {
				t.Errorf("got = %q, want %q", got, test.want)
			}
		})
	}
	t.Cleanup(func() { // after the parallel cases
		if stats := s.Stats(); stats.HandedOver != 0 || stats.Refused < 50 || stats.DeviceRequests < 40 {
			t.Errorf("Stats = %+v", stats)
		}
	})
}

// TestRest is about requests that go to net/http: unchanged, whole and at once.
func TestRest(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{}, front.Plain)
	tests := []struct{ name, raw, want string }{
		{"page", "GET /page?a=b%20c" + h1 + "Connection: close\r\n\r\n", said("1.1", "rest GET /page ?a=b%%20c host=members.example.org body=")},
		{"page in HTTP/1.0", "GET /page HTTP/1.0\r\n\r\n", said("1.0", "rest GET /page ? host= body=")},
		{"page in bare line feeds", "GET /page HTTP/1.1\nHost: a\n\n", said("1.1", "rest GET /page ? host=a body=")},
		{"page after empty lines", "\r\n\r\nGET /page HTTP/1.0\r\n\r\n", said("1.0", "rest GET /page ? host= body=")},
		{"absolute page", "GET http://b/page HTTP/1.0\r\nHost: a\r\n\r\n", said("1.0", "rest GET /page ? host=b body=")},
		{"root", "GET / HTTP/1.0\r\nHost: www.example.org\r\n\r\n", said("1.0", "rest GET / ? host=www.example.org body=")},
		{"dots are no device path", "GET /x/../nic/update HTTP/1.0\r\n\r\n", said("1.0", "rest GET /x/../nic/update ? host= body=")},
		{"escapes are no device path", "GET /nic%2Fupdate HTTP/1.0\r\n\r\n", said("1.0", "rest GET /nic/update ? host= body=")},
		{"longer than a device path", "GET /nic/updates HTTP/1.0\r\n\r\n", said("1.0", "rest GET /nic/updates ? host= body=")},
		{"as long as no key", "GET /nic/update" + strings.Repeat("x", 200) + " HTTP/1.0\r\n\r\n", said("1.0", "rest GET /nic/update%s ? host= body=", strings.Repeat("x", 200))},
		{"body", "POST /page HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", said("1.0", "rest POST /page ? host= body=abc")},
		{"chunked body", "POST /page" + h1 + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", said("1.1", "rest POST /page ? host=members.example.org body=abc")},
		{"server-wide options", "OPTIONS *" + h1 + "Connection: close\r\n\r\n", "HTTP/1.1 200 OK; close; "},
		{"connect", "CONNECT a.example.org:443" + h1 + "Connection: close\r\n\r\n", said("1.1", "rest CONNECT  ? host=a.example.org:443 body=")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := askOnce(t, addr, test.raw).String()
			got = strings.Replace(got, "OK; ; ", "OK; close; ", 1) // net/http does not say so to HTTP/1.0
			if got != test.want {
				t.Errorf("got = %q, want %q", got, test.want)
			}
		})
	}
}

// TestReplyBytes shows one reply as it is on the wire.
func TestReplyBytes(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{}, front.Plain)
	got := ask(t, addr, "GET /nic/update?hostname=a"+h0+"\r\n")
	date := got[strings.Index(got, "Date: ")+len("Date: "):][:len(time.RFC1123)]
	want := "HTTP/1.0 200 OK\r\n" +
		"Date: " + date + "\r\n" +
		"Content-Type: text/plain\r\n" +
		"Content-Length: 47\r\n" +
		"Connection: close\r\n" +
		"\r\n" +
		"device GET /nic/update ?hostname=a host= body=\n"
	if got != want {
		t.Errorf("got = %q, want %q", got, want)
	}
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{}, front.Plain)
	c := dial(t, addr)
	r := bufio.NewReader(c)
	io.WriteString(c, "POST /nic/update"+h1+"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n")
	if got := readReply(t, r, "POST").status; got != "HTTP/1.1 100 Continue" {
		t.Fatalf("got = %q", got)
	}
	io.WriteString(c, "a=b")
	want := said("1.1", "device POST /nic/update ? host=members.example.org body=a=b")
	if got := readReply(t, r, "POST").String(); got != want {
		t.Errorf("got = %q, want %q", got, want)
	}
}

// TestSlowRequest sends a request byte by byte.
func TestSlowRequest(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{}, front.Plain)
	c := dial(t, addr)
	for _, b := range []byte("\r\nPOST /nic/update?a" + h0 + "Content-Length: 3\r\n\r\na=b") {
		if _, err := c.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	want := said("1.0", "device POST /nic/update ?a host= body=a=b")
	if got := readReply(t, bufio.NewReader(c), "POST").String(); got != want {
		t.Errorf("got = %q, want %q", got, want)
	}
}
