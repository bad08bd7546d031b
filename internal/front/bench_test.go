package front_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"stayput.dev/internal/front"
)

const benchRequest = "GET /nic/update?hostname=home.dyn.example.org&myip=203.0.113.9 HTTP/1.1\r\n" +
	"Host: members.example.org\r\nAuthorization: Basic YWxpY2U6czNjcmV0\r\nUser-Agent: ddclient/3.10.0\r\n"

// BenchmarkReply compares one update over loopback by the front and by bare
// net/http, with the same handler and the same client.
func BenchmarkReply(b *testing.B) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.URL.Query().Has("hostname") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/plain")
		h.Set("Cache-Control", "no-store")
		io.WriteString(w, "good 203.0.113.9\n")
	})
	servers := map[string]func(net.Listener){
		"front": func(l net.Listener) {
			s := front.New(front.Config{Table: front.Table{Devices: map[string]http.Handler{"/nic/update": handler}}})
			b.Cleanup(func() { s.Shutdown(context.Background()) })
			go s.Serve(context.Background(), l, front.Plain)
		},
		"nethttp": func(l net.Listener) {
			mux := http.NewServeMux()
			mux.Handle("/nic/update", handler)
			s := &http.Server{
				Handler: mux, ReadHeaderTimeout: front.DefaultHeadTimeout, IdleTimeout: front.DefaultIdleTimeout,
				WriteTimeout: front.DefaultWriteTimeout, MaxHeaderBytes: front.DefaultHeadBytes,
			}
			b.Cleanup(func() { s.Close() })
			go s.Serve(l)
		},
	}
	for _, mode := range []string{"close", "keep-alive"} {
		for _, name := range []string{"front", "nethttp"} {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			servers[name](l)
			b.Run(mode+"/"+name, func(b *testing.B) { benchmark(b, l.Addr().String(), mode) })
		}
	}
}

func benchmark(b *testing.B, addr, mode string) {
	request := []byte(benchRequest + "Connection: " + mode + "\r\n\r\n")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var c net.Conn
		var r *bufio.Reader
		for pb.Next() {
			if c == nil {
				c, r = benchDial(b, addr)
			}
			if _, err := c.Write(request); err != nil {
				b.Error(err)
				return
			}
			if mode == "close" {
				if n, err := io.Copy(io.Discard, r); err != nil || n == 0 {
					b.Error(n, err)
				}
				c.Close()
				c = nil
				continue
			}
			if err := skipReply(r); err != nil {
				b.Error(err)
				return
			}
		}
		if c != nil {
			c.Close()
		}
	})
}

func benchDial(b *testing.B, addr string) (net.Conn, *bufio.Reader) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// skipReply reads a reply whose body is one line.
func skipReply(r *bufio.Reader) error {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == len("\r\n") {
			_, err := r.ReadSlice('\n')
			return err
		}
	}
}
