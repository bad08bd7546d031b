//go:build linux

package figure

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
)

// BareCommand is the argument that makes stayput-bench the bare handler.
const BareCommand = "bare"

// ServeBare answers every request with "nochg 192.0.2.1" until ctx ends, and
// writes the address that it listens on as one line to out: what net/http
// alone allows on this machine. It collects garbage as seldom as Stayput does
// with a small state.
func ServeBare(ctx context.Context, out io.Writer) error {
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	body := []byte("nochg 192.0.2.1\n")
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
	})}
	fmt.Fprintln(out, l.Addr())
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(l); ctx.Err() == nil {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}
