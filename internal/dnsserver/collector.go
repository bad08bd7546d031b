package dnsserver

import "github.com/prometheus/client_golang/prometheus"

// Collector returns the counts of Stats, and those of each zone that was asked and
// still stands, as Prometheus metrics. What they tell apart is bounded: the rarer
// types are one, and a name that is in no zone makes no new one.
func (s *Server) Collector() prometheus.Collector {
	return &collector{
		server:      s,
		queries:     metric("queries_total", "DNS packets that came.", "transport"),
		replies:     metric("replies_total", "DNS replies, by response code.", "rcode"),
		questions:   metric("questions_total", "DNS questions that were answered, by type.", "type"),
		cookies:     metric("cookies_total", "DNS queries with a cookie, by what that was worth.", "cookie"),
		dropped:     metric("dropped_total", "DNS packets that deserved no reply."),
		truncated:   metric("truncated_total", "DNS replies that did not fit and sent the client to TCP."),
		unsent:      metric("unsent_total", "DNS replies that the system would not send."),
		flat:        metric("flat_replies_total", "DNS replies to usual questions, which a flat table of the names knew; the others take longer."),
		limited:     metric("rate_limited_total", "DNS replies over UDP that the rate limit held back, or truncated.", "action"),
		panics:      metric("panics_total", "Faults of the DNS server that a packet brought to light."),
		handshakes:  metric("tls_failures_total", "Handshakes of DNS over TLS that failed."),
		transfers:   metric("transfers_total", "Transfers of zones that ended well, by what was sent: all, a difference, or nothing new.", "kind"),
		connections: metric("tcp_connections", "TCP connections that are open, those with TLS among them."),
		displaced:   metric("tcp_displaced_total", "TCP connections that were closed to make room for others."),
		zones: zoneMetrics{
			queries:   metric("zone_queries_total", "DNS queries that a zone answered.", "zone", "transport"),
			replies:   metric("zone_replies_total", "DNS replies of a zone, by response code.", "zone", "rcode"),
			questions: metric("zone_questions_total", "DNS questions that a zone answered, by type.", "zone", "type"),
		},
	}
}

func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("stayput_dns_"+name, help, labels, nil)
}

type collector struct {
	server *Server

	queries, replies, questions, cookies     *prometheus.Desc
	dropped, truncated, unsent, flat, panics *prometheus.Desc
	handshakes, connections, displaced       *prometheus.Desc
	limited, transfers                       *prometheus.Desc

	zones zoneMetrics
}

// Describe sends what Collect may send.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.queries, c.replies, c.questions, c.cookies, c.dropped, c.truncated, c.unsent, c.flat, c.panics, c.limited, c.transfers,
		c.handshakes, c.connections, c.displaced, c.zones.queries, c.zones.replies, c.zones.questions,
	} {
		out <- d
	}
}

// Collect sends the counts until now.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	stats := c.server.Stats()
	for d, byLabel := range map[*prometheus.Desc]map[string]uint64{
		c.queries: stats.Queries, c.replies: stats.Replies, c.questions: stats.Questions, c.cookies: stats.Cookies,
		c.transfers: stats.Transfers,
	} {
		for label, n := range byLabel {
			sendCount(out, d, n, label)
		}
	}
	sendCount(out, c.dropped, stats.Dropped)
	sendCount(out, c.truncated, stats.Truncated)
	sendCount(out, c.unsent, stats.Unsent)
	sendCount(out, c.flat, stats.Flat)
	sendCount(out, c.limited, stats.Limited, "drop")
	sendCount(out, c.limited, stats.Slipped, "slip")
	sendCount(out, c.panics, stats.Panics)
	sendCount(out, c.handshakes, stats.Handshakes)
	sendCount(out, c.displaced, stats.Displaced)
	out <- prometheus.MustNewConstMetric(c.connections, prometheus.GaugeValue, float64(stats.Connections))
	for origin, totals := range c.server.zoneTotals() {
		c.zones.send(out, origin.String(), totals)
	}
}

func sendCount(out chan<- prometheus.Metric, d *prometheus.Desc, n uint64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

// zoneMetrics is what is told of each zone.
type zoneMetrics struct{ queries, replies, questions *prometheus.Desc }

// send sends the counts of one zone that are not 0.
func (m *zoneMetrics) send(out chan<- prometheus.Metric, origin string, z *zoneTotals) {
	for via, n := range z.queries {
		if n > 0 {
			sendCount(out, m.queries, n, origin, Transport(via).String())
		}
	}
	for code, n := range z.replies {
		if n > 0 {
			sendCount(out, m.replies, n, origin, rcode(code).String())
		}
	}
	for class, n := range z.questions {
		if n > 0 {
			sendCount(out, m.questions, n, origin, typeClass(class).String())
		}
	}
}
