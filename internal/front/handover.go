package front

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// maxStreams is the number of requests that one HTTP/2 connection may have open.
const maxStreams = 100

// handover is a net.Listener whose connections come from the front's own hands.
type handover struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *handover) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *handover) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *handover) Addr() net.Addr { return &net.TCPAddr{} }

// A replay is a TLS connection of which something has been read already. It is
// no *tls.Conn, so that net/http reads through it, but shows its state, so that
// net/http finds that.
type replay struct {
	*tls.Conn
	unread []byte
}

// Read reads what was read too far first.
func (c *replay) Read(p []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(p, c.unread)
		c.unread = c.unread[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// handOver gives a connection to net/http, which closes it. It fails when the
// server is closing.
func (s *Server) handOver(c net.Conn) bool {
	select {
	case s.handover.conns <- c:
		s.counters.handedOver.Add(1)
		return true
	case <-s.handover.done:
		return false
	}
}

// connKey is where a request's context has its *conn.
type connKey struct{}

// newWeb returns the server for all that is not a device's. It has no
// ReadTimeout and WriteTimeout, which would end long downloads and event
// streams: its connections have a deadline for each write.
func (s *Server) newWeb() *http.Server {
	return &http.Server{
		Handler:           http.HandlerFunc(s.serveWeb),
		ReadHeaderTimeout: webHeadTimeout,
		IdleTimeout:       s.limits.WebIdleTimeout,
		MaxHeaderBytes:    s.limits.HeadBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, socketOf(c))
		},
	}
}

// socketOf returns the conn that a connection given to net/http goes over.
func socketOf(c net.Conn) *conn {
	if layer, ok := c.(interface{ NetConn() net.Conn }); ok { // a *tls.Conn or a *replay
		c = layer.NetConn()
	}
	return c.(*conn)
}
