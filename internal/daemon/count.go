package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"stayput.dev/internal/metrics"
)

// collectors gathers what the rooms count.
func (d *daemon) collectors() []prometheus.Collector {
	stats := d.registry.Stats()
	counter := func(name, help string, value func() uint64) prometheus.Collector {
		return metrics.Counter(name, help, func() float64 { return float64(value()) })
	}
	gauge := func(name, help string, value func() int) prometheus.Collector {
		return metrics.Gauge(name, help, func() float64 { return float64(value()) })
	}
	return []prometheus.Collector{
		d.dns.Collector(),
		d.updates,
		counter("stayput_commits_total", "Commits made durable.", stats.Commits.Load),
		counter("stayput_edits_total", "Edits that were part of commits.", stats.Edits.Load),
		counter("stayput_store_failures_total", "Writes to the store that failed.", stats.Failures.Load),
		counter("stayput_http_device_requests_total", "Requests of devices answered.", func() uint64 { return d.front.Stats().DeviceRequests }),
		counter("stayput_http_connections_total", "HTTP connections accepted.", func() uint64 { return d.front.Stats().Connections }),
		counter("stayput_http_crowded_total", "HTTP connections closed because their source had too many.", func() uint64 { return d.front.Stats().Crowded }),
		counter("stayput_http_refused_total", "Malformed, too large or too slow HTTP requests.", func() uint64 { return d.front.Stats().Refused }),
		counter("stayput_http_panics_total", "HTTP handlers that panicked.", func() uint64 { return d.front.Stats().Panics }),
		gauge("stayput_http_connections_open", "HTTP connections open now.", func() int { return d.front.Stats().Open }),
		gauge("stayput_revision", "Revision of the state.", func() int { return int(d.registry.State().Revision) }),
		gauge("stayput_zones", "Zones served.", func() int { return d.registry.State().Zones.Len() }),
		gauge("stayput_hosts", "Hosts kept.", func() int { return d.registry.State().Accounts.CountHosts() }),
		gauge("stayput_accounts", "Accounts kept.", func() int { return d.registry.State().Accounts.CountAccounts() }),
	}
}
