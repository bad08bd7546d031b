package dnsserver

import (
	"strings"
	"sync"
	"sync/atomic"

	"stayput.dev/internal/zone"
)

// zoneCounters counts what one zone was asked and answered.
type zoneCounters struct {
	queries   [transports]atomic.Uint64
	replies   [rcodes]atomic.Uint64
	questions [typeClasses]atomic.Uint64
}

func (z *zoneCounters) count(via Transport, code rcode, class typeClass) {
	z.queries[via].Add(1)
	z.replies[code].Add(1)
	z.questions[class].Add(1)
}

// zoneTally is the counters of the zones that one or several workers answered
// from. There are no more than zones that we have, or had at the last prune.
type zoneTally struct {
	mu       sync.Mutex // guards byOrigin
	byOrigin map[zone.Name]*zoneCounters
	prunes   atomic.Uint32
}

// zoneCache is the counters that a worker used last: most queries are for the same
// zone as the one before.
type zoneCache struct {
	origin zone.Name
	prunes uint32
	zone   *zoneCounters
}

// in returns the counters of a zone in t. Usually, that is a comparison of names.
func (c *zoneCache) in(t *zoneTally, origin zone.Name) *zoneCounters {
	if prunes := t.prunes.Load(); c.zone == nil || c.origin != origin || c.prunes != prunes {
		c.origin, c.zone = t.of(origin)
		c.prunes = prunes
	}
	return c.zone
}

// of returns the counters of a zone, and the origin as it may be kept.
func (t *zoneTally) of(origin zone.Name) (zone.Name, *zoneCounters) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if z, ok := t.byOrigin[origin]; ok {
		return origin, z
	}
	if t.byOrigin == nil {
		t.byOrigin = map[zone.Name]*zoneCounters{}
	}
	origin = zone.Name(strings.Clone(string(origin)))
	z := new(zoneCounters)
	t.byOrigin[origin] = z
	return origin, z
}

// list returns the zones in t that are in zones too, and forgets the others.
func (t *zoneTally) list(zones zone.Set) map[zone.Name]*zoneCounters {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[zone.Name]*zoneCounters, len(t.byOrigin))
	for origin, z := range t.byOrigin {
		if zones.Get(origin) != nil {
			out[origin] = z
			continue
		}
		delete(t.byOrigin, origin)
		t.prunes.Add(1)
	}
	return out
}

// zoneTotals is the sum of several zoneCounters.
type zoneTotals struct {
	queries   [transports]uint64
	replies   [rcodes]uint64
	questions [typeClasses]uint64
}

func (z *zoneTotals) add(c *zoneCounters) {
	for i := range c.queries {
		z.queries[i] += c.queries[i].Load()
	}
	for i := range c.replies {
		z.replies[i] += c.replies[i].Load()
	}
	for i := range c.questions {
		z.questions[i] += c.questions[i].Load()
	}
}

// zoneTotals returns what was counted for each zone that we have and that was
// asked.
func (s *Server) zoneTotals() map[zone.Name]*zoneTotals {
	zones, out := s.state().Zones, map[zone.Name]*zoneTotals{}
	for _, c := range s.tally.all() {
		for origin, z := range c.zones.list(zones) {
			if out[origin] == nil {
				out[origin] = new(zoneTotals)
			}
			out[origin].add(z)
		}
	}
	return out
}
