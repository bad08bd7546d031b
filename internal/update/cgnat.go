package update

import (
	"net/netip"
	"slices"

	"stayput.dev/internal/account"
)

// CGNAT is what becomes of addresses that a carrier shares among its customers
// (RFC 6888), at which no customer can be reached.
type CGNAT uint8

// The ways to take them.
const (
	CGNATAsNonGlobal CGNAT = iota // as others that cannot be reached from outside
	CGNATIgnore                   // the request succeeds, the address is left out
	CGNATAccept                   // they are addresses as any other
	CGNATFlag                     // they are taken, and BehindCGNAT tells of it
)

// reach says which addresses are taken.
type reach struct {
	pools     []netip.Prefix // of addresses that carriers share
	shared    bool           // whether these are taken
	nonGlobal bool           // whether others are that cannot be reached from outside
}

// reach returns which addresses the rules take where a host does not say.
func (r *Rules) reach() reach {
	taken := reach{pools: r.CGNATPools, shared: r.CGNAT >= CGNATAccept, nonGlobal: r.AcceptNonGlobal}
	if r.CGNAT == CGNATAsNonGlobal {
		taken.shared = r.AcceptNonGlobal
	}
	return taken
}

// of returns which addresses a host takes, which may say otherwise than all others.
func (r *reach) of(h *account.Host) reach {
	own := *r
	if h.NonGlobal != account.NonGlobalDefault {
		own.nonGlobal = h.NonGlobal == account.NonGlobalAccept
		own.shared = own.nonGlobal
	}
	return own
}

func (r *reach) takes(a netip.Addr) bool {
	switch {
	case r.isPooled(a):
		return r.shared
	case IsNonGlobal(a):
		return r.nonGlobal
	}
	return true
}

// isOutOfReach tells whether it is a matter of choice to take the address.
func (r *reach) isOutOfReach(a netip.Addr) bool { return IsNonGlobal(a) || r.isPooled(a) }

func (r *reach) isPooled(a netip.Addr) bool {
	return slices.ContainsFunc(r.pools, func(p netip.Prefix) bool { return p.Contains(a) })
}

// BehindCGNAT tells whether a host with the ID and these addresses shares one with
// other customers of its carrier, so that it cannot be reached from outside: one of
// them is from the pools of the rules, or what its device last reported or reported
// from was, since the service started. It never is where the rules take them as any
// other.
func (s *Service) BehindCGNAT(host uint32, addrs []netip.Addr) bool {
	rules := s.rules.Load()
	if rules.CGNAT == CGNATAccept || len(rules.CGNATPools) == 0 {
		return false
	}
	r := rules.reach()
	return slices.ContainsFunc(addrs, r.isPooled) || s.seen != nil && s.seen.isShared(host)
}

// isShared tells whether the request is of or from an address that a carrier
// shares.
func (p *plan) isShared(source netip.Addr) bool {
	if len(p.reach.pools) == 0 {
		return false
	}
	told := func(w *wish) bool { return slices.ContainsFunc(w.told, p.reach.isPooled) }
	return p.reach.isPooled(source.Unmap()) || told(&p.wish) || slices.ContainsFunc(p.each, func(e hostWish) bool { return told(&e.wish) })
}
