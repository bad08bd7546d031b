package front_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/front"
)

// TestTotalChanges: who waits for a place gets it when there are more, and when
// there are fewer, nobody who has one loses it.
func TestTotalChanges(t *testing.T) {
	t.Parallel()
	limits := patient
	limits.Total = 1
	s, addr := newServer(t, front.Config{Limits: limits}, front.Plain)
	held := []net.Conn{dial(t, addr)}
	eventually(t, "one connection", func() bool { return s.Stats().Open == 1 })
	for range 3 {
		held = append(held, dial(t, addr))
	}
	s.SetConnections(0, 4)
	eventually(t, "four connections", func() bool { return s.Stats().Open == 4 })
	s.SetConnections(0, 2)
	waiting := dial(t, addr)
	io.WriteString(waiting, "GET /nic/update"+h0+"\r\n")
	for _, c := range held[:2] {
		c.Close()
	}
	eventually(t, "two of them closed", func() bool { return s.Stats().Open == 2 })
	waiting.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := waiting.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("over the new total: Read = %d, %v, want to wait", n, err)
	}
	waiting.SetReadDeadline(time.Now().Add(time.Minute))
	held[2].Close()
	if got := readReply(t, bufio.NewReader(waiting), "GET").status; got != "HTTP/1.0 200 OK" {
		t.Errorf("got = %q", got)
	}
}

func TestPerSourceChanges(t *testing.T) {
	t.Parallel()
	limits := patient
	limits.PerSource = 1
	s, addr := newServer(t, front.Config{Limits: limits}, front.Plain)
	dial(t, addr)
	eventually(t, "one connection", func() bool { return s.Stats().Open == 1 })
	dial(t, addr)
	eventually(t, "one too many", func() bool { return s.Stats().Crowded == 1 })
	s.SetConnections(2, 0)
	dial(t, addr)
	eventually(t, "two connections", func() bool { return s.Stats().Open == 2 })
}

func TestTrustedProxiesChange(t *testing.T) {
	t.Parallel()
	s, addr := newServer(t, front.Config{Table: whoTable()}, front.Plain)
	const raw = "GET /nic/update HTTP/1.0\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
	for _, step := range []struct {
		proxies []netip.Prefix
		want    string
	}{
		{nil, "127.0.0.1 "},
		{[]netip.Prefix{netip.MustParsePrefix("::ffff:127.0.0.0/104")}, "203.0.113.9 "},
		{nil, "127.0.0.1 "},
	} {
		s.SetTrustedProxies(step.proxies)
		if got := ask1(addr, raw); !strings.Contains(got, "\r\n\r\n"+step.want) {
			t.Errorf("with %v trusted: got = %q, want %q", step.proxies, got, step.want)
		}
	}
}
