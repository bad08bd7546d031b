package rig

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime returns what the process has used so far: unlike the time that passes, it
// hardly depends on what else the machine does.
func CPUTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
