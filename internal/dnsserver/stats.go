package dnsserver

import (
	"sync"
	"sync/atomic"

	"stayput.dev/internal/zone"
)

// Stats is what a server counted since its start.
type Stats struct {
	Queries   map[string]uint64 // packets that came, by transport: "udp", "tcp"
	Replies   map[string]uint64 // by response code: "NOERROR" ...
	Questions map[string]uint64 // that were answered, by type; "other" for the rarer ones
	Dropped   uint64            // packets that deserved no reply
	Truncated uint64            // replies that did not fit
	Unsent    uint64            // replies that the system would not send
	Panics    uint64            // faults of ours that a packet brought to light
	Flat      uint64            // replies to usual questions over UDP, which a flat table of the names knew

	Connections int    // over TCP, open now
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
	_         [64]byte // keeps the next one off our cache lines
}

// count counts what became of the packet that r has answered.
func (c *counters) count(r *Responder, reply []byte) {
	if reply == nil {
		c.dropped.Add(1)
		return
	}
	c.replies[r.code].Add(1)
	if r.query.question != nil {
		c.questions[classOf(r.query.typ)].Add(1)
	}
	if r.reply.tc {
		c.truncated.Add(1)
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

// Stats returns the counts until now.
func (s *Server) Stats() Stats {
	out := Stats{Queries: map[string]uint64{}, Replies: map[string]uint64{}, Questions: map[string]uint64{}}
	s.tally.mu.Lock()
	for _, c := range s.tally.shares {
		c.addTo(&out)
	}
	s.tally.mu.Unlock()
	out.Connections, out.Displaced = s.conns.stats()
	return out
}

func (c *counters) addTo(out *Stats) {
	out.Queries["udp"] += c.queries[UDP].Load()
	out.Queries["tcp"] += c.queries[TCP].Load()
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
}

// typeClass is a type, or several, that are counted as one.
type typeClass uint8

const (
	classA typeClass = iota
	classAAAA
	classNS
	classCNAME
	classSOA
	classPTR
	classMX
	classTXT
	classSRV
	classDS
	classDNSKEY
	classHTTPS
	classCAA
	classAny
	classTransfer
	classOther
	typeClasses // all are below
)

// String returns the name of the class.
func (c typeClass) String() string {
	return [...]string{
		"A", "AAAA", "NS", "CNAME", "SOA", "PTR", "MX", "TXT", "SRV", "DS",
		"DNSKEY", "HTTPS", "CAA", "ANY", "transfer", "other",
	}[c]
}

// classOf returns the class of a type.
func classOf(t zone.Type) typeClass {
	switch t {
	case zone.TypeA:
		return classA
	case zone.TypeAAAA:
		return classAAAA
	case zone.TypeNS:
		return classNS
	case zone.TypeCNAME:
		return classCNAME
	case zone.TypeSOA:
		return classSOA
	case zone.TypePTR:
		return classPTR
	case zone.TypeMX:
		return classMX
	case zone.TypeTXT:
		return classTXT
	case zone.TypeSRV:
		return classSRV
	case zone.TypeDS:
		return classDS
	case zone.TypeDNSKEY:
		return classDNSKEY
	case 65: // HTTPS (RFC 9460)
		return classHTTPS
	case 257: // CAA (RFC 8659)
		return classCAA
	case zone.TypeANY:
		return classAny
	case zone.TypeAXFR, zone.TypeIXFR:
		return classTransfer
	}
	return classOther
}
