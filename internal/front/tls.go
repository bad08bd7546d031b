package front

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// modernTLS returns the configuration of TLS listeners.
func modernTLS(base *tls.Config) *tls.Config {
	cfg := base.Clone()
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12
	}
	cfg.NextProtos = []string{"h2", "http/1.1"}
	return cfg
}

// legacyTLS returns the configuration of LegacyTLS listeners: all that devices
// of before 2015 know, RC4 excepted. What is newer is preferred where the
// client knows it. HTTP/2 forbids most of these suites (RFC 9113 §9.2.2).
func legacyTLS(base *tls.Config) *tls.Config {
	cfg := base.Clone()
	cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS10, 0
	cfg.NextProtos = []string{"http/1.1"}
	cfg.CipherSuites = []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA,
		tls.TLS_RSA_WITH_AES_256_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA,
		tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
	}
	return cfg
}

// handshake brings TLS up on the connection.
func (c *conn) handshake() (*tls.Conn, bool) {
	cfg := c.server.modern
	if c.kind == LegacyTLS {
		cfg = c.server.legacy
	}
	secure := tls.Server(c, cfg)
	c.SetDeadline(time.Now().Add(c.server.limits.HandshakeTimeout))
	if err := secure.Handshake(); err != nil {
		c.handshakeFailed(err)
		return nil, false
	}
	c.SetDeadline(time.Time{})
	return secure, true
}

// handshakeFailed notes a failed handshake, and tells a client that speaks
// plain HTTP what is wrong.
func (c *conn) handshakeFailed(err error) {
	if errors.Is(err, io.EOF) {
		return // a health check, or a change of mind
	}
	c.server.counters.handshakes.Add(1)
	c.server.log.Debug("TLS handshake failed", slog.String("peer", c.remote), slog.Any("error", err))
	plain, ok := errors.AsType[tls.RecordHeaderError](err)
	if !ok || plain.Conn == nil || !isToken(string(plain.RecordHeader[:3])) {
		return
	}
	w := &response{}
	w.fail(http.StatusBadRequest)
	w.body = append(w.body, "This port speaks HTTPS.\n"...)
	w.finish()
	_, _ = c.Write(w.append(nil, framing{proto: "HTTP/1.0", date: c.server.date.at(time.Now())}))
	linger(c)
}
