package rig

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Clock is the wall clock of one process, which a test may set. Linux has one for the
// whole machine, and programs of Go read it by a function that the kernel maps into
// each process (vdso(7)), so that no library can stand in between. That function is
// replaced, in that process alone: it asks the kernel, and adds what Shift says to
// CLOCK_REALTIME. The monotonic clock stays as it is.
type Clock struct {
	memory string // file of the process's memory
	offset int64  // in it: the seconds to be added
}

// HasClocks tells whether clocks of single processes can be set on this machine.
func HasClocks() bool { return runtime.GOARCH == "amd64" }

// shiftedClock is clock_gettime(clock, *timespec) in machine code. The last eight
// octets are the seconds to be added.
var shiftedClock = []byte{
	0xb8, 0xe4, 0x00, 0x00, 0x00, // mov    $228, %eax       SYS_clock_gettime
	0x0f, 0x05, // syscall
	0x85, 0xff, // test   %edi, %edi       CLOCK_REALTIME is 0
	0x75, 0x0a, // jne    the end
	0x48, 0x8b, 0x0d, 0x04, 0x00, 0x00, 0x00, // mov    4(%rip), %rcx
	0x48, 0x01, 0x0e, // add    %rcx, (%rsi)
	0xc3, // ret
	0, 0, 0, 0, 0, 0, 0, 0,
}

// ClockOf takes over the clock of a running process of ours, which is stopped for a
// moment for that.
func ClockOf(tb testing.TB, pid int) *Clock {
	tb.Helper()
	for range 100 {
		c, err := clockOf(pid)
		if err == nil {
			return c
		}
		if !errors.Is(err, errInside) {
			tb.Fatalf("taking over the clock of process %d: %v", pid, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	tb.Fatalf("process %d does nothing but look at the clock", pid)
	return nil
}

// Shift sets the clock so far from that of the machine; the zero Duration sets it right.
func (c *Clock) Shift(tb testing.TB, by time.Duration) {
	tb.Helper()
	if err := writeMemory(c.memory, c.offset, binary.LittleEndian.AppendUint64(nil, uint64(int64(by/time.Second)))); err != nil {
		tb.Fatal(err)
	}
}

var errInside = errors.New("a thread is just about to look at the clock")

func clockOf(pid int) (*Clock, error) {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return nil, err
	}
	defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	begin, end, err := vdsoOf(pid)
	if err != nil {
		return nil, err
	}
	memory := fmt.Sprintf("/proc/%d/mem", pid)
	image := make([]byte, end-begin)
	f, err := os.Open(memory)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.ReadAt(image, int64(begin)); err != nil {
		return nil, err
	}
	entry, err := entryOf(image)
	if err != nil {
		return nil, err
	}
	room := len(bytes.TrimRight(image, "\x00"))/16*16 + 32
	if room+len(shiftedClock) > len(image) {
		return nil, errors.New("there is no room for another function")
	}
	jump := binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(room-(entry+5)))
	if err := expectOutside(pid, begin+uint64(entry), len(jump)); err != nil {
		return nil, err
	}
	if err := writeMemory(memory, int64(begin)+int64(room), shiftedClock); err != nil {
		return nil, err
	}
	offset := int64(begin) + int64(room+len(shiftedClock)-8)
	return &Clock{memory, offset}, writeMemory(memory, int64(begin)+int64(entry), jump)
}

// vdsoOf returns where a process has what the kernel mapped into it.
func vdsoOf(pid int) (begin, end uint64, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(strings.TrimSpace(line), "[vdso]") {
			_, err = fmt.Sscanf(line, "%x-%x", &begin, &end)
			return begin, end, err
		}
	}
	return 0, 0, errors.New("it has no vDSO")
}

// entryOf returns where the clock's function begins in an image.
func entryOf(image []byte) (int, error) {
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, err
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return 0, err
	}
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" {
			return int(s.Value), nil
		}
	}
	return 0, errors.New("the vDSO has no clock")
}

// expectOutside waits until all threads of a process are stopped, and fails with errInside
// when one of them would go on in the range.
func expectOutside(pid int, begin uint64, size int) error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	for _, thread := range threads {
		at, err := stoppedAt(fmt.Sprintf("/proc/%d/task/%s/", pid, thread.Name()))
		if err != nil {
			return err
		}
		if at >= begin && at < begin+uint64(size) {
			return errInside
		}
	}
	return nil
}

// stoppedAt returns where a thread goes on that has been told to stop.
func stoppedAt(thread string) (at uint64, err error) {
	for range 1000 {
		stat, err := os.ReadFile(thread + "stat")
		if err != nil {
			return 0, err
		}
		if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "T") {
			time.Sleep(time.Millisecond)
			continue
		}
		call, err := os.ReadFile(thread + "syscall")
		if err != nil {
			return 0, err
		}
		fields := strings.Fields(string(call)) // the last one is the program counter
		_, err = fmt.Sscanf(fields[len(fields)-1], "0x%x", &at)
		return at, err
	}
	return 0, errors.New("a thread does not stop")
}

func writeMemory(file string, at int64, what []byte) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(what, at)
	return errors.Join(err, f.Close())
}
