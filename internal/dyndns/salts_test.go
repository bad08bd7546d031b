package dyndns

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestSaltsHeedNoClock: one that was given before the clock was set back lets nobody in
// twice.
func TestSaltsHeedNoClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSalts()
		salt, at := newSalt(), strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)
		sign := s.sign(salt, at)
		in := 0
		for range 10 {
			if s.take(salt, at, sign) == nil {
				in++
			}
			time.Sleep(saltLife / 2)
		}
		if in > 1 {
			t.Errorf("a salt of an hour ahead let somebody in %d times", in)
		}
	})
}
