package dnsserver

import (
	"container/list"
	"net"
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
	displaced uint64
}

// conn is a TCP connection.
type conn struct {
	net.Conn
	source netip.Prefix
	place  *list.Element // nil when it is no longer among the open ones
	busy   bool          // with a query that has come in whole
	used   bool          // has had one

	unread []byte          // to be read before what comes
	begun  [tcpPrefix]byte // length of the message that is being read; 0: none is
}

// admit takes in a connection, when there are at most total with it and
// at most perSource from where it comes. Where another had to go, it is closed.
func (cs *conns) admit(nc net.Conn, total, perSource int) *conn {
	c := &conn{Conn: nc, source: sourceOf(nc.RemoteAddr())}
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
	return c
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
		if victim == nil || !c.busy {
			victim = c
		}
		if !c.busy {
			break
		}
	}
	if victim == nil {
		return
	}
	cs.displaced++
	cs.remove(victim)
	victim.Close()
}

func (cs *conns) remove(c *conn) {
	if c.place == nil {
		return
	}
	cs.open.Remove(c.place)
	c.place = nil
	if cs.bySource[c.source]--; cs.bySource[c.source] == 0 {
		delete(cs.bySource, c.source)
	}
}

// close closes a connection.
func (cs *conns) close(c *conn) {
	cs.mu.Lock()
	cs.remove(c)
	cs.mu.Unlock()
	c.Close()
}

// setBusy notes that a connection begins to be answered, or has been.
func (cs *conns) setBusy(c *conn, busy bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.busy, c.used = busy, true
	if c.place != nil {
		cs.open.MoveToBack(c.place)
	}
}

// closeAll closes every connection.
func (cs *conns) closeAll() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for e := cs.open.Front(); e != nil; e = cs.open.Front() {
		c := e.Value.(*conn)
		cs.remove(c)
		c.Close()
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
// IPv6 address, which one household has to itself. It is the zero Prefix for an
// address of another kind.
func sourceOf(addr net.Addr) netip.Prefix {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	prefix, _ := ip.Prefix(bits) // fails for no IP address only
	return prefix
}
