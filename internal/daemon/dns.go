package daemon

import (
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"stayput.dev/internal/config"
	"stayput.dev/internal/dnsserver"
)

func (d *daemon) openDNS() error {
	d.dns = dnsserver.New(d.registry.State, dnsserver.Options{Logger: d.log})
	if err := d.setDNS(d.cfg.DNS); err != nil {
		return err
	}
	for _, addr := range d.sockets.addresses(roleDNS, d.cfg.DNS.Listen) {
		udp, tcp, err := d.sockets.dns(addr)
		if err != nil {
			return err
		}
		if !isHere(addr.Addr()) {
			d.log.Warn("this machine does not have an address of dns.listen yet; it is served from when it comes", "address", addr)
		}
		d.addrs.DNS = append(d.addrs.DNS, tcp.Addr().(*net.TCPAddr).AddrPort())
		d.dnsCalls = append(d.dnsCalls, func() error { return d.dns.ServeTCP(d.stopping, tcp) })
		for _, conn := range udp {
			d.dnsCalls = append(d.dnsCalls, func() error { return d.dns.ServeUDP(d.stopping, conn) })
		}
	}
	return d.openDNSOverTLS()
}

func (d *daemon) openDNSOverTLS() error {
	addrs := d.sockets.addresses(roleDNSTLS, d.cfg.DNS.TLSListen)
	if err := d.expectCertificate(roleDNSTLS, addrs); err != nil {
		return err
	}
	for _, addr := range addrs {
		l, err := d.sockets.tcp(roleDNSTLS, addr, func() (net.Listener, error) { return dnsserver.ListenTCP(addr) })
		if err != nil {
			return err
		}
		d.addrs.DNSTLS = append(d.addrs.DNSTLS, l.Addr().(*net.TCPAddr).AddrPort())
		d.dnsCalls = append(d.dnsCalls, func() error { return d.dns.ServeTLS(d.stopping, l, d.tlsConfig()) })
	}
	return nil
}

// serveDNS begins to answer queries.
func (d *daemon) serveDNS() {
	for _, call := range d.dnsCalls {
		d.goRun(call)
	}
	d.dns.Warm()
	d.goRun(func() error { d.renewCookieSecrets(d.stopping); return nil })
}

// dnsSettings is what the DNS server was told last.
type dnsSettings struct {
	mu      sync.Mutex
	config  config.DNS
	secrets []dnsserver.CookieSecret
}

// setDNS makes the DNS server heed c. When the cookie secrets cannot be read, the old
// ones stay, and it returns why.
func (d *daemon) setDNS(c config.DNS) error {
	s := &d.dnsSettings
	s.mu.Lock()
	defer s.mu.Unlock()
	secrets, err := cookieSecrets(c, d.cfg.Data, d.log)
	if err == nil {
		s.secrets = secrets
	}
	s.config = c
	d.dns.SetOptions(dnsserver.Options{
		Logger: d.log, UDPSize: c.UDPSize, TCPIdle: c.TCPIdle, TCPConnections: c.TCPConnections,
		TCPConnectionsPerSource: c.TCPConnectionsPerSource, Version: c.Version, Identity: c.Identity, Whoami: c.Whoami,
		CookieSecrets: s.secrets, RequireCookies: c.Cookies == config.CookiesRequire, QueryLogSample: c.QueryLogSample,
		RateLimit: dnsserver.RateLimit{PerSecond: c.RateLimit, Slip: c.RateLimitSlip, Exempt: c.RateLimitExempt},
	})
	return err
}

// dnsConfig returns the configuration that the DNS server heeds.
func (d *daemon) dnsConfig() config.DNS {
	d.dnsSettings.mu.Lock()
	defer d.dnsSettings.mu.Unlock()
	return d.dnsSettings.config
}

// dns returns the UDP sockets and the TCP socket of one address. When the kernel is
// to choose the port it chooses one that is free for both.
func (s *sockets) dns(addr netip.AddrPort) ([]*net.UDPConn, net.Listener, error) {
	for try := 0; ; try++ {
		tcp, err := s.tcp(roleDNS, addr, func() (net.Listener, error) { return dnsserver.ListenTCP(addr) })
		if err != nil {
			return nil, nil, err
		}
		same := netip.AddrPortFrom(addr.Addr(), tcp.Addr().(*net.TCPAddr).AddrPort().Port())
		udp, err := s.udp(roleDNS, same, func() ([]*net.UDPConn, error) {
			return dnsserver.ListenUDPs(same, runtime.GOMAXPROCS(0)) // each keeps one processor busy
		})
		if err == nil || addr.Port() != 0 || try == 10 {
			return udp, tcp, err
		}
		s.forget(tcp.(syscall.Conn))
		_ = tcp.Close()
	}
}

// isHere tells whether this machine has the address now. Where that cannot be found out,
// it has.
func isHere(addr netip.Addr) bool {
	if addr.IsUnspecified() || addr.IsLoopback() {
		return true
	}
	here, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	return slices.ContainsFunc(here, func(a net.Addr) bool {
		p, ok := a.(*net.IPNet)
		return ok && p.IP.Equal(addr.AsSlice())
	})
}
