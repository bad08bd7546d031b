package front

import "syscall"

// writeLast writes what is the end of all that will ever be written. What fills
// no packet stays in the kernel until the connection is closed, which must be at
// once: then the reply and the end of the connection are one packet, and the
// client wakes up once for both.
func (c *conn) writeLast(p []byte) error {
	socket, ok := c.Conn.(syscall.Conn)
	if !ok {
		_, err := c.Write(p)
		return err
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	written := 0
	err = raw.Write(func(fd uintptr) bool {
		written, _ = syscall.SendmsgN(int(fd), p, nil, nil, syscall.MSG_MORE|syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
		return true
	})
	if err == nil && written < len(p) { // no room, or a fault that Write meets again
		_, err = c.Write(p[max(written, 0):])
	}
	return err
}
