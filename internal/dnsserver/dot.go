package dnsserver

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// ServeTLS is ServeTCP for DNS over TLS (RFC 7858). The configuration must have
// certificates; it is not changed. TLS 1.2 is the oldest version that is spoken,
// and a client that asks for a protocol must ask for "dot".
func (s *Server) ServeTLS(ctx context.Context, l net.Listener, config *tls.Config) error {
	config = config.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	config.NextProtos = []string{"dot"}
	return s.serveStreams(ctx, l, func(c *conn) {
		c.client.Via = TLS
		c.stream = tls.Server(c.Conn, config)
	})
}

// shakeHands brings TLS up on a connection that wants it, and returns false when
// that fails.
func (s *Server) shakeHands(c *conn) bool {
	secure, ok := c.stream.(*tls.Conn)
	if !ok {
		return true
	}
	c.readWithin(messageTimeout)
	_ = c.SetWriteDeadline(time.Now().Add(messageTimeout))
	if err := secure.Handshake(); err != nil {
		s.streams.handshakes.Add(1)
		s.opts.Load().Logger.Debug("TLS handshake failed", "client", c.client.Addr, "error", err)
		return false
	}
	c.noteReply()
	return true
}

// isWeak tells whether the connection has TLS of a version that is too old for
// transfers (RFC 9103 §7.2).
func (c *conn) isWeak() bool {
	secure, ok := c.stream.(*tls.Conn)
	return ok && secure.ConnectionState().Version < tls.VersionTLS13
}

// sayGoodbye tells a client of TLS that nothing more comes, as far as it listens.
func (c *conn) sayGoodbye() {
	if secure, ok := c.stream.(*tls.Conn); ok {
		_ = secure.CloseWrite()
	}
}
