package daemon_test

import (
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/daemon"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// hearSystemd makes this process believe that systemd watches it, and returns what it
// is told.
func hearSystemd(t *testing.T, every string) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", every)
	return conn
}

// The watchdog is fed on a machine that does not have the first address yet, as one of
// two that share it: nobody there could answer.
func TestWatchdog(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux")
	}
	systemd := hearSystemd(t, "300000")
	cfg := load(t, t.TempDir(), "")
	cfg.DNS.Listen = slices.Insert(cfg.DNS.Listen, 0, netip.MustParseAddrPort("192.0.2.77:0"))
	start(t, cfg, daemon.Options{})
	if err := systemd.SetReadDeadline(time.Now().Add(rig.Patience)); err != nil {
		t.Fatal(err)
	}
	for message := make([]byte, 1000); ; {
		n, err := systemd.Read(message)
		if err != nil {
			t.Fatalf("the watchdog is not fed: %v", err)
		}
		if strings.Contains(string(message[:n]), "WATCHDOG=1") {
			return
		}
	}
}

// A DNS server that takes connections and says nothing does not answer; one that
// refuses the question does.
func TestWatchdogAsks(t *testing.T) {
	t.Parallel()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	if daemon.AnswersAt(mute.Addr().(*net.TCPAddr).AddrPort(), zone.Root) {
		t.Error("a server that says nothing is said to answer")
	}
	d := start(t, load(t, t.TempDir(), ""), daemon.Options{})
	for late := time.Now().Add(rig.Patience); !daemon.AnswersAt(d.DNS[0], zone.Root); { // in its time on a busy machine
		if time.Now().After(late) {
			t.Fatal("a server that answers is said not to")
		}
	}
}
