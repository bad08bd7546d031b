package registry

import "sync"

// Bell wakes all who wait for something to happen. The zero Bell is ready for use.
// It is safe for concurrent use.
type Bell struct {
	mu   sync.Mutex
	rung chan struct{} // nil: nobody waits
}

// Next returns a channel that is closed when the bell is rung the next time.
func (b *Bell) Next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

// Ring wakes all who wait now.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
