//go:build linux

package load

import (
	"context"
	"math/rand/v2"
	"time"
)

// metronome asks at a steady rate for d, each question at a random moment, and
// takes turns with the lines. What comes due while the load is kept from running
// is asked as soon as it runs again: latencies count from then, as the machine's
// delay is not the server's.
func (r *Resolver) metronome(ctx context.Context, lines []*line, d time.Duration) (time.Duration, error) {
	start := time.Now()
	var elapsed, due time.Duration
	for turn := 0; elapsed < d && ctx.Err() == nil; turn++ {
		now := time.Now()
		elapsed = now.Sub(start)
		n := 0
		for ; n < batch && due <= elapsed; n++ {
			due += time.Duration(rand.ExpFloat64() / r.Rate * float64(time.Second))
		}
		for i, l := range lines {
			if i != turn%len(lines) {
				if err := l.turn(now, 0); err != nil {
					return 0, err
				}
				continue
			}
			if err := l.turn(now, n); err != nil {
				return 0, err
			}
		}
	}
	return elapsed, nil
}
