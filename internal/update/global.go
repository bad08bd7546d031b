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

// heed returns the wish as it is for a host, which may take addresses that cannot
// be reached from outside in another way than r, that of all others.
func (w *wish) heed(h *account.Host, r *reach) *wish {
	if h.NonGlobal == account.NonGlobalDefault || !w.hasOutOfReach(r) {
		return w
	}
	own := r.of(h)
	heeding := w.sift(&own)
	return &heeding
}

// hasOutOfReach tells whether it is a matter of choice to take some address or
// prefix that was sent.
func (w *wish) hasOutOfReach(r *reach) bool {
	return slices.ContainsFunc(w.told, r.isOutOfReach) || w.v6.renumber != nil && r.isOutOfReach(w.v6.renumber.to.Addr())
}

// sift returns the wish with those of the addresses that were sent that r takes.
func (w wish) sift(r *reach) wish {
	w.ignored = false
	w.v4 = w.siftFamily(w.v4, netip.Addr.Is4, r)
	w.v6 = w.siftFamily(w.v6, netip.Addr.Is6, r)
	return w
}

func (w *wish) siftFamily(t target, member func(netip.Addr) bool, r *reach) target {
	if t.renumber != nil {
		t.touched = r.takes(t.renumber.to.Addr())
		w.ignored = w.ignored || !t.touched
		return t
	}
	if !slices.ContainsFunc(w.told, member) {
		return t // kept or removed, whatever addresses may be
	}
	t = target{}
	for _, a := range w.told {
		switch {
		case !member(a):
		case !r.takes(a):
			w.ignored = true
		default:
			t.addrs = append(t.addrs, a)
		}
	}
	t.touched = len(t.addrs) > 0
	slices.SortFunc(t.addrs, netip.Addr.Compare)
	return t
}
