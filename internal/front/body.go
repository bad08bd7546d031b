package front

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

const (
	// maxChunkLine is the length of a line that frames a chunk, and of a
	// trailer line.
	maxChunkLine = 256

	// maxTrailers is the number of trailer lines, which are read and dropped.
	maxTrailers = 16
)

var (
	errBodyTooLarge = &fault{http.StatusRequestEntityTooLarge, "body too large"}
	errBadChunk     = &fault{http.StatusBadRequest, "malformed chunk"}
	errBodyShort    = &fault{http.StatusBadRequest, "body ended early"}
	errBodyTimeout  = &fault{http.StatusRequestTimeout, "body not complete in time"}
)

// readBody returns the whole body that h announces, nil if it announces none.
// Devices send forms of some hundred bytes; more than limit is refused.
func (r *reader) readBody(h *head, limit int) ([]byte, error) {
	switch {
	case h.chunked:
		body, err := r.readChunks(limit)
		if errors.Is(err, io.EOF) {
			err = errBodyShort
		}
		return body, err
	case h.length <= 0:
		return nil, nil
	case h.length > int64(limit):
		return nil, errBodyTooLarge
	}
	body := make([]byte, h.length)
	n := copy(body, r.buffered())
	r.begin += n
	if _, err := io.ReadFull(r.src, body[n:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errBodyShort
	} else if err != nil {
		return nil, err
	}
	return body, nil
}

// readChunks decodes a chunked body (RFC 9112 §7.1), to the letter: lenience
// here is what smuggling lives on.
func (r *reader) readChunks(limit int) ([]byte, error) {
	var body []byte
	for {
		line, err := r.readLine()
		if err != nil {
			return nil, err
		}
		size, err := parseChunkSize(line)
		if err != nil {
			return nil, err
		}
		if size == 0 {
			return body, r.skipTrailers()
		}
		if size > limit-len(body) {
			return nil, errBodyTooLarge
		}
		if body, err = r.appendChunk(body, size); err != nil {
			return nil, err
		}
	}
}

// appendChunk appends size bytes and takes the line end after them.
func (r *reader) appendChunk(body []byte, size int) ([]byte, error) {
	for size > 0 {
		if r.begin == r.end {
			if err := r.fill(initialBuffer); err != nil {
				return nil, err
			}
		}
		part := r.buffered()
		part = part[:min(len(part), size)]
		body = append(body, part...)
		r.begin += len(part)
		size -= len(part)
	}
	line, err := r.readLine()
	if err == nil && len(line) > 0 {
		err = errBadChunk
	}
	return body, err
}

func (r *reader) skipTrailers() error {
	for range maxTrailers {
		line, err := r.readLine()
		if err != nil || len(line) == 0 {
			return err
		}
	}
	return errBadChunk
}

// readLine returns the next line without its CRLF. It is valid until the next
// call.
func (r *reader) readLine() ([]byte, error) {
	for {
		b := r.buffered()
		if i := bytes.IndexByte(b, '\n'); i >= 0 && i < maxChunkLine {
			if i == 0 || b[i-1] != '\r' || hasControl(string(b[:i-1])) {
				return nil, errBadChunk
			}
			r.begin += i + 1
			return b[:i-1], nil
		}
		if len(b) >= maxChunkLine {
			return nil, errBadChunk
		}
		if err := r.fill(initialBuffer); err != nil {
			return nil, err
		}
	}
}

// parseChunkSize reads the hexadecimal number that begins a chunk. What follows
// a semicolon is ignored (RFC 9112 §7.1.1).
func parseChunkSize(line []byte) (int, error) {
	digits, _, _ := bytes.Cut(line, []byte{';'})
	digits = bytes.TrimRight(digits, " \t")
	if len(digits) == 0 || len(digits) > 7 {
		return 0, errBadChunk
	}
	size := 0
	for _, c := range digits {
		switch {
		case isDigit(c):
			size = size<<4 | int(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			size = size<<4 | int(c|0x20-'a'+10)
		default:
			return 0, errBadChunk
		}
	}
	return size, nil
}
