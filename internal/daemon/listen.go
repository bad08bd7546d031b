package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"stayput.dev/internal/api"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/front"
	"stayput.dev/internal/metrics"
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
	return nil
}

// tlsConfig returns what TLS listeners have in common.
func (d *daemon) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: front.PickCertificate(d.certs...)}
}

func (d *daemon) startHTTP() error {
	d.devices = dyndns.New(d.updates, deviceOptions(d.cfg.Updates))
	cfg := front.Config{
		Table: front.Table{
			Devices: d.devices.Paths(),
			Root:    d.checkIPRoot(),
			Rest:    d.rest(),
		},
		TrustedProxies: d.cfg.HTTP.TrustedProxies,
		Limits:         front.Limits{PerSource: d.cfg.HTTP.ConnectionsPerSource, Total: d.cfg.HTTP.Connections},
		Logger:         d.log,
	}
	if len(d.certs) > 0 {
		cfg.TLS = d.tlsConfig()
	}
	d.front = front.New(cfg)
	for _, l := range []struct {
		addrs []netip.AddrPort
		kind  front.Kind
		tell  *[]netip.AddrPort
	}{
		{d.cfg.HTTP.Listen, front.Plain, &d.addrs.HTTP},
		{d.cfg.HTTP.TLSListen, front.TLS, &d.addrs.HTTPS},
		{d.cfg.HTTP.LegacyTLSListen, front.LegacyTLS, &d.addrs.HTTPS},
	} {
		for _, addr := range l.addrs {
			// The front has deadlines of its own; without keep-alive probes each
			// connection saves four system calls.
			lc := net.ListenConfig{KeepAlive: -1}
			lis, err := lc.Listen(d.stopping, network("tcp", addr), addr.String())
			if err != nil {
				return cannotListen(addr, "TCP", err)
			}
			*l.tell = append(*l.tell, lis.Addr().(*net.TCPAddr).AddrPort())
			d.goRun(func() error { return d.front.Serve(d.stopping, lis, l.kind) })
		}
	}
	return nil
}

// checkIPRoot answers "/" with the caller's address on the hosts that are for it.
func (d *daemon) checkIPRoot() func(*http.Request) http.Handler {
	page := d.devices.Paths()["/checkip"]
	return func(r *http.Request) http.Handler {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		for _, p := range d.live.Load().HTTP.CheckipHosts {
			if p.Matches(host) {
				return page
			}
		}
		return nil
	}
}

// rest is what operators and monitors ask.
func (d *daemon) rest() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if d.registry.Err() != nil {
			reply(w, http.StatusServiceUnavailable, "store unavailable\n")
			return
		}
		reply(w, http.StatusOK, "ready\n")
	})
	mux.Handle("GET /metrics", metrics.Handler(d.allowMetrics, d.collectors()...))
	return mux
}

func reply(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// apiServer is the REST API on the admin socket.
type apiServer struct{ http.Server }

// SocketPath returns where the daemon with the data directory is spoken to.
func SocketPath(data string) string { return filepath.Join(data, "admin.sock") }

// adminHandler is the REST API and, for whoever wants to know where time and
// memory go, the profiles of package net/http/pprof.
func (d *daemon) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", api.New(api.Config{Admin: d.admin, Registry: d.registry, Backup: d.store, Version: d.opts.Version}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func (d *daemon) startAPI(ctx context.Context) error {
	path := SocketPath(d.cfg.Data)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // the store's lock says that nobody uses it
		return fmt.Errorf("removing the old admin socket: %w", err)
	}
	lis, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		e := &Error{Err: fmt.Errorf("cannot listen on %s: %w", path, cause(err))}
		if len(path) > 107 {
			e.Help = "the path of a Unix socket has at most 107 characters; use a data directory with a shorter name"
		}
		return e
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("protecting the admin socket: %w", err)
	}
	d.addrs.Socket = path
	d.api = &apiServer{http.Server{
		Handler:           d.adminHandler(),
		ReadHeaderTimeout: 10 * time.Second,
	}}
	d.goRun(func() error {
		if err := d.api.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving the admin socket: %w", err)
		}
		return nil
	})
	return nil
}
