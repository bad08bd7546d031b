package update

import "net/netip"

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
