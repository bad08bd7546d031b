package front

import (
	"cmp"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Limits keep one slow or wrong client from delaying another. A field that is
// zero has its default.
type Limits struct {
	HeadBytes int // size of a request head, [DefaultHeadBytes]
	BodyBytes int // size of a device request's body, [DefaultBodyBytes]

	HeadTimeout      time.Duration // from the first byte (or the accept) to the end of the head, [DefaultHeadTimeout]
	IdleTimeout      time.Duration // between two requests of a device, [DefaultIdleTimeout]
	WebIdleTimeout   time.Duration // the same on connections of net/http, [DefaultWebIdleTimeout]
	WriteTimeout     time.Duration // for one write to make its way, [DefaultWriteTimeout]
	HandshakeTimeout time.Duration // for a PROXY header, and for a TLS handshake, [DefaultHandshakeTimeout]

	PerSource int // connections of one IPv4 address or IPv6 /64, [DefaultPerSource]
	Total     int // connections of all, more than there are listeners, [DefaultTotal]
}

// The defaults of [Limits].
const (
	DefaultHeadBytes        = 16 << 10
	DefaultBodyBytes        = 8 << 10
	DefaultHeadTimeout      = 10 * time.Second
	DefaultIdleTimeout      = 15 * time.Second
	DefaultWebIdleTimeout   = 30 * time.Second
	DefaultWriteTimeout     = 10 * time.Second
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultPerSource        = 512
	DefaultTotal            = 16384
)

// webHeadTimeout is the time that net/http gives a request head.
const webHeadTimeout = 5 * time.Second

func (l Limits) withDefaults() Limits {
	return Limits{
		HeadBytes:        cmp.Or(l.HeadBytes, DefaultHeadBytes),
		BodyBytes:        cmp.Or(l.BodyBytes, DefaultBodyBytes),
		HeadTimeout:      cmp.Or(l.HeadTimeout, DefaultHeadTimeout),
		IdleTimeout:      cmp.Or(l.IdleTimeout, DefaultIdleTimeout),
		WebIdleTimeout:   cmp.Or(l.WebIdleTimeout, DefaultWebIdleTimeout),
		WriteTimeout:     cmp.Or(l.WriteTimeout, DefaultWriteTimeout),
		HandshakeTimeout: cmp.Or(l.HandshakeTimeout, DefaultHandshakeTimeout),
		PerSource:        cmp.Or(l.PerSource, DefaultPerSource),
		Total:            cmp.Or(l.Total, DefaultTotal),
	}
}

// sources counts the open connections of each source.
type sources struct {
	mu   sync.Mutex // guards max and open
	max  int
	open map[netip.Addr]int
}

func (s *sources) setMax(most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.max = most
}

// enter counts one more connection of a source, unless it has too many.
func (s *sources) enter(source netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.open[source]
	if n >= s.max {
		return false
	}
	s.open[source] = n + 1
	return true
}

func (s *sources) leave(source netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.open[source]; n > 1 {
		s.open[source] = n - 1
		return
	}
	delete(s.open, source)
}

// sourceOf returns what limits count by: an IPv4 address, or the /64 that a
// household or a server has to itself.
func sourceOf(addr netip.Addr) netip.Addr {
	if addr.Is4() {
		return addr
	}
	prefix, _ := addr.Prefix(64) // fails for the zero Addr only
	return prefix.Addr()
}

// A pacer lets something happen once a second, so that a flood does not fill
// the log.
type pacer struct {
	last atomic.Int64
}

func (p *pacer) due(now time.Time) bool {
	second := now.Unix()
	last := p.last.Load()
	return last != second && p.last.CompareAndSwap(last, second)
}
