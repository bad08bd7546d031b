package rig

import (
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Link is a way to a PostgreSQL server that can be cut. It works until the test ends.
type Link struct {
	URL    string // of the database, by this way
	socket string // of the server

	mu    sync.Mutex // guards what follows
	cut   bool
	muted bool
	open  map[net.Conn]bool
}

// NewLink makes a way to the database at a URL that PostgresURL returned.
func NewLink(tb testing.TB, database string) *Link {
	tb.Helper()
	u, err := url.Parse(database)
	if err != nil {
		tb.Fatal(err)
	}
	q := u.Query()
	dir, err := os.MkdirTemp("", "link") // a short name, as sockets want it
	if err != nil {
		tb.Fatal(err)
	}
	const name = ".s.PGSQL.5432"
	l := &Link{socket: filepath.Join(q.Get("host"), name), open: map[net.Conn]bool{}}
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	l.URL = u.String()
	listener, err := net.Listen("unix", filepath.Join(dir, name))
	if err != nil {
		tb.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { l.carry(c) })
		}
	})
	tb.Cleanup(func() {
		_ = listener.Close()
		l.Cut()
		running.Wait()
		_ = os.RemoveAll(dir)
	})
	return l
}

// Cut ends all connections and lets none begin.
func (l *Link) Cut() { l.set(true, false) }

// Mute lets requests through, but no answers.
func (l *Link) Mute() { l.set(false, true) }

// Mend makes the way work again. Connections that were muted end.
func (l *Link) Mend() {
	l.Cut()
	l.set(false, false)
}

func (l *Link) set(cut, muted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.muted = cut, muted
	for c := range l.open {
		if cut {
			_ = c.Close()
		}
	}
}

// carry carries what a client says to the server, and what that answers.
func (l *Link) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", l.socket)
	if err != nil || !l.add(client, server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	both.Go(func() {
		_, _ = io.Copy(&answers{l, client}, server)
		_ = client.Close()
	})
	both.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, client)
	delete(l.open, server)
}

// add notes the ends of a connection, if there may be one.
func (l *Link) add(ends ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range ends {
		if l.cut {
			_ = c.Close()
		} else {
			l.open[c] = true
		}
	}
	return !l.cut
}

// answers is a client that hears what is said to it unless its link is muted.
type answers struct {
	link   *Link
	client net.Conn
}

// Write implements io.Writer.
func (a *answers) Write(p []byte) (int, error) {
	a.link.mu.Lock()
	muted := a.link.muted
	a.link.mu.Unlock()
	if muted {
		return len(p), nil
	}
	return a.client.Write(p)
}
