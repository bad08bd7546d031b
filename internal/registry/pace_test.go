package registry

import (
	"math"
	"testing"
	"time"
)

// TestPace: serials rise in a burst, then with a pause after each, whoever raised them.
func TestPace(t *testing.T) {
	const burst = SerialBurst * SerialGap
	now := time.Now()
	for _, c := range []struct {
		what  string
		ages  []time.Duration // of commits, all raised now
		waits time.Duration
	}{
		{"one commit", repeat(0, 1), SerialGap - burst},
		{"a burst", repeat(0, SerialBurst), 0},
		{"a burst and one more", repeat(0, SerialBurst+1), SerialGap},
		{"a burst some time ago", repeat(time.Second, SerialBurst), -time.Second},
		{"a day's backlog of others", repeat(24*time.Hour, 100_000), 100_000*SerialGap - burst - 24*time.Hour},
		{"a backlog that a slow clock of ours finds new", repeat(0, 100_000), burst},
		{"before all time", repeat(math.MaxInt64, 1), math.MinInt64},
	} {
		var p pace
		for _, age := range c.ages {
			p.raise(now, age)
		}
		if got := p.wait(now); got != c.waits {
			t.Errorf("%s: waits for %s, want %s", c.what, got, c.waits)
		}
		if c.ages[0] < math.MaxInt64 && p.next == p.next.Round(0) {
			t.Errorf("%s: what is waited for goes by a clock that jumps", c.what)
		}
	}
}

func repeat(age time.Duration, n int) []time.Duration {
	ages := make([]time.Duration, n)
	for i := range ages {
		ages[i] = age
	}
	return ages
}
