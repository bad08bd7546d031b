package dyndns

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"stayput.dev/internal/history"
)

// GnuDIP answers GnuDIP clients over TCP. Each connection gets a salt of its own
// and may say one line, so nothing that was overheard can be used again. It is safe
// for concurrent use.
type GnuDIP struct {
	updates  Updater
	recorder Recorder // may be nil

	mu      sync.Mutex           // guards what follows
	sources map[netip.Prefix]int // connections that are open
	open    int
}

// Limits of GnuDIP over TCP. A connection beyond them is closed without a word.
const (
	gnudipConnections = 512
	gnudipPerSource   = 16               // an IPv4 address or an IPv6 /64
	gnudipPatience    = 15 * time.Second // for the line, and for our reply
	gnudipLine        = 512              // octets
)

// NewGnuDIP returns a server that hands requests to updates, and tells the recorder
// of them unless it is nil.
func NewGnuDIP(updates Updater, recorder Recorder) *GnuDIP {
	return &GnuDIP{updates: noting{updates}, recorder: recorder, sources: map[netip.Prefix]int{}}
}

// Serve answers the connections of l until ctx ends. Then it closes l, answers
// requests that have come, and returns nil; connections without one are closed. It
// returns an error when l does not work any more.
func (g *GnuDIP) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var talking sync.WaitGroup
	defer talking.Wait()
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			talking.Go(func() { g.serve(ctx, conn) })
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default: // too many open files, or a client that left
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// serve answers one connection, if there is room for it.
func (g *GnuDIP) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	source := addrOf(conn.RemoteAddr().String())
	leave, ok := g.enter(source)
	if !ok {
		return
	}
	defer leave()
	_ = conn.SetDeadline(time.Now().Add(gnudipPatience))
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	salt := newSalt()
	if _, err := io.WriteString(conn, salt+"\n"); err != nil {
		return
	}
	line, err := bufio.NewReaderSize(io.LimitReader(conn, gnudipLine), gnudipLine).ReadString('\n')
	if err != nil && (err != io.EOF || line == "" || len(line) == gnudipLine) {
		return
	}
	if reply := g.reply(ctx, strings.TrimRight(line, "\r\n"), salt, source); reply != "" {
		_ = conn.SetWriteDeadline(time.Now().Add(gnudipPatience))
		_, _ = io.WriteString(conn, reply+"\n")
	}
}

// reply does what the line asks for; an empty reply, which makes the client ask
// again later, is for what will pass.
func (g *GnuDIP) reply(ctx context.Context, line, salt string, source netip.Addr) string {
	wish, ok := parseGnuDIP(line)
	if !ok {
		return gnudipDenied
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gnudipPatience)
	defer cancel()
	t := new(transcript)
	said, err := askGnuDIP(context.WithValue(ctx, transcriptKey{}, t), g.updates, wish, salt, source)
	code := said.code
	switch {
	case err != nil:
		code = ""
	case said.addr.IsValid():
		code += ":" + said.addr.String()
	}
	if g.recorder != nil {
		g.recorder.Record(&history.Exchange{
			Asked: &t.asked, Results: t.results, Err: t.err, Request: wish.appendMasked(nil, isProven(t.err)), Reply: []byte(code),
		})
	}
	return code
}

// enter counts a connection of a source, unless there are too many.
func (g *GnuDIP) enter(source netip.Addr) (leave func(), ok bool) {
	bits := 32
	if source.Is6() {
		bits = 64
	}
	who, _ := source.Prefix(bits) // the zero Prefix for a client without an address
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open >= gnudipConnections || g.sources[who] >= gnudipPerSource {
		return nil, false
	}
	g.open++
	g.sources[who]++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.open--
		if g.sources[who]--; g.sources[who] == 0 {
			delete(g.sources, who)
		}
	}, true
}
