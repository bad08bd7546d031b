package front

import (
	"net/netip"
	"strings"
	"sync/atomic"
)

// ClientAddr returns who sent a request that came in from peer. An untrusted
// peer is the client, whatever the header says. A trusted one is a proxy: then
// the client is the right-most hop of the X-Forwarded-For lines that is not
// trusted itself, since all to the left of it could be invented. Where a hop is
// no address, the last good one before it counts, and if all are trusted the
// left-most. Brackets, ports and zones are understood, ::ffff: is unmapped. A
// hop without a port gets port 0.
func ClientAddr(peer netip.AddrPort, forwardedFor []string, trusted func(netip.Addr) bool) netip.AddrPort {
	client := plainAddrPort(peer)
	for i := len(forwardedFor) - 1; i >= 0; i-- {
		line, more := forwardedFor[i], true
		for more {
			if !trusted(client.Addr()) {
				return client
			}
			var hop string
			hop, line, more = cutLast(line)
			addr, ok := parseHop(hop)
			if !ok {
				return client
			}
			client = addr
		}
	}
	return client
}

// cutLast cuts the last element off a comma-separated list.
func cutLast(list string) (last, rest string, more bool) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return list[i+1:], list[:i], true
	}
	return list, "", false
}

// parseHop reads one element of X-Forwarded-For: an address with or without
// brackets, port or zone.
func parseHop(s string) (netip.AddrPort, bool) {
	s = strings.Trim(s, " \t")
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return plainAddrPort(ap), true
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	addr, err := netip.ParseAddr(s)
	return netip.AddrPortFrom(plainAddr(addr), 0), err == nil
}

// isForwarding reports whether a header, its name in canonical case, says for
// whom a proxy speaks.
func isForwarding(name string) bool {
	return name == "Forwarded" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-")
}

// plainAddr returns addr as accounts and records know it: IPv4 as IPv4, no zone.
func plainAddr(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

func plainAddrPort(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(plainAddr(ap.Addr()), ap.Port())
}

// proxies are the addresses that may say who the client is. They are safe for
// concurrent use.
type proxies struct {
	list atomic.Pointer[[]netip.Prefix]
}

func (ps *proxies) set(prefixes []netip.Prefix) {
	list := make([]netip.Prefix, 0, len(prefixes))
	for _, p := range prefixes {
		if addr := p.Addr(); addr.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
		}
		list = append(list, p)
	}
	ps.list.Store(&list)
}

// contain reports whether a proxy has this address.
func (ps *proxies) contain(addr netip.Addr) bool {
	for _, p := range *ps.list.Load() {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
