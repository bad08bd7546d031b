//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Appends appends 4 KiB to a new file in dir and waits for fdatasync, again
// and again for d, and returns how long each took, ascending: the least that a
// durable update can cost on that disk, when disk and cores never rest. It
// removes the file.
func Appends(ctx context.Context, dir string, d time.Duration) ([]time.Duration, error) {
	var took []time.Duration
	err := onFile(dir, func(f *os.File) error {
		for start := time.Now(); time.Since(start) < d && ctx.Err() == nil; {
			began := time.Now()
			if err := appendTo(f, 1); err != nil {
				return err
			}
			took = append(took, time.Since(began))
		}
		return nil
	})
	slices.Sort(took)
	return took, err
}

// PacedAppends is Appends with an append for each arrival at its moment, and
// returns how long each took from that moment: the least that durable updates
// can cost that arrive so. All that fell due during one fdatasync share the
// next.
func PacedAppends(ctx context.Context, dir string, arrivals []Arrival) ([]time.Duration, error) {
	took := make([]time.Duration, 0, len(arrivals))
	err := onFile(dir, func(f *os.File) error {
		var failed error
		start := time.Now()
		err := paceAsleep(ctx, start, arrivals, func(due []Arrival) {
			if failed != nil || len(due) == 0 {
				return
			}
			failed = appendTo(f, len(due))
			now := time.Since(start)
			for _, a := range due {
				took = append(took, now-a.At)
			}
		})
		return errors.Join(failed, err)
	})
	slices.Sort(took)
	return took, err
}

// onFile calls measure with a new file in dir and removes it.
func onFile(dir string, measure func(f *os.File) error) error {
	f, err := os.CreateTemp(dir, "appends-")
	if err == nil {
		defer os.Remove(f.Name())
		defer f.Close()
		err = measure(f)
	}
	if err != nil {
		return fmt.Errorf("measuring the disk: %w", err)
	}
	return nil
}

// appendTo appends so many blocks of 4 KiB and waits until they are durable.
func appendTo(f *os.File, blocks int) error {
	var block [4096]byte
	for range blocks {
		if _, err := f.Write(block[:]); err != nil {
			return err
		}
	}
	return unix.Fdatasync(int(f.Fd()))
}
