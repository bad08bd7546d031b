package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// BenchmarkApply measures durable edits by many who wait for theirs, each of a
// random host of 10,000.
func BenchmarkApply(b *testing.B) {
	for _, waiters := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(waiters), func(b *testing.B) {
			r := run(b, open(b, b.TempDir(), store.Options{}))
			apply(b, r, makeZone(10_000))
			commits := r.Stats().Commits.Load()
			var next atomic.Int64
			var group sync.WaitGroup
			b.ReportAllocs()
			spent := rig.CPUTime(b)
			b.ResetTimer()
			for range waiters {
				group.Go(func() {
					for {
						n := int(next.Add(1))
						if n > b.N {
							return
						}
						apply(b, r, move(rand.IntN(10_000), address(n)))
					}
				})
			}
			group.Wait()
			b.StopTimer()
			b.ReportMetric(float64((rig.CPUTime(b)-spent).Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "edits/s")
			b.ReportMetric(float64(r.Stats().Commits.Load()-commits)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}

// BenchmarkLoad measures the start with a million hosts, and with a long journal.
func BenchmarkLoad(b *testing.B) {
	if os.Getenv("STAYPUT_BENCH_LOAD") == "" {
		b.Skip("set STAYPUT_BENCH_LOAD to make a million hosts")
	}
	b.Run("snapshot", func(b *testing.B) {
		s := open(b, b.TempDir(), store.Options{})
		r := run(b, s)
		apply(b, r, makeZone(1_000_000))
		if err := s.Compact(b.Context(), r.State()); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			load(b, s)
		}
	})
	b.Run("journal", func(b *testing.B) {
		s := open(b, b.TempDir(), store.Options{NoSync: true})
		r := run(b, s)
		apply(b, r, makeZone(100_000))
		if err := s.Compact(b.Context(), r.State()); err != nil {
			b.Fatal(err)
		}
		state := r.State()
		for i := range 100_000 {
			c := commitOf(b, state, move(i, address(i+1)))
			if err := s.Append(b.Context(), state.Revision, []registry.Commit{c}); err != nil {
				b.Fatal(err)
			}
			var err error
			if state, err = state.Apply(c); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			load(b, s)
		}
	})
}

// BenchmarkVersion measures how long it takes to go back, for each commit that is undone.
func BenchmarkVersion(b *testing.B) {
	const hosts, commits = 10_000, 5000
	s := open(b, b.TempDir(), store.Options{NoSync: true})
	r := run(b, s)
	apply(b, r, makeZone(hosts))
	serial := r.State().Zones.Get(origin).Serial()
	for i := range commits {
		apply(b, r, move(rand.IntN(hosts), address(i)))
	}
	spent := rig.CPUTime(b)
	for b.Loop() {
		if _, err := s.Version(b.Context(), r.State(), origin, serial); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((rig.CPUTime(b)-spent).Nanoseconds())/float64(b.N)/commits, "cpu-ns/commit")
}
