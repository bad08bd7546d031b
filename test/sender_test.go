//go:build linux

package test

import (
	wire "encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch is how many packets leave with one system call.
const batch = 64

// A sender sends packets from any address of the machine, and takes none.
type sender struct {
	fd       int
	to       unix.RawSockaddrInet4
	messages [batch]message
	iovs     [batch]unix.Iovec
	from     [batch][]byte // control messages (ip(7), IP_PKTINFO)
	packets  [batch][4096]byte
}

// message is the kernel's mmsghdr.
type message struct {
	header unix.Msghdr
	passed uint32
}

func newSender(to netip.AddrPort) (*sender, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a socket: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 0)
	port := wire.BigEndian.AppendUint16(nil, to.Port())
	s := &sender{fd: fd, to: unix.RawSockaddrInet4{Family: unix.AF_INET, Port: wire.NativeEndian.Uint16(port), Addr: to.Addr().As4()}}
	for i := range s.messages {
		s.from[i] = unix.PktInfo4(&unix.Inet4Pktinfo{})
		s.iovs[i].Base = &s.packets[i][0]
		h := &s.messages[i].header
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&s.to)), unix.SizeofSockaddrInet4
		h.Iov, h.Iovlen = &s.iovs[i], 1
		h.Control = &s.from[i][0]
		h.SetControllen(len(s.from[i]))
	}
	return s, nil
}

func (s *sender) close() { _ = unix.Close(s.fd) }

// send sends the next packets of a forge.
func (s *sender) send(f *forge) error {
	for i := range s.messages {
		from, packet := f.next()
		copy(s.from[i][unix.CmsgLen(4):], from[:]) // behind the number of the interface
		s.iovs[i].SetLen(copy(s.packets[i][:], packet))
	}
	for sent := 0; sent < batch; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.messages[sent])), uintptr(batch-sent), 0, 0, 0)
		switch errno {
		case 0:
			sent += int(n)
		case unix.EINTR, unix.EAGAIN, unix.ENOBUFS:
		default:
			return errno
		}
	}
	return nil
}
