package shadow

import (
	"bytes"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/history"
)

// Prefix is the path below which a web server mirrors requests.
const Prefix = "/shadow"

// answerPath is where the answer of the old service comes, by the ID of its request.
const answerPath = Prefix + "/answer"

// What a mirrored request says of the answer of the old service.
const (
	headerStatus = "Shadow-Status"
	headerLength = "Shadow-Length"
	headerID     = "Shadow-Id"
)

// forwardedFor must say whose the request was. It stands in those of trusted proxies alone.
const forwardedFor = "X-Forwarded-For"

// Paths returns handlers for mirrored requests: for each path of devices, and "/", that path
// below Prefix. They answer 204 and nothing else; requests that no trusted proxy sent,
// by the absence of X-Forwarded-For, 403. The map is the caller's.
func (l *Ledger) Paths() map[string]http.Handler {
	paths := map[string]http.Handler{answerPath: fromProxies(http.HandlerFunc(l.hear))}
	for path, h := range l.devices.Paths() {
		paths[Prefix+path] = fromProxies(l.mirror(func(*http.Request) http.Handler { return h }))
	}
	paths[Prefix] = fromProxies(l.mirror(l.devices.Root))
	return paths
}

// fromProxies lets those through that a trusted proxy sent.
func fromProxies(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header[forwardedFor]) == 0 {
			http.Error(w, "mirrored requests come from http.trusted_proxies, with "+forwardedFor, http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
		w.WriteHeader(http.StatusNoContent)
	})
}

// hear takes up an answer of the old service.
func (l *Ledger) hear(_ http.ResponseWriter, r *http.Request) {
	old, id := readAnswer(r.Header)
	if id != "" && old != (Answer{}) {
		l.answered(id, old)
	}
}

// mirror returns a handler that judges requests by the handler that is picked, and says
// nothing.
func (l *Ledger) mirror(pick func(*http.Request) http.Handler) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		old, id := readAnswer(r.Header)
		j := &judgement{at: l.now().UTC().Truncate(time.Second)}
		r = r.WithContext(dyndns.RecordTo(r.Context(), j))
		r.URL = below(r.URL)
		h := pick(r)
		if h == nil {
			l.other()
			return
		}
		said := &listener{header: http.Header{}}
		h.ServeHTTP(said, r)
		if j.request == "" { // a page that tells callers their address
			l.other()
			return
		}
		j.ours = said.word()
		l.judged(j, old, id)
	})
}

// below returns the URL without Prefix.
func below(u *url.URL) *url.URL {
	inner := *u
	inner.Path = "/" + strings.TrimPrefix(strings.TrimPrefix(u.Path, Prefix), "/")
	inner.RawPath = strings.TrimPrefix(u.RawPath, Prefix)
	return &inner
}

// readAnswer reads what the header says of the answer of the old service. What makes no
// sense is not known.
func readAnswer(h http.Header) (old Answer, id string) {
	status, err := strconv.Atoi(h.Get(headerStatus))
	length, lerr := strconv.Atoi(h.Get(headerLength))
	if err == nil && lerr == nil && status >= 100 && status < 600 && length >= 0 {
		old = Answer{status, length}
	}
	id = h.Get(headerID)
	return old, id[:min(len(id), maxID)]
}

// maxID is how many octets of an ID tell it from others.
const maxID = 64

// judgement is what a mirrored request was and what ours said to it.
type judgement struct {
	request  string
	username string
	ours     string // a word
	why      string
	source   netip.Addr
	at       time.Time
}

// Record implements dyndns.Recorder.
func (j *judgement) Record(x *history.Exchange) {
	j.request = string(x.Request[:min(len(x.Request), maxText)])
	j.source = x.Asked.Source
	j.why = x.Why().String()
	if x.IsProven() {
		j.username = strings.ToLower(x.Asked.Username)
	}
}

var _ dyndns.Recorder = (*judgement)(nil)

// listener is a ResponseWriter that takes down what is said, to a bound.
type listener struct {
	header http.Header
	status int
	body   []byte
}

// Header implements http.ResponseWriter.
func (l *listener) Header() http.Header { return l.header }

// WriteHeader implements http.ResponseWriter.
func (l *listener) WriteHeader(status int) {
	if l.status == 0 {
		l.status = status
	}
}

// Write implements http.ResponseWriter.
func (l *listener) Write(p []byte) (int, error) {
	l.WriteHeader(http.StatusOK)
	l.body = append(l.body, p[:min(len(p), maxReply-len(l.body))]...)
	return len(p), nil
}

// maxReply is how much of a reply of ours is looked at.
const maxReply = 4096

// word returns what is said in one word of dyndns2: of several lines the first that is
// no success. Other dialects say only by their status how it went.
func (l *listener) word() string {
	said := ""
	for line := range bytes.Lines(l.body) {
		first, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		switch first {
		case "good", "nochg":
			if said == "" {
				said = first
			}
		case "badauth", "nohost", "notfqdn", "numhost", "badip", "badagent", "911":
			return first
		}
	}
	if said == "" {
		return "status " + strconv.Itoa(l.status) + " in another dialect"
	}
	return said
}
