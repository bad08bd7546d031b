//go:build linux

package figure

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"stayput.dev/bench/internal/peer"
)

// EchoCommand is the argument that makes stayput-bench the echo.
const EchoCommand = "echo"

// echo is the subject that sends each question back: what the kernel's UDP takes,
// and all that a DNS server can hope for.
const echo = "echo"

// echoServer starts the echo on the core cpu.
func (b *bench) echoServer(ctx context.Context, cpu int) (*peer.Server, error) {
	p, at, err := b.helper(ctx, EchoCommand, cpu)
	if err != nil {
		return nil, err
	}
	return &peer.Server{Process: p, Name: echo, DNS: at}, nil
}

// echoed is a batch of packets, with struct mmsghdr as the kernel has it.
type echoed struct {
	messages [64]struct {
		header unix.Msghdr
		octets uint32
	}
	vectors [64]unix.Iovec
	names   [64]unix.RawSockaddrInet4
	packets [64][2048]byte
}

// ServeEcho flips the QR bit of each packet that comes and sends it back, in
// batches, on one thread, until ctx ends. It writes the address that it listens on
// as one line to out. A C program that makes the same system calls is as fast.
func ServeEcho(ctx context.Context, out io.Writer) error {
	fd, at, err := echoSocket()
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	defer unix.Close(fd)
	fmt.Fprintln(out, at)
	e := new(echoed)
	for i := range e.messages {
		h := &e.messages[i].header
		h.Iov, h.Name = &e.vectors[i], (*byte)(unsafe.Pointer(&e.names[i]))
		h.SetIovlen(1)
		e.vectors[i].Base = &e.packets[i][0]
	}
	for ctx.Err() == nil {
		if err := e.turn(uintptr(fd)); err != nil {
			return fmt.Errorf("echoing: %w", err)
		}
	}
	return nil
}

// echoSocket opens a socket that waits at most 100 ms for a packet.
func echoSocket() (fd int, at netip.AddrPort, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, at, err
	}
	loopback := [4]byte{127, 0, 0, 1}
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback})
	}
	var bound unix.Sockaddr
	if err == nil {
		bound, err = unix.Getsockname(fd)
	}
	if err != nil {
		unix.Close(fd)
		return 0, at, err
	}
	return fd, netip.AddrPortFrom(netip.AddrFrom4(loopback), uint16(bound.(*unix.SockaddrInet4).Port)), nil
}

// turn waits for packets and sends them back. What cannot be sent is lost.
func (e *echoed) turn(fd uintptr) error {
	for i := range e.messages {
		e.messages[i].header.Namelen = unix.SizeofSockaddrInet4
		e.vectors[i].SetLen(len(e.packets[i]))
	}
	n, _, errno := syscall.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&e.messages)), uintptr(len(e.messages)), unix.MSG_WAITFORONE, 0, 0)
	switch errno {
	case 0:
	case unix.EAGAIN, unix.EINTR:
		return nil
	default:
		return errno
	}
	for i := range n {
		e.packets[i][2] |= 0x80
		e.vectors[i].SetLen(int(e.messages[i].octets))
	}
	for at := uintptr(0); at < n; {
		sent, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&e.messages[at])), n-at, 0, 0, 0)
		if errno != 0 {
			sent = 1
		}
		at += sent
	}
	return nil
}
