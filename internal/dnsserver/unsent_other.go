//go:build !linux

package dnsserver

import (
	"net"
	"net/netip"
)

// ListenTCP opens a listener for ServeTCP or ServeTLS. One for [::] takes no
// IPv4, so that there may be one for 0.0.0.0 beside it.
func ListenTCP(addr netip.AddrPort) (*net.TCPListener, error) {
	return net.ListenTCP(network("tcp", addr), net.TCPAddrFromAddrPort(addr))
}
