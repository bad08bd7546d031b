package front

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// serveWeb answers a request on a connection of net/http.
func (s *Server) serveWeb(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*conn)
	r.RemoteAddr = c.client(r.Header, true)
	if c.bareLF || !isWhole(r) || s.leaving.Load() {
		w.Header().Set("Connection", "close")
	}
	if h := s.routeWeb(r); h != nil {
		s.serveDevice(h, w, r)
		return
	}
	s.serveRest(w, r)
}

// isWhole reports whether it is beyond doubt where the request ends. Only the
// first request of a connection went through our own reader; net/http lets
// others have both a coding and a length, bare line feeds and folded lines, and
// does not tell. Without a body there is nothing to disagree about, and in
// HTTP/2 neither.
func isWhole(r *http.Request) bool {
	return r.ProtoMajor > 1 || r.ContentLength == 0 && r.ProtoMinor > 0
}

// routeWeb finds the device handler for r, if it has one, and makes r what that
// handler gets.
func (s *Server) routeWeb(r *http.Request) http.Handler {
	if r.Method == http.MethodConnect {
		return nil
	}
	m := s.routes.resolve(r.RequestURI)
	h := m.handler
	if m.root && s.routes.root != nil {
		h = s.rootHandler(r)
	}
	if h != nil {
		m.apply(r)
	}
	return h
}

// serveRest lets Rest answer. Its panics are logged here, since net/http would
// log their values.
func (s *Server) serveRest(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				s.logPanic(r.RemoteAddr, "", p)
			}
			panic(http.ErrAbortHandler)
		}
	}()
	if r.ContentLength != 0 {
		body := &steadyBody{r.Body, http.NewResponseController(w), s.limits.HeadTimeout}
		body.extend() // net/http reads what the handler does not
		r.Body = body
	}
	s.routes.rest.ServeHTTP(w, r)
}

// A steadyBody is a body that has to keep coming, however long it is.
type steadyBody struct {
	io.ReadCloser
	deadlines *http.ResponseController
	timeout   time.Duration
}

func (b *steadyBody) extend() { b.deadlines.SetReadDeadline(time.Now().Add(b.timeout)) }

// Read waits for the next part for no longer than the timeout.
func (b *steadyBody) Read(p []byte) (int, error) {
	b.extend()
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { // what net/http reads from now on has its own time
		b.deadlines.SetReadDeadline(time.Time{})
	}
	return n, err
}

// serveDevice answers a device request on a connection of net/http as a
// dialogue does: the body read before, the reply held back, closed unless asked
// to keep.
func (s *Server) serveDevice(h http.Handler, w http.ResponseWriter, r *http.Request) {
	s.counters.deviceRequests.Add(1)
	reply := &response{header: make(http.Header)}
	keep := asksToKeep(r.Header)
	if f := s.readWebBody(w, r); f != nil {
		s.noteRefusal(r.RemoteAddr, f)
		reply.fail(f.status)
		keep = false
	} else if ok, abort := s.call(h, reply, r); abort {
		panic(http.ErrAbortHandler)
	} else if !ok {
		keep = false
	}
	closing := reply.finish()
	if r.ProtoMajor == 1 && w.Header().Get("Connection") == "" {
		w.Header().Set("Connection", connectionOption(keep && !closing))
	}
	reply.copyTo(w, r.Method)
	s.logRequest(r, reply.status)
}

// asksToKeep reports whether a request asks to keep its connection, in words.
func asksToKeep(h http.Header) bool {
	var asked head
	for _, value := range h["Connection"] {
		asked.noteConnection(value)
	}
	return asked.keepAlive && !asked.close
}

// readWebBody puts the whole body of r into memory.
func (s *Server) readWebBody(w http.ResponseWriter, r *http.Request) *fault {
	if r.ContentLength == 0 {
		return nil
	}
	limit := int64(s.limits.BodyBytes)
	deadlines := http.NewResponseController(w)
	deadlines.SetReadDeadline(time.Now().Add(s.limits.HeadTimeout))
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch { // after a fault the deadline stays, for net/http reads the rest
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errBodyTimeout
	case err != nil:
		return errBodyShort
	case int64(len(body)) > limit:
		return errBodyTooLarge
	}
	deadlines.SetReadDeadline(time.Time{})
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	return nil
}

// copyTo sends a finished reply through net/http.
func (w *response) copyTo(to http.ResponseWriter, method string) {
	header := to.Header()
	for name, values := range w.header {
		header[wireName(name)] = values
	}
	if w.hasBody() {
		header.Set("Content-Length", strconv.Itoa(len(w.body)))
	}
	to.WriteHeader(w.status)
	if method != http.MethodHead {
		to.Write(w.body)
	}
}
