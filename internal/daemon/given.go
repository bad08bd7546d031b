package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

// given is a socket that was given to us and that nobody has taken yet.
type given struct {
	socket
	udp    *net.UDPConn // or nil
	stream net.Listener // or nil
}

// fromSystemd takes over the sockets that systemd has opened for us
// (sd_listen_fds(3)), if it has.
func (s *sockets) fromSystemd() error {
	roles := []string{roleDNS, roleDNSTLS, roleHTTP, roleHTTPS, roleLegacyTLS, roleGnuDIP, roleAdmin}
	for _, file := range activation.Files(true) {
		about := socket{Role: file.Name(), Systemd: true, Named: slices.Contains(roles, file.Name())}
		if err := s.take(file, about); err != nil {
			return fmt.Errorf("socket %q from systemd: %w", about.Role, err)
		}
	}
	return nil
}

// take adds a socket to those that were given. It closes the file.
func (s *sockets) take(file *os.File, about socket) error {
	defer file.Close()
	g := given{socket: about}
	if stream, err := net.FileListener(file); err == nil {
		g.stream, g.conn = stream, stream.(syscall.Conn)
	} else if packets, err := net.FilePacketConn(file); err != nil {
		return fmt.Errorf("neither UDP, TCP nor a Unix stream: %w", err)
	} else if udp, ok := packets.(*net.UDPConn); !ok {
		return errors.Join(errors.New("neither UDP, TCP nor a Unix stream"), packets.Close())
	} else {
		g.udp, g.conn = udp, udp
	}
	s.given = append(s.given, g)
	return g.check()
}

// check refuses what would not keep our promises.
func (g *given) check() error {
	if path := g.path(); path != "" {
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o002 != 0 {
			err = &Error{fmt.Errorf("anybody may command the daemon at %s", path), "set SocketMode=0600 in its .socket unit"}
		}
		return err
	}
	if g.address().Addr() != netip.IPv6Unspecified() {
		return nil
	}
	only := 1
	err := control(g.conn, func(fd int) (err error) {
		only, err = syscall.GetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY)
		return err
	})
	if err == nil && only == 0 {
		err = &Error{fmt.Errorf("%s takes IPv4 as well", g.address()), "set BindIPv6Only=ipv6-only in its .socket unit, and name 0.0.0.0 too"}
	}
	return err
}

func (g *given) local() net.Addr {
	if g.udp != nil {
		return g.udp.LocalAddr()
	}
	return g.stream.Addr()
}

// address returns where the socket is, the zero AddrPort for a Unix socket.
func (g *given) address() netip.AddrPort {
	if a, ok := g.local().(interface{ AddrPort() netip.AddrPort }); ok {
		return a.AddrPort()
	}
	return netip.AddrPort{}
}

// path returns where a Unix socket is, "" for others.
func (g *given) path() string {
	if a, ok := g.local().(*net.UnixAddr); ok {
		return a.Name
	}
	return ""
}

func (g *given) close() {
	if g.udp != nil {
		_ = g.udp.Close()
	} else {
		_ = g.stream.Close()
	}
}

// isFor tells whether the configuration means the socket when it asks for addr.
func (g *given) isFor(role string, addr netip.AddrPort) bool {
	return g.address() == addr || g.Role == role && g.Asked == addr.String()
}
