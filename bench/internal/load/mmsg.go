//go:build linux

package load

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsg calls recvmmsg(2) or sendmmsg(2) for the first n messages and returns
// how many passed: 0 when the socket has nothing or takes nothing now. The
// calls never block, so the scheduler need not know of them.
func (l *line) mmsg(trap uintptr, messages *[batch]message, n int) (int, error) {
	passed, _, errno := unix.RawSyscall6(trap, uintptr(l.fd), uintptr(unsafe.Pointer(&messages[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		return int(passed), nil
	case unix.EAGAIN, unix.EINTR, unix.ENOBUFS:
		return 0, nil
	default:
		return 0, errno
	}
}
