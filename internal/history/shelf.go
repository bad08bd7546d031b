package history

import (
	"iter"
	"slices"
	"sync"
)

// A subject is what a trail is about: a host in the hands of an account, or an update key,
// by ID. Whoever gets a host from another begins a trail of their own.
func ofHost(id, account uint32) uint64 { return uint64(account)<<32 | uint64(id) }
func ofKey(id uint32) uint64           { return uint64(id) }

func isHost(subject uint64) bool { return subject>>32 != 0 }

// trail is what is kept of one subject.
type trail struct {
	subject      uint64
	records      []byte // one behind the other, the earliest first
	older, newer *trail // by when something was added last

	// Of an update key that is given with wrong secrets.
	username string
	refusals uint32 // since it was last given with the right one
	since    uint32
}

// What bounds a trail, in octets: the one of its records, the other what it takes
// besides, with its place in the map.
const (
	maxTrail  = 4096
	trailCost = 192
)

// cost is how much memory the trail takes. The allocator rounds sizes up by at
// most an eighth.
func (t *trail) cost() int64 {
	return int64(trailCost + len(t.username) + len(t.records)*9/8)
}

// lookBack is among how many of the latest records the same is looked for. Some
// devices alternate, as with a request for each address family.
const lookBack = 4

// add adds a record, or counts it where the same stands among the latest. Of the
// others most at all are kept.
func (t *trail) add(r record, most int) {
	var latest [lookBack]record
	count := 0
	for old := range records(t.records) {
		latest[count%lookBack] = old
		count++
	}
	for _, old := range latest[:min(count, lookBack)] {
		if old.hash() == r.hash() && old.size() == r.size() {
			old.repeat(r.last(), r.arrival())
			return
		}
	}
	t.records = join(t.records, r, most)
}

// join returns earlier and later records together, without the earliest of them
// where they are too many.
func join(earlier, later []byte, most int) []byte {
	count, size := 0, len(earlier)+len(later)
	for range records(earlier) {
		count++
	}
	for range records(later) {
		count++
	}
	for r := range records(earlier) {
		if count <= most && size <= maxTrail {
			break
		}
		earlier = earlier[r.size():]
		count, size = count-1, size-r.size()
	}
	return slices.Concat(earlier, later)
}

// records yields the records that stand one behind the other.
func records(all []byte) iter.Seq[record] {
	return func(yield func(record) bool) {
		for len(all) >= headSize {
			size := record(all).size()
			if size < headSize || size > len(all) || !yield(record(all[:size:size])) {
				return
			}
			all = all[size:]
		}
	}
}

// shelf is trails within a bound of memory. What was not added to for longest
// makes room.
type shelf struct {
	most   int // records of a trail
	shards [64]shard
}

// shard is a part of a shelf, so that requests seldom wait for each other.
type shard struct {
	mu             sync.Mutex // guards what follows
	trails         map[uint64]*trail
	oldest, newest *trail
	size, bound    int64 // octets
}

func newShelf(most int) *shelf {
	s := &shelf{most: most}
	for i := range s.shards {
		s.shards[i].trails = map[uint64]*trail{}
	}
	return s
}

func (s *shelf) shard(subject uint64) *shard {
	return &s.shards[subject%uint64(len(s.shards))]
}

func (s *shelf) setBound(bound int64) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		sh.bound = bound / int64(len(s.shards))
		sh.makeRoom()
		sh.mu.Unlock()
	}
}

// add adds a record to the trail of a subject. Wrong secrets of an update key,
// whose user name is given, are counted besides.
func (s *shelf) add(subject uint64, f *form, username string) {
	sh := s.shard(subject)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.touch(subject)
	sh.size -= t.cost()
	t.add(f.record, s.most)
	if f.why == BadSecret && username != "" {
		t.username = username
		if t.refusals++; t.refusals == 1 {
			t.since = f.at
		}
	}
	sh.size += t.cost()
	sh.makeRoom()
}

// forgive notes that an update key was given with the right secret.
func (s *shelf) forgive(subject uint64) {
	sh := s.shard(subject)
	sh.mu.Lock()
	if t := sh.trails[subject]; t != nil {
		t.refusals = 0
	}
	sh.mu.Unlock()
}

// copy returns a copy of the records of a subject.
func (s *shelf) copy(subject uint64) []byte {
	sh := s.shard(subject)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if t := sh.trails[subject]; t != nil {
		return slices.Clone(t.records)
	}
	return nil
}

// each calls f with every trail, those of a shard from the oldest on, while nothing
// is added to that shard.
func (s *shelf) each(f func(*trail)) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		for t := sh.oldest; t != nil; t = t.newer {
			f(t)
		}
		sh.mu.Unlock()
	}
}

// touch returns the trail of a subject, which is made if need be, as the newest.
func (sh *shard) touch(subject uint64) *trail {
	t := sh.trails[subject]
	switch {
	case t == nil:
		t = &trail{subject: subject}
		sh.trails[subject] = t
		sh.size += t.cost()
	case t == sh.newest:
		return t
	default:
		sh.unlink(t)
	}
	t.older, t.newer = sh.newest, nil
	if sh.newest != nil {
		sh.newest.newer = t
	} else {
		sh.oldest = t
	}
	sh.newest = t
	return t
}

func (sh *shard) unlink(t *trail) {
	if t.older != nil {
		t.older.newer = t.newer
	} else {
		sh.oldest = t.newer
	}
	if t.newer != nil {
		t.newer.older = t.older
	} else {
		sh.newest = t.older
	}
}

// makeRoom forgets trails until the rest fits.
func (sh *shard) makeRoom() {
	for sh.size > sh.bound && sh.oldest != nil {
		sh.drop(sh.oldest)
	}
}

func (sh *shard) drop(t *trail) {
	sh.unlink(t)
	delete(sh.trails, t.subject)
	sh.size -= t.cost()
}

// drop forgets the trail of a subject.
func (s *shelf) drop(subject uint64) {
	sh := s.shard(subject)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if t := sh.trails[subject]; t != nil {
		sh.drop(t)
	}
}

// failure returns what there is to say of an update key that fails.
func (t *trail) failure() Failure {
	f := Failure{Username: t.username, Refusals: int(t.refusals), Since: moment(t.since)}
	for r := range records(t.records) {
		if e, err := r.read(nil); err == nil && e.Why == BadSecret && !e.Last.Before(f.Last) {
			f.Last, f.Source = e.Last, e.Source
		}
	}
	return f
}
