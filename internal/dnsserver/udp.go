package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// controlSize is the octets of the control message that says which of our
// addresses a packet was sent to.
const controlSize = 64

// ServeUDP answers what comes to conn, one packet after another, until ctx ends
// or Shutdown is called; then it returns nil. It fails when conn is closed by
// others. In any case conn is closed at the end. Several calls may serve sockets
// of one address.
func (s *Server) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	defer func() { _ = conn.Close() }()
	ctx, _, taken, end, ok := s.begin(ctx)
	if !ok {
		return nil
	}
	defer end()
	defer taken()
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()

	w := s.newWorker(s.tally.share())
	packet := make([]byte, maxMessage)
	control := make([]byte, controlSize)
	for {
		n, controls, _, from, err := conn.ReadMsgUDPAddrPort(packet, control)
		switch {
		case err == nil: // also when ctx has ended: nobody else has the packet
			w.serveUDP(conn, packet[:n], control[:controls], from)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("reading from %s: %w", conn.LocalAddr(), err)
		default:
			s.logFault("cannot read from UDP socket", conn.LocalAddr(), err)
			pause(ctx)
		}
	}
}

// serveUDP answers one packet. Control is what came with it.
func (w *worker) serveUDP(conn *net.UDPConn, packet, control []byte, from netip.AddrPort) {
	if from.Port() == 0 { // nobody can be there
		w.counters.dropped.Add(1)
		return
	}
	reply := w.reply(packet, UDP)
	if reply == nil {
		return
	}
	if _, _, err := conn.WriteMsgUDPAddrPort(reply, replyFrom(control), from); err != nil {
		w.counters.unsent.Add(1)
	}
}

// network returns the name that package net has for a protocol in the family of
// addr. A socket for [::] takes no IPv4.
func network(protocol string, addr netip.AddrPort) string {
	if addr.Addr().Unmap().Is4() {
		return protocol + "4"
	}
	return protocol + "6"
}
