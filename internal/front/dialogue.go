package front

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	// maxKept is the capacity that a reply's buffer may have to be used again.
	maxKept = 64 << 10

	// lingerTime and maxLinger bound how long, and how much, the rest of a
	// refused request is read, so that the client sees the reply and not a
	// reset.
	lingerTime = 500 * time.Millisecond
	maxLinger  = 1 << 20
)

// A dialogue is the exchange of requests and replies with one client, by our
// own reader. Its buffers go from one connection to the next.
type dialogue struct {
	conn   *conn
	stream net.Conn // conn, or TLS over it
	tls    *tls.ConnectionState
	ctx    context.Context // of the connection's requests, nil before the first
	cancel context.CancelFunc
	in     reader
	head   head
	body   []byte // space for a reply's body
	out    []byte // space for a reply
	linger bool   // the client may still be sending
}

func (d *dialogue) begin(c *conn, stream net.Conn) {
	d.conn, d.stream, d.linger = c, stream, false
	if secure, ok := stream.(*tls.Conn); ok {
		state := secure.ConnectionState()
		d.tls = &state
	}
	d.in.reset(stream)
}

// end drops everything that belongs to the connection.
func (d *dialogue) end() {
	if d.cancel != nil {
		d.cancel()
	}
	clear(d.head.fields[:cap(d.head.fields)])
	in, fields := d.in, d.head.fields[:0]
	in.reset(nil)
	body, out := d.body, d.out
	if cap(body) > maxKept || cap(out) > maxKept {
		body, out = nil, nil
	}
	*d = dialogue{in: in, head: head{fields: fields}, body: body, out: out}
}

// serve answers requests until the connection is to be closed, or until one
// comes that net/http is to answer: then its bytes are still in d.in.
func (d *dialogue) serve() (handOver bool) {
	for first := true; ; first = false {
		r, h, err := d.next(first)
		if err == nil && h == nil {
			d.conn.asking.Store(false)
			return true
		}
		if err == nil {
			err = d.readBody(r)
		}
		d.conn.asking.Store(false)
		if err != nil {
			d.refuse(err)
			return false
		}
		if !d.answer(h, r) || !d.conn.setIdle() {
			return false
		}
	}
}

// next reads a request without its body and finds its handler, nil for what
// net/http is to answer.
func (d *dialogue) next(first bool) (*http.Request, http.Handler, error) {
	text, err := d.readHead(first)
	if err != nil {
		return nil, nil, err
	}
	if err := d.head.parse(text); err != nil {
		return nil, nil, err
	}
	r, h := d.route()
	if h == nil {
		return nil, nil, d.head.strict()
	}
	d.in.begin += len(text)
	return r, h, nil
}

// readHead waits for a complete head and returns it. It stays in d.in.
func (d *dialogue) readHead(first bool) (string, error) {
	d.head = head{fields: d.head.fields}
	limits := &d.conn.server.limits
	if len(d.in.buffered()) == 0 {
		timeout := limits.IdleTimeout
		if first {
			timeout = limits.HeadTimeout
		}
		d.stream.SetReadDeadline(time.Now().Add(timeout))
		if err := d.in.fill(limits.HeadBytes); err != nil {
			return "", err
		}
	}
	d.conn.asking.Store(true)
	if !d.conn.setBusy() {
		return "", net.ErrClosed
	}
	scan := headScan{}
	for armed := first; ; armed = true {
		b := d.in.buffered()
		if n, err := scan.end(b); err != nil {
			return "", err
		} else if n > 0 {
			d.in.begin += scan.start
			return string(b[scan.start:n]), nil
		}
		if !armed {
			d.stream.SetReadDeadline(time.Now().Add(limits.HeadTimeout))
		}
		if err := d.fillHead(); err != nil {
			return "", err
		}
	}
}

// fillHead reads on in a head that has begun.
func (d *dialogue) fillHead() error {
	err := d.in.fill(d.conn.server.limits.HeadBytes)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errHeadTimeout
	}
	return err
}

// linger lets the client read the reply before the connection is closed: a
// close with unread input resets it, and the reply is lost (RFC 9112 §9.6).
func linger(stream net.Conn) {
	if half, ok := stream.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // the client may be gone
	}
	until := time.Now().Add(lingerTime)
	stream.SetReadDeadline(until)
	if n, _ := io.CopyN(io.Discard, stream, maxLinger); n == maxLinger {
		time.Sleep(time.Until(until))
	}
}
