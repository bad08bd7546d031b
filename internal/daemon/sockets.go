package daemon

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"stayput.dev/internal/dnsserver"
)

// What a socket is for. By these names systemd may hand us sockets that the
// configuration does not mention (FileDescriptorName= in systemd.socket(5)).
const (
	roleDNS       = "dns"
	roleDNSTLS    = "dns-tls"
	roleHTTP      = "http"
	roleHTTPS     = "https"
	roleLegacyTLS = "legacy-https"
	roleGnuDIP    = "gnudip"
	roleAdmin     = "admin"
)

// sockets are those that we listen at: opened by us, or given to us by systemd or
// by the process that we follow. A given one is taken where the configuration asks
// for its address. It is not safe for concurrent use.
type sockets struct {
	given []given
	open  []socket
}

// socket is a socket that we listen at, as a successor must know it.
type socket struct {
	Role    string
	Asked   string // the address as the configuration has it, whose port may be 0
	Systemd bool   `json:",omitempty"` // it is systemd's, and stays when we end
	Named   bool   `json:",omitempty"` // it was given for its role, whatever its address

	conn syscall.Conn
}

// addresses returns where to listen in a role: where the configuration says, and
// where else a socket was given to us for that.
func (s *sockets) addresses(role string, configured []netip.AddrPort) []netip.AddrPort {
	all := slices.Clone(configured)
	for _, g := range s.given {
		meant := func(a netip.AddrPort) bool { return g.isFor(role, a) }
		usable := g.stream != nil && g.path() == "" || g.udp != nil && role == roleDNS
		if g.Named && g.Role == role && usable && !slices.ContainsFunc(all, meant) {
			all = append(all, g.address())
		}
	}
	return all
}

// tcp returns a listener for an address: one that was given, or else what open
// makes.
func (s *sockets) tcp(role string, addr netip.AddrPort, open func() (net.Listener, error)) (net.Listener, error) {
	about := socket{Role: role, Asked: addr.String()}
	for i, g := range s.given {
		if g.stream != nil && g.path() == "" && g.isFor(role, addr) {
			s.given = slices.Delete(s.given, i, i+1)
			about.Systemd, about.Named = g.Systemd, g.Named
			return s.listenAt(about, g.stream), nil
		}
	}
	l, err := open()
	if err != nil {
		return nil, cannotListen(addr, "TCP", err)
	}
	return s.listenAt(about, l), nil
}

// udp returns the sockets for an address: all that were given, for clients are
// spread over all of them and what waits in one is lost with it; or else what
// open makes.
func (s *sockets) udp(role string, addr netip.AddrPort, open func() ([]*net.UDPConn, error)) ([]*net.UDPConn, error) {
	about := socket{Role: role, Asked: addr.String()}
	var all []*net.UDPConn
	for _, g := range s.given {
		if g.udp == nil || !g.isFor(role, addr) {
			continue
		}
		if err := dnsserver.PrepareUDP(g.udp); err != nil {
			return nil, cannotListen(addr, "UDP", err)
		}
		about.Systemd, about.Named = g.Systemd, g.Named
		all = append(all, g.udp)
	}
	s.given = slices.DeleteFunc(s.given, func(g given) bool { return slices.Contains(all, g.udp) })
	if len(all) == 0 {
		var err error
		if all, err = open(); err != nil {
			return nil, cannotListen(addr, "UDP", err)
		}
	}
	for _, conn := range all {
		about.conn = conn
		s.open = append(s.open, about)
	}
	return all, nil
}

// unix returns the listeners of the admin socket: one at path, which was given or
// is what open makes, and others that were given to us for that.
func (s *sockets) unix(path string, open func() (net.Listener, error)) ([]net.Listener, error) {
	var all []net.Listener
	found := false
	s.given = slices.DeleteFunc(s.given, func(g given) bool {
		here := g.path() != "" && isSameFile(g.path(), path)
		if !here && (!g.Named || g.Role != roleAdmin || g.path() == "") {
			return false
		}
		found = found || here
		all = append(all, s.listenAt(socket{Role: roleAdmin, Systemd: g.Systemd, Named: g.Named}, g.stream))
		return true
	})
	if found {
		return all, nil
	}
	l, err := open()
	if err != nil {
		return nil, err
	}
	return append(all, s.listenAt(socket{Role: roleAdmin}, l)), nil
}

func isSameFile(a, b string) bool {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}

// listenAt notes what a listener is for.
func (s *sockets) listenAt(about socket, l net.Listener) net.Listener {
	about.conn = l.(syscall.Conn)
	s.open = append(s.open, about)
	return l
}

// forget drops a socket, which the caller closes.
func (s *sockets) forget(conn syscall.Conn) {
	s.open = slices.DeleteFunc(s.open, func(o socket) bool { return o.conn == conn })
}

// keepFiles says whether the files of our own Unix sockets go when these are
// closed. They must stay when a successor listens there.
func (s *sockets) keepFiles(keep bool) {
	for _, o := range s.open {
		if l, ok := o.conn.(*net.UnixListener); ok {
			l.SetUnlinkOnClose(!keep && !o.Systemd)
		}
	}
}

// areSystemds tells whether there are sockets that stay when we end.
func (s *sockets) areSystemds() bool {
	return slices.ContainsFunc(s.open, func(o socket) bool { return o.Systemd })
}

// closeUnused closes what was given and nobody wants.
func (s *sockets) closeUnused(log *slog.Logger) {
	for _, g := range s.given {
		if g.Systemd {
			log.Warn("a socket from systemd is at no address of the configuration, and its name is none of ours",
				"address", g.local(), "name", g.Role)
		}
		g.close()
	}
	s.given = nil
}

// duplicates returns another descriptor of each open socket. They must be closed.
func (s *sockets) duplicates() (files []*os.File, err error) {
	for _, o := range s.open {
		file, err := duplicate(o.conn)
		if err != nil {
			closeFiles(files)
			return nil, fmt.Errorf("copying a socket for %s: %w", o.Role, err)
		}
		files = append(files, file)
	}
	return files, nil
}
