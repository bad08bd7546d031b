//go:build linux

package test

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// flooders send packets at a steady rate, or as fast as the machine lets them.
type flooders struct {
	t     *testing.T
	siege siege
	start time.Time
	sent  atomic.Int64
	done  sync.WaitGroup
}

// flooding is how many flooders there are. Each has a port.
const flooding = 4

// pour begins a flood.
func pour(t *testing.T, w *world, h hosts, s siege) *flooders {
	t.Helper()
	f := &flooders{t: t, siege: s, start: time.Now()}
	for i := range uint64(flooding) {
		to, err := newSender(netip.MustParseAddrPort(w.dns))
		if err != nil {
			t.Fatal(err)
		}
		forge := newForge(rand.New(rand.NewPCG(i, uint64(s.packets))), h)
		f.done.Go(func() {
			defer to.close()
			f.flood(to, forge)
		})
	}
	return f
}

// finish waits for the end of the flood, and returns how many packets there were.
func (f *flooders) finish() int64 {
	f.t.Helper()
	f.done.Wait()
	if n := f.sent.Load(); n < f.siege.packets {
		f.t.Errorf("%d packets, want %d", n, f.siege.packets)
	}
	return f.sent.Load()
}

// flood sends its part of the packets: those that are due each millisecond, a tenth
// faster than need be.
func (f *flooders) flood(to *sender, forge *forge) {
	rate := 1.1 * float64(f.siege.packets) / flooding / f.siege.lasts.Seconds()
	for sent := 0; ; time.Sleep(time.Millisecond) {
		passed := time.Since(f.start)
		switch {
		case passed > f.siege.lasts && f.sent.Load() >= f.siege.packets:
			return
		case passed > 10*f.siege.lasts:
			return // the machine cannot do it
		}
		for due := min(passed.Seconds()*rate-float64(sent), rate/10); due >= batch; due -= batch {
			if err := to.send(forge); err != nil {
				f.t.Errorf("sending packets: %v", err)
				return
			}
			sent += batch
			f.sent.Add(batch)
		}
	}
}
