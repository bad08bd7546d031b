package front

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// A fault is why a request is refused, and with which status. The reason never
// repeats what the client sent.
type fault struct {
	status int
	reason string
}

func (f *fault) Error() string { return f.reason }

func badRequest(reason string) *fault { return &fault{http.StatusBadRequest, reason} }

// A field is one header line, its name in canonical case.
type field struct{ name, value string }

// A head is a parsed request head. Its strings share the memory of the text
// that it was parsed from.
type head struct {
	method string
	target string // as sent, blanks included
	minor  byte   // of HTTP/1.minor
	fields []field

	host      string // the first Host line, "" if there is none or it is no host
	hosts     int    // how many Host lines there were
	length    int64  // Content-Length, -1 if there is none
	codings   int    // how many Transfer-Encoding lines there were
	chunked   bool   // the last of them was "chunked" and nothing else
	keepAlive bool   // Connection: keep-alive
	close     bool   // Connection: close, which outweighs it
	expect    bool   // Expect: 100-continue
	forwarded bool   // there are lines that only a trusted proxy may add
	bareLF    bool   // some line ended without a carriage return

	// sloppy says what makes the head malformed by the letter, though it has
	// only one possible meaning. Devices get away with it.
	sloppy string
}

// proto returns the protocol version of the request line.
func (h *head) proto() string {
	if h.minor == 0 {
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// parse reads a complete request head: the request line, header lines and the
// empty line, each ending in LF or CRLF. It keeps only the room of h.fields.
func (h *head) parse(text string) error {
	*h = head{fields: h.fields[:0], length: -1}
	line, text := h.cutLine(text)
	if err := h.parseRequestLine(line); err != nil {
		return err
	}
	for {
		line, text = h.cutLine(text)
		if line == "" {
			return h.checkFraming()
		}
		f, err := parseField(line)
		if err != nil {
			return err
		}
		if err := h.note(f); err != nil {
			return err
		}
	}
}

func (h *head) cutLine(text string) (line, rest string) {
	line, rest, _ = strings.Cut(text, "\n")
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1], rest
	}
	h.bareLF = true
	return line, rest
}

// parseRequestLine takes the first word as the method, the last as the version
// and all between as the target, so that unescaped blanks in a query survive.
func (h *head) parseRequestLine(line string) error {
	if hasControl(line) || strings.IndexByte(line, '\t') >= 0 {
		return badRequest("control character in request line")
	}
	method, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimRight(rest, " ")
	split := strings.LastIndexByte(rest, ' ')
	if !isToken(method) || split < 0 {
		return badRequest("malformed request line")
	}
	if err := h.parseVersion(rest[split+1:]); err != nil {
		return err
	}
	target := strings.Trim(rest[:split], " ")
	if target == "" {
		return badRequest("no request target")
	}
	if len(line) != len(method)+len(target)+len(" ")*2+len("HTTP/1.1") || strings.Contains(target, " ") {
		h.sloppy = "blanks in request line"
	}
	h.method, h.target = method, target
	return nil
}

func (h *head) parseVersion(v string) error {
	const form = "HTTP/1.1"
	if len(v) != len(form) || !isVersion(v) || !isDigit(v[5]) || v[6] != '.' || !isDigit(v[7]) {
		return badRequest("malformed version")
	}
	if v[5] != '1' {
		return &fault{http.StatusHTTPVersionNotSupported, "unsupported version"}
	}
	if v[:5] != form[:5] {
		h.sloppy = "version in lower case"
	}
	// A higher minor version is answered as the highest that we speak (RFC 9110 §2.5).
	h.minor = min(v[7]-'0', 1)
	return nil
}

// isVersion reports whether a word of the request line is meant as a version.
func isVersion(word string) bool {
	return len(word) >= 5 && strings.EqualFold(word[:5], "HTTP/")
}

func parseField(line string) (field, error) {
	if line[0] == ' ' || line[0] == '\t' {
		return field{}, badRequest("folded header line")
	}
	name, value, found := strings.Cut(line, ":")
	if !found || !isToken(name) {
		return field{}, badRequest("malformed header name")
	}
	if hasControl(value) {
		return field{}, badRequest("control character in header")
	}
	return field{textproto.CanonicalMIMEHeaderKey(name), strings.Trim(value, " \t")}, nil
}

// note adds f, and takes from it what the front itself needs to know.
func (h *head) note(f field) error {
	switch f.name {
	case "Host":
		h.noteHost(f.value)
		return nil // it is in http.Request.Host
	case "Content-Length":
		return h.noteLength(f)
	case "Transfer-Encoding":
		h.codings++
		h.chunked = strings.EqualFold(f.value, "chunked")
		return nil // nothing of it is left when the body has been read
	case "Connection":
		h.noteConnection(f.value)
	case "Expect":
		h.expect = strings.EqualFold(f.value, "100-continue")
	default:
		h.forwarded = h.forwarded || isForwarding(f.name)
	}
	h.fields = append(h.fields, f)
	return nil
}

// noteHost keeps the first Host line; devices that send two mean the first.
func (h *head) noteHost(value string) {
	h.hosts++
	switch {
	case h.hosts > 1:
		h.sloppy = "repeated host"
	case !isHost(value):
		h.sloppy = "malformed host"
	default:
		h.host = value
	}
}

func (h *head) noteLength(f field) error {
	n, ok := parseLength(f.value)
	if !ok {
		return badRequest("malformed content length")
	}
	if h.length >= 0 {
		if n != h.length {
			return badRequest("two content lengths")
		}
		return nil
	}
	h.length = n
	h.fields = append(h.fields, f)
	return nil
}

func (h *head) noteConnection(value string) {
	for option := range strings.SplitSeq(value, ",") {
		option = strings.Trim(option, " \t")
		h.close = h.close || strings.EqualFold(option, "close")
		h.keepAlive = h.keepAlive || strings.EqualFold(option, "keep-alive")
	}
}

// checkFraming refuses what two readers could take for messages of different
// length (RFC 9112 §6.1, §11.2).
func (h *head) checkFraming() error {
	switch {
	case h.codings > 0 && h.length >= 0:
		return badRequest("transfer encoding with content length")
	case h.codings > 1:
		return badRequest("repeated transfer encoding")
	case h.codings > 0 && h.minor == 0:
		return badRequest("transfer encoding in HTTP/1.0")
	case h.codings > 0 && !h.chunked:
		return &fault{http.StatusNotImplemented, "unknown transfer coding"}
	}
	if h.hosts == 0 && h.minor > 0 {
		h.sloppy = "no host"
	}
	return nil
}

// strict refuses what net/http would refuse, which takes only what is right by
// the letter: its own refusal has no Content-Length.
func (h *head) strict() error {
	if h.sloppy != "" {
		return badRequest(h.sloppy)
	}
	if h.method == http.MethodConnect {
		return nil
	}
	if _, err := url.ParseRequestURI(h.target); err != nil {
		return badRequest("malformed target")
	}
	return nil
}

// header returns the fields as handlers get them.
func (h *head) header() http.Header {
	header := make(http.Header, len(h.fields))
	values := make([]string, len(h.fields)) // one allocation for all names that stand once
	for i, f := range h.fields {
		if earlier, ok := header[f.name]; ok {
			header[f.name] = append(earlier, f.value)
			continue
		}
		values[i] = f.value
		header[f.name] = values[i : i+1 : i+1]
	}
	return header
}

// parseLength reads a Content-Length: digits only, no sign, no list, and no
// more of them than fit.
func parseLength(s string) (int64, bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}
