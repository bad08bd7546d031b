//go:build linux

// Package load makes the load of the figures: routers that update over HTTP,
// clients that send RFC 2136 updates, and resolvers that ask. It counts only
// what was answered as it should be; everything else is a failure and is
// reported as one.
package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"stayput.dev/bench/internal/stats"
)

// Timeout is how long an update may wait for its answer before it counts as
// failed.
const Timeout = 10 * time.Second

// A Client carries updates to a server, one at a time.
type Client interface {
	// Update moves host i and returns nil once the server said that it did.
	Update(i int) error
	// Close frees what the client holds.
	Close()
}

// A Result says what became of the updates of one run.
type Result struct {
	Done      int             // answered as they should be
	Failed    int             // all others
	FirstFail error           // one of the failures, nil when there are none
	Elapsed   time.Duration   // of the whole run
	Latencies []time.Duration // of Done, ascending
	Lateness  []time.Duration // open loop only: how late the generator started each update, ascending
}

// Rate returns the updates done per second.
func (r *Result) Rate() float64 { return float64(r.Done) / r.Elapsed.Seconds() }

// Percentile returns the p-th percentile of the latencies.
func (r *Result) Percentile(p float64) time.Duration { return stats.Percentile(r.Latencies, p) }

// record counts one update.
func (r *Result) record(latency time.Duration, err error) {
	if err == nil {
		r.Done++
		r.Latencies = append(r.Latencies, latency)
		return
	}
	r.Failed++
	if r.FirstFail == nil {
		r.FirstFail = err
	}
}

// merge adds what the part counted.
func (r *Result) merge(part *Result) {
	r.Done += part.Done
	r.Failed += part.Failed
	if r.FirstFail == nil {
		r.FirstFail = part.FirstFail
	}
	r.Latencies = append(r.Latencies, part.Latencies...)
}

// Closed runs the clients in a closed loop for d: each updates a random one of
// the hosts, waits for the answer, and goes on until d is over, at least once.
// It closes the clients.
func Closed(ctx context.Context, clients []Client, hosts int, d time.Duration) Result {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	parts := make([]Result, len(clients))
	var wg sync.WaitGroup
	start := time.Now()
	for n, client := range clients {
		wg.Go(func() {
			defer client.Close()
			rng := rand.New(rand.NewPCG(uint64(n), uint64(start.UnixNano())))
			for {
				began := time.Now()
				err := client.Update(rng.IntN(hosts))
				parts[n].record(time.Since(began), err)
				if ctx.Err() != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	total := Result{Elapsed: time.Since(start)}
	for i := range parts {
		total.merge(&parts[i])
	}
	slices.Sort(total.Latencies)
	return total
}

// Each updates every host once, the clients sharing the work, and returns the
// first failure. It closes the clients.
func Each(ctx context.Context, clients []Client, hosts int) error {
	var wg sync.WaitGroup
	errs := make([]error, len(clients))
	for n, client := range clients {
		wg.Go(func() {
			defer client.Close()
			for i := n; i < hosts && ctx.Err() == nil && errs[n] == nil; i += len(clients) {
				if err := client.Update(i); err != nil {
					errs[n] = fmt.Errorf("updating host %d: %w", i, err)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
