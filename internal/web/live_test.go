package web_test

import (
	"bufio"
	"context"
	"net/http"
	"testing"
)

// unchanged is the mark of a page without hosts, of which nothing ever changes.
const unchanged = "33niihzj4ux45"

// open opens a stream of events, which lasts until it is closed, and returns its status.
func (v *visitor) open(t *testing.T) (status int, closeIt func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := ok(http.NewRequestWithContext(ctx, http.MethodGet, v.w.url+"/events?mark="+unchanged, http.NoBody))(t)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: v.w.session(v.as)})
	reply := ok(http.DefaultClient.Do(r))(t)
	_, _ = bufio.NewReader(reply.Body).ReadString('\n')
	t.Cleanup(func() { cancel(); _ = reply.Body.Close() })
	return reply.StatusCode, func() { cancel(); _ = reply.Body.Close() }
}

// TestStreamsAreBounded: an account has so many live pages at once and no more, others
// have theirs meanwhile, and one that is closed makes room.
func TestStreamsAreBounded(t *testing.T) {
	w := newWorld(t)
	var closeOne func()
	for i := range 20 {
		var status int
		if status, closeOne = w.as("alice").open(t); status != http.StatusOK {
			t.Fatalf("stream %d: status = %d", i, status)
		}
	}
	p := w.as("alice").get("/events?mark="+unchanged).shows(t, http.StatusTooManyRequests, "Too many pages are open")
	if p.header.Get("Retry-After") == "" {
		t.Error("nobody says when to come again")
	}
	if status, _ := w.as("bob").open(t); status != http.StatusOK {
		t.Errorf("bob's stream: status = %d", status)
	}
	closeOne()
	w.waitFor(func() bool {
		status, _ := w.as("alice").open(t)
		return status == http.StatusOK
	})
}
