//go:build linux

package load

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// open lets each arrival begin at its moment.
func (c *crowd) open(ctx context.Context, arrivals []Arrival) (Result, error) {
	a, err := newAlarm()
	if err != nil {
		return Result{}, err
	}
	defer a.close()
	if err := c.heed(a); err != nil {
		return Result{}, err
	}
	again := func(v *visit) { c.idle = append(c.idle, v) }
	c.result.Lateness = make([]time.Duration, 0, len(arrivals))
	err = pace(ctx, c.start, arrivals, c.until(a, again), func(due []Arrival) {
		for _, a := range due {
			c.result.Lateness = append(c.result.Lateness, c.now()-a.At)
			if v := c.take(); !c.begin(v, a.Host, a.At) {
				again(v)
			}
		}
	})
	for c.busy > 0 && err == nil {
		err = c.serve(tick, again)
	}
	return c.total(), err
}

// until returns what serves until something happens or the moment comes that
// it is called with: epoll_wait(2) itself counts in milliseconds.
func (c *crowd) until(a alarm, done func(*visit)) func(moment time.Duration) error {
	set := time.Duration(-1) // what the alarm is set to
	return func(moment time.Duration) error {
		now := c.now()
		if moment <= now {
			return c.serve(0, done)
		}
		if moment != set {
			if err := a.set(moment - now); err != nil {
				return err
			}
			set = moment
		}
		return c.serve(tick, done)
	}
}

// heed lets epoll tell of the alarm, under the number noVisit.
func (c *crowd) heed(a alarm) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: noVisit}
	if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, int(a), &e); err != nil {
		return fmt.Errorf("watching an alarm: %w", err)
	}
	return nil
}

// noVisit is the number of none.
const noVisit = -1

// take returns a visit that has no connection.
func (c *crowd) take() *visit {
	last := len(c.idle) - 1
	if last < 0 {
		return c.add()
	}
	v := c.idle[last]
	c.idle = c.idle[:last]
	return v
}
