//go:build linux

package figure

import (
	"context"
	"flag"
	"time"

	"stayput.dev/bench/internal/load"
	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
	"stayput.dev/bench/internal/stats"
)

// openLoop measures the latency of updates that arrive at a fixed rate, in
// turns with what the disk alone takes.
func openLoop(flags *flag.FlagSet, _ *settings) func(context.Context, *bench) error {
	rate := flags.Float64("rate", 1000, "updates that arrive each second")
	return func(ctx context.Context, b *bench) error {
		s, fleet, err := b.service(ctx, stayput, b.hosts, peer.StayputOptions{CPU: peer.AnyCPU})
		if err != nil {
			return err
		}
		way, moves := door(s, false, false, "good "), sample.NewMoves(b.hosts)
		err = b.eachRound(ctx, func() error {
			if err := b.diskTurns(ctx, *rate); err != nil {
				return err
			}
			r, err := way.Open(ctx, load.Evenly(*rate, b.duration, b.hosts), fleet, moves.Next)
			if err != nil {
				return err
			}
			b.addOpen(&r)
			return nil
		})
		for _, measure := range []string{"p50", "p99"} {
			b.report.ratio(measure, stayput, diskPaced)
			b.report.ratio(measure, stayput, diskBusy)
		}
		return err
	}
}

// The subjects that only append and sync.
const (
	diskBusy  = "fdatasync, 4 KiB, back to back"
	diskPaced = "fdatasync, 4 KiB, at the same rate"
)

// diskTurns measures appends, each way for half as long as the updates.
func (b *bench) diskTurns(ctx context.Context, rate float64) error {
	took, err := load.Appends(ctx, b.dir, b.duration/2)
	if err != nil {
		return err
	}
	b.addDisk(diskBusy, took)
	took, err = load.PacedAppends(ctx, b.dir, load.Evenly(rate, b.duration/2, b.hosts))
	if err != nil {
		return err
	}
	b.addDisk(diskPaced, took)
	return nil
}

// addDisk adds a run of appends to the report.
func (b *bench) addDisk(subject string, took []time.Duration) {
	b.report.add(subject, "p50", "ms", milliseconds(stats.Percentile(took, 50)))
	b.report.add(subject, "p99", "ms", milliseconds(stats.Percentile(took, 99)))
	b.log.Printf("%s: p50 %v, p99 %v", subject, stats.Percentile(took, 50), stats.Percentile(took, 99))
}

// addOpen adds a run of updates at their scheduled moments to the report.
func (b *bench) addOpen(r *load.Result) {
	b.report.add(stayput, "updates/s", "/s", r.Rate())
	b.addLatencies(stayput, r)
	// The generator's own delay is part of the latencies above.
	b.report.add("generator", "started late, p99", "ms", milliseconds(stats.Percentile(r.Lateness, 99)))
	b.addFailures(stayput, "", r)
}

// addLatencies adds the percentiles and the maximum of an open loop.
func (b *bench) addLatencies(subject string, r *load.Result) {
	for _, p := range []struct {
		name string
		of   float64
	}{{"p50", 50}, {"p99", 99}, {"p99.9", 99.9}, {"max", 100}} {
		b.report.add(subject, p.name, "ms", milliseconds(r.Percentile(p.of)))
	}
	b.log.Printf("%s: %d done, p50 %v, p99 %v, max %v", subject, r.Done,
		r.Percentile(50).Round(time.Microsecond), r.Percentile(99).Round(time.Microsecond), r.Percentile(100).Round(time.Microsecond))
}
