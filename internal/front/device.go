package front

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// route finds the handler of the request, and makes it what the handler gets.
func (d *dialogue) route() (*http.Request, http.Handler) {
	if d.head.method == http.MethodConnect {
		return nil, nil
	}
	rt := d.conn.server.routes
	m := rt.resolve(d.head.target)
	if m.odd {
		d.head.sloppy = "malformed target"
	}
	if m.handler == nil && (!m.root || rt.root == nil) {
		return nil, nil
	}
	r := d.request(&m)
	if m.handler == nil {
		return r, d.conn.server.rootHandler(r)
	}
	return r, m.handler
}

func (d *dialogue) request(m *match) *http.Request {
	h := &d.head
	r := (&http.Request{
		Method:     h.method,
		Proto:      h.proto(),
		ProtoMajor: 1,
		ProtoMinor: int(h.minor),
		Header:     h.header(),
		Host:       h.host,
		Body:       http.NoBody,
		RequestURI: h.target,
		Close:      !h.keepAlive,
		TLS:        d.tls,
	}).WithContext(d.context())
	// The authority of an absolute target outweighs Host (RFC 9112 §3.2.2); a
	// bare name in its place is only a guess.
	if m.host != "" && (!m.odd || h.host == "") && isHost(m.host) {
		r.Host = m.host
	}
	r.RemoteAddr = d.conn.client(r.Header, h.forwarded)
	m.apply(r)
	return r
}

// context returns the context of the connection's requests. It ends with the
// connection or when Shutdown gives up waiting: noticing a client that leaves
// would cost a second goroutine.
func (d *dialogue) context() context.Context {
	if d.ctx == nil {
		d.ctx, d.cancel = context.WithCancel(d.conn.server.base)
	}
	return d.ctx
}

// readBody reads the body that the head announces. All of it: what is left
// would be read as the next request.
func (d *dialogue) readBody(r *http.Request) error {
	h, limit := &d.head, d.conn.server.limits.BodyBytes
	if !h.chunked && h.length <= 0 {
		return nil
	}
	d.stream.SetReadDeadline(time.Now().Add(d.conn.server.limits.HeadTimeout))
	if h.expect && h.minor > 0 && h.length <= int64(limit) && len(d.in.buffered()) == 0 {
		if _, err := io.WriteString(d.stream, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return err
		}
	}
	body, err := d.in.readBody(h, limit)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errBodyTimeout
	}
	if err != nil {
		return err
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// answer runs the handler, sends its reply and reports whether the connection
// stays open.
func (d *dialogue) answer(h http.Handler, r *http.Request) (keep bool) {
	s := d.conn.server
	s.counters.deviceRequests.Add(1)
	w := &response{header: make(http.Header), body: d.body[:0]}
	ok, abort := s.call(h, w, r)
	if abort {
		return false
	}
	closing := w.finish()
	keep = ok && !closing && d.head.keepAlive && !d.head.close && !d.head.bareLF && !s.ending()
	d.linger = !keep && len(d.in.buffered()) > 0
	err := d.send(w, keep)
	s.logRequest(r, w.status)
	return keep && err == nil
}

func (d *dialogue) send(w *response, keep bool) error {
	d.out = w.append(d.out[:0], framing{
		proto: d.head.proto(),
		date:  d.conn.server.date.at(time.Now()),
		keep:  keep,
		head:  d.head.method == http.MethodHead,
	})
	d.body, w.body = w.body, nil
	if !keep && !d.linger && d.stream == net.Conn(d.conn) {
		return d.conn.writeLast(d.out)
	}
	_, err := d.stream.Write(d.out)
	return err
}

// refuse answers a request that is at fault. All other errors mean that there
// is nobody to answer.
func (d *dialogue) refuse(err error) {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		return
	}
	d.conn.server.noteRefusal(d.conn.remote, f)
	w := &response{body: d.body[:0]}
	w.fail(f.status)
	w.finish()
	d.linger = true
	_ = d.send(w, false) // the connection ends in any case
}

func (s *Server) noteRefusal(peer string, f *fault) {
	s.counters.refused.Add(1)
	if s.refusals.due(time.Now()) {
		s.log.Info("request refused", "peer", peer, "status", f.status, "reason", f.reason)
	}
}

// logRequest logs what may be logged of a device request: of its path only the
// table's key, since a token may follow.
func (s *Server) logRequest(r *http.Request, status int) {
	if s.log.Enabled(r.Context(), slog.LevelDebug) {
		s.log.LogAttrs(r.Context(), slog.LevelDebug, "request", slog.String("peer", r.RemoteAddr),
			slog.String("method", r.Method), slog.String("path", r.Pattern), slog.Int("status", status))
	}
}

// rootHandler asks the table for whom "/" is, in this request.
func (s *Server) rootHandler(r *http.Request) (h http.Handler) {
	defer func() {
		if p := recover(); p != nil {
			s.logPanic(r.RemoteAddr, "/", p)
			h = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
			})
		}
	}()
	return s.routes.root(r)
}

// call runs a handler and reports whether it came to its end. A panic becomes a
// reply 500; only http.ErrAbortHandler means no reply at all.
func (s *Server) call(h http.Handler, w *response, r *http.Request) (ok, abort bool) {
	defer func() {
		p := recover()
		if ok {
			return
		}
		if abort = p == http.ErrAbortHandler; !abort {
			s.logPanic(r.RemoteAddr, r.Pattern, p)
			w.fail(http.StatusInternalServerError)
		}
	}()
	h.ServeHTTP(w, r)
	return true, false
}

// logPanic logs where a panic happened. Its value is logged only if the runtime
// made it: any other could repeat what the client sent.
func (s *Server) logPanic(peer, path string, p any) {
	s.counters.panics.Add(1)
	reason := slog.String("type", fmt.Sprintf("%T", p))
	if err, ok := p.(runtime.Error); ok {
		reason = slog.String("error", err.Error())
	}
	s.log.LogAttrs(context.Background(), slog.LevelError, "panic in a handler",
		slog.String("peer", peer), slog.String("path", path), reason, slog.String("stack", string(debug.Stack())))
}
