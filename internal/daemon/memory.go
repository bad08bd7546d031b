package daemon

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Garbage may gather up to so many octets before it is collected when the state is
// small. A large state may gather half of itself: it lives long and holds few
// pointers, so that collecting costs little.
const (
	headroom     = 64 << 20
	busyHeadroom = 128 << 20
)

const (
	tuneEvery = time.Second
	often     = 3        // collections between two tunings from which on there is much to do
	longRest  = 15       // tunings without any collection after which memory is given back
	worthIt   = 64 << 20 // octets that are worth a collection to give back
)

// collector keeps the garbage collector in tune with what goes on: it runs by how much
// is alive and how much there is to do, and what a burst needed goes back to the system
// when it is over. Who sets GOGC decides alone.
type collector struct {
	cycles   uint64 // collections when it was last tuned
	headroom uint64
	percent  int // that was set last
	rest     int // tunings since there was a collection
}

// run tunes until ctx ends.
func (c *collector) run(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.FreeOSMemory() // what loading needed once
	c.cycles = readHeap().cycles
	tick := time.NewTicker(tuneEvery)
	defer tick.Stop()
	for {
		percent, giveBack := c.judge(readHeap())
		if percent < c.percent*3/4 || percent > c.percent*5/4 {
			debug.SetGCPercent(percent) // which stops the process for a moment, so not for little
			c.percent = percent
		}
		if giveBack {
			debug.FreeOSMemory()
			c.cycles = readHeap().cycles
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// judge returns how much garbage may gather, in percent of what is alive, and whether
// to give memory back.
func (c *collector) judge(h heap) (percent int, giveBack bool) {
	cycles := h.cycles - c.cycles
	c.cycles = h.cycles
	c.rest++
	if cycles > 0 {
		c.rest = 0
	}
	switch {
	case cycles >= often:
		c.headroom = busyHeadroom
	case c.headroom == 0 || c.rest >= longRest:
		c.headroom = headroom
	}
	giveBack = c.rest >= longRest && h.spare() > worthIt
	if giveBack {
		c.rest = 0
	}
	return int(min(max(c.headroom*100/max(h.live, 1), 50), 800)), giveBack
}

// heap is what the runtime tells of its memory, in octets.
type heap struct {
	live   uint64 // after the last collection
	held   uint64 // of the system, for objects
	cycles uint64 // collections so far
}

func readHeap() heap {
	s := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(s)
	return heap{
		live:   s[0].Value.Uint64(),
		held:   s[1].Value.Uint64() + s[2].Value.Uint64() + s[3].Value.Uint64(),
		cycles: s[4].Value.Uint64(),
	}
}

// spare returns about how much could be given back.
func (h heap) spare() uint64 { return h.held - min(h.live, h.held) }
