//go:build linux

package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A crowd is routers that update over plain HTTP, a connection for each
// update, all driven by one goroutine. It asks of the kernel what it must and no
// more: on the machine that the server runs on, package net's sockets would
// take nearly as much of the cores as the server does. It keeps its thread
// without locking it: at each of the runtime's interruptions, a hundred a second,
// a locked goroutine passes through another thread.
type crowd struct {
	*HTTP
	fleet *Fleet
	next  func(host int) [4]byte

	epoll    int
	from, to unix.RawSockaddrInet4 // what bind and connect are called with
	events   [128]unix.EpollEvent
	visits   []*visit // by the number that epoll knows them by
	idle     []*visit // those to take again, in an open loop
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
	return &crowd{
		HTTP:  h,
		fleet: fleet,
		next:  next,
		epoll: epoll,
		from:  sockaddr(netip.AddrPortFrom(netip.IPv4Unspecified(), 0)),
		to:    sockaddr(h.Server),
		start: time.Now(),
	}, nil
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

// add returns a new visit.
func (c *crowd) add() *visit {
	v := &visit{socket: noSocket, number: int32(len(c.visits))}
	c.visits = append(c.visits, v)
	return v
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
		if e.Fd == noVisit {
			continue
		}
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
		if v.socket != noSocket && now-v.since > c.timeout() {
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
