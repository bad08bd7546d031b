//go:build linux

package load

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Appends appends 4 KiB to a new file in dir and waits for fdatasync, again
// and again for d, and returns how long each took, ascending: the least that a
// durable update can cost on that disk. It removes the file.
func Appends(ctx context.Context, dir string, d time.Duration) ([]time.Duration, error) {
	f, err := os.CreateTemp(dir, "appends-")
	if err != nil {
		return nil, fmt.Errorf("measuring the disk: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	var took []time.Duration
	for start := time.Now(); time.Since(start) < d && ctx.Err() == nil; {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, fmt.Errorf("measuring the disk: %w", err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return nil, fmt.Errorf("measuring the disk: %w", err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took, nil
}
