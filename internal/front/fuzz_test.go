package front_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stayput.dev/internal/front"
)

// FuzzRequest: the parser never panics, does not mind how the bytes arrive,
// what it accepts means the same when written properly, and net/http does not
// read what it is handed in another way.
func FuzzRequest(f *testing.F) {
	for _, test := range requests {
		f.Add([]byte(test.raw))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		got, err := front.ParseHead(wire, len(wire)+1)
		slowly, slowErr := front.ParseHead(wire, 1)
		if diff := cmp.Diff(got, slowly); diff != "" || fmt.Sprint(err) != fmt.Sprint(slowErr) {
			t.Fatalf("whole and byte by byte: %v, %v\n%s", err, slowErr, diff)
		}
		if err != nil {
			return
		}
		again, err := front.ParseHead(got.Wire(), len(wire))
		if err != nil {
			t.Fatalf("parsing %q again: %v", got.Wire(), err)
		}
		tolerant := got.Tolerant
		got.Text, again.Text, got.Tolerant, again.Tolerant = "", "", false, false
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatalf("parsing %q again\n%s", got.Wire(), diff)
		}
		if !tolerant {
			compareWithNetHTTP(t, slowly)
		}
	})
}

// compareWithNetHTTP checks that net/http sees the same request in a head that
// is handed over to it, if it accepts it.
func compareWithNetHTTP(t *testing.T, p front.ParsedHead) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(p.Text)))
	if err != nil {
		return
	}
	if r.Method != p.Method || r.RequestURI != p.Target {
		t.Errorf("got = %q %q, want %q %q", p.Method, p.Target, r.Method, r.RequestURI)
	}
	if chunked := len(r.TransferEncoding) > 0; chunked != p.Chunked {
		t.Errorf("chunked = %v, want %v", p.Chunked, chunked)
	}
	if !p.Chunked && r.ContentLength != max(p.Length, 0) {
		t.Errorf("length = %d, want %d", p.Length, r.ContentLength)
	}
}

// FuzzChunks: what our decoder accepts, net/http decodes alike, up to the same
// place.
func FuzzChunks(f *testing.F) {
	for _, s := range []string{"0\r\n\r\n", "2;x=y\r\na=\r\n1 \r\nb\r\n0\r\nT: u\r\n\r\nGET", "a\r\n0123456789\r\n0\r\n\r\n", "1\na\n0\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		const limit = 1 << 10
		got, err := front.ReadChunks(bytes.NewReader(wire), limit)
		slowly, slowErr := front.ReadChunks(oneByte{bytes.NewReader(wire)}, limit)
		if !bytes.Equal(got, slowly) || fmt.Sprint(err) != fmt.Sprint(slowErr) {
			t.Fatalf("whole and byte by byte: %q, %v and %q, %v", got, err, slowly, slowErr)
		}
		if err != nil {
			return
		}
		want, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(wire)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("got = %q, want %q, %v", got, want, err)
		}
	})
}

// FuzzProxyHeader: no header is longer than what it was found in, and none is
// found in half of one.
func FuzzProxyHeader(f *testing.F) {
	for _, test := range proxyHeaders {
		f.Add([]byte(test.header))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, n, err := front.ParseProxy(b)
		if n > len(b) || err != nil && n != 0 {
			t.Fatalf("ParseProxy = %d, %v of %d bytes", n, err, len(b))
		}
		if n > 0 {
			if _, m, err := front.ParseProxy(b[:n-1]); m != 0 || !errors.Is(err, front.ErrProxyShort) {
				t.Errorf("without the last byte ParseProxy = %d, %v", m, err)
			}
		}
	})
}

// FuzzTarget: the query is the end of what was sent, and a device path is its
// own canonical form.
func FuzzTarget(f *testing.F) {
	table := testTable()
	for _, test := range requests {
		f.Add(test.raw)
	}
	for _, s := range []string{"/u/x%3Fy", "nic/update", "http://a@b@c/u/", "//u//x//", "*", "", "%3F", "a.b%3F/u/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		path, query := front.Resolve(table, target)
		if path == "" {
			return
		}
		if !strings.HasSuffix(target, query) {
			t.Errorf("query = %q, not the end of %q", query, target)
		}
		if strings.ContainsAny(path, `%\`) {
			return // a token may still hold what looks like an escaped question mark
		}
		if again, q := front.Resolve(table, path+"?"+query); again != path || q != query {
			t.Errorf("%q became %q ?%q, then %q ?%q", target, path, query, again, q)
		}
	})
}

// oneByte reads byte by byte.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }
