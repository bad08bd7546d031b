//go:build linux

package test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/test/rig"
)

// A siege is what TestFlood lets a daemon go through.
type siege struct {
	lasts    time.Duration
	packets  int64 // at least
	dawdlers int   // clients that hold TCP connections

	within time.Duration // of which a visitor is answered over TCP
	tries  int           // that a visitor has over UDP
}

// growth is how much memory the siege may cost the daemon in octets: what clients
// may keep waiting (32 MiB) and what the garbage collector lets gather (128 MiB), with
// some air, and a share for each connection.
func (s siege) growth() int { return 192<<20 + s.dawdlers*16<<10 }

// theSiege is a short one, or the one of `make flood`. The short one may take place on a
// machine with much else to do, where the daemon comes so late to its sockets that they
// are full: there visitors must have patience.
func theSiege() siege {
	if os.Getenv("STAYPUT_FLOOD") != "" {
		return siege{lasts: time.Minute, packets: 10_000_000, dawdlers: 5000, within: 5 * time.Second, tries: 3}
	}
	return siege{lasts: 5 * time.Second, packets: 200_000, dawdlers: 300, within: patience, tries: 10}
}

// Packets of every kind come from everywhere, and some use up what the network of
// the visitors may ask; all connections that there may be are held by clients that
// do nothing useful with them. The visitors are answered, memory has a bound,
// nothing panics, and when it is over nothing is left of it.
func TestFlood(t *testing.T) {
	s := theSiege()
	needFiles(t, 2*s.dawdlers+500)
	w := newWorld(t, "")
	w.write("stayput.toml", fmt.Sprintf("data = %q\n[dns]\nlisten = [\"127.0.0.1:0\"]\ntcp_connections = %d\n"+
		"rate_limit = 20\nrate_limit_exempt = []\n[http]\nlisten = [\"127.0.0.1:0\"]\n", w.data, s.dawdlers))
	w.start()
	w.run("seed", "--zone", "dyn.example.org", "--hosts", "10000", "--accounts", "100")
	hosts := w.hosts("dyn.example.org")
	w.stop()
	w.start() // without what it took to make them
	visitors := []*visitor{newVisitor(w, "TCP", hosts, askTCP(s.within)), newVisitor(w, "UDP with a cookie", hosts, askWithCookie(t, w, s.tries))}
	visit(visitors, 50)
	before := w.metrics()
	vitals := watch(w)

	dawdlers := loiter(w, s.dawdlers)
	// Not quite all at once: some are closed again by then.
	until(t, "most connections are taken", func() bool { return w.metrics()["stayput_dns_tcp_connections"] >= 0.7*float64(s.dawdlers) })
	flooders := pour(t, w, hosts, s)
	start := time.Now()
	stop := make(chan struct{})
	for _, v := range visitors {
		v.goOn(stop)
	}
	sent := flooders.finish()
	took := time.Since(start)
	during := w.metrics()
	close(stop)
	for _, v := range visitors {
		v.finish()
	}
	dawdlers.finish()
	vitals.finish()

	t.Logf("%d packets in %v, %.0f a second, %d processors", sent, took.Round(time.Millisecond), float64(sent)/took.Seconds(), runtime.NumCPU())
	t.Logf("of these the daemon took %.0f and its sockets had no room for %d", during["stayput_dns_queries_total{udp}"]-before["stayput_dns_queries_total{udp}"], w.noRoom())
	t.Logf("%s", during.tell("stayput_dns_replies_total", "stayput_dns_dropped_total", "stayput_dns_rate_limited_total"))
	t.Logf("TCP: %.0f connections of dawdlers, %d in all, %.0f displaced", during["stayput_dns_tcp_connections"], dawdlers.connected.Load(), during["stayput_dns_tcp_displaced_total"])
	for _, v := range visitors {
		t.Logf("%v", v)
		if v.failed.Load() > 0 {
			t.Errorf("over %s %d questions were not answered: %v", v.via, v.failed.Load(), v.firstFault())
		}
	}
	t.Logf("memory: %d MiB before, %d at most, %d allowed", vitals.idle>>20, vitals.most>>20, (vitals.idle+s.growth())>>20)
	if during["stayput_dns_rate_limited_total{drop}"] == 0 {
		t.Error("the rate limit had nothing to do")
	}
	if vitals.most > vitals.idle+s.growth() {
		t.Errorf("the daemon grew from %d to %d octets, want %d more at most", vitals.idle, vitals.most, s.growth())
	}
	calm(t, w, before)
	visit(visitors, 50)
	w.stop()
}

// calm waits until nothing is left of a siege, and makes sure that there was no
// panic.
func calm(t *testing.T, w *world, before metrics) {
	t.Helper()
	var now metrics
	until(t, "connections and goroutines are as before", func() bool {
		now = w.metrics()
		return now["stayput_dns_tcp_connections"] == 0 && now["go_goroutines"] <= before["go_goroutines"]+5
	})
	if s := w.status(); s.PID != w.pid {
		t.Errorf("process %d serves, want %d", s.PID, w.pid)
	}
	if n := now["stayput_dns_panics_total"] + now["stayput_http_panics_total"]; n > 0 {
		t.Errorf("%.0f panics", n)
	}
	if text := w.log.String(); strings.Contains(text, "panic") || strings.Count(text, "\n") > 1000 {
		t.Errorf("the log has %d lines, and \"panic\" in it: %v\n%.10000s", strings.Count(text, "\n"), strings.Contains(text, "panic"), text)
	}
	for _, host := range []string{"no-such-host.dyn.example.org", "dyn.example.org"} {
		m, err := rig.Exchange(new(dns.Msg).SetQuestion(host+".", dns.TypeSOA), w.dns)
		if err != nil || len(m.Answer)+len(m.Ns) != 1 {
			t.Errorf("after the flood: %v, %v", m, err)
		}
	}
}

// needFiles lets the test and its daemons have so many files open.
func needFiles(t *testing.T, n int) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur >= uint64(n) {
		return
	}
	limit.Cur = uint64(n)
	limit.Max = max(limit.Max, limit.Cur)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		missing(t, fmt.Sprintf("%d files may not be open at once: %v", n, err))
	}
}
