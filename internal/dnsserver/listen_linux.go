package dnsserver

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// canShare tells whether several sockets can have one address.
const canShare = true

// ListenUDP opens a socket for ServeUDP. Any number of sockets may share one
// address: the kernel spreads the clients over them. Replies from a socket for
// all addresses of a family (0.0.0.0, or [::], which takes no IPv4) leave from
// the address that was asked. An address that the machine does not have is served
// from when it comes.
func ListenUDP(addr netip.AddrPort) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: control(func(fd int) error { return prepareUDP(fd, addr.Addr().Unmap()) })}
	conn, err := config.ListenPacket(context.Background(), network("udp", addr), addr.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

// control returns what calls prepare for a socket that is about to be bound.
func control(prepare func(fd int) error) func(network, address string, raw syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) error {
		var err error
		if e := raw.Control(func(fd uintptr) { err = prepare(int(fd)) }); e != nil {
			return e
		}
		return err
	}
}

// receiveBuffer is the memory for packets that wait, in octets, of which each of
// the usual ones takes 768: it carries a processor that is busy elsewhere for some
// milliseconds over a load that it can bear, and keeps nobody waiting for longer
// in one that it cannot. The system gives what net.core.rmem_max allows.
const receiveBuffer = 2 << 20

func prepareUDP(fd int, addr netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, receiveBuffer)
	if !addr.IsUnspecified() {
		if err := freebind(fd, addr); err != nil {
			return err
		}
	}
	return setUDPOptions(fd, addr)
}

// PrepareUDP makes a socket that was not opened by ListenUDP fit for ServeUDP. How
// much may wait in it is for whoever opened it to say.
func PrepareUDP(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	addr := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	return control(func(fd int) error { return setUDPOptions(fd, addr) })("", "", raw)
}

// setUDPOptions sets what a socket needs while it is served.
func setUDPOptions(fd int, addr netip.Addr) error {
	level, discover, omit, info := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT, unix.IP_PKTINFO
	if addr.Is6() {
		level, discover, omit, info = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT, unix.IPV6_RECVPKTINFO
	}
	// Whoever forges a message about a small path must not make us send fragments
	// (RFC 9715). An old kernel cannot do it, which is no reason not to serve.
	_ = unix.SetsockoptInt(fd, level, discover, omit)
	if !addr.IsUnspecified() {
		return nil // the socket's own address is the one that was asked
	}
	return unix.SetsockoptInt(fd, level, info, 1)
}

// freebind lets a socket be bound to an address that the machine does not have
// now: it may come with a link that is not up yet, or from another machine that
// fails.
func freebind(fd int, addr netip.Addr) error {
	if addr.Is6() {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_FREEBIND, 1)
}

// ListenTCP opens a listener for ServeTCP or ServeTLS. One for [::] takes no IPv4, so that
// there may be one for 0.0.0.0 beside it. An address that the machine does not have
// is served from when it comes.
func ListenTCP(addr netip.AddrPort) (*net.TCPListener, error) {
	config := net.ListenConfig{Control: control(func(fd int) error {
		limitUnsent(fd)
		return freebind(fd, addr.Addr().Unmap())
	})}
	config.SetMultipathTCP(false)
	l, err := config.Listen(context.Background(), network("tcp", addr), addr.String())
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
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
