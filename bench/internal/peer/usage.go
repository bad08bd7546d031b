//go:build linux

package peer

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU times in /proc (USER_HZ, 100 on all Linux
// platforms that Go supports).
const clockTick = 10 * time.Millisecond

// CPU returns the user and system time that the process and its children have
// used so far.
func (p *Process) CPU() (time.Duration, error) {
	var total time.Duration
	for _, pid := range group(p.PID()) {
		used, err := cpuOf(pid)
		if err != nil {
			return 0, fmt.Errorf("reading CPU time: %w", err)
		}
		total += used
	}
	return total, nil
}

// OwnCPU returns the user and system time that this program has used so far.
func OwnCPU() (time.Duration, error) {
	used, err := cpuOf(os.Getpid())
	if err != nil {
		return 0, fmt.Errorf("reading CPU time: %w", err)
	}
	return used, nil
}

// cpuOf returns the user and system time of one process.
func cpuOf(pid int) (time.Duration, error) {
	fields, err := statOf(pid)
	if err != nil {
		return 0, err
	}
	user, err := strconv.ParseInt(fields[utime], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[stime], 10, 64)
	if err != nil {
		return 0, err
	}
	return time.Duration(user+system) * clockTick, nil
}

// usedWithEnded is cpuOf with what those of its children used that have ended.
func usedWithEnded(pid int) (total time.Duration, err error) {
	fields, err := statOf(pid)
	if err != nil {
		return 0, err
	}
	for _, field := range []int{utime, stime, cutime, cstime} {
		ticks, err := strconv.ParseInt(fields[field], 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(ticks) * clockTick
	}
	return total, nil
}

// Where proc_pid_stat(5) has its fields, counted from the third.
const (
	pgrp   = 5 - 3
	utime  = 14 - 3
	stime  = 15 - 3
	cutime = 16 - 3
	cstime = 17 - 3
)

// statOf returns the fields of a process's stat line from the third on: the
// second is the program's name and may hold anything.
func statOf(pid int) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) <= cstime {
		return nil, fmt.Errorf("short stat line %q", stat)
	}
	return fields, nil
}

// Memory is what a server holds, in MiB.
type Memory struct {
	Resident float64 // VmRSS; of several processes the proportional sum, as they share pages
	Peak     float64 // VmHWM of the largest process
}

// Memory returns what the process and its children hold now.
func (p *Process) Memory() (Memory, error) {
	pids := group(p.PID())
	var m Memory
	for _, pid := range pids {
		peak, err := kilobytes(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
		if err != nil {
			return Memory{}, err
		}
		m.Peak = max(m.Peak, peak/1024)
		file, field := "status", "VmRSS:"
		if len(pids) > 1 {
			file, field = "smaps_rollup", "Pss:"
		}
		resident, err := kilobytes(fmt.Sprintf("/proc/%d/%s", pid, file), field)
		if err != nil {
			return Memory{}, err
		}
		m.Resident += resident / 1024
	}
	return m, nil
}

// kilobytes returns the value of a line such as "VmRSS:   123 kB".
func kilobytes(path, field string) (float64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("reading memory: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, field); ok {
			return strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		}
	}
	return 0, fmt.Errorf("reading memory: no %s in %s", field, path)
}

// BytesRead returns how many octets the process has read so far, of files and of
// connections. Datagrams do not count.
func (p *Process) BytesRead() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("reading what was read: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, "rchar: "); ok {
			return strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return 0, fmt.Errorf("reading what was read: no rchar")
}

// group returns pid and the other processes of the group that it leads.
func group(pid int) []int {
	pids := []int{pid}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return pids
	}
	for _, entry := range entries {
		other, err := strconv.Atoi(entry.Name())
		if err != nil || other == pid {
			continue
		}
		fields, err := statOf(other)
		if err == nil && fields[pgrp] == strconv.Itoa(pid) {
			pids = append(pids, other)
		}
	}
	return pids
}
