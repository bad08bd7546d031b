package front

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
)

// The PROXY protocol puts the client's address in front of a connection, before
// TLS: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
const (
	proxySignature1 = "PROXY "
	proxySignature2 = "\r\n\r\n\x00\r\nQUIT\n"

	maxProxyLine   = 107     // §2.1, CRLF included
	maxProxyHeader = 2 << 10 // version 2 with its extensions, which may hold names and certificate data
)

var (
	errProxyShort = errors.New("proxy header incomplete")
	errProxyBad   = errors.New("malformed proxy header")
)

// parseProxy reads the PROXY header, version 1 or 2, that b may begin with. It
// returns the client (invalid where the proxy speaks for itself) and the length
// of the header, 0 if there is none. It fails with errProxyShort while b is too
// short to tell.
func parseProxy(b []byte) (client netip.AddrPort, n int, err error) {
	switch {
	case bytes.HasPrefix(b, []byte(proxySignature1)):
		return parseProxyLine(b)
	case bytes.HasPrefix(b, []byte(proxySignature2)):
		return parseProxyBinary(b)
	case strings.HasPrefix(proxySignature1, string(b)), strings.HasPrefix(proxySignature2, string(b)):
		return client, 0, errProxyShort
	}
	return client, 0, nil
}

// parseProxyLine reads version 1: PROXY TCP4 source destination sport dport.
func parseProxyLine(b []byte) (client netip.AddrPort, n int, err error) {
	line, _, found := bytes.Cut(b[:min(len(b), maxProxyLine)], []byte("\r\n"))
	switch {
	case !found && len(b) < maxProxyLine:
		return client, 0, errProxyShort
	case !found:
		return client, 0, errProxyBad
	}
	n = len(line) + len("\r\n")
	words := strings.Split(string(line), " ")
	if words[1] == "UNKNOWN" {
		return client, n, nil
	}
	if len(words) != 6 {
		return client, 0, errProxyBad
	}
	addr, err := netip.ParseAddr(words[2])
	if err != nil || addr.Zone() != "" || words[1] != proxyFamily(addr) {
		return client, 0, errProxyBad
	}
	// ParseAddrPort reads the port as strictly as it reads its own.
	port, err := netip.ParseAddrPort("0.0.0.0:" + words[4])
	if err != nil {
		return client, 0, errProxyBad
	}
	return plainAddrPort(netip.AddrPortFrom(addr, port.Port())), n, nil
}

func proxyFamily(addr netip.Addr) string {
	if addr.Is4() {
		return "TCP4"
	}
	return "TCP6"
}

// parseProxyBinary reads version 2: the signature, version and command, family,
// length, then source, destination and ports; extensions are skipped.
func parseProxyBinary(b []byte) (client netip.AddrPort, n int, err error) {
	const fixed = len(proxySignature2) + 4
	if len(b) < fixed {
		return client, 0, errProxyShort
	}
	command, family := b[12], b[13]>>4
	n = fixed + int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case command>>4 != 2 || command&0xf > 1 || n > maxProxyHeader:
		return client, 0, errProxyBad
	case len(b) < n:
		return client, 0, errProxyShort
	case command&0xf == 0: // LOCAL: the proxy's own health check
		return client, n, nil
	}
	return proxySource(family, b[fixed:n], n)
}

func proxySource(family byte, b []byte, n int) (netip.AddrPort, int, error) {
	var size int
	switch family {
	case 1:
		size = 4
	case 2:
		size = 16
	default: // unspecified, or a socket in the file system
		return netip.AddrPort{}, n, nil
	}
	if len(b) < 2*size+4 {
		return netip.AddrPort{}, 0, errProxyBad
	}
	addr, _ := netip.AddrFromSlice(b[:size])
	port := binary.BigEndian.Uint16(b[2*size:])
	return plainAddrPort(netip.AddrPortFrom(addr, port)), n, nil
}
