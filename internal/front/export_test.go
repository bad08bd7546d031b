package front

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// A ParsedHead is a request head as the reader understands it, for the fuzz tests.
type ParsedHead struct {
	Text     string // as it stood on the wire
	Method   string
	Target   string
	Proto    string
	Host     string
	Fields   []string
	Length   int64
	Chunked  bool
	Close    bool
	Keep     bool
	Tolerant bool // by the letter it is malformed
}

var ErrIncomplete = errors.New("head incomplete")

// ParseHead reads the head that wire begins with, step bytes at a time.
func ParseHead(wire []byte, step int) (ParsedHead, error) {
	scan := headScan{}
	for seen := 0; ; {
		n, err := scan.end(wire[:seen])
		if err != nil {
			return ParsedHead{}, err
		}
		if n > 0 {
			return parseHead(string(wire[scan.start:n]))
		}
		if seen == len(wire) {
			return ParsedHead{}, ErrIncomplete
		}
		seen = min(seen+step, len(wire))
	}
}

func parseHead(text string) (ParsedHead, error) {
	var h head
	if err := h.parse(text); err != nil {
		return ParsedHead{}, err
	}
	p := ParsedHead{
		Text: text, Method: h.method, Target: h.target, Proto: h.proto(), Host: h.host,
		Length: h.length, Chunked: h.chunked, Close: h.close, Keep: h.keepAlive, Tolerant: h.strict() != nil,
	}
	for _, f := range h.fields {
		p.Fields = append(p.Fields, f.name+": "+f.value)
	}
	return p, nil
}

// Wire writes the head as it should have been written.
func (p ParsedHead) Wire() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\n", p.Method, p.Target, p.Proto)
	if p.Host != "" {
		fmt.Fprintf(&b, "Host: %s\r\n", p.Host)
	}
	if p.Chunked {
		b.WriteString("Transfer-Encoding: chunked\r\n")
	}
	for _, f := range p.Fields {
		b.WriteString(f + "\r\n")
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

// ReadChunks decodes a chunked body of at most limit bytes.
func ReadChunks(wire io.Reader, limit int) ([]byte, error) {
	r := reader{src: wire}
	return r.readBody(&head{chunked: true}, limit)
}

// Resolve reports which device path a target calls, and with what query.
func Resolve(t Table, target string) (path, query string) {
	m := newRoutes(t).resolve(target)
	if m.handler == nil {
		return "", ""
	}
	return m.key + m.tail, m.query
}

// Asking returns how many requests of devices are not there whole.
func Asking(s *Server) (n int) {
	for _, c := range s.snapshot() {
		if c.asking.Load() {
			n++
		}
	}
	return n
}

var (
	ParseProxy    = parseProxy
	ErrProxyShort = errProxyShort
)

// WireReply returns the reply that a handler's writing makes.
func WireReply(write func(http.ResponseWriter)) []byte {
	w := &response{header: http.Header{}}
	write(w)
	w.finish()
	return bytes.Clone(w.append(nil, framing{proto: "HTTP/1.1", date: "now"}))
}
