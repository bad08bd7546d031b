package daemon

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"stayput.dev/internal/api"
	"stayput.dev/internal/config"
	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/publish"
	"stayput.dev/internal/zone"
)

func (d *daemon) openDNS() error {
	d.dns = dnsserver.New(d.registry.State, dnsserver.Options{Logger: d.log})
	d.notifier = publish.NewNotifier(d.registry, publish.NotifyOptions{Logger: d.log})
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
	d.goRun(func() error { d.notifier.Run(d.stopping); return nil })
	d.goRun(func() error { d.renewCookieSecrets(d.stopping); return nil })
}

// dnsSettings is what the DNS server was told last.
type dnsSettings struct {
	mu      sync.Mutex // guards what follows
	config  config.DNS
	secrets []dnsserver.CookieSecret
}

// setDNS makes the DNS server heed c. When the cookie secrets cannot be read, the old
// ones stay, and it returns why.
func (d *daemon) setDNS(c config.DNS) error {
	s := &d.dnsSettings
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = c
	return d.heedDNS()
}

// heedDNS is setDNS of what was told last. The caller holds dnsSettings.mu.
func (d *daemon) heedDNS() error {
	s := &d.dnsSettings
	c := s.config
	secrets, err := cookieSecrets(c, d.cfg.Data, d.log)
	if err == nil {
		s.secrets = secrets
	}
	updates := d.updates
	if d.answersOnly() {
		updates = nil
	}
	d.dns.SetOptions(dnsserver.Options{
		Logger: d.log, UDPSize: c.UDPSize, TCPIdle: c.TCPIdle, TCPConnections: c.TCPConnections,
		TCPConnectionsPerSource: c.TCPConnectionsPerSource, Version: c.Version, Identity: c.Identity, Whoami: c.Whoami,
		Updates: updates, Recorder: d.recorder(), CookieSecrets: s.secrets, RequireCookies: c.Cookies == config.CookiesRequire, QueryLogSample: c.QueryLogSample,
		Secondaries: transfersTo(c), Versions: d.store,
		RateLimit: dnsserver.RateLimit{PerSecond: c.RateLimit, Slip: c.RateLimitSlip, Exempt: c.RateLimitExempt},
	})
	d.notifier.SetSecondaries(noticesTo(c))
	d.pushers.SetTargets(pushesTo(c))
	return err
}

// transfersTo returns who may have zones whole.
func transfersTo(c config.DNS) []dnsserver.Secondary {
	var all []dnsserver.Secondary
	if len(c.Transfers) > 0 {
		all = append(all, dnsserver.Secondary{From: c.Transfers})
	}
	for _, s := range c.Secondaries {
		addr := s.Addr.Addr().WithZone("")
		all = append(all, dnsserver.Secondary{From: []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}, At: s.Addr, Key: keyName(s)})
	}
	return all
}

// keyName returns the name of a secondary's key, "" when it has none.
func keyName(s config.Secondary) zone.Name {
	if s.Key == "" {
		return ""
	}
	return zone.MustName(s.Key) // the configuration has none that is no name
}

// keyText is the name of a key, "" for none.
func keyText(key zone.Name) string {
	if key == "" {
		return ""
	}
	return key.String()
}

// noticesTo returns who hears when any zone changes.
func noticesTo(c config.DNS) []publish.Secondary {
	all := make([]publish.Secondary, len(c.Secondaries))
	for i, s := range c.Secondaries {
		all[i] = publish.Secondary{Addr: s.Addr, Key: keyName(s)}
	}
	return all
}

// secondaries shows the notifier to the API.
type secondaries struct{ *publish.Notifier }

// Check implements api.Secondaries.
func (s secondaries) Check(ctx context.Context) []api.SecondaryStatus {
	return viewSecondaries(s.Notifier.Check(ctx))
}

func viewSecondaries(states []publish.State) []api.SecondaryStatus {
	all := []api.SecondaryStatus{}
	for _, state := range states {
		out := api.SecondaryStatus{Zone: state.Zone.String(), Secondary: state.Secondary.Addr.String(), Key: keyText(state.Secondary.Key), Serial: state.Serial, Taken: state.Taken}
		if !state.At.IsZero() {
			out.Told = new(state.At.UTC())
		}
		out.Error = faultOf(&state).String()
		if state.HasErr == nil {
			out.Has = new(state.Has)
			if !zone.SerialLess(state.Serial, state.Has) {
				out.Behind = new(state.Serial - state.Has)
			}
		}
		all = append(all, out)
	}
	return all
}

// faultOf says what is wrong with a secondary that was asked what it has; nothing may be.
func faultOf(s *publish.State) phrase.Phrase {
	switch {
	case s.HasErr != nil:
		return phrase.New("cannot tell what it has: %v", s.HasErr)
	case zone.SerialLess(s.Serial, s.Has):
		return phrase.New("has a later version than we do")
	case s.Err != nil && !s.Taken:
		return phrase.New("does not take notices: %v", s.Err)
	}
	return phrase.Phrase{}
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
