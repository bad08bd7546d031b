package test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// activate hands sockets to the world's daemons as systemd does. They stay when a
// daemon ends.
func (w *world) activate(names string, sockets ...any) {
	w.t.Helper()
	for _, s := range sockets {
		raw := must(s.(syscall.Conn).SyscallConn())(w.t)
		var fd int
		if err := raw.Control(func(from uintptr) { fd = must(syscall.Dup(int(from)))(w.t) }); err != nil {
			w.t.Fatal(err)
		}
		syscall.CloseOnExec(fd)
		w.files = append(w.files, os.NewFile(uintptr(fd), "socket"))
		w.t.Cleanup(func() { _ = s.(io.Closer).Close() })
	}
	w.prefix = []string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`}
	w.env = append(w.env, fmt.Sprintf("LISTEN_FDS=%d", len(sockets)), "LISTEN_FDNAMES="+names)
}

// Under socket activation the sockets outlive the daemon. While it restarts, what
// comes waits, and nothing of it is lost. An upgrade keeps the sockets as well.
func TestSocketActivation(t *testing.T) {
	for name, names := range map[string]string{
		"by address": "stayput.socket:stayput.socket:stayput.socket",
		"by name":    "dns:dns:http",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			dnsAddr, web := "127.0.0.1:"+freePort(t), must(net.Listen("tcp", "127.0.0.1:0"))(t)
			httpAddr := web.Addr().String()
			w.activate(names, must(net.ListenPacket("udp", dnsAddr))(t), must(net.Listen("tcp", dnsAddr))(t), web)
			if name == "by address" {
				w.configure(fmt.Sprintf("data = %q\n[dns]\nlisten = [%q]\n[http]\nlisten = [%q]\n", w.data, dnsAddr, httpAddr))
			} else {
				w.configure(fmt.Sprintf("data = %q\n[dns]\nlisten = []\n[http]\nlisten = []\n", w.data))
			}
			w.start()
			if w.dns != dnsAddr || w.http != httpAddr {
				t.Fatalf("the daemon listens on %s and %s, want %s and %s", w.dns, w.http, dnsAddr, httpAddr)
			}
			l := newLoad(t, w, loadPace{updaters: 4, perConn: 1}) // no flood, for the smallest queue
			for range 2 {
				time.Sleep(300 * time.Millisecond)
				w.stop()
				w.start()
			}
			time.Sleep(300 * time.Millisecond)
			w.upgrade()
			time.Sleep(300 * time.Millisecond)
			w.stop()
			w.start()
			time.Sleep(300 * time.Millisecond)
			l.end()
			w.stop()
			if strings.Contains(w.log.String(), "level\":\"WARN") {
				t.Errorf("warnings in the log:\n%s", w.log)
			}
		})
	}
}

// What would not keep our promises is refused, with what to do about it; what we
// do not know is not used, and said.
func TestSocketsOfSystemd(t *testing.T) {
	t.Parallel()
	open := filepath.Join(t.TempDir(), "open.sock")
	commands := must(net.Listen("unix", open))(t)
	if err := os.Chmod(open, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string // of the socket
		socket any
		want   []string
	}{
		{"admin", commands, []string{"anybody may command", "SocketMode=0600"}},
		{"http", must(net.Listen("tcp", "[::]:0"))(t), []string{"takes IPv4 as well", "BindIPv6Only=ipv6-only"}},
		{"dns", must(net.ListenPacket("udp", "[::]:0"))(t), []string{"takes IPv4 as well"}},
		{"https", must(net.Listen("tcp", "127.0.0.1:0"))(t), []string{"there is no certificate"}},
		{"http", must(net.ListenPacket("udp", "127.0.0.1:0"))(t), []string{"at no address of the configuration"}},
		{"other", must(net.Listen("tcp", "127.0.0.1:0"))(t), []string{"at no address of the configuration"}},
	} {
		w := newWorld(t, "")
		w.activate(tt.name, tt.socket)
		w.launch()
		until(t, "the daemon says what is wrong", func() bool {
			for _, want := range tt.want {
				if !strings.Contains(w.log.String(), want) {
					return false
				}
			}
			return true
		})
	}
}

// An upgrade takes up a configuration that only a restart could take up otherwise.
func TestUpgradeToOtherAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.start()
	w.seed(home)
	oldDNS, oldHTTP := w.dns, w.http
	address := "127.0.0.1:" + freePort(t)
	w.configure(fmt.Sprintf("data = %q\n[dns]\nlisten = [%q, \"127.0.0.1:0\"]\n[http]\nlisten = []\n", w.data, address))
	w.upgrade()
	for _, server := range []string{address, oldDNS} {
		w.dns = server
		if got := w.serial(); got == 0 {
			t.Errorf("at %s the serial is %d", server, got)
		}
	}
	if _, _, err := get(oldHTTP, "/healthz", "", ""); err == nil {
		t.Error("HTTP is still answered")
	}
	w.stop()
}
