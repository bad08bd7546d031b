// Package stats turns measurements into the few numbers that a figure
// prints: medians with their range, paired ratios, and percentiles.
package stats

import (
	"math"
	"slices"
	"time"
)

// Summary is the middle and the range of one value measured in each round.
type Summary struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Summarize returns the median and the range of values, NaN in every field
// when there are none. It leaves values as they are.
func Summarize(values []float64) Summary {
	if len(values) == 0 {
		return Summary{Median: math.NaN(), Min: math.NaN(), Max: math.NaN()}
	}
	s := slices.Sorted(slices.Values(values))
	mid := len(s) / 2
	median := s[mid]
	if len(s)%2 == 0 {
		median = (s[mid-1] + s[mid]) / 2
	}
	return Summary{Median: median, Min: s[0], Max: s[len(s)-1]}
}

// Ratios returns a[i]/b[i] for each round that both have. Dividing within a
// round, not the medians, is what cancels the noise of a shared machine.
// Rounds without a positive b are left out.
func Ratios(a, b []float64) []float64 {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		if b[i] > 0 {
			ratios = append(ratios, a[i]/b[i])
		}
	}
	return ratios
}

// Percentile returns the p-th percentile (0 to 100) of sorted by the
// nearest-rank rule, so it is always a latency that was really seen; 0 when
// sorted is empty.
func Percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
