package rig

import (
	"sync"
	"time"
)

// HandClock is a time that stands still until a test lets it pass. It is safe for concurrent
// use.
type HandClock struct {
	mu  sync.Mutex
	now time.Time
}

// NewHandClock returns a clock that shows a time.
func NewHandClock(now time.Time) *HandClock { return &HandClock{now: now} }

// Now returns the time, as time.Now does.
func (c *HandClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pass lets some time pass.
func (c *HandClock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
