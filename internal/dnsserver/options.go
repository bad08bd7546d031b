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
	TCPConnections          int           // open at once; 0: 1000
	TCPConnectionsPerSource int           // of one IPv4 address or IPv6 /64; 0: 100
	Version                 string        // answers CHAOS TXT version.bind and version.server; empty refuses
	Identity                string        // answers CHAOS TXT hostname.bind and id.server; empty refuses
	Logger                  *slog.Logger  // nil: slog.Default
}

func (o Options) withDefaults() Options {
	o.UDPSize = max(cmp.Or(o.UDPSize, 1232), minUDPSize)
	o.TCPIdle = cmp.Or(o.TCPIdle, 10*time.Second)
	o.TCPConnections = cmp.Or(o.TCPConnections, 1000)
	o.TCPConnectionsPerSource = cmp.Or(o.TCPConnectionsPerSource, 100)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}
