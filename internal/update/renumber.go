package update

import (
	"net/netip"
	"slices"

	"stayput.dev/internal/account"
	"stayput.dev/internal/zone"
)

// renumbering is an IPv6 prefix that comes in the place of others.
type renumbering struct {
	from []netip.Prefix // where the addresses lie that move
	all  bool           // all addresses move
	to   netip.Prefix   // without bits behind its length
}

// checkPrefix returns p without the bits behind its length, if addresses can be
// renumbered to it. It fails with ErrBadAddress.
func checkPrefix(p netip.Prefix) (netip.Prefix, error) {
	if a := p.Addr(); !p.IsValid() || !a.Is6() || a.Is4In6() || p.IsSingleIP() {
		return netip.Prefix{}, ErrBadAddress
	}
	return p.Masked(), nil
}

// moves tells whether an address is to have the new prefix.
func (n *renumbering) moves(a netip.Addr) bool {
	return n.all || slices.ContainsFunc(n.from, func(p netip.Prefix) bool { return p.Contains(a) })
}

// apply returns what becomes of the IPv6 addresses r of h: a host that has an
// interface identifier gets the one address that it makes, of another each
// address that moves keeps the bits behind the new prefix.
func (n *renumbering) apply(h *account.Host, r zone.Records) []netip.Addr {
	if h.InterfaceID.IsValid() {
		return []netip.Addr{behind(n.to, h.InterfaceID)}
	}
	addrs := appendAddrs(nil, r)
	for i, a := range addrs {
		if n.moves(a) {
			addrs[i] = behind(n.to, a)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}

// applyToPrefix returns what becomes of a prefix that lies in one of those that
// go; any other stays.
func (n *renumbering) applyToPrefix(p netip.Prefix) netip.Prefix {
	if !p.IsValid() || !n.moves(p.Addr()) {
		return p
	}
	p, _ = behind(n.to, p.Addr()).Prefix(p.Bits())
	return p
}

// behind returns the address that begins with the prefix and goes on as the
// address a does.
func behind(p netip.Prefix, a netip.Addr) netip.Addr {
	bits, low := p.Addr().As16(), a.As16()
	for i := range bits {
		mask := byte(0xff) >> min(max(p.Bits()-8*i, 0), 8)
		bits[i] |= low[i] & mask
	}
	return netip.AddrFrom16(bits)
}
