package dnsserver

import (
	"cmp"
	"log/slog"
	"time"
)

// Options are what a server may be told. The zero Options are usual.
type Options struct {
	UDPSize                 int           // octets of the largest reply over UDP, at least 512; 0: 1232
	TCPIdle                 time.Duration // until a silent connection is closed; 0: 10 s
	TCPConnections          int           // open at once, those with TLS among them; 0: 1000
	TCPConnectionsPerSource int           // of one IPv4 address or IPv6 /64; 0: 100

	Version  string // answers CHAOS TXT version.bind and version.server; empty refuses
	Identity string // answers NSID and CHAOS TXT hostname.bind and id.server, cut after 128 octets; empty refuses
	Whoami   bool   // whoami.ZONE is answered with the client's address, unless the zone has something there

	// CookieSecrets make cookies. The first makes those that are sent; all are
	// accepted, so that one can be replaced. Without any, there are no cookies.
	CookieSecrets  []CookieSecret
	RequireCookies bool // over UDP, who brings no cookie that is good is not answered but told to

	QueryLogSample int          // of so many queries that come to a UDP socket, to TCP or to TLS, one is logged; 0: none
	RateLimit      RateLimit    // of replies over UDP
	Logger         *slog.Logger // nil: slog.Default
}

func (o Options) withDefaults() Options {
	o.UDPSize = max(cmp.Or(o.UDPSize, 1232), minUDPSize)
	o.TCPIdle = cmp.Or(o.TCPIdle, 10*time.Second)
	o.TCPConnections = cmp.Or(o.TCPConnections, 1000)
	o.TCPConnectionsPerSource = cmp.Or(o.TCPConnectionsPerSource, 100)
	o.Identity = o.Identity[:min(len(o.Identity), maxIdentity)]
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}
