//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// replySize is the room for a reply, head and body.
const replySize = 4096

var errTooLong = errors.New("reply is too long")

// measure returns where the reply at the start of b has its body, and where it
// ends; both are 0 as long as the head is not whole.
func measure(b []byte) (body, end int, err error) {
	body = bytes.Index(b, []byte("\r\n\r\n")) + 4
	if body < 4 {
		return 0, 0, nil
	}
	length, err := contentLength(b[:body])
	return body, body + length, err
}

// contentLength returns the length that the reply's head states. Replies
// without one are refused: no router's client may be asked to unchunk.
func contentLength(head []byte) (int, error) {
	const field = "Content-Length"
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte("\r\n"))
		head = rest
		name, value, _ := bytes.Cut(line, []byte(":"))
		if len(name) != len(field) || !bytes.EqualFold(name, []byte(field)) {
			continue
		}
		n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
		if err != nil || n < 0 {
			return 0, fmt.Errorf("bad Content-Length %q", value)
		}
		return n, nil
	}
	return 0, errors.New("reply without Content-Length")
}

// complete returns nil when b, all that came before the end of the connection,
// is one reply and nothing else.
func complete(b []byte) (body int, err error) {
	body, end, err := measure(b)
	switch {
	case err != nil:
		return 0, err
	case len(b) == 0:
		return 0, io.EOF
	case body == 0 || len(b) < end:
		return 0, io.ErrUnexpectedEOF
	case len(b) > end:
		return 0, fmt.Errorf("%d octets after the body", len(b)-end)
	}
	return body, nil
}

// judge returns nil when the reply is a 200 whose body, which begins at body,
// starts as expected.
func (h *HTTP) judge(b []byte, body int) error {
	status, _, _ := bytes.Cut(b, []byte("\r\n"))
	if _, code, _ := bytes.Cut(status, []byte(" ")); bytes.HasPrefix(code, []byte("200")) {
		for _, e := range h.Expect {
			if text := b[body:]; len(text) >= len(e) && string(text[:len(e)]) == e {
				return nil
			}
		}
	}
	return fmt.Errorf("answered %q, %q", status, b[body:])
}
