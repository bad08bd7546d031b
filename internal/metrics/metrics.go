// Package metrics serves the page that Prometheus reads. Each room declares what
// it counts; this one only gathers it and decides who may look.
package metrics

import (
	"net/http"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler returns the page with what the rooms and the Go runtime count. Only
// clients within what allow returns see it; for others there is no such page. The
// client is the request's RemoteAddr. It panics when two rooms count under one
// name.
func Handler(allow func() []netip.Prefix, rooms ...prometheus.Collector) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reg.MustRegister(rooms...)
	page := promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed(allow(), r.RemoteAddr) {
			http.NotFound(w, r)
			return
		}
		page.ServeHTTP(w, r)
	})
}

func allowed(allow []netip.Prefix, remote string) bool {
	client, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, p := range allow {
		if p.Contains(client.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// Counter is a counter whose value a function tells.
func Counter(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
}

// Gauge is a gauge whose value a function tells.
func Gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

// Sum returns the counters that a room has under one name, added up by the value of one
// of their labels. It is for whoever in the house looks at them; nil when there are none.
func Sum(room prometheus.Collector, name, label string) map[string]uint64 {
	reg := prometheus.NewRegistry()
	reg.MustRegister(room)
	families, err := reg.Gather()
	if err != nil {
		return nil // the page of metrics says why
	}
	var sums map[string]uint64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		sums = map[string]uint64{}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == label {
					sums[l.GetValue()] += uint64(m.GetCounter().GetValue())
				}
			}
		}
	}
	return sums
}
