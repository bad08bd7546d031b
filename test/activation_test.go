package test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// activate opens sockets for the world as systemd does, which stay when the
// daemon ends. It returns their addresses.
func (w *world) activate(names string) (dnsAddr, httpAddr string) {
	w.t.Helper()
	tcp := must(net.Listen("tcp", "127.0.0.1:0"))(w.t)
	udp := must(net.ListenPacket("udp", tcp.Addr().String()))(w.t)
	web := must(net.Listen("tcp", "127.0.0.1:0"))(w.t)
	for _, c := range []syscall.Conn{udp.(*net.UDPConn), tcp.(*net.TCPListener), web.(*net.TCPListener)} {
		raw := must(c.SyscallConn())(w.t)
		var fd int
		if err := raw.Control(func(from uintptr) { fd = must(syscall.Dup(int(from)))(w.t) }); err != nil {
			w.t.Fatal(err)
		}
		syscall.CloseOnExec(fd)
		w.files = append(w.files, os.NewFile(uintptr(fd), "socket"))
	}
	w.t.Cleanup(func() {
		_, _, _ = tcp.Close(), udp.Close(), web.Close()
		for _, f := range w.files {
			_ = f.Close()
		}
	})
	w.prefix = []string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`}
	w.env = []string{"LISTEN_FDS=3", "LISTEN_FDNAMES=" + names}
	return tcp.Addr().String(), web.Addr().String()
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
			dnsAddr, httpAddr := w.activate(names)
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
