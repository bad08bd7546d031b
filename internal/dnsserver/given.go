package dnsserver

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"stayput.dev/internal/zone"
)

// given is the zones as secondaries have them. A version that was given away is
// kept, so that its secondary need only hear next time what is different: versions
// share what they have in common, and comparing two takes time for the difference
// alone. It is safe for concurrent use; a nil one keeps nothing.
type given struct {
	mu       sync.Mutex // guards all but recalling
	zones    map[zone.Name][]gift
	sweeping bool                 // whether sweep is to be called
	lost     map[zone.Name]uint32 // the latest serials that were asked for in vain: those before are lost, too

	recalling chan struct{} // holds a value while a version is recalled; nil where none is
}

// gift is a version of a zone that a secondary has.
type gift struct {
	zone *zone.Zone
	to   netip.Addr
	at   time.Time

	instead *zone.Zone // what the secondary had before, which it may have again if it loses this one; may be nil
}

// What is kept costs memory as the zone moves on: for a version that has little in
// common with it any more, as much as the zone.
const (
	maxGiftAge  = time.Hour // a secondary that is away for longer gets the whole zone
	maxGifts    = 64        // of one zone
	giftsToEach = 8         // of one zone: secondaries may share an address
)

// note notes that a secondary has a version of a zone now, and had another before,
// which may be nil.
func (g *given) note(z, before *zone.Zone, to netip.Addr, at time.Time) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.zones == nil {
		g.zones = map[zone.Name][]gift{}
	}
	gifts := g.confirmed(g.fresh(z.Origin(), at), before, to)
	if n := countOf(gifts, to); n >= giftsToEach {
		i := spare(gifts, to)
		gifts = slices.Delete(gifts, i, i+1)
	}
	gifts = append(gifts, gift{z, to, at, before})
	g.zones[z.Origin()] = slices.Delete(gifts, 0, max(len(gifts)-maxGifts, 0))
	g.sweepLater()
}

// sweepLater has sweep called when something is too old, also for zones that nobody
// asks for any more. The caller holds mu.
func (g *given) sweepLater() {
	if !g.sweeping && len(g.zones) > 0 {
		g.sweeping = true
		time.AfterFunc(maxGiftAge, g.sweep)
	}
}

// sweep forgets what is too old.
func (g *given) sweep() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for origin := range g.zones {
		g.fresh(origin, time.Now())
	}
	g.sweeping = false
	g.sweepLater()
}

// confirmed takes away what a secondary had before the version that it asked with:
// it never goes back there.
func (g *given) confirmed(gifts []gift, asked *zone.Zone, to netip.Addr) []gift {
	i := slices.IndexFunc(gifts, func(had gift) bool { return had.to == to && had.zone == asked })
	if asked == nil || i < 0 || gifts[i].instead == nil {
		return gifts
	}
	old := gifts[i].instead
	gifts[i].instead = nil
	if i = slices.IndexFunc(gifts, func(had gift) bool { return had.to == to && had.zone == old }); i >= 0 {
		gifts = slices.Delete(gifts, i, i+1)
	}
	return gifts
}

// spare returns which of those given to an address is missed least: one that it was
// given again, or else the oldest.
func spare(gifts []gift, to netip.Addr) int {
	oldest := -1
	for i, had := range gifts {
		if had.to != to {
			continue
		}
		if slices.ContainsFunc(gifts[i+1:], func(g gift) bool { return g.to == to && g.zone == had.zone }) {
			return i
		}
		if oldest < 0 {
			oldest = i
		}
	}
	return oldest
}

func countOf(gifts []gift, to netip.Addr) (n int) {
	for _, g := range gifts {
		if g.to == to {
			n++
		}
	}
	return n
}

// noteAll notes that somebody may have the zones as they are: a secondary that had
// the latest version before we started still has it.
func (g *given) noteAll(zones zone.Set, at time.Time) {
	for z := range zones.All() {
		g.note(z, nil, netip.Addr{}, at)
	}
}

// find returns the version of a zone with a serial that a secondary has; nil when none
// was given away, or it was long ago. What was given to its address goes before what others
// got: a zone that was made again may have serials that the one before it had.
func (g *given) find(origin zone.Name, serial uint32, to netip.Addr, at time.Time) (found *zone.Zone) {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, gift := range slices.Backward(g.fresh(origin, at)) {
		switch {
		case gift.zone.Serial() != serial:
		case gift.to == to:
			return gift.zone
		case found == nil:
			found = gift.zone
		}
	}
	return found
}

// fresh returns what was given of a zone and is not too old, and forgets the rest.
func (g *given) fresh(origin zone.Name, at time.Time) []gift {
	gifts := slices.DeleteFunc(g.zones[origin], func(gift gift) bool { return at.Sub(gift.at) > maxGiftAge })
	if len(gifts) > 0 {
		g.zones[origin] = gifts
	} else {
		delete(g.zones, origin)
	}
	return gifts
}
