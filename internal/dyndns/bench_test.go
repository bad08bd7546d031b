package dyndns_test

import (
	"net/http"
	"net/url"
	"testing"

	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/history"
)

func target(query string) *url.URL { return &url.URL{Path: "/nic/update", RawQuery: query} }

// sink is a ResponseWriter that keeps the status only.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// BenchmarkNoChange is the update that most updates are: right credentials, an
// address that stands already; with and without a history that remembers it.
func BenchmarkNoChange(b *testing.B) {
	w := newWorld(b, dyndns.Options{})
	past := dyndns.New(w.service, dyndns.Options{Recorder: history.New(w.registry, 1<<20, nil)})
	b.Run("forgotten", func(b *testing.B) { benchmarkNoChange(b, w, w.handler) })
	b.Run("recorded", func(b *testing.B) { benchmarkNoChange(b, w, past) })
}

func benchmarkNoChange(b *testing.B, w *world, handler *dyndns.Handler) {
	h := handler.Paths()["/nic/update"]
	r := &http.Request{
		Method: http.MethodGet, URL: target("hostname=home.dyn.example.org&myip=203.0.113.1"), RemoteAddr: "203.0.113.1:49152",
		Header: http.Header{"User-Agent": {"Mikrotik/7.x Fetch"}},
	}
	r.SetBasicAuth("alice", "alices-update-secret")
	b.ReportAllocs()
	for b.Loop() {
		s := sink{header: http.Header{}}
		if h.ServeHTTP(&s, r); s.status != http.StatusOK {
			b.Fatalf("status = %d", s.status)
		}
	}
	if got := len(w.store.Commits()); got != 5 {
		b.Fatalf("commits = %d, want those of the start", got)
	}
}
