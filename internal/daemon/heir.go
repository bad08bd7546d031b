package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// lineVariable tells a process that it was started to take over, and which
	// words the one before it knows. The line is the first descriptor after
	// standard error, the sockets follow.
	lineVariable = "STAYPUT_HANDOVER"
	lineVersion  = "1"
	lineFD       = 3

	// loadTime is how long a successor may take to load the state; systemd gives a
	// start as much.
	loadTime = 5 * time.Minute
	// stepTime is how long each step after that may take. The longest are made of
	// several waits of shutdownTime.
	stepTime = time.Minute
)

// heir is the process that is to take over from us.
type heir struct {
	process *os.Process
	line    *line
	ended   chan struct{} // closed when it is gone; then fate says how
	fate    string
	sockets []socket
	files   []*os.File // of the sockets, for us if the heir fails
}

// newHeir starts the program anew, whatever its file holds by now, with all
// sockets that we have.
func (d *daemon) newHeir() (*heir, error) {
	if len(d.opts.Program) == 0 {
		return nil, errors.New("it is not known which program to start")
	}
	if os.Getpid() == 1 {
		return nil, &Error{errors.New("what the first process hands over ends with it"), "start a new container"}
	}
	files, err := d.sockets.duplicates()
	if err != nil {
		return nil, err
	}
	h := &heir{ended: make(chan struct{}), sockets: slices.Clone(d.sockets.open), files: files}
	if err := h.start(d.opts); err != nil {
		closeFiles(files)
		return nil, fmt.Errorf("starting %s: %w", d.opts.Program[0], err)
	}
	return h, nil
}

func (h *heir) start(opts Options) error {
	ours, theirs, err := newPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	if h.line, err = newLine(ours); err != nil {
		return err
	}
	cmd := exec.Command(opts.Program[0], opts.Program[1:]...)
	cmd.Env = heirEnvironment(os.Environ())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if opts.LogTo != nil {
		cmd.Stderr = opts.LogTo
	}
	cmd.ExtraFiles = append([]*os.File{theirs}, h.files...)
	if err := cmd.Start(); err != nil {
		h.line.close()
		return err
	}
	h.process = cmd.Process
	go func() { // ends with the process, or with ours
		if h.fate = "it ended"; cmd.Wait() != nil {
			h.fate = cmd.ProcessState.String()
		}
		close(h.ended)
	}()
	return nil
}

// heirEnvironment returns the environment of a successor: ours, without what is
// meant for one process only.
func heirEnvironment(env []string) []string {
	mine := map[string]bool{"LISTEN_PID": true, "LISTEN_FDS": true, "LISTEN_FDNAMES": true, "WATCHDOG_PID": true, lineVariable: true}
	out := []string{lineVariable + "=" + lineVersion}
	for _, assignment := range env {
		if name, _, _ := strings.Cut(assignment, "="); !mine[name] {
			out = append(out, assignment)
		}
	}
	return out
}

// tell says w and returns the answer to it, which is one of those that belong to it.
func (h *heir) tell(ctx context.Context, w word, within time.Duration, answers ...string) (word, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = h.line.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err := h.line.say(w)
	var heard word
	if err == nil {
		heard, _, err = h.line.hear()
	}
	switch {
	case ctx.Err() != nil:
		return word{}, fmt.Errorf("waiting until the new process says %q: %w", answers[0], context.Cause(ctx))
	case errors.Is(err, errHungUp):
		<-h.ended // it hangs up by ending
		return word{}, fmt.Errorf("the new process: %s", h.fate)
	case err != nil:
		return word{}, err
	case heard.Say == sayFailed:
		return word{}, fmt.Errorf("the new process: %s", heard.Error)
	case !slices.Contains(answers, heard.Say):
		return word{}, fmt.Errorf("the new process says %q, not %q", heard.Say, answers[0])
	}
	return heard, nil
}

// pass gives a connection to the heir.
func (h *heir) pass(c net.Conn, unread []byte) { _ = h.line.pass(c, unread) } // or it is closed

// end makes sure that the heir is no more. It may answer what it has taken.
func (h *heir) end() {
	defer h.line.close()
	_ = h.process.Signal(syscall.SIGTERM)
	select {
	case <-h.ended:
	case <-time.After(shutdownTime):
		_ = h.process.Kill()
		<-h.ended
	}
}
