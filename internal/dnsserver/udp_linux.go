package dnsserver

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// ListenUDP opens a socket for ServeUDP. Any number of sockets may share one
// address: the kernel spreads the clients over them. Replies from a socket for
// all addresses of a family (0.0.0.0, or [::], which takes no IPv4) leave from
// the address that was asked.
func ListenUDP(addr netip.AddrPort) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if e := raw.Control(func(fd uintptr) { err = prepareUDP(int(fd), addr.Addr().Unmap()) }); e != nil {
			return e
		}
		return err
	}}
	conn, err := config.ListenPacket(context.Background(), network("udp", addr), addr.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

func prepareUDP(fd int, addr netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	level, discover, omit, info := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT, unix.IP_PKTINFO
	if addr.Is6() {
		level, discover, omit, info = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT, unix.IPV6_RECVPKTINFO
	}
	// Whoever forges a message about a small path must not make us send
	// fragments (RFC 9715). An old kernel cannot do it, which is no reason not to serve.
	_ = unix.SetsockoptInt(fd, level, discover, omit)
	if !addr.IsUnspecified() {
		return nil // the socket's own address is the one that was asked
	}
	return unix.SetsockoptInt(fd, level, info, 1)
}

// replyFrom makes the control message that came with a packet (ip(7), ipv6(7))
// the one that sends the reply from the address that was asked. It returns nil
// when there is none.
func replyFrom(control []byte) []byte {
	if len(control) == 0 {
		return nil
	}
	header, data, _, err := unix.ParseOneSocketControlMessage(control)
	if err != nil {
		return nil
	}
	switch {
	case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		// The source of what is sent already stands in its place. The way out is for
		// the routes to say, not the way in.
		binary.NativeEndian.PutUint32(data, 0)
	case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		if !netip.AddrFrom16([16]byte(data)).IsLinkLocalUnicast() {
			binary.NativeEndian.PutUint32(data[16:], 0)
		}
	default:
		return nil
	}
	return control[:unix.CmsgSpace(len(data))]
}
