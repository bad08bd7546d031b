package daemon

import (
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"

	"stayput.dev/internal/config"
	"stayput.dev/internal/dnsserver"
)

func (d *daemon) startDNS() error {
	d.dns = dnsserver.New(d.registry.State, dnsserver.Options{Logger: d.log})
	if err := d.setDNS(d.cfg.DNS); err != nil {
		return err
	}
	for _, addr := range d.cfg.DNS.Listen {
		udp, tcp, err := listenDNS(addr)
		if err != nil {
			return err
		}
		if !isHere(addr.Addr()) {
			d.log.Warn("this machine does not have an address of dns.listen yet; it is served from when it comes", "address", addr)
		}
		d.addrs.DNS = append(d.addrs.DNS, udp[0].LocalAddr().(*net.UDPAddr).AddrPort())
		for _, conn := range udp {
			d.goRun(func() error { return d.dns.ServeUDP(d.stopping, conn) })
		}
		d.goRun(func() error { return d.dns.ServeTCP(d.stopping, tcp) })
	}
	d.goRun(func() error { d.renewCookieSecrets(d.stopping); return nil })
	return d.startDNSOverTLS()
}

func (d *daemon) startDNSOverTLS() error {
	for _, addr := range d.cfg.DNS.TLSListen {
		l, err := dnsserver.ListenTCP(addr)
		if err != nil {
			return cannotListen(addr, "TCP", err)
		}
		d.addrs.DNSTLS = append(d.addrs.DNSTLS, l.Addr().(*net.TCPAddr).AddrPort())
		d.goRun(func() error { return d.dns.ServeTLS(d.stopping, l, d.tlsConfig()) })
	}
	return nil
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

// listenDNS opens the UDP sockets and the TCP socket of one address. When the kernel is
// to choose the port it chooses one that is free for both.
func listenDNS(addr netip.AddrPort) ([]*net.UDPConn, net.Listener, error) {
	for try := 0; ; try++ {
		tcp, err := dnsserver.ListenTCP(addr)
		if err != nil {
			return nil, nil, cannotListen(addr, "TCP", err)
		}
		same := netip.AddrPortFrom(addr.Addr(), tcp.Addr().(*net.TCPAddr).AddrPort().Port())
		udp, err := dnsserver.ListenUDPs(same, runtime.GOMAXPROCS(0)) // each keeps one processor busy
		if err == nil {
			return udp, tcp, nil
		}
		_ = tcp.Close()
		if addr.Port() != 0 || try == 10 {
			return nil, nil, cannotListen(addr, "UDP", err)
		}
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
