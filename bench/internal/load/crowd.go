//go:build linux

package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A crowd is routers that update over plain HTTP, a connection for each
// update, all driven by one thread. It asks of the kernel what it must and no
// more: on the machine that the server runs on, package net's sockets would
// take nearly as much of the cores as the server does.
type crowd struct {
	*HTTP
	fleet *Fleet
	next  func(host int) [4]byte

	epoll    int
	from, to unix.SockaddrInet4 // what bind and connect are called with
	events   [128]unix.EpollEvent
	visits   []*visit // by the number that epoll knows them by
	idle     []*visit // open loop only: those to take again
	busy     int      // visits with a connection
	start    time.Time
	expired  time.Duration // when visits were last looked at for their deadline
	result   Result
}

// tick is how often a crowd looks whether it is to end and who waited too long.
const tick = 100 * time.Millisecond

// crowd returns a crowd that the caller closes.
func (h *HTTP) crowd(fleet *Fleet, next func(host int) [4]byte) (*crowd, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("opening load: %w", err)
	}
	c := &crowd{HTTP: h, fleet: fleet, next: next, epoll: epoll, start: time.Now()}
	c.to = unix.SockaddrInet4{Port: int(h.Server.Port()), Addr: h.Server.Addr().As4()}
	return c, nil
}

// close closes all that is open.
func (c *crowd) close() {
	for _, v := range c.visits {
		v.close()
	}
	unix.Close(c.epoll)
}

// now returns the time since the run began.
func (c *crowd) now() time.Duration { return time.Since(c.start) }

// closed runs n routers at a time until d is over or ctx ends, each at least
// once, and then waits for what is under way.
func (c *crowd) closed(ctx context.Context, n int, d time.Duration) (Result, error) {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(c.start.UnixNano())))
	begin := func(v *visit) bool { return c.begin(v, rng.IntN(c.fleet.Len()), c.now()) }
	again := func(v *visit) {
		for c.now() < d && ctx.Err() == nil && !begin(v) {
			continue // it failed at once and was counted
		}
	}
	for range n {
		if v := c.add(); !begin(v) {
			again(v)
		}
	}
	for c.busy > 0 {
		if err := c.serve(tick, again); err != nil {
			return Result{}, err
		}
	}
	return c.total(), nil
}

// open lets each arrival begin at its moment.
func (c *crowd) open(ctx context.Context, arrivals []Arrival) (Result, error) {
	defer lockThread()()
	var failed error
	again := func(v *visit) { c.idle = append(c.idle, v) }
	c.result.Lateness = make([]time.Duration, 0, len(arrivals))
	wait := func(d time.Duration) {
		if err := c.rest(d, again); err != nil && failed == nil {
			failed = err
		}
	}
	pace(ctx, c.start, arrivals, wait, func(due []Arrival) {
		for _, a := range due {
			c.result.Lateness = append(c.result.Lateness, c.now()-a.At)
			if v := c.take(); !c.begin(v, a.Host, a.At) {
				again(v)
			}
		}
	})
	for c.busy > 0 && failed == nil {
		failed = c.serve(tick, again)
	}
	return c.total(), failed
}

// add returns a new visit.
func (c *crowd) add() *visit {
	v := &visit{fd: -1, number: int32(len(c.visits))}
	c.visits = append(c.visits, v)
	return v
}

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

// rest serves for d at the most, in fractions of the milliseconds that
// epoll_wait(2) counts in, and without waiting when d is past.
func (c *crowd) rest(d time.Duration, done func(*visit)) error {
	ts := unix.NsecToTimespec(max(d, 0).Nanoseconds())
	_, err := unix.Ppoll([]unix.PollFd{{Fd: int32(c.epoll), Events: unix.POLLIN}}, &ts, nil)
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("waiting for replies: %w", err)
	}
	return c.serve(0, done)
}

// serve takes up what happened to the visits, waiting for it for d at the
// most, and calls done with each that is over.
func (c *crowd) serve(d time.Duration, done func(*visit)) error {
	n, err := unix.EpollWait(c.epoll, c.events[:], int(d.Milliseconds()))
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("waiting for replies: %w", err)
	}
	for i := range max(n, 0) {
		e := &c.events[i]
		v := c.visits[e.Fd]
		if over, err := c.proceed(v, e.Events); over {
			c.end(v, err)
			done(v)
		}
	}
	c.expire(done)
	return nil
}

// expire ends the visits that have waited too long, at every tick.
func (c *crowd) expire(done func(*visit)) {
	now := c.now()
	if now-c.expired < tick {
		return
	}
	c.expired = now
	for _, v := range c.visits {
		if v.fd >= 0 && now-v.since > c.timeout() {
			c.end(v, fmt.Errorf("reading reply: %w", os.ErrDeadlineExceeded))
			done(v)
		}
	}
}

// total returns what the run came to.
func (c *crowd) total() Result {
	r := c.result
	r.Elapsed = c.now()
	slices.Sort(r.Latencies)
	slices.Sort(r.Lateness)
	return r
}
