package update

import (
	"hash/maphash"
	"sync"
	"time"
)

// Rate is how often something may happen: PerSecond times on end, and Burst times
// at once, at least 1, after it has not for a while. The zero Rate is no limit.
type Rate struct{ PerSecond, Burst int }

// step is the time in which a token comes.
func (r Rate) step() time.Duration { return time.Second / time.Duration(r.PerSecond) }

// The size of a table of buckets: 16,384 of them in some 280 KB.
const (
	bucketSets = 2048
	bucketWays = 8
)

// buckets are token buckets of whoever comes, in memory that never grows and
// without an allocation. Where too many come at a time, those who have used least
// are forgotten and begin anew. They are safe for concurrent use.
type buckets struct {
	seed  maphash.Seed // nobody outside can tell who shares a set
	began time.Time    // with a monotonic reading
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

func newBuckets() *buckets { return &buckets{seed: maphash.MakeSeed(), began: time.Now()} }

// id returns the number by which the owner of a bucket is known.
func (b *buckets) id(owner [16]byte) uint64 { return maphash.Bytes(b.seed, owner[:]) }

// take takes a token at the rate. Where there is none, it takes the next one if
// that comes within patience, and wait says when.
func (b *buckets) take(id uint64, r Rate, patience time.Duration) (wait time.Duration, ok bool) {
	if r.PerSecond <= 0 {
		return 0, true
	}
	now := time.Since(b.began)
	set := &b.sets[id%bucketSets]
	set.mu.Lock()
	defer set.mu.Unlock()
	mine := set.find(id)
	full := max(mine.full, now) + r.step()
	wait = full - now - r.step()*time.Duration(max(r.Burst, 1))
	if wait > patience {
		return 0, false
	}
	mine.full = full
	return max(wait, 0), true
}

// putBack gives back a token that was taken at the rate.
func (b *buckets) putBack(id uint64, r Rate) {
	if r.PerSecond <= 0 {
		return
	}
	set := &b.sets[id%bucketSets]
	set.mu.Lock()
	defer set.mu.Unlock()
	set.find(id).full -= r.step()
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
