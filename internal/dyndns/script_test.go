package dyndns_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/front"
	"stayput.dev/internal/zone"
)

// TestScripts plays the conversations in testdata, each in a new world and all
// over real connections. A script is made of lines:
//
//	# a comment
//	options always-good     what the handler is told, before anything else
//	from 198.51.100.9       the client's address from now on
//	store broken | works    whether the store takes commits from now on
//	> GET / HTTP/1.0        the request, line by line; {a:b} becomes base64 of a:b,
//	                        {"a": "b"} does not
//	< HTTP/1.0 200 OK       the reply: its status line, some headers, its body;
//	                        \r stands for a carriage return, and a backslash at
//	                        the end for no line end
//	= NAME TYPE DATA, DATA  what our DNS says then; "none" for nothing
//	commits 1               how many commits were made since the last such line
//
// What holds for every reply is checked for every reply, see checkReply.
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			(&script{t: t, file: file}).play(string(text))
		})
	}
}

type script struct {
	t       *testing.T
	file    string
	line    int
	world   *world
	addr    string
	from    string
	commits int

	request []string // the lines of the block that is being read
	reply   []string
}

func (s *script) play(text string) {
	var opts dyndns.Options
	for line := range strings.SplitSeq(text+"\nend", "\n") {
		s.line++
		word, rest, _ := strings.Cut(line, " ")
		if word != "<" && (word != ">" || len(s.reply) > 0) {
			s.converse()
		}
		switch word {
		case "", "#", "end":
		case "options":
			opts.AlwaysGood = rest == "always-good"
		case "from":
			s.from = rest
		case "store":
			s.start(opts)
			s.world.store.SetFault(map[string]error{"broken": errors.New("disk full")}[rest])
		case ">":
			s.start(opts)
			s.request = append(s.request, rest)
		case "<":
			s.reply = append(s.reply, rest)
		case "=":
			s.checkDNS(rest)
		case "commits":
			now := len(s.world.store.Commits())
			if got := now - s.commits; strconv.Itoa(got) != rest {
				s.t.Errorf("%s:%d: commits = %d, want %s", s.file, s.line, got, rest)
			}
			s.commits = now
		default:
			s.t.Fatalf("%s:%d: what is %q?", s.file, s.line, line)
		}
	}
}

func (s *script) start(opts dyndns.Options) {
	if s.world != nil {
		return
	}
	s.world = newWorld(s.t, opts)
	s.commits = len(s.world.store.Commits())
	if s.from == "" {
		s.from = "203.0.113.77"
	}
	s.addr = serve(s.t, s.world.handler)
}

// serve starts a front with the handler on a port of its own and returns its
// address. Clients are whom X-Forwarded-For names.
func serve(t *testing.T, h *dyndns.Handler) string {
	t.Helper()
	return serveAs(t, h, front.Plain, nil)
}

// serveAs is serve for a kind of listener, with what that needs.
func serveAs(t *testing.T, h *dyndns.Handler, kind front.Kind, config *tls.Config) string {
	t.Helper()
	server := front.New(front.Config{
		Table:          front.Table{Devices: h.Paths(), Root: h.Root},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		TLS:            config,
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(context.Background(), l, kind) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Shutdown(context.Background()), <-ended); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

var basic = regexp.MustCompile(`\{([^"}][^}]*)\}`)

// converse sends the request that was read and holds the reply against the one
// that was read.
func (s *script) converse() {
	if len(s.request) == 0 {
		return
	}
	request := strings.Join(s.request, "\r\n")
	if len(s.reply) == 0 {
		s.t.Fatalf("%s:%d: no reply to %s", s.file, s.line, s.request[0])
	}
	want := strings.Join(s.reply, "\n") + "\n"
	method, _, _ := strings.Cut(request, " ")
	if !strings.Contains(request, "\r\n\r\n") {
		request += "\r\n\r\n"
	}
	s.request, s.reply = nil, nil
	request = basic.ReplaceAllStringFunc(request, func(m string) string {
		return base64.StdEncoding.EncodeToString([]byte(m[1 : len(m)-1]))
	})
	request = strings.Replace(request, "\r\n", "\r\nX-Forwarded-For: "+s.from+"\r\n", 1)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		s.t.Fatal(err)
	}
	got, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		s.t.Fatalf("%s:%d: reading reply: %v", s.file, s.line, err)
	}
	body, err := io.ReadAll(got.Body)
	if err != nil {
		s.t.Fatalf("%s:%d: reading reply: %v", s.file, s.line, err)
	}
	s.compare(got, string(body), want)
	s.checkReply(method, got, body)
}

// compare holds the reply against what the script says of it.
func (s *script) compare(got *http.Response, body, want string) {
	head, wantBody, _ := strings.Cut(want, "\n\n")
	status, fields, _ := strings.Cut(strings.TrimSuffix(head, "\n"), "\n")
	if line := got.Proto + " " + got.Status; line != status {
		s.t.Errorf("%s:%d: status = %q, want %q", s.file, s.line, line, status)
	}
	for field := range strings.SplitSeq(fields, "\n") {
		name, value, _ := strings.Cut(field, ": ")
		if name != "" && got.Header.Get(name) != value {
			s.t.Errorf("%s:%d: %s = %q, want %q", s.file, s.line, name, got.Header.Get(name), value)
		}
	}
	wantBody = strings.TrimSuffix(strings.ReplaceAll(wantBody, `\r`, "\r"), "\\\n")
	if body != wantBody {
		s.t.Errorf("%s:%d: body = %q, want %q", s.file, s.line, body, wantBody)
	}
}

// checkReply checks what holds for every reply.
func (s *script) checkReply(method string, got *http.Response, body []byte) {
	if method == http.MethodOptions {
		return
	}
	if method != http.MethodHead && got.ContentLength != int64(len(body)) {
		s.t.Errorf("%s:%d: Content-Length = %d, want %d", s.file, s.line, got.ContentLength, len(body))
	}
	if got.ContentLength <= 0 || len(got.TransferEncoding) > 0 {
		s.t.Errorf("%s:%d: reply has no length, or is chunked", s.file, s.line)
	}
	if cc := got.Header.Get("Cache-Control"); cc != "no-store" {
		s.t.Errorf("%s:%d: Cache-Control = %q", s.file, s.line, cc)
	}
	challenge := ""
	if got.StatusCode == http.StatusUnauthorized {
		challenge = `Basic realm="Dynamic DNS"`
	}
	if w := got.Header.Get("WWW-Authenticate"); w != challenge {
		s.t.Errorf("%s:%d: WWW-Authenticate = %q, want %q", s.file, s.line, w, challenge)
	}
	codes := got.Header.Get("X-UpdateCode")
	if codes == "" || method == http.MethodHead {
		return // a check-IP page
	}
	if ct := got.Header.Get("Content-Type"); ct != "text/plain" {
		s.t.Errorf("%s:%d: Content-Type = %q", s.file, s.line, ct)
	}
	var words []string
	for line := range bytes.Lines(body) {
		word, _, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
		words = append(words, word)
	}
	if strings.Join(words, ",") != codes {
		s.t.Errorf("%s:%d: X-UpdateCode = %q beside %q", s.file, s.line, codes, body)
	}
}

// checkDNS holds what the zone says against "NAME TYPE DATA, DATA".
func (s *script) checkDNS(rest string) {
	fields := strings.SplitN(rest, " ", 3)
	name, typ := zone.MustName(fields[0]), map[string]zone.Type{"A": zone.TypeA, "AAAA": zone.TypeAAAA, "TXT": zone.TypeTXT, "MX": zone.TypeMX}[fields[1]]
	r := s.world.registry.State().Zones.Find(name).Lookup(name, typ)
	var data []string
	for d := range r.Records.All() {
		text := zone.FormatData(typ, zone.Rdata(d))
		if typ == zone.TypeTXT {
			text = string(d[1:])
		}
		data = append(data, text)
	}
	got := strings.Join(data, ", ")
	if r.Outcome != zone.Found {
		got = "none"
	}
	if got != fields[2] {
		s.t.Errorf("%s:%d: %s %s = %s, want %s", s.file, s.line, fields[0], fields[1], got, fields[2])
	}
}
