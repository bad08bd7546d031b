package watch

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/history"
	"stayput.dev/internal/update"
)

// How a Tally counts: this hour and the one before, of each kind the most frequent. Two
// hours of four kinds take less than 1 MiB.
const (
	tallyTurn = time.Hour
	tallyMost = 512 // of one kind in one hour
	tallyPick = 8   // of so many the rarest gives way when there is no room
)

// Tally counts who stands out among those who send updates: which sources fail, which
// sources and update keys came to a limit, which hosts change. It is a history.Recorder
// beside the history, and safe for concurrent use.
type Tally struct {
	failing, limited counter[netip.Prefix]
	keys, hosts      counter[string]
	now              func() time.Time
}

// NewTally returns a tally of nothing. A nil now is time.Now.
func NewTally(now func() time.Time) *Tally {
	if now == nil {
		now = time.Now
	}
	return &Tally{now: now}
}

// Record counts an exchange. What went well and changed nothing costs next to nothing.
func (t *Tally) Record(x *history.Exchange) {
	if x.Err == nil {
		t.recordResults(x)
		return
	}
	switch {
	case errors.Is(x.Err, update.ErrLimited):
		t.limited.add(t.now(), SourceOf(x.Asked.Source))
		if fault, known := errors.AsType[*update.KeyError](x.Err); known && fault.Key.Username != "" {
			t.keys.add(t.now(), fault.Key.Username)
		}
	case errors.Is(x.Err, account.ErrBadCredential):
		t.failing.add(t.now(), SourceOf(x.Asked.Source))
	}
}

func (t *Tally) recordResults(x *history.Exchange) {
	for i := range x.Results {
		switch r := &x.Results[i]; {
		case r.Outcome == update.Good && r.ID != 0:
			t.hosts.add(t.now(), strings.ToLower(strings.TrimSuffix(r.Host, ".")))
		case !r.Outcome.IsSuccess():
			t.failing.add(t.now(), SourceOf(x.Asked.Source))
		}
	}
}

// SourceOf returns who a source is as limits count it: an IPv4 address, or the /64 of
// an IPv6 address; the zero Prefix where there is none.
func SourceOf(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// A Count is how often somebody was counted in this hour and the one before.
type Count[K comparable] struct {
	Of    K
	Times int
}

// Failing returns the sources with most wrong passwords and unknown hosts, at most n.
func (t *Tally) Failing(n int) []Count[netip.Prefix] { return t.failing.top(t.now(), n) }

// Limited returns the sources that came to a limit most often, at most n.
func (t *Tally) Limited(n int) []Count[netip.Prefix] { return t.limited.top(t.now(), n) }

// LimitedKeys returns the user names of the update keys that did.
func (t *Tally) LimitedKeys(n int) []Count[string] { return t.keys.top(t.now(), n) }

// Changing returns the hosts that changed most often, as devices named them but in lower
// case.
func (t *Tally) Changing(n int) []Count[string] { return t.hosts.top(t.now(), n) }

// counter counts in this hour and the one before.
type counter[K comparable] struct {
	mu          sync.Mutex // guards what follows
	hour        int64      // since the epoch
	this, other map[K]int
}

// turn makes the hour of the time the current one.
func (c *counter[K]) turn(now time.Time) {
	switch hour := now.UnixNano() / int64(tallyTurn); {
	case hour <= c.hour:
		return
	case hour == c.hour+1:
		c.hour, c.other, c.this = hour, c.this, nil
	default:
		c.hour, c.other, c.this = hour, nil, nil
	}
}

func (c *counter[K]) add(now time.Time, of K) {
	var zero K
	if of == zero {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	if c.this == nil {
		c.this = map[K]int{}
	}
	if _, known := c.this[of]; !known && len(c.this) >= tallyMost {
		c.makeRoom()
	}
	c.this[of]++
}

// makeRoom drops the rarest of some that it meets, so that who comes once, from however
// many addresses, does not push out who comes all the time.
func (c *counter[K]) makeRoom() {
	var rarest K
	least, met := 0, 0
	for k, n := range c.this { // in no order
		if met == 0 || n < least {
			rarest, least = k, n
		}
		if met++; met == tallyPick {
			break
		}
	}
	delete(c.this, rarest)
}

func (c *counter[K]) top(now time.Time, n int) []Count[K] {
	c.mu.Lock()
	c.turn(now)
	sum := make(map[K]int, len(c.this)+len(c.other))
	for k, times := range c.other {
		sum[k] = times
	}
	for k, times := range c.this {
		sum[k] += times
	}
	c.mu.Unlock()
	all := make([]Count[K], 0, len(sum))
	for k, times := range sum {
		all = append(all, Count[K]{k, times})
	}
	slices.SortFunc(all, func(a, b Count[K]) int { return cmp.Compare(b.Times, a.Times) })
	return all[:min(n, len(all))]
}

// Recorder hears of exchanges, as history.History and a Tally do.
type Recorder interface {
	// Record takes up an exchange, of which it keeps nothing but copies.
	Record(x *history.Exchange)
}

// Recorders are several that hear of the same.
type Recorders []Recorder

// Record tells all of them.
func (r Recorders) Record(x *history.Exchange) {
	for _, each := range r {
		each.Record(x)
	}
}
