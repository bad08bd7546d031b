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
		update := door(s, false, false, "good ").Once(fleet, sample.NewMoves(b.hosts).Next)
		err = b.eachRound(ctx, func() error {
			if err := b.diskTurn(ctx); err != nil {
				return err
			}
			b.openTurn(ctx, load.Evenly(*rate, b.duration, b.hosts), update)
			return nil
		})
		b.report.ratio("p50", stayput, disk)
		b.report.ratio("p99", stayput, disk)
		return err
	}
}

// disk is the subject that only appends and syncs.
const disk = "fdatasync, 4 KiB"

// diskTurn measures appends, for half as long as the updates.
func (b *bench) diskTurn(ctx context.Context) error {
	took, err := load.Appends(ctx, b.dir, b.duration/2)
	if err != nil {
		return err
	}
	b.report.add(disk, "p50", "ms", milliseconds(stats.Percentile(took, 50)))
	b.report.add(disk, "p99", "ms", milliseconds(stats.Percentile(took, 99)))
	b.log.Printf("%s: p50 %v, p99 %v", disk, stats.Percentile(took, 50), stats.Percentile(took, 99))
	return nil
}

// openTurn measures updates at their scheduled moments.
func (b *bench) openTurn(ctx context.Context, arrivals []load.Arrival, update func(int) error) {
	r := load.Open(ctx, arrivals, update)
	b.report.add(stayput, "updates/s", "/s", r.Rate())
	b.addLatencies(stayput, &r)
	// The generator's own delay is part of the latencies above.
	b.report.add("generator", "started late, p99", "ms", milliseconds(stats.Percentile(r.Lateness, 99)))
	b.addFailures(stayput, "", &r)
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
