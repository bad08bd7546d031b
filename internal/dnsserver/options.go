package dnsserver

import (
	"cmp"
	"log/slog"
	"time"

	"stayput.dev/internal/update"
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

	// Updates makes the changes that UPDATE asks for (RFC 2136). Nil: NOTIMP.
	Updates *update.Service

	// Recorder hears of UPDATEs of hosts; may be nil.
	Recorder Recorder

	Secondaries []Secondary // who may have all zones whole; the state names others for single ones, and all others are refused
	Versions    Versions    // what secondaries may have from before; nil: nothing is known of that

	QueryLogSample int          // of so many queries that come to a UDP socket, to TCP or to TLS, one is logged; 0: none
	RateLimit      RateLimit    // of replies over UDP
	Logger         *slog.Logger // nil: slog.Default

	given *given // what secondaries have
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
