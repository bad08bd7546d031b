package stats_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"stayput.dev/bench/internal/stats"
)

func TestSummarize(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		values []float64
		want   stats.Summary
	}{
		{"one", []float64{3}, stats.Summary{Median: 3, Min: 3, Max: 3}},
		{"odd", []float64{9, 1, 5}, stats.Summary{Median: 5, Min: 1, Max: 9}},
		{"even", []float64{4, 1, 2, 10}, stats.Summary{Median: 3, Min: 1, Max: 10}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := slices.Clone(tt.values)
			if got := stats.Summarize(tt.values); got != tt.want {
				t.Errorf("Summarize(%v) = %v, want %v", tt.values, got, tt.want)
			}
			if !slices.Equal(tt.values, before) {
				t.Errorf("values became %v, want %v", tt.values, before)
			}
		})
	}
}

func TestSummarizeNothing(t *testing.T) {
	t.Parallel()
	if got := stats.Summarize(nil); !math.IsNaN(got.Median) || !math.IsNaN(got.Min) || !math.IsNaN(got.Max) {
		t.Errorf("Summarize(nil) = %v, want NaN throughout", got)
	}
}

func TestRatiosPairRounds(t *testing.T) {
	t.Parallel()
	got := stats.Ratios([]float64{10, 30, 8, 7}, []float64{5, 10, 0})
	if want := []float64{2, 3}; !slices.Equal(got, want) {
		t.Errorf("Ratios = %v, want %v", got, want)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i+1) * time.Millisecond
	}
	tests := []struct {
		name   string
		sorted []time.Duration
		p      float64
		want   time.Duration
	}{
		{"nothing", nil, 50, 0},
		{"median", hundred, 50, 50 * time.Millisecond},
		{"p99", hundred, 99, 99 * time.Millisecond},
		{"maximum", hundred, 100, 100 * time.Millisecond},
		{"minimum", hundred, 0, time.Millisecond},
		{"rounded up", hundred[:3], 50, 2 * time.Millisecond},
		{"single", hundred[:1], 99.9, time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := stats.Percentile(tt.sorted, tt.p); got != tt.want {
				t.Errorf("Percentile(%v) = %v, want %v", tt.p, got, tt.want)
			}
		})
	}
}
