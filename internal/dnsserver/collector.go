package dnsserver

import "github.com/prometheus/client_golang/prometheus"

// Collector returns the counts of Stats as Prometheus metrics.
func (s *Server) Collector() prometheus.Collector {
	metric := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("stayput_dns_"+name, help, labels, nil)
	}
	return &collector{
		server:      s,
		queries:     metric("queries_total", "DNS packets that came.", "transport"),
		replies:     metric("replies_total", "DNS replies, by response code.", "rcode"),
		questions:   metric("questions_total", "DNS questions that were answered, by type.", "type"),
		dropped:     metric("dropped_total", "DNS packets that deserved no reply."),
		truncated:   metric("truncated_total", "DNS replies that did not fit and sent the client to TCP."),
		unsent:      metric("unsent_total", "DNS replies that the system would not send."),
		flat:        metric("flat_replies_total", "DNS replies to usual questions, which a flat table of the names knew; the others take longer."),
		panics:      metric("panics_total", "Faults of the DNS server that a packet brought to light."),
		connections: metric("tcp_connections", "TCP connections that are open."),
		displaced:   metric("tcp_displaced_total", "TCP connections that were closed to make room for others."),
	}
}

type collector struct {
	server *Server

	queries, replies, questions        *prometheus.Desc
	dropped, truncated, unsent, panics *prometheus.Desc
	flat                               *prometheus.Desc
	connections, displaced             *prometheus.Desc
}

// Describe sends what Collect may send.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.queries, c.replies, c.questions, c.dropped, c.truncated, c.unsent, c.panics, c.flat, c.connections, c.displaced,
	} {
		out <- d
	}
}

// Collect sends the counts until now.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	stats := c.server.Stats()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, float64(n), labels...)
	}
	for d, byLabel := range map[*prometheus.Desc]map[string]uint64{
		c.queries: stats.Queries, c.replies: stats.Replies, c.questions: stats.Questions,
	} {
		for label, n := range byLabel {
			send(d, prometheus.CounterValue, n, label)
		}
	}
	send(c.dropped, prometheus.CounterValue, stats.Dropped)
	send(c.truncated, prometheus.CounterValue, stats.Truncated)
	send(c.unsent, prometheus.CounterValue, stats.Unsent)
	send(c.panics, prometheus.CounterValue, stats.Panics)
	send(c.flat, prometheus.CounterValue, stats.Flat)
	send(c.displaced, prometheus.CounterValue, stats.Displaced)
	send(c.connections, prometheus.GaugeValue, uint64(stats.Connections))
}
