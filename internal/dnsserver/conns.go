package dnsserver

import (
	"container/list"
	"net/netip"
	"sync"
)

// conns is the open TCP connections of a server. When there are too many, the
// one that has been silent longest makes room: who only holds connections open
// keeps nobody out.
type conns struct {
	mu        sync.Mutex
	open      list.List // of *conn; those that moved last are at the back
	bySource  map[netip.Prefix]int
	held      int // octets of the long messages of all
	displaced uint64
}

// admit takes in a connection, when there are at most total with it and
// at most perSource from where it comes. Where another had to go, it is closed.
func (cs *conns) admit(c *conn, total, perSource int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.bySource == nil {
		cs.bySource = map[netip.Prefix]int{}
	}
	if cs.bySource[c.source] >= perSource {
		cs.displace(func(o *conn) bool { return o.source == c.source })
	} else if cs.open.Len() >= total {
		cs.displace(func(*conn) bool { return true })
	}
	c.place = cs.open.PushBack(c)
	cs.bySource[c.source]++
}

// displace closes the connection that has been idle longest of those that may
// go. Where none is idle, they all keep us waiting, and the one that does so
// longest goes.
func (cs *conns) displace(mayGo func(*conn) bool) {
	var victim *conn
	for e := cs.open.Front(); e != nil; e = e.Next() {
		c := e.Value.(*conn)
		if !mayGo(c) {
			continue
		}
		idle := c.queries.Load() == 0
		if victim == nil || idle {
			victim = c
		}
		if idle {
			break
		}
	}
	if victim == nil {
		return
	}
	cs.displaced++
	cs.remove(victim)
	victim.drop()
}

func (cs *conns) remove(c *conn) {
	if c.place == nil {
		return
	}
	cs.open.Remove(c.place)
	c.place = nil
	cs.held -= c.held
	if cs.bySource[c.source]--; cs.bySource[c.source] == 0 {
		delete(cs.bySource, c.source)
	}
}

// close closes a connection.
func (cs *conns) close(c *conn) {
	cs.mu.Lock()
	cs.remove(c)
	cs.mu.Unlock()
	c.Conn.Close()
}

// countQueries notes that so many more queries of a connection, or fewer when n is
// negative, have come in whole and are not answered.
func (cs *conns) countQueries(c *conn, n int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.queries.Add(int64(n))
	c.used = c.used || n > 0
	if c.place != nil {
		cs.open.MoveToBack(c.place)
	}
}

// maxHeld is how many octets of long messages all connections together may hold.
const maxHeld = 32 << 20

// hold notes that a connection holds so many octets more. When that is too much for
// us, the one that has held some longest has to go.
func (cs *conns) hold(c *conn, octets int) {
	if octets == 0 {
		return
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c.place == nil {
		return
	}
	c.held += octets
	if cs.held += octets; cs.held > maxHeld {
		cs.displace(func(o *conn) bool { return o.held > 0 })
	}
}

// release takes back what hold noted.
func (cs *conns) release(c *conn, octets int) {
	if octets == 0 {
		return
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c.place != nil {
		c.held -= octets
		cs.held -= octets
	}
}

// closeAll closes every connection.
func (cs *conns) closeAll() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for e := cs.open.Front(); e != nil; e = cs.open.Front() {
		c := e.Value.(*conn)
		cs.remove(c)
		c.Conn.Close()
	}
}

// displaceOne closes the connection that has been idle longest.
func (cs *conns) displaceOne() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.displace(func(*conn) bool { return true })
}

func (cs *conns) stats() (open int, displaced uint64) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.open.Len(), cs.displaced
}

// sourceOf returns what counts as one client: an IPv4 address, or the /64 of an
// IPv6 address, which one household has to itself. It is the zero Prefix for
// no address.
func sourceOf(ip netip.Addr) netip.Prefix {
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	prefix, _ := ip.Prefix(bits) // fails for no IP address only
	return prefix
}
