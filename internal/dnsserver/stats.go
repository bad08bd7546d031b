package dnsserver

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Stats is what a server counted since its start.
type Stats struct {
	Queries   map[string]uint64 // packets that came, by transport: "udp", "tcp", "tls"
	Replies   map[string]uint64 // by response code: "NOERROR" ...
	Questions map[string]uint64 // that were answered, by type; "other" for the rarer ones
	Dropped   uint64            // packets that deserved no reply
	Truncated uint64            // replies that did not fit
	Unsent    uint64            // replies that the system would not send
	Panics    uint64            // faults of ours that a packet brought to light
	Limited   uint64            // replies over UDP that the rate limit held back
	Slipped   uint64            // replies over UDP that it truncated instead
	Flat      uint64            // replies to usual questions over UDP, which a flat table of the names knew

	Cookies    map[string]uint64 // queries that came with a cookie: "good", and "other" for those that were not ours, or not yet
	Handshakes uint64            // of TLS that failed

	Transfers map[string]uint64 // of zones, by what was sent: "axfr" all, "ixfr" a difference, "none" since the client had it all

	Connections int    // over TCP and TLS, open now
	Displaced   uint64 // connections closed to make room for others
}

// counters counts what one or several workers do. Each worker of a UDP socket
// has its own, so that processors do not fight for them.
type counters struct {
	queries   [transports]atomic.Uint64
	replies   [rcodes]atomic.Uint64
	questions [typeClasses]atomic.Uint64
	dropped   atomic.Uint64
	truncated atomic.Uint64
	unsent    atomic.Uint64
	panics    atomic.Uint64
	flat      atomic.Uint64
	limited   atomic.Uint64
	slipped   atomic.Uint64

	cookies     atomic.Uint64 // in queries
	cookiesGood atomic.Uint64 // of those
	handshakes  atomic.Uint64 // that failed
	zones       zoneTally

	whole, difference, nothing atomic.Uint64 // transfers

	_ [64]byte // keeps the next one off our cache lines
}

// count counts what became of the packet that w has answered.
func (w *worker) count(reply []byte) {
	c, r := w.counters, w.responder
	if reply == nil {
		c.dropped.Add(1)
		return
	}
	c.replies[r.code].Add(1)
	if r.query.question != nil && r.query.opcode == 0 {
		class := classOf(r.query.typ)
		c.questions[class].Add(1)
		if r.origin != "" {
			w.zone.in(&c.zones, r.origin).count(r.via, r.code, class)
		}
	}
	c.countCookie(r.cookie)
	if r.reply.tc {
		c.truncated.Add(1)
	}
}

// countCookie counts a query by what its cookie was worth.
func (c *counters) countCookie(state cookieState) {
	if state == cookieNone {
		return
	}
	c.cookies.Add(1)
	if state.proven() {
		c.cookiesGood.Add(1)
	}
}

// tally is the counters of a server.
type tally struct {
	mu     sync.Mutex // guards shares
	shares []*counters
}

// share returns new counters that are part of the whole from now on.
func (t *tally) share() *counters {
	c := new(counters)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shares = append(t.shares, c)
	return c
}

// all returns the parts of the whole.
func (t *tally) all() []*counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.shares)
}

// Stats returns the counts until now.
func (s *Server) Stats() Stats {
	out := Stats{
		Queries: map[string]uint64{}, Replies: map[string]uint64{}, Questions: map[string]uint64{}, Cookies: map[string]uint64{},
		Transfers: map[string]uint64{},
	}
	for _, c := range s.tally.all() {
		c.addTo(&out)
	}
	out.Connections, out.Displaced = s.conns.stats()
	return out
}

func (c *counters) addTo(out *Stats) {
	for via := range c.queries {
		out.Queries[Transport(via).String()] += c.queries[via].Load()
	}
	good := c.cookiesGood.Load()
	out.Cookies["good"] += good
	out.Cookies["other"] += c.cookies.Load() - good
	out.Handshakes += c.handshakes.Load()
	out.Transfers["axfr"] += c.whole.Load()
	out.Transfers["ixfr"] += c.difference.Load()
	out.Transfers["none"] += c.nothing.Load()
	for code := range c.replies {
		if n := c.replies[code].Load(); n > 0 {
			out.Replies[rcode(code).String()] += n
		}
	}
	for class := range c.questions {
		if n := c.questions[class].Load(); n > 0 {
			out.Questions[typeClass(class).String()] += n
		}
	}
	out.Dropped += c.dropped.Load()
	out.Truncated += c.truncated.Load()
	out.Unsent += c.unsent.Load()
	out.Panics += c.panics.Load()
	out.Flat += c.flat.Load()
	out.Limited += c.limited.Load()
	out.Slipped += c.slipped.Load()
}
