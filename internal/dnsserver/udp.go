package dnsserver

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// ServeUDP answers what comes to conn until ctx ends
// or Shutdown is called; then it returns nil. It fails when conn is closed by
// others. In any case conn is closed at the end. Several calls may serve sockets
// of one address.
func (s *Server) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	defer func() { _ = conn.Close() }()
	ctx, end, ok := s.begin(ctx)
	if !ok {
		return nil
	}
	defer end()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()

	return s.answerUDP(ctx, conn, s.newWorker(s.tally.share()))
}

// network returns the name that package net has for a protocol in the family of
// addr. A socket for [::] takes no IPv4.
func network(protocol string, addr netip.AddrPort) string {
	if addr.Addr().Unmap().Is4() {
		return protocol + "4"
	}
	return protocol + "6"
}
