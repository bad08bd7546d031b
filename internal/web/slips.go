package web

import (
	"sync"
	"time"
)

const (
	slipTime = 30 * time.Minute
	maxSlips = 10_000
)

// slips are the secrets of update keys and API tokens that were just made, in memory alone: for as
// long as somebody may need to look from the page to the device and back.
type slips struct {
	now func() time.Time
	mu  sync.Mutex // guards all
	all map[slipOf]slip
}

// slipOf says whose slip it is: nobody but who made the key or token may see it.
type slipOf struct {
	account  uint32
	username string // of the key, or the ID of the token
}

// A slip is a user name and its secret.
type slip struct {
	username, secret string
	at               time.Time
}

func newSlips(now func() time.Time) *slips { return &slips{now: now, all: map[slipOf]slip{}} }

// keep remembers a secret for a while. When there are too many, none is kept.
func (s *slips) keep(account uint32, username, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) >= maxSlips {
		s.drop()
	}
	if len(s.all) < maxSlips {
		s.all[slipOf{account, username}] = slip{username, secret, s.now().Truncate(time.Second)}
	}
}

// find returns a secret that was made lately.
func (s *slips) find(account uint32, username string) (slip, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.all[slipOf{account, username}]
	return found, ok && s.now().Sub(found.at) < slipTime
}

// forget drops the secret of a key that is gone.
func (s *slips) forget(username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for of := range s.all {
		if of.username == username {
			delete(s.all, of)
		}
	}
}

// drop lets go of those whose time is over. The caller holds mu.
func (s *slips) drop() {
	for of, slip := range s.all {
		if s.now().Sub(slip.at) >= slipTime {
			delete(s.all, of)
		}
	}
}
