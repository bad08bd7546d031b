package signin

import (
	"sync"
	"time"
)

// maxCached bounds the sessions in memory, some 500 octets each. Others are read
// from the shelf when they are used.
const maxCached = 1 << 17

// entry is a session as it is kept. After it was given to a cache only the cache
// changes it.
type entry struct {
	session Session
	idle    time.Duration
	version uint64    // on the shelf
	saved   time.Time // when it was used last, as the shelf has it
	checked time.Time // when the shelf had it
}

// ends returns when the session ends, if it is not used any more.
func (e *entry) ends() time.Time {
	ends := e.session.Seen.Add(e.idle)
	if e.session.Expires.Before(ends) {
		return e.session.Expires
	}
	return ends
}

// cache is sessions in memory, and those that ended lately, so that one that was
// just read from the shelf does not rise again.
type cache struct {
	mu     sync.Mutex // guards what follows
	live   map[string]*entry
	buried [2]map[string]struct{} // the latest first
	turned time.Time
}

func newCache() *cache {
	return &cache{live: map[string]*entry{}, buried: [2]map[string]struct{}{{}, {}}, turned: time.Now()}
}

// graveyard is how long ended sessions are remembered: longer than any read lasts.
const graveyard = 5 * time.Minute

func (c *cache) get(hash string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.live[hash]
}

func (c *cache) put(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.saved = e.session.Seen
	c.keep(e)
}

// admit takes a session that was read, unless another was quicker or it has ended
// meanwhile, and returns the one that counts.
func (c *cache) admit(e *entry) (*entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	hash := e.session.hash
	if c.isBuried(hash) {
		return nil, ErrNoSession
	}
	if before := c.live[hash]; before != nil {
		return before, nil
	}
	e.saved = e.session.Seen
	c.keep(e)
	return e, nil
}

// keep makes room where there is none, by forgetting any that is saved.
func (c *cache) keep(e *entry) {
	if len(c.live) >= maxCached {
		for hash, other := range c.live {
			if other.saved.Equal(other.session.Seen) {
				delete(c.live, hash)
				break
			}
		}
	}
	c.live[e.session.hash] = e
}

// bury forgets a session that has ended.
func (c *cache) bury(hash string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.live, hash)
	if time.Since(c.turned) > graveyard {
		c.buried[1], c.buried[0], c.turned = c.buried[0], map[string]struct{}{}, time.Now()
	}
	c.buried[0][hash] = struct{}{}
}

// touch notes that a session was used, unless it has ended, and returns it. One that
// made room for others meanwhile comes back.
func (c *cache) touch(e *entry, now time.Time) (Session, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	hash := e.session.hash
	if c.isBuried(hash) || !now.Before(e.ends()) {
		return e.session, false
	}
	if other := c.live[hash]; other == nil {
		c.keep(e)
	} else {
		e = other
	}
	if now.After(e.session.Seen) {
		e.session.Seen = now.UTC().Truncate(time.Millisecond)
	}
	return e.session, true
}

func (c *cache) isBuried(hash string) bool {
	for _, b := range c.buried {
		if _, ended := b[hash]; ended {
			return true
		}
	}
	return false
}

// look returns a session, unless it has ended.
func (c *cache) look(e *entry, now time.Time) (Session, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.session, now.Before(e.ends())
}

// news returns copies of the sessions whose use is worth writing down: a twentieth of
// the time after which they would end.
func (c *cache) news(now time.Time) []*entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*entry
	for hash, e := range c.live {
		switch {
		case !now.Before(e.ends()):
			delete(c.live, hash)
		case e.session.Seen.Sub(e.saved) > e.idle/20:
			all = append(all, new(*e))
		}
	}
	return all
}

// isChecked tells whether the shelf had a session a moment ago.
func (c *cache) isChecked(e *entry, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Before(e.checked.Add(checkEvery))
}

// check notes that the shelf has a session.
func (c *cache) check(e *entry, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.checked = now
}

// saved notes that the shelf has a session in a version.
func (c *cache) saved(hash string, version uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.live[hash]; e != nil {
		e.version, e.saved = version, e.session.Seen
	}
}
