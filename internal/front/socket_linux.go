package front

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// A gate accepts the connections of a TCP listener as sockets, by a descriptor of its own.
type gate struct {
	net.Listener
	file *os.File
	raw  syscall.RawConn // of file
}

// gateOf returns what accepts the connections of l for less than l does, or l where
// there is no such thing.
func gateOf(l net.Listener) net.Listener {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return l
	}
	file, err := tcp.File()
	if err != nil {
		return l
	}
	raw, err := file.SyscallConn()
	if err == nil { // what is accepted inherits it
		err = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) })
	}
	if err != nil {
		_ = file.Close()
		return l
	}
	return &gate{l, file, raw}
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	var s *socket
	var err error
	closed := g.raw.Read(func(fd uintptr) bool {
		s, err = accept(int(fd))
		return err != syscall.EAGAIN
	})
	if closed != nil {
		return nil, net.ErrClosed
	}
	if err != nil {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: g.Addr(), Err: os.NewSyscallError("accept4", err)}
	}
	return s, nil
}

// Close implements net.Listener.
func (g *gate) Close() error { return errors.Join(g.file.Close(), g.Listener.Close()) }

// accept takes the next connection that its client has not given up.
func accept(listener int) (*socket, error) {
	for {
		fd, from, err := syscall.Accept4(listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch err {
		case nil:
			return &socket{fd: fd, remote: addrOf(from)}, nil
		case syscall.EINTR, syscall.ECONNABORTED:
		default:
			return nil, err
		}
	}
}

func addrOf(sa syscall.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// A socket is a TCP connection of which the runtime's poller knows only once something
// has to wait. Mostly nothing does: the request is there when the connection is
// accepted, and the reply has room in the kernel. That saves four system calls of nine.
type socket struct {
	remote netip.AddrPort

	mu      sync.Mutex // guards what follows; nothing waits while it is held
	fd      int        // -1 when closed
	file    *os.File   // of fd, with which to wait; nil until something has to
	readBy  time.Time  // the deadlines until then
	writeBy time.Time
}

var _ net.Conn = (*socket)(nil)

// try makes a system call that does not wait. Where that is not enough, or was not
// before, or the deadline has passed, it returns the file with which to wait.
func (s *socket) try(deadline *time.Time, call func(fd int) (int, error)) (n int, file *os.File, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.file == nil && s.fd >= 0 {
		if !deadline.IsZero() && !time.Now().Before(*deadline) {
			s.makeFile() // which fails as it does when it has waited
			break
		}
		switch n, err = call(s.fd); err {
		case syscall.EINTR:
		case syscall.EAGAIN:
			s.makeFile()
		default:
			return max(n, 0), nil, err
		}
	}
	if s.file == nil {
		return 0, nil, net.ErrClosed
	}
	return 0, s.file, nil
}

// makeFile makes the poller know of the socket. The caller holds mu.
func (s *socket) makeFile() {
	s.file = os.NewFile(uintptr(s.fd), "tcp")
	s.file.SetReadDeadline(s.readBy)
	s.file.SetWriteDeadline(s.writeBy)
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	n, file, err := s.try(&s.readBy, func(fd int) (int, error) { return syscall.Read(fd, p) })
	switch {
	case file != nil:
		n, err = file.Read(p)
	case n == 0 && err == nil && len(p) > 0:
		err = io.EOF
	}
	return n, s.fault("read", err)
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (written int, err error) {
	for {
		n, file, err := s.try(&s.writeBy, func(fd int) (int, error) { return send(fd, p[written:], 0) })
		if file != nil {
			n, err = file.Write(p[written:])
		}
		if written += n; err != nil || written == len(p) {
			return written, s.fault("write", err)
		}
	}
}

// writeMore writes what is to leave together with what comes next, as far as there is
// room, and returns how much that was.
func (s *socket) writeMore(p []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return 0
	}
	n, _ := send(s.fd, p, syscall.MSG_MORE) // Write meets a fault again
	return max(n, 0)
}

// hasInput reports whether there is something to read at once.
func (s *socket) hasInput() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return false
	}
	var one [1]byte
	n, _, _ := syscall.Recvfrom(s.fd, one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return n > 0
}

func send(fd int, p []byte, flags int) (int, error) {
	return syscall.SendmsgN(fd, p, nil, nil, flags|syscall.MSG_NOSIGNAL)
}

// fault makes an error what package net would return.
func (s *socket) fault(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = os.NewSyscallError(op, errno)
	} else if errors.Is(err, os.ErrClosed) {
		err = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: "tcp", Addr: s.RemoteAddr(), Err: err}
}

// Close implements net.Conn.
func (s *socket) Close() error {
	s.mu.Lock()
	fd, file := s.fd, s.file
	s.fd = -1
	s.mu.Unlock()
	switch {
	case fd < 0:
		return net.ErrClosed
	case file != nil:
		return file.Close()
	}
	return syscall.Close(fd)
}

// CloseWrite tells the client that nothing more will come.
func (s *socket) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return net.ErrClosed
	}
	return syscall.Shutdown(s.fd, syscall.SHUT_WR)
}

// LocalAddr implements net.Conn.
func (s *socket) LocalAddr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	own, _ := syscall.Getsockname(s.fd) // fails when closed, and then nobody cares
	return net.TCPAddrFromAddrPort(addrOf(own))
}

// RemoteAddr implements net.Conn.
func (s *socket) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.remote) }

// SetDeadline implements net.Conn.
func (s *socket) SetDeadline(t time.Time) error {
	return errors.Join(s.SetReadDeadline(t), s.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (s *socket) SetReadDeadline(t time.Time) error {
	return s.setDeadline(&s.readBy, t, (*os.File).SetReadDeadline)
}

// SetWriteDeadline implements net.Conn.
func (s *socket) SetWriteDeadline(t time.Time) error {
	return s.setDeadline(&s.writeBy, t, (*os.File).SetWriteDeadline)
}

// setDeadline keeps a deadline until there is a file, and then sets that of the file.
func (s *socket) setDeadline(kept *time.Time, t time.Time, set func(*os.File, time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *kept = t; s.file != nil {
		return set(s.file, t)
	}
	return nil
}
