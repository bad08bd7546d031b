//go:build linux

// Package peer starts the servers under test: Stayput and the DNS servers of
// Debian. Each runs as a child process on loopback, keeps all it writes in a
// directory that it is given, and dies with this program.
package peer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// AnyCPU lets a process run on all cores.
const AnyCPU = -1

// A Process is a running child.
type Process struct {
	Started time.Time // just before the process began

	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when the process has ended
	err  error         // how it ended; read after done
	stop sync.Once     // a second signal might reach whoever has the number by then
}

// Spawn starts the program with everything that it prints going to the file
// log. cpu is the one core that it may use, or AnyCPU. The process is killed
// when this program dies; Stop ends it in good order.
func Spawn(cpu int, log, program string, args ...string) (*Process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	defer out.Close()
	p := &Process{cmd: exec.Command(program, args...), log: log, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	started := make(chan error)
	go p.run(cpu, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	return p, nil
}

// run starts the process and waits for its end on one thread: a child
// inherits the affinity of the thread that forks it and gets the death signal
// when that thread ends.
func (p *Process) run(cpu int, started chan<- error) {
	runtime.LockOSThread() // never unlocked: the thread ends with its affinity
	if cpu != AnyCPU {
		var set unix.CPUSet
		set.Set(cpu)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			started <- fmt.Errorf("pinning to core %d: %w", cpu, err)
			return
		}
	}
	p.Started = time.Now()
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	p.err = p.cmd.Wait()
	close(p.done)
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended reports whether the process is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Stop asks the process to end, kills its group after ten seconds, and waits
// until it is gone. Stopping again does nothing.
func (p *Process) Stop() { p.stop.Do(p.end) }

func (p *Process) end() {
	if !p.Ended() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only when it is gone
	}
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // children that outlived it
	<-p.done
}

// Await calls ready every interval until it returns true. It fails when the
// process ends first, with the end of what it printed, or when ctx does.
func (p *Process) Await(ctx context.Context, interval time.Duration, ready func() bool) error {
	for !ready() {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended early (%w): %s", p.cmd.Path, errors.Join(p.err), tail(p.log))
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w: %s", p.cmd.Path, ctx.Err(), tail(p.log))
		case <-time.After(interval):
		}
	}
	return nil
}

// tail returns the end of the file, for messages.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-1500):])
}
