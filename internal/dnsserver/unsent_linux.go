package dnsserver

import "golang.org/x/sys/unix"

// maxUnsent is how many octets the kernel keeps for a connection that are not even
// sent (tcp(7)). Without it, a client that takes nothing can make it keep
// some megabytes; what is on its way does not count, so that nobody gets less.
const maxUnsent = 128 << 10

// limitUnsent bounds what the kernel keeps for each connection that a listener
// accepts. An old kernel cannot do it, which is no reason not to serve.
func limitUnsent(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
}
