package api

import (
	"sync"
	"time"
)

// maxUsed bounds how many API tokens are remembered; past it, any makes room.
const maxUsed = 1 << 16

// used remembers when API tokens were last used, since the start: to write it to
// the disk each time would cost more than all else about a request.
type used struct {
	mu sync.Mutex // guards at
	at map[string]time.Time
}

func (u *used) mark(id string, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at == nil {
		u.at = map[string]time.Time{}
	}
	if _, known := u.at[id]; !known {
		makeRoom(u.at, maxUsed)
	}
	u.at[id] = now.UTC().Truncate(time.Second)
}

// TokenUsed returns when the API token with the ID was last used since the start; the zero
// time when it was not.
func (a *API) TokenUsed(id string) time.Time { return a.used.last(id) }

// last returns when the token with the ID was last used; the zero time when it was
// not.
func (u *used) last(id string) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.at[id]
}
