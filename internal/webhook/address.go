package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// ErrForbidden says that a URL leads to an address that strangers must not make us
// talk to.
var ErrForbidden = errors.New("address is not public")

// forbidden are networks that are not public, or lead to such (IANA's special
// registries, RFC 6890). Loopback, link-local with the metadata services of clouds,
// private and multicast addresses are known to netip.
var forbidden = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // shared by carriers, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), // IPv4 behind NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // Teredo and others
	netip.MustParsePrefix("2002::/16"), // IPv4 in 6to4
	netip.MustParsePrefix("::/96"),     // IPv4 in what is long obsolete
	netip.MustParsePrefix("fec0::/10"),
}

// isPublic tells whether anybody may be sent to the address.
func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid(), a.IsUnspecified(), a.IsLoopback(), a.IsPrivate(), a.IsLinkLocalUnicast(), a.IsMulticast():
		return false
	}
	return !slices.ContainsFunc(forbidden[:], func(p netip.Prefix) bool { return p.Contains(a) })
}

// guard refuses to connect to an address that is neither public nor allowed. It is
// asked with the very address that is connected to, so that no name can lead past
// it, whatever it resolved to before.
func guard(allowed func() []netip.Prefix) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s", ErrForbidden, address)
		}
		a := at.Addr().Unmap().WithZone("")
		if isPublic(a) || slices.ContainsFunc(allowed(), func(p netip.Prefix) bool { return p.Contains(a) }) {
			return nil
		}
		return fmt.Errorf("%w: %s", ErrForbidden, a)
	}
}
