package update

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
)

// counters counts what was answered.
type counters struct{ results, limited *prometheus.CounterVec }

func newCounters() counters {
	return counters{
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stayput_updates_total",
			Help: "Hosts in update requests by what became of them, and requests that failed as a whole by why.",
		}, []string{"dialect", "outcome"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stayput_updates_limited_total",
			Help: "Update requests put off because too many came, by what there were too many of.",
		}, []string{"limit"}),
	}
}

// Describe implements prometheus.Collector.
func (c counters) Describe(ch chan<- *prometheus.Desc) {
	c.results.Describe(ch)
	c.limited.Describe(ch)
}

// Collect implements prometheus.Collector.
func (c counters) Collect(ch chan<- prometheus.Metric) {
	c.results.Collect(ch)
	c.limited.Collect(ch)
}

func (c counters) count(dialect string, results []Result, err error) {
	if err != nil {
		c.results.WithLabelValues(dialect, label(err)).Inc()
		return
	}
	for _, r := range results {
		c.results.WithLabelValues(dialect, r.Outcome.String()).Inc()
	}
}

// label returns the outcome of a request that failed as a whole.
func label(err error) string {
	switch {
	case errors.Is(err, ErrNoCredentials):
		return "challenge"
	case errors.Is(err, account.ErrBadCredential):
		return "badauth"
	case errors.Is(err, account.ErrSuspended):
		return "suspended"
	case errors.Is(err, ErrBadAddress):
		return "badaddress"
	case errors.Is(err, ErrBadText):
		return "badtext"
	case errors.Is(err, ErrBadChallenge):
		return "badchallenge"
	case errors.Is(err, ErrTooManyHosts):
		return "numhost"
	case errors.Is(err, ErrNoHostNamed):
		return "notfqdn"
	case errors.Is(err, ErrLimited):
		return "limited"
	case errors.Is(err, ErrNotPushed):
		return "notpushed"
	case errors.Is(err, ErrRejected):
		return "refused"
	case errors.Is(err, registry.ErrUnavailable), isContextError(err):
		return "unavailable"
	}
	return "error"
}

// isOurFault tells whether an edit failed that should not have.
func isOurFault(err error) bool { return err != nil && label(err) == "error" }

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
