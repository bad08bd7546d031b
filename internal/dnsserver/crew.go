package dnsserver

import "sync"

// crew is the workers that connections share. A worker is large: where thousands of
// clients ask at once, those for whom there is none wait.
type crew struct {
	pool  sync.Pool // of *worker
	quick chan struct{}
	long  chan struct{}
}

// How many workers may be busy at once: those that wait for nothing, and apart
// from them those that take long, so that the first go on whatever the others
// wait for.
const (
	quickWorkers = 64
	longWorkers  = 256
)

func newCrew(hire func() *worker) *crew {
	c := &crew{quick: make(chan struct{}, quickWorkers), long: make(chan struct{}, longWorkers)}
	c.pool.New = func() any { return hire() }
	return c
}

// seats returns what bounds the workers for a packet.
func (c *crew) seats(long bool) chan struct{} {
	if long {
		return c.long
	}
	return c.quick
}

// get returns a worker for put to take back.
func (c *crew) get(long bool) *worker {
	c.seats(long) <- struct{}{}
	return c.pool.Get().(*worker)
}

func (c *crew) put(w *worker, long bool) {
	c.pool.Put(w)
	<-c.seats(long)
}
