package front

import (
	"net"
	"syscall"
)

// GateOf is what Serve accepts by.
var GateOf = gateOf

// NoDelay returns the option of a connection that a gate accepted.
func NoDelay(c net.Conn) (int, error) {
	return syscall.GetsockoptInt(c.(*socket).fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
}
