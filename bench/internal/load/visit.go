//go:build linux

package load

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A visit is one update of a crowd over a connection of its own. It is used
// again for another when it is over.
type visit struct {
	number int32         // its place among the crowd's visits
	socket socket        // noSocket when there is no connection
	since  time.Duration // when its latency begins, since the start of the run
	out    []byte
	sent   int // octets of out
	in     [replySize]byte
	n      int // octets of in
}

// close closes the connection, if there is one.
func (v *visit) close() {
	if v.socket != noSocket {
		v.socket.close()
		v.socket = noSocket
	}
}

// begin starts to update the host. It returns false when that failed at once
// and the visit is over.
func (c *crowd) begin(v *visit, host int, since time.Duration) bool {
	v.since, v.sent, v.n = since, 0, 0
	v.out = c.fleet.routers[host].appendRequest(v.out[:0], c.next(host), false)
	c.busy++
	err := c.connect(v, source(host))
	if err == nil {
		err = c.watch(v)
	}
	if err != nil {
		c.end(v, err)
	}
	return err == nil
}

// end counts the visit and closes its connection.
func (c *crowd) end(v *visit, err error) {
	c.result.record(c.now()-v.since, err)
	c.busy--
	v.close()
}

// connect opens the connection and sends what it takes.
func (c *crowd) connect(v *visit, from [4]byte) (err error) {
	if v.socket, err = openSocket(); err != nil {
		return err
	}
	c.from.Addr = from
	if err := v.socket.bind(&c.from); err != nil {
		return err
	}
	if err := v.socket.connect(&c.to); err != nil {
		return err
	}
	return v.send()
}

// send sends what is left of the request.
func (v *visit) send() error {
	n, err := v.socket.send(v.out[v.sent:])
	v.sent += n
	return err
}

// watch lets epoll tell of each thing that happens to the connection, once:
// then it need not be told again what to look for.
func (c *crowd) watch(v *visit) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: v.number}
	if v.sent < len(v.out) {
		e.Events |= unix.EPOLLOUT
	}
	if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, int(v.socket), &e); err != nil {
		return fmt.Errorf("watching a connection: %w", err)
	}
	return nil
}

// proceed takes the visit on after the events, and returns whether it is over
// and what became of it.
func (c *crowd) proceed(v *visit, events uint32) (over bool, err error) {
	if v.sent < len(v.out) {
		if err := v.send(); err != nil {
			return true, err
		}
	}
	n, some, err := v.socket.receive(v.in[v.n:])
	if err != nil || !some {
		return err != nil, err // when more comes, there is another event
	}
	v.n += n
	if v.n == len(v.in) {
		return true, fmt.Errorf("reading reply: %w", errTooLong)
	}
	if n > 0 && !ended(events) {
		return false, nil
	}
	return true, c.verdict(v.in[:v.n])
}

// ended reports whether the other end had closed in good order, so that a read
// with room to spare has taken all that will ever come.
func ended(events uint32) bool {
	return events&unix.EPOLLRDHUP != 0 && events&(unix.EPOLLERR|unix.EPOLLHUP) == 0
}

// verdict returns what an update came to whose connection carried b.
func (c *crowd) verdict(b []byte) error {
	body, err := complete(b)
	if err != nil {
		return fmt.Errorf("reading reply: %w", err)
	}
	return c.judge(b, body)
}
