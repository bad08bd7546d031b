package daemon

import (
	"net/http"
	"time"

	"stayput.dev/internal/config"
	"stayput.dev/internal/metrics"
)

// answersOnly tells whether this node only answers questions: it takes no updates, does
// no job, and never writes to the database.
func (d *daemon) answersOnly() bool { return d.cfg.Role == config.RoleDNS }

// monitored is what monitors ask.
func (d *daemon) monitored() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		status, text := d.readiness()
		reply(w, status, text+"\n")
	})
	mux.Handle("GET /metrics", metrics.Handler(d.allowMetrics, d.collectors()...))
	return mux
}

// readiness tells whether this node can do what it is there for, in words that strangers
// may read. One that takes updates needs the database for every one of them, so that who
// spreads requests should leave it out while that is away; one that only answers
// questions goes on from memory.
func (d *daemon) readiness() (status int, text string) {
	status, text = http.StatusOK, "ready"
	switch since, why := d.store.Away(); {
	case why != nil:
		status, text = http.StatusServiceUnavailable, "the database has not answered since "+since.UTC().Format(time.RFC3339)
	case d.registry.Err() != nil:
		status, text = http.StatusServiceUnavailable, "store unavailable"
	}
	if d.answersOnly() && status != http.StatusOK {
		return http.StatusOK, "ready, from memory: " + text
	}
	return status, text
}
