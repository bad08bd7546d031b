//go:build !linux

package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// ListenUDP opens a socket for ServeUDP. On this system an address takes one
// socket, and replies from one for all addresses of a family leave from the
// address that the system chooses: name the addresses where there are several.
func ListenUDP(addr netip.AddrPort) (*net.UDPConn, error) {
	return net.ListenUDP(network("udp", addr), net.UDPAddrFromAddrPort(addr))
}

// answerUDP answers what comes to conn, one packet after another, until ctx ends.
func (s *Server) answerUDP(ctx context.Context, conn *net.UDPConn, w *worker) error {
	packet := make([]byte, maxMessage)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(packet)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("reading from %s: %w", conn.LocalAddr(), err)
		case err != nil:
			s.logFault("cannot read from UDP socket", conn.LocalAddr(), err)
			pause(ctx)
			continue
		}
		w.replyTo(conn, packet[:n], from)
	}
}

// replyTo answers one packet.
func (w *worker) replyTo(conn *net.UDPConn, packet []byte, from netip.AddrPort) {
	if from.Port() == 0 { // nobody can be there
		w.counters.dropped.Add(1)
		return
	}
	if reply := w.reply(packet, UDP); reply != nil {
		if _, err := conn.WriteToUDPAddrPort(reply, from); err != nil {
			w.counters.unsent.Add(1)
		}
	}
}
