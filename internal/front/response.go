package front

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// response is the ResponseWriter that devices' handlers get. It holds the whole
// reply back, so that every reply has a Content-Length and leaves in one write:
// some clients do not decode chunks, others read once and look no further.
type response struct {
	header http.Header
	status int
	body   []byte
}

var _ http.ResponseWriter = (*response)(nil)

func (w *response) Header() http.Header { return w.header }

// WriteHeader sets the status, once. Informational statuses are not sent.
func (w *response) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid status %d", status))
	}
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

// WriteString is Write for strings, for io.WriteString.
func (w *response) WriteString(s string) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, s...)
	return len(s), nil
}

// fail replaces whatever the handler began to say. The body is the status text,
// none of which contains a word that clients take for success.
func (w *response) fail(status int) {
	w.header = http.Header{}
	w.status = status
	w.body = append(append(w.body[:0], http.StatusText(status)...), '\n')
}

// finish completes the header. Framing is ours alone: what a handler says about
// it is dropped, except that it may ask to close.
func (w *response) finish() (closing bool) {
	w.WriteHeader(http.StatusOK)
	closing = strings.EqualFold(w.header.Get("Connection"), "close")
	for _, name := range [...]string{"Connection", "Content-Length", "Date", "Keep-Alive", "Trailer", "Transfer-Encoding"} {
		delete(w.header, name)
	}
	if !w.hasBody() {
		w.body = w.body[:0]
	} else if len(w.header["Content-Type"]) == 0 {
		w.header["Content-Type"] = []string{"text/plain"}
	}
	return closing
}

// hasBody reports whether the status allows a body and its length (RFC 9110 §8.6).
func (w *response) hasBody() bool {
	return w.status != http.StatusNoContent && w.status != http.StatusNotModified
}

// A framing is what a reply says besides the handler's words.
type framing struct {
	proto string // of the request
	date  string
	keep  bool // the connection stays open
	head  bool // the request was HEAD
}

// append appends the reply in wire form, after finish.
//
// The reply has the version of the request, as with net/http. That is what was
// seen to work: ddclient asks in HTTP/1.1, inadyn and ez-ipupdate in HTTP/1.0,
// and a client of HTTP/1.0 cannot take the reply for one in chunks, or the
// connection for one that stays open. Connection is always said.
func (w *response) append(dst []byte, f framing) []byte {
	dst = append(append(dst, f.proto...), ' ')
	dst = strconv.AppendInt(dst, int64(w.status), 10)
	dst = append(append(dst, ' '), http.StatusText(w.status)...)
	dst = appendField(dst, "\r\nDate", f.date)
	dst = appendHeader(dst, w.header)
	if w.hasBody() {
		dst = append(dst, "\r\nContent-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(w.body)), 10)
	}
	dst = append(appendField(dst, "\r\nConnection", connectionOption(f.keep)), "\r\n\r\n"...)
	if f.head {
		return dst
	}
	return append(dst, w.body...)
}

func connectionOption(keep bool) string {
	if keep {
		return "keep-alive"
	}
	return "close"
}

// appendHeader appends the lines of h, each after a line end, in order of name.
func appendHeader(dst []byte, h http.Header) []byte {
	var space [8]string
	names := space[:0]
	for name := range h {
		if isToken(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range h[name] {
			dst = append(dst, "\r\n"...)
			dst = appendField(dst, wireName(name), value)
		}
	}
	return dst
}

// appendField appends one header line; a line break in the value becomes blanks.
func appendField(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ": "...)
	start := len(dst)
	dst = append(dst, value...)
	for i := start; i < len(dst); i++ {
		if c := dst[i]; c < ' ' && c != '\t' || c == 0x7f {
			dst[i] = ' '
		}
	}
	return dst
}

// wireName spells a header name as everybody else's servers do: firmware
// compares bytes. ez-ipupdate finds "\nw" of a lower-case www-authenticate to
// be a reply of its own, and Go's canonical form is not how the RFCs write that
// one.
func wireName(name string) string {
	name = textproto.CanonicalMIMEHeaderKey(name)
	if name == "Www-Authenticate" {
		return "WWW-Authenticate"
	}
	return name
}

// A dateline is the Date header, formatted once a second.
type dateline struct {
	cached atomic.Pointer[stamp]
}

type stamp struct {
	second int64
	text   string
}

func (d *dateline) at(now time.Time) string {
	second := now.Unix()
	if s := d.cached.Load(); s != nil && s.second == second {
		return s.text
	}
	s := &stamp{second, now.UTC().Format(http.TimeFormat)}
	d.cached.Store(s)
	return s.text
}
