package watch

import (
	"context"
	"sync"
	"time"
)

// How a Trend samples. It takes 4 octets for each slot of each series: at most
// MaxSeries × (240 + 288) × 4, which is 132 KiB.
const (
	MaxSeries = 64 // further ones are left out

	hourStep  = 15 * time.Second
	hourSlots = 240
	dayStep   = 5 * time.Minute
	daySlots  = 288
)

// Counts are counters by name. They only ever grow, but for those that start again.
type Counts map[string]uint64

// Trend remembers how counters moved. It is safe for concurrent use.
type Trend struct {
	read func(Counts)
	now  func() time.Time

	mu        sync.Mutex // guards what follows
	last      Counts     // nil before the first sample
	hour, day ring
}

// NewTrend returns a Trend that asks read for counters, which it adds to what it is
// given. A nil now is time.Now.
func NewTrend(read func(Counts), now func() time.Time) *Trend {
	if now == nil {
		now = time.Now
	}
	return &Trend{read: read, now: now, hour: newRing(hourStep, hourSlots), day: newRing(dayStep, daySlots)}
}

// Run samples until ctx ends.
func (t *Trend) Run(ctx context.Context) {
	t.Sample()
	tick := time.NewTicker(hourStep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.Sample()
		}
	}
}

// Sample takes up what the counters have grown by since the last time. The first time
// it only learns where they are.
func (t *Trend) Sample() {
	counts := make(Counts, MaxSeries)
	t.read(counts)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	t.hour.turn(now)
	t.day.turn(now)
	for name, n := range counts {
		grown := n - t.last[name]
		if n < t.last[name] {
			grown = n
		}
		if t.last != nil && grown > 0 {
			t.hour.add(name, grown)
			t.day.add(name, grown)
		}
	}
	t.last = counts
}

// Window is how counters moved in a time until now.
type Window struct {
	Start  time.Time           // of the first slot
	Step   time.Duration       // that each slot lasts; the last one is not over
	Series map[string][]uint32 // by how much each grew in each slot; those that did not are left out
}

// Hour returns the last hour.
func (t *Trend) Hour() Window { return t.window(&t.hour) }

// Day returns the last day.
func (t *Trend) Day() Window { return t.window(&t.day) }

func (t *Trend) window(r *ring) Window {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.turn(t.now())
	return r.window()
}

// ring is the latest slots of a number of series.
type ring struct {
	step   time.Duration
	slots  int64
	latest int64 // number of the latest slot since the epoch; 0 before the first
	series map[string][]uint32
}

func newRing(step time.Duration, slots int64) ring {
	return ring{step: step, slots: slots, series: map[string][]uint32{}}
}

// turn makes the slot of the time the latest one. What has not been counted since is 0,
// and a series of nothing else is forgotten. A clock that is turned back changes nothing.
func (r *ring) turn(now time.Time) {
	slot := now.UnixNano() / int64(r.step)
	if slot <= r.latest {
		return
	}
	passed := min(slot-r.latest, r.slots)
	r.latest = slot
	for name, counts := range r.series {
		for i := range passed {
			counts[(slot-i)%r.slots] = 0
		}
		if isZero(counts) {
			delete(r.series, name)
		}
	}
}

func isZero(counts []uint32) bool {
	for _, n := range counts {
		if n != 0 {
			return false
		}
	}
	return true
}

func (r *ring) add(name string, n uint64) {
	counts := r.series[name]
	if counts == nil {
		if len(r.series) >= MaxSeries {
			return
		}
		counts = make([]uint32, r.slots)
		r.series[name] = counts
	}
	at := &counts[r.latest%r.slots]
	*at = uint32(min(uint64(*at)+n, 1<<32-1))
}

func (r *ring) window() Window {
	first := r.latest - r.slots + 1
	w := Window{Start: time.Unix(0, first*int64(r.step)).UTC(), Step: r.step, Series: make(map[string][]uint32, len(r.series))}
	for name, counts := range r.series {
		ordered := make([]uint32, 0, r.slots)
		for i := range r.slots {
			ordered = append(ordered, counts[(first+i)%r.slots])
		}
		w.Series[name] = ordered
	}
	return w
}
