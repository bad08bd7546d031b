package registry

import (
	"sync"
	"time"
)

// Serials rise at most 1,000 times in any second, so that half their space
// outlasts the expiry of a zone (RFC 1982 §3.2). A few may rise without a pause,
// because a pause on this scale is often longer than was asked for.
const (
	serialBurst = 10
	serialGap   = time.Second / (1000 - 2*serialBurst)
)

// pace tells the writer when serials may rise again. The zero pace is ready for
// use. It is not safe for concurrent use.
type pace struct{ next time.Time }

// wait returns how long to wait at now before serials may rise; it may be
// negative.
func (p *pace) wait(now time.Time) time.Duration { return p.next.Sub(now) }

// raise notes that serials rose at now.
func (p *pace) raise(now time.Time) {
	if earliest := now.Add(-serialBurst * serialGap); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(serialGap)
}

// bell wakes all who wait for something to happen. The zero bell is ready for
// use.
type bell struct {
	mu   sync.Mutex
	rung chan struct{} // nil: nobody waits
}

// next returns a channel that is closed when the bell is rung the next time.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
