//go:build !linux

package dnsserver

import (
	"net"
	"net/netip"
)

// ListenUDP opens a socket for ServeUDP. On this system an address takes one
// socket, and replies from one for all addresses of a family leave from the
// address that the system chooses: name the addresses where there are several.
func ListenUDP(addr netip.AddrPort) (*net.UDPConn, error) {
	return net.ListenUDP(network("udp", addr), net.UDPAddrFromAddrPort(addr))
}

// replyFrom returns the control message that sends a reply; here there is none.
func replyFrom([]byte) []byte { return nil }
