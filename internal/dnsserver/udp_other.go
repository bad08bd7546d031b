//go:build !linux

package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// canShare tells whether several sockets can have one address.
const canShare = false

// ListenUDP opens a socket for ServeUDP. On this system an address takes one
// socket, and replies from one for all addresses of a family leave from the
// address that the system chooses: name the addresses where there are several.
func ListenUDP(addr netip.AddrPort) (*net.UDPConn, error) {
	return net.ListenUDP(network("udp", addr), net.UDPAddrFromAddrPort(addr))
}

// PrepareUDP makes a socket that was not opened by ListenUDP fit for ServeUDP. On this
// system there is nothing to do.
func PrepareUDP(*net.UDPConn) error { return nil }

// ListenTCP opens a listener for ServeTCP or ServeTLS. One for [::] takes no IPv4, so that
// there may be one for 0.0.0.0 beside it.
func ListenTCP(addr netip.AddrPort) (*net.TCPListener, error) {
	return net.ListenTCP(network("tcp", addr), net.TCPAddrFromAddrPort(addr))
}

// answerUDP answers what comes to conn, one packet after another, until ctx ends.
func (s *Server) answerUDP(ctx context.Context, conn *net.UDPConn, w *udpWorker) error {
	packets, clients, sizes := make([][]byte, 1), make([]netip.Addr, 1), make([]int, 1)
	buf := make([]byte, BufferSize)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf[:maxMessage])
		switch {
		case err == nil: // also when ctx has ended: nobody else has the packet
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("reading from %s: %w", conn.LocalAddr(), err)
		default:
			s.logFault("cannot read from UDP socket", conn.LocalAddr(), err)
			pause(ctx)
			continue
		}
		w.later = func(int) func([]byte) error {
			return func(reply []byte) error {
				_, err := conn.WriteToUDPAddrPort(reply, from)
				return err
			}
		}
		packets[0], clients[0] = buf[:n], from.Addr().Unmap()
		w.answer(packets, clients, sizes)
		if sizes[0] == 0 {
			continue
		}
		if _, err := conn.WriteToUDPAddrPort(buf[:sizes[0]], from); err != nil {
			w.counters.unsent.Add(1)
		}
	}
}
