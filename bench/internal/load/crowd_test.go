//go:build linux

package load_test

import (
	"context"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stayput.dev/bench/internal/load"
)

var good = says(okLine + "Content-Length: 15\r\n\r\ngood 192.0.2.1\n")

// TestCrowdLeavesNothingOpen is not parallel: it counts the process's sockets.
func TestCrowdLeavesNothingOpen(t *testing.T) {
	turn := func(answer func(*net.TCPConn), arrivals []load.Arrival) {
		at, stop := serve(t, answer)
		h := &load.HTTP{Server: at, Expect: []string{"good "}, Timeout: 10 * time.Millisecond}
		if _, err := h.Closed(t.Context(), 5, fleet(), still, 20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Open(t.Context(), arrivals, fleet(), still); err != nil {
			t.Fatal(err)
		}
		stop()
		if _, err := h.Closed(t.Context(), 5, fleet(), still, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	turn(good, nil) // what the runtime opens once
	before := opened(t)
	for _, r := range replies {
		turn(r.answer, load.Evenly(1000, 10*time.Millisecond, 20))
	}
	if after := opened(t); after > before {
		t.Errorf("%d files open after, %d before, want no more", after, before)
	}
}

// opened returns how many files the process has open.
func opened(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func TestCrowdReportsRefusal(t *testing.T) {
	t.Parallel()
	at, stop := serve(t, good)
	stop()
	h := &load.HTTP{Server: at, Expect: []string{"good "}}
	closed, err := h.Closed(t.Context(), 2, fleet(), still, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "closed loop", &closed, "refused")
	open, err := h.Open(t.Context(), load.Evenly(1000, 10*time.Millisecond, 20), fleet(), still)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "open loop", &open, "refused")
}

func TestCrowdEndsWithItsContext(t *testing.T) {
	t.Parallel()
	var served atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	at, _ := serve(t, func(c *net.TCPConn) {
		if served.Add(1) == 20 {
			cancel()
		}
		good(c)
	})
	h := &load.HTTP{Server: at, Expect: []string{"good "}}
	got, err := h.Closed(ctx, 2, fleet(), still, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if got.Done != int(served.Load()) || got.Done < 20 || got.Failed != 0 {
		t.Errorf("done %d, failed %d (%v) of %d served, want all, 20 or more", got.Done, got.Failed, got.FirstFail, served.Load())
	}
	cancelled, err := h.Open(ctx, load.Evenly(1, time.Hour, 20), fleet(), still)
	if err != nil || cancelled.Done+cancelled.Failed > 0 {
		t.Errorf("open loop of an ended context: %+v, %v, want nothing done", cancelled, err)
	}
}

func TestCrowdCountsFromTheSchedule(t *testing.T) {
	t.Parallel()
	const stall = 50 * time.Millisecond
	at, _ := serve(t, func(c *net.TCPConn) {
		time.Sleep(stall)
		good(c)
	})
	h := &load.HTTP{Server: at, Expect: []string{"good "}}
	arrivals := []load.Arrival{{At: 0, Host: 1}, {At: time.Millisecond, Host: 2}, {At: 60 * time.Millisecond, Host: 3}}
	got, err := h.Open(t.Context(), arrivals, fleet(), still)
	if err != nil {
		t.Fatal(err)
	}
	if got.Done != 3 || len(got.Lateness) != 3 || got.Elapsed < 60*time.Millisecond+stall {
		t.Fatalf("done %d, late %d, in %v, want 3 of each in 110ms or more", got.Done, len(got.Lateness), got.Elapsed)
	}
	if got.Latencies[0] < stall {
		t.Errorf("the first waited %v, want at least %v", got.Latencies[0], stall)
	}
}

// TestCrowdSendsWhatTheRoutersDo looks at a request as it comes.
func TestCrowdSendsWhatTheRoutersDo(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		in := make([]byte, 4096)
		n, _ := c.Read(in)
		got <- string(in[:n])
	}()
	h := &load.HTTP{Server: l.Addr().(*net.TCPAddr).AddrPort(), Timeout: time.Second}
	if _, err := h.Open(t.Context(), []load.Arrival{{Host: 3}}, fleet(), still); err != nil {
		t.Fatal(err)
	}
	const want = "GET /nic/update?hostname=h3.one.example.org&myip=192.0.2.1 HTTP/1.1|Host: 127.0.0.1|" +
		"Authorization: Basic b25lOnNlY3JldCBvZiBvbmU=|User-Agent: stayput-bench/1|Connection: close||"
	if request := strings.ReplaceAll(<-got, "\r\n", "|"); request != want {
		t.Errorf("request =\n%s\nwant\n%s", request, want)
	}
}
