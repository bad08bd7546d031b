package web_test

import (
	"testing"
	"time"
)

// TestThePagesRestBetweenCommits makes sure that an open page costs nothing while nothing
// changes.
func TestThePagesRestBetweenCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bell := w.pages.Ring(t.Context())
	select {
	case <-bell:
		t.Error("it rings without a commit")
	case <-time.After(100 * time.Millisecond):
	}
	w.addZone("quiet.example.org")
	select {
	case <-bell:
	case <-time.After(time.Minute):
		t.Error("it does not ring after a commit")
	}
}
