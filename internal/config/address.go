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

// secondaries returns a field for DNS servers.
func secondaries(p *[]Secondary) field {
	return many(p, "an address, maybe with a port and a key", parseSecondary)
}

// parseSecondary takes "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:5353", and
// behind each of them " key NAME".
func parseSecondary(text string) ([]Secondary, string, bool) {
	words := strings.Fields(text)
	if len(words) != 1 && (len(words) != 3 || words[1] != "key") {
		return nil, "write 192.0.2.53, or 192.0.2.53 key NAME", false
	}
	addr, hint, ok := parseServer(words[0])
	if !ok || len(words) == 1 {
		return []Secondary{{Addr: addr}}, hint, ok
	}
	key := strings.ToLower(strings.TrimSuffix(words[2], "."))
	return []Secondary{{addr, key}}, "the key is named as in \"stayput tsig list\"", isHostName(key)
}

// parseServer takes the address of a DNS server, maybe with a port.
func parseServer(text string) (netip.AddrPort, string, bool) {
	if a, err := netip.ParseAddr(text); err == nil && !a.Is4In6() {
		return netip.AddrPortFrom(a, 53), "", !a.IsUnspecified()
	}
	a, err := netip.ParseAddrPort(text)
	switch {
	case err != nil:
		return a, "write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353; names are not looked up", false
	case a.Addr().Is4In6():
		return a, "write " + netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String(), false
	}
	return a, "", a.Port() != 0 && !a.Addr().IsUnspecified()
}

// servers returns a field for the addresses of DNS servers.
func servers(p *[]netip.AddrPort) field {
	return many(p, "an address, maybe with a port", func(text string) ([]netip.AddrPort, string, bool) {
		addr, hint, ok := parseServer(text)
		return []netip.AddrPort{addr}, hint, ok
	})
}

// pushes returns a field for zones at other primaries.
func pushes(p *[]Push) field {
	return many(p, "a zone, an address and a key", parsePush)
}

// parsePush takes "dyn.example.org 192.0.2.53:5353 key stayput-push".
func parsePush(text string) ([]Push, string, bool) {
	const hint = "write dyn.example.org 192.0.2.53 key stayput-push"
	words := strings.Fields(text)
	if len(words) != 4 || words[2] != "key" {
		return nil, hint, false
	}
	addr, why, ok := parseServer(words[1])
	if !ok {
		return nil, why, false
	}
	p := Push{Addr: addr}
	for i, name := range map[int]*string{0: &p.Zone, 3: &p.Key} {
		*name = strings.ToLower(strings.TrimSuffix(words[i], "."))
		if !isHostName(*name) {
			return nil, hint, false
		}
	}
	return []Push{p}, "", true
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
