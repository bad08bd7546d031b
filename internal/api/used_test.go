package api_test

import (
	"strconv"
	"testing"
	"time"

	"stayput.dev/internal/api"
)

// TestUsedIsBounded: who makes tokens and revokes them again and again fills no memory.
func TestUsedIsBounded(t *testing.T) {
	t.Parallel()
	var u api.Used
	now := time.Now()
	for i := range api.MaxUsed + 100 {
		u.Mark(strconv.Itoa(i), now)
	}
	u.Mark("last", now)
	if n := u.Len(); n != api.MaxUsed {
		t.Errorf("%d tokens are remembered, want %d", n, api.MaxUsed)
	}
	if u.Last("last").IsZero() {
		t.Error("the one that was used last is not remembered")
	}
}
