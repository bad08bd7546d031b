//go:build linux

package load

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket is a TCP socket that never blocks, so the scheduler need not know of
// the calls on it: to tell it would cost as much as the shorter ones take.
type socket int

// noSocket is none.
const noSocket socket = -1

// openSocket returns a socket that chooses its port when it connects, so that
// a source address has all ports for each server (ip(7)).
func openSocket() (socket, error) {
	const kind = unix.SOCK_STREAM | unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC
	fd, _, errno := unix.RawSyscall(unix.SYS_SOCKET, unix.AF_INET, kind, 0)
	if errno != 0 {
		return noSocket, fmt.Errorf("opening a socket: %w", errno)
	}
	one := int32(1)
	_, _, errno = unix.RawSyscall6(unix.SYS_SETSOCKOPT, fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one), 0)
	if errno != 0 {
		return socket(fd), fmt.Errorf("binding late: %w", errno)
	}
	return socket(fd), nil
}

// bind gives the socket its source address.
func (s socket) bind(at *unix.RawSockaddrInet4) error {
	_, _, errno := unix.RawSyscall(unix.SYS_BIND, uintptr(s), uintptr(unsafe.Pointer(at)), unix.SizeofSockaddrInet4)
	if errno != 0 {
		return fmt.Errorf("binding: %w", errno)
	}
	return nil
}

// connect begins to connect. Over loopback the handshake is over on return
// although the kernel says that it is in progress.
func (s socket) connect(to *unix.RawSockaddrInet4) error {
	_, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(s), uintptr(unsafe.Pointer(to)), unix.SizeofSockaddrInet4)
	if errno != 0 && errno != unix.EINPROGRESS {
		return fmt.Errorf("connecting: %w", errno)
	}
	return nil
}

// send sends as much of b, which is not empty, as the connection takes now:
// nothing, too, as long as there is none.
func (s socket) send(b []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EAGAIN:
		return 0, nil
	default:
		return 0, fmt.Errorf("sending: %w", errno)
	}
}

// receive reads what has come into b, which is not empty. It returns false when
// nothing has, and 0 and true at the end of the connection.
func (s socket) receive(b []byte) (int, bool, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	switch errno {
	case 0:
		return int(n), true, nil
	case unix.EAGAIN:
		return 0, false, nil
	default:
		return 0, false, fmt.Errorf("reading reply: %w", errno)
	}
}

// close closes the socket. Nothing is left to send or to learn.
func (s socket) close() { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(s), 0, 0) }

// sockaddr returns the address as the kernel takes it.
func sockaddr(a netip.AddrPort) unix.RawSockaddrInet4 {
	port := binary.BigEndian.AppendUint16(nil, a.Port())
	return unix.RawSockaddrInet4{Family: unix.AF_INET, Port: binary.NativeEndian.Uint16(port), Addr: a.Addr().As4()}
}
