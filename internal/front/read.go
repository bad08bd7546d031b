package front

import (
	"bytes"
	"io"
	"net/http"
)

const (
	// initialBuffer holds the head of nearly every request that devices send.
	initialBuffer = 2 << 10

	// maxFields is the number of header lines that a request may have.
	maxFields = 100
)

// A reader takes requests off a connection. Its buffer grows up to the limit of
// a head and is kept from one connection to the next.
type reader struct {
	src   io.Reader
	buf   []byte
	begin int // buf[begin:end] is read but not used yet
	end   int
}

// reset prepares the reader for another connection, or for the pool with nil.
func (r *reader) reset(src io.Reader) {
	r.src, r.begin, r.end = src, 0, 0
}

// buffered returns what has been read and not used.
func (r *reader) buffered() []byte { return r.buf[r.begin:r.end] }

// fill reads once more, moving and growing the buffer up to limit bytes. A
// buffer that is full already fails with errFull.
func (r *reader) fill(limit int) error {
	if r.end == len(r.buf) || r.begin == r.end {
		r.makeRoom(limit)
	}
	if r.end == len(r.buf) {
		return errFull
	}
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		return nil // an error will come again
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

func (r *reader) makeRoom(limit int) {
	unread := r.buffered()
	if len(unread) == len(r.buf) && len(r.buf) < limit {
		r.buf = make([]byte, min(max(2*len(r.buf), initialBuffer), limit))
	}
	r.begin, r.end = 0, copy(r.buf, unread)
}

var (
	errFull        = &fault{http.StatusRequestHeaderFieldsTooLarge, "head too large"}
	errManyFields  = &fault{http.StatusRequestHeaderFieldsTooLarge, "too many header lines"}
	errNoVersion   = &fault{http.StatusBadRequest, "no version"}
	errNotHTTP     = &fault{http.StatusBadRequest, "not HTTP"}
	errHeadTimeout = &fault{http.StatusRequestTimeout, "head not complete in time"}
)

// A headScan looks for the end of a request head as its bytes come in, and
// looks at each of them once.
type headScan struct {
	start int // where the request line begins; empty lines may stand before it
	line  int // where the current line begins
	next  int // where to look on
	lines int
}

// end returns the length of the complete head that b begins with, or 0 if b
// ends before it does. Of a head that can never be right it does not wait for
// the end: an HTTP/0.9 client has nothing more to say.
func (s *headScan) end(b []byte) (int, error) {
	for {
		i := bytes.IndexByte(b[s.next:], '\n')
		if i < 0 {
			s.next = len(b)
			return 0, s.checkFirst(b)
		}
		stop := s.next + i
		line := bytes.TrimSuffix(b[s.line:stop], []byte{'\r'})
		s.line, s.next = stop+1, stop+1
		if len(line) == 0 && s.lines > 0 {
			return stop + 1, nil
		}
		if len(line) == 0 { // RFC 9112 §2.2
			s.start = stop + 1
			continue
		}
		if s.lines++; s.lines == 1 {
			if err := checkRequestLine(line); err != nil {
				return 0, err
			}
		}
		if s.lines > maxFields+1 {
			return 0, errManyFields
		}
	}
}

// checkFirst refuses at once what does not begin like a request, such as a TLS
// handshake on a plain port.
func (s *headScan) checkFirst(b []byte) error {
	if s.lines > 0 || s.start == len(b) || b[s.start] == '\r' || isTokenChar(b[s.start]) {
		return nil
	}
	return errNotHTTP
}

func checkRequestLine(line []byte) error {
	if !isTokenChar(line[0]) {
		return errNotHTTP
	}
	line = bytes.TrimRight(line, " ")
	if !isVersion(string(line[bytes.LastIndexByte(line, ' ')+1:])) {
		return errNoVersion
	}
	return nil
}
