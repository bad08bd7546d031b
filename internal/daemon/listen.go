package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"stayput.dev/internal/api"
	"stayput.dev/internal/archive"
	"stayput.dev/internal/config"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/front"
)

// Error is a failure to start, with what may help.
type Error struct {
	Err  error
	Help string
}

// Error returns what failed, on one line.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the failure.
func (e *Error) Unwrap() error { return e.Err }

// Hint returns what may help.
func (e *Error) Hint() string { return e.Help }

// cannotListen explains why a socket could not be opened.
func cannotListen(addr netip.AddrPort, network string, err error) error {
	e := &Error{Err: fmt.Errorf("cannot listen on %s (%s): %w", addr, network, cause(err))}
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && addr.Port() == 53:
		e.Help = "another program holds port 53, often systemd-resolved (it holds 127.0.0.53 and 127.0.0.54) or another name server; " +
			"find it with `ss -lnptu sport = :53`, then stop it, or name this machine's own addresses in dns.listen instead of 0.0.0.0"
	case errors.Is(err, syscall.EADDRINUSE):
		e.Help = fmt.Sprintf("another program holds this port; find it with `ss -lnptu sport = :%d`", addr.Port())
	case errors.Is(err, syscall.EACCES):
		e.Help = "ports below 1024 need CAP_NET_BIND_SERVICE, which the packaged systemd unit gives"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		e.Help = "this machine does not have that address"
	}
	return e
}

// cause returns the system's own words, without the address that we say already.
func cause(err error) error {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no
	}
	return err
}

func loopbackFor(a netip.AddrPort) netip.AddrPort {
	if a.Addr().Is4() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())
}

// listen makes the servers and opens their sockets. Nothing is answered yet.
func (d *daemon) listen() error {
	if err := d.openDNS(); err != nil {
		return err
	}
	if err := d.openHTTP(); err != nil {
		return err
	}
	if err := d.openAPI(); err != nil {
		return err
	}
	d.sockets.closeUnused(d.log)
	return nil
}

// network names one family, so that [::] does not take IPv4 as well.
func network(proto string, addr netip.AddrPort) string {
	if addr.Addr().Is4() {
		return proto + "4"
	}
	return proto + "6"
}

// loadCertificates reads the certificates of all TLS listeners.
func (d *daemon) loadCertificates() error {
	for _, c := range d.cfg.HTTP.Certificates {
		cert, err := front.LoadCertificate(c.Cert, c.Key)
		if err != nil {
			return err
		}
		d.certs = append(d.certs, cert)
	}
	d.warnOfCertificates()
	return nil
}

// warnOfCertificates tells the log of those that have expired.
func (d *daemon) warnOfCertificates() {
	for _, c := range d.showCertificates() {
		if c.Until.Before(time.Now()) {
			d.log.Warn("a certificate has expired, clients refuse it", "names", c.Names, "expired", c.Until)
		}
	}
}

// tlsConfig returns what TLS listeners have in common.
func (d *daemon) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: front.PickCertificate(d.certs...)}
}

// expectCertificate fails when addresses are for TLS and there is no certificate.
func (d *daemon) expectCertificate(role string, addrs []netip.AddrPort) error {
	if len(addrs) == 0 || len(d.certs) > 0 {
		return nil
	}
	return &Error{
		fmt.Errorf("the socket at %s is for %s, but there is no certificate", addrs[0], role),
		"add an [[http.certificate]] to the configuration",
	}
}

// openHTTP makes the front as the last reload has it, also after a handover that
// failed.
func (d *daemon) openHTTP() error {
	if d.restAPI == nil {
		d.restAPI = d.newAPI()
	}
	live := d.live.Load()
	options := deviceOptions(live.Updates)
	options.Recorder = d.recorder()
	d.devices = dyndns.New(d.updates, options)
	table := front.Table{Rest: d.monitored()}
	if !d.answersOnly() {
		d.openWeb()
		table = front.Table{Devices: d.devices.Paths(), Root: d.root(), Rest: d.rest()}
		maps.Copy(table.Devices, d.mirrored())
	}
	cfg := front.Config{
		Table:          table,
		TrustedProxies: live.HTTP.TrustedProxies,
		Limits:         front.Limits{PerSource: live.HTTP.ConnectionsPerSource, Total: live.HTTP.Connections},
		Logger:         d.log,
	}
	if len(d.certs) > 0 {
		cfg.TLS = d.tlsConfig()
	}
	d.front = front.New(cfg)
	d.addrs.HTTP, d.addrs.HTTPS = nil, nil
	for _, l := range []struct {
		role  string
		addrs []netip.AddrPort
		kind  front.Kind
		tell  *[]netip.AddrPort
	}{
		{roleHTTP, d.cfg.HTTP.Listen, front.Plain, &d.addrs.HTTP},
		{roleHTTPS, d.cfg.HTTP.TLSListen, front.TLS, &d.addrs.HTTPS},
		{roleLegacyTLS, d.cfg.HTTP.LegacyTLSListen, front.LegacyTLS, &d.addrs.HTTPS},
	} {
		addrs := d.sockets.addresses(l.role, l.addrs)
		if l.kind != front.Plain {
			if err := d.expectCertificate(l.role, addrs); err != nil {
				return err
			}
		}
		for _, addr := range addrs {
			lis, err := d.sockets.tcp(l.role, addr, func() (net.Listener, error) { return listenHTTP(addr) })
			if err != nil {
				return err
			}
			*l.tell = append(*l.tell, lis.Addr().(*net.TCPAddr).AddrPort())
			server := d.front
			d.httpCalls = append(d.httpCalls, func(ctx context.Context) error { return server.Serve(ctx, lis, l.kind) })
		}
	}
	if d.answersOnly() {
		d.addrs.GnuDIP = nil
		return nil
	}
	return d.openGnuDIP()
}

// openGnuDIP opens the listeners for GnuDIP, which are served as those for HTTP are.
func (d *daemon) openGnuDIP() error {
	server := dyndns.NewGnuDIP(d.updates, d.recorder())
	d.addrs.GnuDIP = nil
	for _, addr := range d.sockets.addresses(roleGnuDIP, d.cfg.GnuDIP.Listen) {
		l, err := d.sockets.tcp(roleGnuDIP, addr, func() (net.Listener, error) { return listenHTTP(addr) })
		if err != nil {
			return err
		}
		d.addrs.GnuDIP = append(d.addrs.GnuDIP, l.Addr().(*net.TCPAddr).AddrPort())
		d.httpCalls = append(d.httpCalls, func(ctx context.Context) error { return server.Serve(ctx, l) })
	}
	return nil
}

// listenHTTP opens a listener. The front has deadlines of its own; without
// keep-alive probes each connection saves four system calls.
func listenHTTP(addr netip.AddrPort) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	return lc.Listen(context.Background(), network("tcp", addr), addr.String())
}

// serveRequests begins to serve updates and commands, and to keep what they bring.
func (d *daemon) serveRequests() {
	if d.accepting.ctx.Err() != nil {
		d.accepting, d.expiring = newGroup(d.stopping), false
	}
	for _, call := range d.httpCalls {
		d.accepting.run(func(ctx context.Context) { d.note(call(ctx)) })
	}
	if !d.answersOnly() && !d.expiring { // it may run on, where an upgrade failed early
		d.expiring = true
		d.once(d.accepting, jobExpiry, d.expiry.Run)
	}
	for _, call := range d.commandCalls {
		d.goRun(call)
	}
	d.httpCalls, d.commandCalls = nil, nil
	d.keep()
}

// keep runs what writes to the store besides the writer, unless it runs.
func (d *daemon) keep() {
	if d.keeping.ctx.Err() != nil {
		d.keeping, d.kept = newGroup(d.stopping), false
	}
	if d.kept {
		return
	}
	d.kept = true
	self := d.self()
	d.cluster.self.Store(&self)
	if d.store.Shared() {
		d.keeping.run(d.speak(self))
	}
	d.keeping.run(d.compact)
	if d.answersOnly() {
		return
	}
	d.keeping.run(func(ctx context.Context) {
		if err := d.seen.Run(ctx); err != nil {
			d.log.Warn("when hosts were last seen was not saved", "error", err)
		}
	})
	d.once(d.keeping, jobPush, d.pushers.Run)
	d.once(d.keeping, jobWebhooks, d.webhooks.Run)
	d.once(d.keeping, jobMail, d.mail.Run)
	d.keeping.run(d.signin.Run)
	d.keeping.run(d.history.Run)
	d.once(d.keeping, jobPrivacy, d.privacy.Run)
	d.once(d.keeping, jobNotices, d.notices.Run)
	d.once(d.keeping, jobArchive, d.archivist.Run)
}

// keepPast says for how long the past is remembered.
func (d *daemon) keepPast() archive.Keep {
	keep := d.live.Load().Store
	return archive.Keep{Addresses: keep.KeepAddresses, Deeds: keep.KeepDeeds}
}

// root answers "/" with the caller's address on the hosts that are for it, and
// devices that send no path.
func (d *daemon) root() func(*http.Request) http.Handler {
	page := d.devices.Paths()["/checkip"]
	return func(r *http.Request) http.Handler {
		switch hosts := d.live.Load().HTTP; {
		case isFor(r, hosts.CheckipHosts):
			return page
		case isFor(r, hosts.UpdateHosts):
			return d.devices.AnyPath()
		}
		return d.devices.Root(r)
	}
}

// isFor tells whether the request is for one of the hosts.
func isFor(r *http.Request, hosts []config.HostPattern) bool {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.ContainsFunc(hosts, func(p config.HostPattern) bool { return p.Matches(host) })
}

// rest is what operators and monitors ask, and on hosts that are set aside for
// updates, whatever devices ask.
func (d *daemon) rest() http.Handler {
	mux := d.monitored()
	public := d.restAPI.Public(api.Public{Visitor: d.visitor})
	mux.HandleFunc("/api/v1/", func(w http.ResponseWriter, r *http.Request) {
		if !d.live.Load().HTTP.API {
			http.NotFound(w, r)
			return
		}
		public.ServeHTTP(w, r)
	})
	d.showWeb(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Before mux, which redirects paths with doubled slashes: no router follows.
		_, known := mux.Handler(r)
		if (known == "" || known == pagesPattern) && isFor(r, d.live.Load().HTTP.UpdateHosts) && !isPicture(r.URL.Path) {
			d.devices.AnyPath().ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// isPicture tells whether a path is of a picture, as browsers want one for every site, with
// the password that they have for it. No device asks for any.
func isPicture(file string) bool {
	switch strings.ToLower(path.Ext(file)) {
	case ".ico", ".png":
		return true
	}
	return false
}

func reply(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}
