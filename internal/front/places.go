package front

import (
	"context"
	"net/netip"
	"sync"
)

// SetTrustedProxies replaces Config.TrustedProxies. Connections that come later
// heed it.
func (s *Server) SetTrustedProxies(prefixes []netip.Prefix) { s.proxies.set(prefixes) }

// SetConnections replaces Limits.PerSource and Limits.Total, where 0 is the
// default. Connections that are open stay, also where they are too many.
func (s *Server) SetConnections(perSource, total int) {
	limits := Limits{PerSource: perSource, Total: total}.withDefaults()
	s.sources.setMax(limits.PerSource)
	s.places.setMax(limits.Total)
}

// places are there for connections, one for each that is open.
type places struct {
	mu    sync.Mutex // guards taken and max
	taken int
	max   int
	freed chan struct{} // has a value when there may be a free place
}

func newPlaces(most int) *places { return &places{max: most, freed: make(chan struct{}, 1)} }

// take takes a place and waits until there is one. It fails when ctx or closing
// ends first.
func (p *places) take(ctx context.Context, closing <-chan struct{}) bool {
	for !p.tryTake() {
		select {
		case <-p.freed:
		case <-closing:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (p *places) tryTake() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.max {
		return false
	}
	p.taken++
	p.tell()
	return true
}

// leave gives a place back.
func (p *places) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	p.tell()
}

func (p *places) setMax(most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.max = most
	p.tell()
}

// tell wakes one who waits, if there is a free place; he wakes the next.
func (p *places) tell() {
	if p.taken >= p.max {
		return
	}
	select {
	case p.freed <- struct{}{}:
	default:
	}
}
