//go:build linux

package load_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"stayput.dev/bench/internal/load"
)

func TestPacedAppendsAnswerEachArrival(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	arrivals := load.Evenly(2000, 20*time.Millisecond, 1)
	took, err := load.PacedAppends(t.Context(), dir, arrivals)
	if err != nil || len(took) != len(arrivals) || took[0] <= 0 || !slices.IsSorted(took) {
		t.Errorf("PacedAppends = %v, %v, want %d latencies, ascending", took, err, len(arrivals))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v, want nothing", left, err)
	}
}

func TestAppendsNeedADirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "missing")
	if _, err := load.Appends(t.Context(), dir, time.Millisecond); err == nil {
		t.Error("back to back: no error")
	}
	if _, err := load.PacedAppends(t.Context(), dir, load.Evenly(1000, time.Millisecond, 1)); err == nil {
		t.Error("paced: no error")
	}
}
