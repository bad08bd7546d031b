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
		counter("stayput_push_names_total", "Names that push targets took.", d.pushers.Pushed),
		gauge("stayput_push_pending", "Names that push targets do not have yet as they are here.", d.pushers.CountPending),
		gauge("stayput_push_held", "Deletions at push targets that wait for somebody to say so.", d.pushers.CountHeld),
		gauge("stayput_push_faults", "Push targets that do not take what changed.", d.pushers.Faults),
		gauge("stayput_archive_lag_commits", "Commits that are not written down for later yet; 0 where another node does that.", d.archivist.Lag),
		gauge("stayput_cluster_nodes", "Nodes on the same database, with those that are silent.", func() int { all, _ := d.countNodes(); return all }),
		gauge("stayput_cluster_nodes_silent", "Nodes that should have said how they are.", func() int { _, silent := d.countNodes(); return silent }),
		gauge("stayput_cluster_jobs", "Jobs that this node does for all.", d.countJobs),
		metrics.Gauge("stayput_cluster_lag_commits", "Commits in the database that this node did not show yet.", func() float64 { n, _ := d.ownLag(); return float64(n) }),
		metrics.Gauge("stayput_cluster_lag_seconds", "Since when the first of them is there; while the database does not answer, since when not.", func() float64 { _, late := d.ownLag(); return late.Seconds() }),
		gauge("stayput_cluster_database_up", "Whether the database answers: 1 or 0. A file always does.", d.isReached),
		gauge("stayput_revision", "Revision of the state.", func() int { return int(d.registry.State().Revision) }),
		gauge("stayput_zones", "Zones served.", func() int { return d.registry.State().Zones.Len() }),
		gauge("stayput_hosts", "Hosts kept.", func() int { return d.registry.State().Accounts.CountHosts() }),
		gauge("stayput_accounts", "Accounts kept.", func() int { return d.registry.State().Accounts.CountAccounts() }),
	}
}
