package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// listen returns a field for addresses to listen on.
func listen(p *[]netip.AddrPort) field {
	return many(p, "an address and a port", parseListen)
}

// parseListen takes "192.0.2.1:53", "[2001:db8::1]:53", and ":53" for every
// address of both families.
func parseListen(text string) ([]netip.AddrPort, string, bool) {
	if digits, ok := strings.CutPrefix(text, ":"); ok {
		if port, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return []netip.AddrPort{
				netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)),
				netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port)),
			}, "", true
		}
	}
	a, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil, listenHint(text), false
	}
	if a.Addr().Is4In6() {
		return nil, "write " + netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String(), false
	}
	return []netip.AddrPort{a}, "", true
}

// listenHint says what may be wrong with text as an address to listen on.
func listenHint(text string) string {
	if _, err := strconv.ParseUint(text, 10, 16); err == nil {
		return "write :" + text + " to listen on every address"
	}
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return "add the port, as in " + netip.AddrPortFrom(a, 53).String()
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.Contains(text, "/") {
		return "write 192.0.2.1:53, [2001:db8::1]:53 or :53"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "the port is a number from 0 to 65535"
	}
	switch host {
	case "*":
		return "write :" + port + " to listen on every address"
	case "localhost":
		return "names are not looked up; write 127.0.0.1:" + port + " or [::1]:" + port
	}
	return "names are not looked up; write the address"
}

// prefixes returns a field for networks and single addresses.
func prefixes(p *[]netip.Prefix) field {
	return many(p, "an address or a network", parsePrefix)
}

// parsePrefix takes "192.0.2.0/24" and "192.0.2.1", which is a network of one.
// IPv4 within IPv6 is refused, since it would never match: callers are
// compared in their IPv4 form.
func parsePrefix(text string) ([]netip.Prefix, string, bool) {
	if a, err := netip.ParseAddr(text); err == nil {
		if a.Is4In6() {
			return nil, "write " + a.Unmap().String(), false
		}
		return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}, "", a.Zone() == ""
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return nil, "write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32", false
	case p.Addr().Is4In6():
		return nil, "write the IPv4 form", false
	case p != p.Masked():
		return nil, "write " + p.Masked().String() + " or " + p.Addr().String(), false
	}
	return []netip.Prefix{p}, "", true
}

// HostPattern is a host name in lower case without a dot at its end, or one
// whose last label is "*", which stands for one label or more.
type HostPattern string

// Matches reports whether host, a name without a port, is one that p means.
// Case and a dot at the end do not count.
func (p HostPattern) Matches(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if start, ok := strings.CutSuffix(string(p), "*"); ok {
		return len(host) > len(start) && strings.HasPrefix(host, start)
	}
	return host == string(p)
}

// hostPatterns returns a field for host names and patterns of them.
func hostPatterns(p *[]HostPattern) field {
	return many(p, "a host name", func(text string) ([]HostPattern, string, bool) {
		name := strings.ToLower(strings.TrimSuffix(text, "."))
		if !isHostName(strings.TrimSuffix(name, ".*")) {
			return nil, "write checkip.example.org, or checkip.* for every name that starts so", false
		}
		return []HostPattern{HostPattern(name)}, "", true
	})
}

// isHostName reports whether name, in lower case, can be a host in a URL
// (RFC 1123 §2.1; underscores are let through as browsers do).
func isHostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		odd := strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_")
		if label == "" || len(label) > 63 || odd != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}
