package front_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/front"
)

// TestKeepAlive: a connection stays open only where the request asks for it in
// words, and everything about it was clean.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	table := testTable()
	table.Devices["/close"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
	})
	_, addr := newServer(t, front.Config{Table: table}, front.Plain)
	tests := []struct {
		name, request string
		keep          bool
	}{
		{"1.1", "GET /nic/update HTTP/1.1\r\n\r\n", false},
		{"1.1 close", "GET /nic/update HTTP/1.1\r\nConnection: close\r\n\r\n", false},
		{"1.1 keep-alive", "GET /nic/update HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", true},
		{"1.1 in capitals", "GET /nic/update HTTP/1.1\r\nConnection: Keep-Alive\r\n\r\n", true},
		{"1.1 among others", "GET /nic/update HTTP/1.1\r\nConnection: TE, keep-alive ,x\r\n\r\n", true},
		{"1.1 both", "GET /nic/update HTTP/1.1\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false},
		{"1.1 both, other order", "GET /nic/update HTTP/1.1\r\nConnection: close, keep-alive\r\n\r\n", false},
		{"1.1 something else", "GET /nic/update HTTP/1.1\r\nConnection: upgrade\r\n\r\n", false},
		{"1.0", "GET /nic/update HTTP/1.0\r\n\r\n", false},
		{"1.0 keep-alive", "GET /nic/update HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
		{"1.0 close", "GET /nic/update HTTP/1.0\r\nConnection: close\r\n\r\n", false},
		{"bare line feeds", "GET /nic/update HTTP/1.1\nConnection: keep-alive\n\n", false},
		{"handler closes", "GET /close HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", false},
		{"malformed", "GET /nic/update HTTP/1.1\r\nConnection: keep-alive\r\n x\r\n\r\n", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, addr)
			r := bufio.NewReader(c)
			want := map[bool]string{true: "keep-alive", false: "close"}[test.keep]
			for range 2 {
				io.WriteString(c, test.request)
				if got := readReply(t, r, "GET").connection; got != want {
					t.Fatalf("Connection = %q, want %q", got, want)
				}
				if !test.keep {
					if n, err := io.Copy(io.Discard, r); n != 0 || err != nil {
						t.Errorf("after the reply: %d bytes, %v, want the end", n, err)
					}
					return
				}
			}
		})
	}
}

// TestPipeline sends all requests at once, bodies among them.
func TestPipeline(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{}, front.Plain)
	const keep = "Connection: keep-alive\r\n"
	raw := "GET /nic/update?1" + h0 + keep + "\r\n" +
		"POST /nic/update?2" + h0 + keep + "Content-Length: 5\r\n\r\nGET /" +
		"POST /nic/update?3" + h1 + keep + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" +
		"\r\n" + "HEAD /nic/update?4" + h0 + keep + "\r\n" +
		strings.Repeat("GET /nic/update?5"+h0+keep+"X: "+strings.Repeat("x", 1500)+"\r\n\r\n", 20) +
		"GET /nic/update?6" + h0 + "\r\n" +
		"GET /nic/update?7" + h0 + "\r\n"
	r := bufio.NewReader(strings.NewReader(ask(t, addr, raw)))
	want := []string{"?1 host= body=\n", "?2 host= body=GET /\n", "?3 host=members.example.org body=a\n", ""}
	for range 20 {
		want = append(want, "?5 host= body=\n")
	}
	want = append(want, "?6 host= body=\n")
	for i, body := range want {
		method := "GET"
		if i == 3 {
			method = "HEAD"
		}
		got := readReply(t, r, method)
		if _, after, _ := strings.Cut(got.body, "/nic/update "); after != body {
			t.Fatalf("reply %d: got = %q, want %q", i+1, after, body)
		}
		if last := i == len(want)-1; (got.connection == "close") != last {
			t.Errorf("reply %d: Connection = %q", i+1, got.connection)
		}
	}
	if rest, _ := io.ReadAll(r); len(rest) > 0 {
		t.Errorf("after a reply that closes came %q", rest)
	}
}

// TestMixedConnection has devices' requests on a connection that net/http has.
func TestMixedConnection(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{}, front.Plain)
	c := dial(t, addr)
	r := bufio.NewReader(c)
	steps := []struct{ request, want string }{
		{"GET /nic/update?1" + h1 + "Connection: keep-alive\r\n\r\n", "keep-alive; device GET /nic/update ?1 host=members.example.org body=\n"},
		{"GET /page" + h1 + "\r\n", "; rest GET /page ? host=members.example.org body=\n"},
		{"GET //NIC/update/?2" + h1 + "Connection: keep-alive\r\n\r\n", "keep-alive; device GET /nic/update ?2 host=members.example.org body=\n"},
		{"GET /u/ToKeN%3Fip=1" + h1 + "Connection: keep-alive\r\n\r\n", "keep-alive; tree GET /u/ToKeN ?ip=1 host=members.example.org body=\n"},
		{"GET / HTTP/1.1\r\nHost: checkip.example.org\r\nConnection: keep-alive\r\n\r\n", "keep-alive; root GET / ? host=checkip.example.org body=\n"},
		{"GET /" + h1 + "\r\n", "; rest GET / ? host=members.example.org body=\n"},
		{"POST /nic/update" + h1 + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n", "close; device POST /nic/update ? host=members.example.org body=a=b\n"},
	}
	for _, step := range steps {
		io.WriteString(c, step.request)
		got := readReply(t, r, "GET")
		if got := got.connection + "; " + got.body; got != step.want {
			t.Fatalf("got = %q, want %q", got, step.want)
		}
	}
	if n, err := io.Copy(io.Discard, r); n != 0 || err != nil {
		t.Errorf("after the last reply: %d bytes, %v, want the end", n, err)
	}
}

// TestSecondRequest has, on connections that net/http has already, what our own
// reader would refuse or answer otherwise. Nothing after it is taken for a
// request.
func TestSecondRequest(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{}, front.Plain)
	const smuggled = "GET /nic/update?smuggled" + h1 + "\r\n"
	tests := []struct{ name, raw, want string }{
		{"device that does not ask to keep", "GET /nic/update" + h1 + "\r\n" + smuggled, "close; device GET /nic/update ? host=members.example.org body=\n"},
		{
			"coding and length", "POST /page" + h1 + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
			"close; rest POST /page ? host=members.example.org body=\n",
		},
		{
			"coding in HTTP/1.0", "POST /page HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled,
			"close; rest POST /page ? host= body=\n",
		},
		{
			"folded coding", "POST /page" + h1 + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + smuggled,
			"close; rest POST /page ? host=members.example.org body=\n",
		},
		{
			"length after a bare line feed", "POST /page" + h1 + "X: y\nContent-Length: 1\r\n\r\na" + smuggled,
			"close; rest POST /page ? host=members.example.org body=a\n",
		},
		{
			"device body too large", "POST /nic/update" + h1 + "Connection: keep-alive\r\nContent-Length: 8193\r\n\r\n" + strings.Repeat("a", 8193) + smuggled,
			"close; Request Entity Too Large\n",
		},
		{"two lengths", "POST /page" + h1 + "Content-Length: 1\r\nContent-Length: 2\r\n\r\na" + smuggled, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, addr)
			r := bufio.NewReader(c)
			io.WriteString(c, "GET /page"+h1+"\r\n")
			readReply(t, r, "GET")
			io.WriteString(c, test.raw)
			if test.want != "" {
				got := readReply(t, r, "GET")
				if got := got.connection + "; " + got.body; got != test.want {
					t.Fatalf("got = %q, want %q", got, test.want)
				}
			}
			if rest, _ := io.ReadAll(r); strings.Contains(string(rest), "smuggled") {
				t.Errorf("after the last reply came %q", rest)
			}
		})
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	_, addr := newServer(t, front.Config{}, front.Plain)
	get := askOnce(t, addr, "GET /nic/update HTTP/1.0\r\n\r\n")
	head := askOnce(t, addr, "HEAD /nic/update HTTP/1.0\r\n\r\n")
	// echo names the method, which is one byte longer.
	if got, want := head.header.Get("Content-Length"), strconv.Itoa(len(get.body)+1); got != want {
		t.Errorf("Content-Length = %s, want %s", got, want)
	}
}

// TestReplies is about what handlers say and what is sent.
func TestReplies(t *testing.T) {
	t.Parallel()
	const start, end = "HTTP/1.1 200 OK\r\nDate: now\r\n", "Connection: close\r\n\r\n"
	tests := []struct {
		name  string
		write func(http.ResponseWriter)
		want  string
	}{
		{"nothing", func(w http.ResponseWriter) {}, start + "Content-Type: text/plain\r\nContent-Length: 0\r\n" + end},
		{"challenge", func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(401)
			io.WriteString(w, "badauth\n")
		}, "HTTP/1.1 401 Unauthorized\r\nDate: now\r\nContent-Type: text/plain\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 8\r\n" + end + "badauth\n"},
		{"in parts", func(w http.ResponseWriter) {
			w.Header()["x-lower"] = []string{"1", "2"}
			w.Write([]byte("good "))
			w.WriteHeader(500)
			io.WriteString(w, "192.0.2.1\n")
		}, start + "Content-Type: text/plain\r\nX-Lower: 1\r\nX-Lower: 2\r\nContent-Length: 15\r\n" + end + "good 192.0.2.1\n"},
		{"framing of its own", func(w http.ResponseWriter) {
			for _, name := range []string{"Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Keep-Alive", "Date"} {
				w.Header().Set(name, "7")
			}
			w.WriteHeader(103)
			io.WriteString(w, "ok")
		}, start + "Content-Type: text/plain\r\nContent-Length: 2\r\n" + end + "ok"},
		{"line breaks in a header", func(w http.ResponseWriter) {
			w.Header().Set("X", "a\r\nY: b\x00")
			w.Header()["Z:\r\n"] = []string{"c"}
		}, start + "Content-Type: text/plain\r\nX: a  Y: b \r\nContent-Length: 0\r\n" + end},
		{"no content", func(w http.ResponseWriter) {
			w.WriteHeader(204)
			io.WriteString(w, "ignored")
		}, "HTTP/1.1 204 No Content\r\nDate: now\r\n" + end},
		{"unknown status", func(w http.ResponseWriter) { w.WriteHeader(799) }, "HTTP/1.1 799 \r\nDate: now\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n" + end},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := string(front.WireReply(test.write)); got != test.want {
				t.Errorf("got = %q, want %q", got, test.want)
			}
		})
	}
}

// TestPanics: a handler that panics costs its own connection, and nothing that
// the client sent reaches the log.
func TestPanics(t *testing.T) {
	t.Parallel()
	boom := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "good ")
		switch r.URL.RawQuery {
		case "abort":
			panic(http.ErrAbortHandler)
		case "status":
			w.WriteHeader(7)
		case "nil":
			_ = (*http.Request)(nil).URL
		}
		panic("value " + r.URL.RawQuery)
	})
	log, logged := newLogger()
	s, addr := newServer(t, front.Config{Logger: log, Table: front.Table{
		Devices: map[string]http.Handler{"/nic/update": boom, "/fine": echo("device")},
		Root:    func(r *http.Request) http.Handler { panic("value " + r.URL.RawQuery) },
		Rest:    boom,
	}}, front.Plain)
	const failed = "HTTP/1.0 500 Internal Server Error; close; Internal Server Error\n"
	tests := []struct{ raw, want string }{
		{"GET /nic/update?password=S3CRET HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", failed},
		{"GET /nic/update?nil HTTP/1.0\r\n\r\n", failed},
		{"GET /nic/update?status HTTP/1.0\r\n\r\n", failed},
		{"GET /?S3CRET HTTP/1.0\r\n\r\n", "HTTP/1.0 500 Internal Server Error; close; "},
	}
	for _, test := range tests {
		if got := askOnce(t, addr, test.raw).String(); got != test.want {
			t.Errorf("got = %q, want %q", got, test.want)
		}
	}
	for _, raw := range []string{"GET /nic/update?abort HTTP/1.0\r\n\r\n", "GET /page?S3CRET HTTP/1.0\r\n\r\n", "GET /page?abort HTTP/1.0\r\n\r\n"} {
		if got := ask(t, addr, raw); got != "" {
			t.Errorf("got = %q, want nothing", got)
		}
	}
	askOnce(t, addr, "GET /fine?S3CRET HTTP/1.0\r\nAuthorization: Basic S3CRET\r\nContent-Length: 6\r\n\r\nS3CRET")
	askOnce(t, addr, "GET /fine?S3CRET HTTP/1.0\r\nS3CRET\r\n\r\n")
	if got := s.Stats().Panics; got != 5 {
		t.Errorf("Panics = %d, want 5", got)
	}
	text := logged.String()
	if strings.Contains(text, "S3CRET") {
		t.Errorf("the log repeats what the client sent: %s", text)
	}
	for _, want := range []string{"nil pointer dereference", "type=string", "stack=", "path=/fine status=200", `reason="malformed header name"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q: %s", want, text)
		}
	}
}

func TestTokenIsNotLogged(t *testing.T) {
	t.Parallel()
	log, logged := newLogger()
	_, addr := newServer(t, front.Config{Logger: log}, front.Plain)
	askOnce(t, addr, "GET /update/home/S3CRET HTTP/1.0\r\n\r\n")
	if text := logged.String(); strings.Contains(text, "S3CRET") || !strings.Contains(text, "path=/update/ ") {
		t.Errorf("log = %q", text)
	}
}

// TestRequestContext: the context ends with the connection, and handlers may
// use what http.Request offers.
func TestRequestContext(t *testing.T) {
	t.Parallel()
	contexts := make(chan context.Context, 2)
	_, addr := newServer(t, front.Config{Table: front.Table{Devices: map[string]http.Handler{
		"/nic/update": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			contexts <- r.Context()
			user, password, _ := r.BasicAuth()
			io.WriteString(w, user+" "+password+" "+r.FormValue("a")+" "+r.FormValue("b")+" "+r.UserAgent())
		}),
	}}}, front.Plain)
	got := askOnce(t, addr, "POST /nic/update?a=1 HTTP/1.0\r\nAuthorization: Basic YWxpY2U6czNjcmV0\r\nuser-agent: x\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nb=2").body
	if want := "alice s3cret 1 2 x"; got != want {
		t.Errorf("got = %q, want %q", got, want)
	}
	select {
	case <-(<-contexts).Done():
	case <-time.After(time.Minute):
		t.Error("the context outlives the connection")
	}
}

func TestBodyReader(t *testing.T) {
	t.Parallel()
	tests := []struct {
		wire string
		want string
		err  string
	}{
		{"0\r\n\r\n", "", ""},
		{"4\r\nabcd\r\n0\r\n\r\nGET", "abcd", ""},
		{"5\r\nabcde\r\n0\r\n\r\n", "", "body too large"},
		{"4\r\nabcd\r\n1\r\n", "", "body too large"},
		{"4\r\nab", "", "body ended early"},
		{"", "", "body ended early"},
		{"-1\r\n", "", "malformed chunk"},
	}
	for _, test := range tests {
		body, err := front.ReadChunks(bytes.NewReader([]byte(test.wire)), 4)
		if err != nil && err.Error() != test.err || err == nil && (test.err != "" || string(body) != test.want) {
			t.Errorf("%q: got = %q, %v, want %q, %s", test.wire, body, err, test.want, test.err)
		}
	}
}

// Simple programs write each line by itself, and an empty one too many. However late
// it comes, it does not cost them the reply.
func TestEmptyLineTooMany(t *testing.T) {
	t.Parallel()
	begun, late := make(chan struct{}), make(chan struct{})
	update := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-late
		io.WriteString(w, "good 192.0.2.7\n")
	})
	_, addr := newServer(t, front.Config{Table: front.Table{Devices: map[string]http.Handler{"/nic/update": update}}}, front.Plain)
	client, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	io.WriteString(client, "GET /nic/update HTTP/1.0\r\n\r\n")
	<-begun
	io.WriteString(client, "\r\n")
	close(late)
	if reply, err := io.ReadAll(client); err != nil || !strings.HasSuffix(string(reply), "good 192.0.2.7\n") {
		t.Errorf("reply = %q, %v", reply, err)
	}
}
