//go:build linux

package load

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// An Arrival is one update of an open loop.
type Arrival struct {
	At   time.Duration // since the start of the run
	Host int
}

// Open lets each arrival, in ascending order of time, start at its moment
// whether or not earlier ones were answered. Latencies count from the
// scheduled moment, so a server that stalls is charged for everyone who waited
// (no coordinated omission). update must be safe for concurrent use. Open fails
// only when there is nothing to tell the time with.
func Open(ctx context.Context, arrivals []Arrival, update func(host int) error) (Result, error) {
	var (
		mu    sync.Mutex // guards total
		total Result
		wg    sync.WaitGroup
	)
	late := make([]time.Duration, 0, len(arrivals))
	start := time.Now()
	err := paceAsleep(ctx, start, arrivals, func(due []Arrival) {
		for _, a := range due {
			late = append(late, time.Since(start)-a.At)
			wg.Go(func() {
				err := update(a.Host)
				latency := time.Since(start) - a.At
				mu.Lock()
				defer mu.Unlock()
				total.record(latency, err)
			})
		}
	})
	wg.Wait()
	total.Elapsed = time.Since(start)
	slices.Sort(total.Latencies)
	slices.Sort(late)
	total.Lateness = late
	return total, err
}

// pace calls begin with the arrivals whose moment has come, until all have or
// ctx ends. Before each call it calls wait with the moment of the next, which
// may be past already; wait may return before it.
func pace(ctx context.Context, start time.Time, arrivals []Arrival, wait func(until time.Duration) error, begin func(due []Arrival)) error {
	for len(arrivals) > 0 && ctx.Err() == nil {
		if err := wait(arrivals[0].At); err != nil {
			return err
		}
		now, due := time.Since(start), 0
		for due < len(arrivals) && arrivals[due].At <= now {
			due++
		}
		begin(arrivals[:due])
		arrivals = arrivals[due:]
	}
	return nil
}

// paceAsleep is pace with nothing to do in between.
func paceAsleep(ctx context.Context, start time.Time, arrivals []Arrival, begin func(due []Arrival)) error {
	a, err := newAlarm()
	if err != nil {
		return err
	}
	defer a.close()
	return pace(ctx, start, arrivals, func(until time.Duration) error {
		return a.sleep(min(until-time.Since(start), tick)) // at a tick pace looks at ctx
	}, begin)
}

// Evenly returns arrivals of random hosts at a steady rate per second.
func Evenly(rate float64, d time.Duration, hosts int) []Arrival {
	arrivals := make([]Arrival, int(rate*d.Seconds()))
	for i := range arrivals {
		arrivals[i] = Arrival{At: time.Duration(float64(i) / rate * float64(time.Second)), Host: rand.IntN(hosts)}
	}
	return arrivals
}

// AtRandom returns one arrival of each host at a random moment within d.
func AtRandom(hosts int, within time.Duration) []Arrival {
	arrivals := make([]Arrival, hosts)
	for i := range arrivals {
		arrivals[i] = Arrival{At: rand.N(within), Host: i}
	}
	slices.SortFunc(arrivals, func(a, b Arrival) int { return int(a.At - b.At) })
	return arrivals
}
