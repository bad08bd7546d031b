package dnsserver

import (
	"hash/maphash"
	"math/bits"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"stayput.dev/internal/zone"
)

// A kind tells replies apart that are counted apart: what an attacker can get much
// of must not use up what others ask for.
type kind uint8

// The kinds of replies.
const (
	kindAnswer   kind = iota // records at a name, or that there are none of the type; counted by name
	kindWildcard             // the same where a wildcard stands in for the name; counted by zone, as are those below
	kindNXDomain
	kindReferral
	kindError // refused and the like
)

// A verdict says what becomes of a reply.
type verdict uint8

// The verdicts.
const (
	pass verdict = iota
	slip         // send a truncated reply: whoever is really there asks again over TCP
	drop
)

// RateLimit bounds how often one source gets replies of one kind over UDP, so
// that nobody can use us to flood somebody else whose address they forge. The zero
// RateLimit limits nothing.
type RateLimit struct {
	PerSecond int            // replies of one kind to one source; 0: no limit
	Burst     int            // replies at once; 0: as many as in a second
	Slip      int            // of so many limited replies one is sent, truncated; 0: none
	Exempt    []netip.Prefix // sources without a limit
}

func (l RateLimit) equal(other RateLimit) bool {
	return l.PerSecond == other.PerSecond && l.Burst == other.Burst && l.Slip == other.Slip && slices.Equal(l.Exempt, other.Exempt)
}

// The networks that count as one source: as large as what providers give to one
// customer, as in NSD, Knot and BIND.
const (
	sourceBits4 = 24
	sourceBits6 = 56
)

const (
	limiterSlots = 1 << 17 // a megabyte; of two a source may have
	tagBits      = 24
	dueBits      = 64 - tagBits
	dueMask      = 1<<dueBits - 1
	tick         = 10 * time.Microsecond
)

// limiter is a table of when each source may have its next reply of each kind, in
// a fixed megabyte. A slot holds a part of the source's hash and the time up to
// which the source has used what it may have, in ticks since the limiter was
// made: the generic cell rate algorithm, in one word that is changed at once. It
// is safe for concurrent use, takes no lock and allocates nothing.
type limiter struct {
	interval int64 // ticks from one reply to the next at the rate
	tolerate int64 // ticks that a source may be ahead of that
	slip     uint32
	exempt   []netip.Prefix
	seed     maphash.Seed
	start    time.Time
	slots    []atomic.Uint64
	limited  atomic.Uint32 // counts limited replies, for slip
}

// newLimiter returns a limiter, nil when there is no limit.
func newLimiter(l RateLimit) *limiter {
	if l.PerSecond <= 0 {
		return nil
	}
	burst := l.Burst
	if burst <= 0 {
		burst = l.PerSecond
	}
	interval := max(int64(time.Second/tick)/int64(l.PerSecond), 1)
	return &limiter{
		interval: interval, tolerate: interval * int64(burst-1), slip: uint32(max(l.Slip, 0)), exempt: l.Exempt,
		seed: maphash.MakeSeed(), start: time.Now(), slots: make([]atomic.Uint64, limiterSlots),
	}
}

// judge decides on one reply to source at now. Name is what replies of this kind
// are counted by besides the source.
func (l *limiter) judge(source netip.Addr, k kind, name zone.Name, now time.Time) verdict {
	if l.isExempt(source) {
		return pass
	}
	if l.take(l.hash(source, k, name), int64(now.Sub(l.start)/tick)) {
		return pass
	}
	if l.slip > 0 && l.limited.Add(1)%l.slip == 0 {
		return slip
	}
	return drop
}

func (l *limiter) isExempt(source netip.Addr) bool {
	for _, p := range l.exempt {
		if p.Contains(source) {
			return true
		}
	}
	return false
}

// hash is another in every process, so that nobody can aim at the slot of
// somebody else.
func (l *limiter) hash(source netip.Addr, k kind, name zone.Name) uint64 {
	var key [9]byte
	key[0] = byte(k)
	if source.Is4() {
		a := source.As4()
		copy(key[1:], a[:sourceBits4/8])
	} else {
		a := source.As16()
		copy(key[1:], a[:sourceBits6/8])
		key[8] = 1
	}
	return maphash.Bytes(l.seed, key[:]) ^ bits.RotateLeft64(maphash.String(l.seed, string(name)), 32)
}

// take gives one reply to whom the hash belongs, if it may have one at now.
func (l *limiter) take(hash uint64, now int64) bool {
	tag := hash >> dueBits
	slot := l.find(hash, tag, now)
	for {
		was := slot.Load()
		due := now
		if was>>dueBits == tag {
			due = max(now, int64(was&dueMask))
		}
		if due-now > l.tolerate {
			return false
		}
		if slot.CompareAndSwap(was, tag<<dueBits|uint64(due+l.interval)&dueMask) {
			return true
		}
	}
}

// find returns the slot of a source: its own, or else the one of two that is free
// sooner. Whoever loses a slot so is let off lightly, and whoever floods has one
// that is not free for long.
func (l *limiter) find(hash, tag uint64, now int64) *atomic.Uint64 {
	first := &l.slots[hash%limiterSlots]
	second := &l.slots[(hash>>17)%limiterSlots]
	a, b := first.Load(), second.Load()
	switch {
	case a>>dueBits == tag:
		return first
	case b>>dueBits == tag:
		return second
	case int64(a&dueMask) <= now || a&dueMask <= b&dueMask:
		return first
	default:
		return second
	}
}
