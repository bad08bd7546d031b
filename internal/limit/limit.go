// Package limit counts what somebody does against how often they may, for everybody
// who comes, in memory that never grows.
//
// It serves the rooms that answer strangers. It knows neither who they are nor what
// they do.
package limit

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Pace is how often something may happen: once in each Step on end, and Burst times
// at once after it has not for a while. The zero Pace is no limit.
type Pace struct {
	Step  time.Duration
	Burst int
}

// The size of a table of buckets: 16,384 of them in some 280 KB.
const (
	bucketSets = 2048
	bucketWays = 8
)

// Buckets are token buckets of whoever comes, in memory that never grows and
// without an allocation. Where too many come at a time, those who have used least
// are forgotten and begin anew. They are safe for concurrent use.
type Buckets struct {
	seed  maphash.Seed // nobody outside can tell who shares a set
	clock func() time.Time
	began time.Time
	sets  [bucketSets]bucketSet
}

// bucketSet is the buckets among which one is looked for.
type bucketSet struct {
	mu   sync.Mutex // guards ways
	ways [bucketWays]bucket
}

// bucket says all of a token bucket by the moment when it will be full again.
type bucket struct {
	id   uint64 // whose it is, hashed
	full time.Duration
}

// New returns buckets that are all full. The clock, which is usually time.Now, must not
// go back.
func New(clock func() time.Time) *Buckets {
	return &Buckets{seed: maphash.MakeSeed(), clock: clock, began: clock()}
}

// ID returns the number by which the owner of a bucket is known.
func (b *Buckets) ID(owner [16]byte) uint64 { return maphash.Bytes(b.seed, owner[:]) }

// Take takes a token at the pace. Where there is none, it takes the next one if
// that comes within patience; wait says when it comes, also where it is not taken.
func (b *Buckets) Take(id uint64, p Pace, patience time.Duration) (wait time.Duration, ok bool) {
	if p.Step == 0 {
		return 0, true
	}
	now := b.clock().Sub(b.began)
	set := &b.sets[id%bucketSets]
	set.mu.Lock()
	defer set.mu.Unlock()
	mine := set.find(id)
	full := max(mine.full, now) + p.Step
	wait = full - now - p.Step*time.Duration(p.Burst)
	if wait > patience {
		return wait, false
	}
	mine.full = full
	return max(wait, 0), true
}

// PutBack gives back a token that was taken at the pace.
func (b *Buckets) PutBack(id uint64, p Pace) {
	if p.Step == 0 {
		return
	}
	set := &b.sets[id%bucketSets]
	set.mu.Lock()
	defer set.mu.Unlock()
	set.find(id).full -= p.Step
}

// InUse tells whether a token was taken that has not come again yet. It makes nobody
// room.
func (b *Buckets) InUse(id uint64) bool {
	now := b.clock().Sub(b.began)
	set := &b.sets[id%bucketSets]
	set.mu.Lock()
	defer set.mu.Unlock()
	for i := range set.ways {
		if set.ways[i].id == id {
			return set.ways[i].full > now
		}
	}
	return false
}

// find returns the bucket with the id. If there is none, the one that is fullest
// makes room for it.
func (s *bucketSet) find(id uint64) *bucket {
	fullest := &s.ways[0]
	for i := range s.ways {
		w := &s.ways[i]
		if w.id == id {
			return w
		}
		if w.full < fullest.full {
			fullest = w
		}
	}
	*fullest = bucket{id: id}
	return fullest
}

// Source returns the owner that an address counts as: an IPv4 address, or the /64
// that a household has to itself.
func Source(a netip.Addr) [16]byte {
	a = a.Unmap()
	owner := a.As16()
	if a.Is6() {
		clear(owner[8:])
	}
	return owner
}

// Number returns the owner that has a number.
func Number(id uint32) (owner [16]byte) {
	binary.BigEndian.PutUint32(owner[:], id)
	return owner
}

// SourceAndNumber returns the owner that an address and a number are together.
func SourceAndNumber(a netip.Addr, id uint32) [16]byte {
	owner := Source(a)
	free := owner[:4]
	if a.Unmap().Is6() {
		free = owner[12:]
	}
	binary.BigEndian.PutUint32(free, id)
	return owner
}
