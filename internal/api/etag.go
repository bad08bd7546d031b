package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"stayput.dev/internal/registry"
)

// etagOf returns the entity tag of what is shown (RFC 9110 §8.8.3).
func etagOf(shown any) string {
	text, err := json.Marshal(shown)
	if err != nil {
		return "" // and the answer will fail
	}
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// matches tells whether a list of entity tags, of If-Match or If-None-Match, has
// the tag. Where weak is set, W/ before one makes no difference (RFC 9110 §8.8.3.2).
func matches(list, tag string, weak bool) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if weak {
			one = strings.TrimPrefix(one, "W/")
		}
		if one == "*" && tag != "" || one == tag && tag != "" {
			return true
		}
	}
	return false
}

// expect tells whether what a request is about is, in the state, as the client
// expects it by If-Match.
func (s *server) expect(v *visit, st *registry.State) error {
	if v.match == "" {
		return nil
	}
	if tag := s.tagAt(v, st); !matches(v.match, tag, false) {
		return errMeanwhile()
	}
	return nil
}

// expectShown tells whether what a request is about is as the client expects it by
// If-Match, where it is no part of the state.
func expectShown(ctx context.Context, now any) error {
	if v := visitOf(ctx); v.match != "" && !matches(v.match, etagOf(now), false) {
		return errMeanwhile()
	}
	return nil
}

func errMeanwhile() *Problem {
	return newProblem(http.StatusPreconditionFailed, "it has changed meanwhile", "get it again, and its ETag")
}

// tagAt returns the entity tag of what the path of the request shows in the state,
// empty where it shows nothing.
func (s *server) tagAt(v *visit, st *registry.State) string {
	look := &visit{who: v.who, pinned: st, path: v.path}
	r, err := http.NewRequestWithContext(withVisit(context.Background(), look), http.MethodGet, v.path, nil)
	if err != nil {
		return ""
	}
	w := &headOnly{header: http.Header{}}
	s.mux.ServeHTTP(w, r)
	return w.header.Get("ETag")
}

// headOnly takes an answer of which only the header is wanted.
type headOnly struct{ header http.Header }

func (w *headOnly) Header() http.Header         { return w.header }
func (w *headOnly) Write(p []byte) (int, error) { return len(p), nil }
func (w *headOnly) WriteHeader(int)             {}
