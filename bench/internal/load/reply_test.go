//go:build linux

package load_test

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/bench/internal/load"
)

// serve answers each connection with answer once its request is read, and then
// closes it. It stops with the test, or when the function that it returns is
// called, which waits for all connections to end.
func serve(t *testing.T, answer func(c *net.TCPConn)) (at netip.AddrPort, stop func()) {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					if line, err := in.ReadString('\n'); err != nil || line == "\r\n" {
						break
					}
				}
				answer(c)
			})
		}
	})
	stop = sync.OnceFunc(func() {
		l.Close()
		wg.Wait()
	})
	t.Cleanup(stop)
	return l.Addr().(*net.TCPAddr).AddrPort(), stop
}

// says answers with the parts, each in a packet of its own.
func says(parts ...string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		for i, p := range parts {
			if i > 0 {
				time.Sleep(5 * time.Millisecond)
			}
			io.WriteString(c, p)
		}
	}
}

// staysOpen answers and closes only after the other end has.
func staysOpen(text string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c) // ends when the other end gives up
	}
}

const okLine = "HTTP/1.1 200 OK\r\n"

// replies are what servers might answer, and what is to be said of it: nothing
// where the update counts.
var replies = []struct {
	name   string
	answer func(*net.TCPConn)
	want   string
}{
	{"at once", says(okLine + "Content-Length: 15\r\n\r\ngood 192.0.2.1\n"), ""},
	{"any case", says(okLine + "Date: now\r\ncontent-length:15\r\n\r\ngood 192.0.2.1\n"), ""},
	{"in pieces", says(okLine, "Content-Len", "gth: 15\r\n\r", "\ngood 192", ".0.2.1\n"), ""},
	{"end alone", says(okLine+"Content-Length: 15\r\n\r\ngood 192.0.2.1\n", ""), ""},
	{"another word", says(okLine + "Content-Length: 6\r\n\r\nnohost"), `"nohost"`},
	{"no blank", says(okLine + "Content-Length: 4\r\n\r\ngood"), `"good"`},
	{"no success", says("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 15\r\n\r\ngood 192.0.2.1\n"), "503"},
	{"chunked", says(okLine + "Transfer-Encoding: chunked\r\n\r\n5\r\ngood \r\n0\r\n\r\n"), "without Content-Length"},
	{"no number", says(okLine + "Content-Length: many\r\n\r\ngood 192.0.2.1\n"), "bad Content-Length"},
	{"cut short", says(okLine + "Content-Length: 100\r\n\r\ngood 192.0.2.1\n"), "EOF"},
	{"cut in the head", says(okLine + "Content-"), "EOF"},
	{"nothing", says(), "EOF"},
	{"too much", says(okLine + "Content-Length: 15\r\n\r\ngood 192.0.2.1\n?!"), "2 octets after the body"},
	{"too much later", says(okLine+"Content-Length: 15\r\n\r\ngood 192.0.2.1\n", "?!"), "2 octets after the body"},
	{"endless", says(okLine + "Content-Length: 8000\r\n\r\ngood 192.0.2.1" + strings.Repeat(" ", 8000)), "too long"},
	{"reset", func(c *net.TCPConn) { _ = c.SetLinger(0) }, "reset"},
	{"silent", staysOpen(""), "timeout"},
	{"silent after the reply", staysOpen(okLine + "Content-Length: 15\r\n\r\ngood 192.0.2.1\n"), "timeout"},
}

func TestOnlyProperRepliesCount(t *testing.T) {
	t.Parallel()
	for _, tt := range replies {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at, _ := serve(t, tt.answer)
			h := &load.HTTP{Server: at, Expect: []string{"good "}, Timeout: time.Minute}
			if tt.want == "timeout" {
				h.Timeout = 200 * time.Millisecond
			}
			byClients := load.Closed(t.Context(), h.Clients(2, fleet(), still), 20, time.Millisecond)
			check(t, "clients", &byClients, tt.want)
			byCrowd, err := h.Closed(t.Context(), 2, fleet(), still, time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			check(t, "a crowd", &byCrowd, tt.want)
		})
	}
}

// still lets all hosts stay where they are.
func still(int) [4]byte { return [4]byte{192, 0, 2, 1} }

// check checks that two updates or more either counted all or failed all as
// wanted.
func check(t *testing.T, who string, got *load.Result, want string) {
	t.Helper()
	switch {
	case got.Done+got.Failed < 2 || len(got.Latencies) != got.Done:
		t.Errorf("%s: done %d, failed %d, latencies %d, want 2 updates", who, got.Done, got.Failed, len(got.Latencies))
	case want == "" && got.Failed > 0:
		t.Errorf("%s: %d failed, such as %v, want none", who, got.Failed, got.FirstFail)
	case want != "" && (got.Done > 0 || !strings.Contains(got.FirstFail.Error(), want)):
		t.Errorf("%s: done %d, failed %d (%v), want none done for %q", who, got.Done, got.Failed, got.FirstFail, want)
	}
}
