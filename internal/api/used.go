package api

import (
	"sync"
	"time"
)

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
