package update

import (
	"net/netip"
	"slices"

	"stayput.dev/internal/account"
)

// IsNonGlobal tells whether an address cannot be reached from outside the
// network that it is used in: loopback, link-local, RFC 1918, RFC 6598, unique
// local (RFC 4193), multicast or unspecified. Addresses for documentation and
// for benchmarks are ordinary ones. An IPv4-mapped address counts as the IPv4
// address in it; the zero Addr is not non-global.
func IsNonGlobal(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || isShared(a)
}

// isShared tells whether a is of the block that carriers share among their
// customers (RFC 6598 §7), 100.64.0.0/10.
func isShared(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	b := a.As4()
	return b[0] == 100 && b[1]&0xc0 == 64
}

// heed returns the plan as it is for a host, which may take addresses that cannot
// be reached from outside in another way than the service does.
func (p *plan) heed(h account.Host) *plan {
	if h.NonGlobal == account.NonGlobalDefault || !slices.ContainsFunc(p.wish.told, IsNonGlobal) {
		return p
	}
	heeding := *p
	heeding.wish = p.wish.sift(h.NonGlobal == account.NonGlobalAccept)
	return &heeding
}

// sift returns the wish with all addresses that were sent, or with those alone
// that can be reached from outside.
func (w wish) sift(acceptNonGlobal bool) wish {
	w.ignored = false
	w.v4 = w.siftFamily(w.v4, netip.Addr.Is4, acceptNonGlobal)
	w.v6 = w.siftFamily(w.v6, netip.Addr.Is6, acceptNonGlobal)
	return w
}

func (w *wish) siftFamily(t target, member func(netip.Addr) bool, acceptNonGlobal bool) target {
	if !slices.ContainsFunc(w.told, member) {
		return t // kept or removed, whatever addresses may be
	}
	t = target{}
	for _, a := range w.told {
		switch {
		case !member(a):
		case IsNonGlobal(a) && !acceptNonGlobal:
			w.ignored = true
		default:
			t.addrs = append(t.addrs, a)
		}
	}
	t.touched = len(t.addrs) > 0
	slices.SortFunc(t.addrs, netip.Addr.Compare)
	return t
}
