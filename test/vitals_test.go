//go:build linux

package test

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// metrics is what the page for Prometheus says: name{label values} to value.
type metrics map[string]float64

// metrics reads the page.
func (w *world) metrics() metrics {
	w.t.Helper()
	r, err := http.Get("http://" + w.http + "/metrics")
	if err != nil {
		w.t.Fatalf("%v; the log:\n%s", err, w.log)
	}
	defer r.Body.Close()
	out := metrics{}
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			out[bareLabels(name)] = n
		}
	}
	return out
}

// bareLabels makes name{value} of name{label="value"}.
func bareLabels(series string) string {
	name, labels, ok := strings.Cut(strings.TrimSuffix(series, "}"), "{")
	if !ok {
		return series
	}
	var values []string
	for _, l := range strings.Split(labels, ",") {
		_, value, _ := strings.Cut(l, "=")
		values = append(values, strings.Trim(value, `"`))
	}
	return name + "{" + strings.Join(values, ",") + "}"
}

// tell lists the series of these names.
func (m metrics) tell(names ...string) string {
	var out []string
	for _, series := range slices.Sorted(maps.Keys(m)) {
		name, _, _ := strings.Cut(series, "{")
		if slices.Contains(names, name) {
			out = append(out, fmt.Sprintf("%s %.0f", strings.TrimPrefix(series, "stayput_dns_"), m[series]))
		}
	}
	return strings.Join(out, ", ")
}

// noRoom returns how many packets found the receive buffers of the daemon's UDP
// sockets full.
func (w *world) noRoom() (n int) {
	w.t.Helper()
	_, port, err := net.SplitHostPort(w.dns)
	if err != nil {
		w.t.Fatal(err)
	}
	number, _ := strconv.Atoi(port)
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/udp", w.pid))
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", number)) {
			drops, _ := strconv.Atoi(fields[len(fields)-1])
			n += drops
		}
	}
	return n
}

// resident returns the memory of the daemon in octets (VmRSS).
func (w *world) resident() int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pid))
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var n int
	_, _ = fmt.Sscan(rest, &n) // fails when it has ended, which others notice
	return n << 10
}

// vitals is how much memory a daemon has taken.
type vitals struct {
	idle, most int
	stop       chan struct{}
	done       sync.WaitGroup
}

// watch looks at the memory of a daemon that has nothing to do, and ten times a
// second from then on.
func watch(w *world) *vitals {
	v := &vitals{idle: w.resident(), stop: make(chan struct{})}
	v.most = v.idle
	v.done.Go(func() {
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-v.stop:
				return
			case <-tick.C:
				v.most = max(v.most, w.resident())
			}
		}
	})
	return v
}

func (v *vitals) finish() {
	close(v.stop)
	v.done.Wait()
}
