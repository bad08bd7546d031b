//go:build linux

package load

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// An alarm wakes up on time (timerfd_create(2)): the runtime's timers round to
// a millisecond when the program idles, and the kernel's sleeps last longer as
// suits it.
type alarm int

// newAlarm returns an alarm that the caller closes.
func newAlarm() (alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("setting an alarm: %w", err)
	}
	return alarm(fd), nil
}

// set lets the alarm go off after d, once, and at no earlier time.
func (a alarm) set(d time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(d, 1).Nanoseconds())} // 0 would be never
	if err := unix.TimerfdSettime(int(a), 0, &spec, nil); err != nil {
		return fmt.Errorf("setting an alarm: %w", err)
	}
	return nil
}

// sleep sleeps for d, or less when a signal comes.
func (a alarm) sleep(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if err := a.set(d); err != nil {
		return err
	}
	var expired [8]byte
	if _, err := unix.Read(int(a), expired[:]); err != nil && err != unix.EINTR {
		return fmt.Errorf("waiting for an alarm: %w", err)
	}
	return nil
}

// close frees the alarm.
func (a alarm) close() { unix.Close(int(a)) }
