package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"

	"stayput.dev/internal/registry"
)

// An upgrade is a handover to a new process of the program, which gets every
// socket. Its order is what makes it invisible:
//
//  1. The heir loads the state, beside us, and follows our commits. We do all the
//     work. If it fails, nothing has happened.
//  2. We take no requests any more, that is: no updates and no commands. They wait
//     in the listen queues, and UPDATEs where they are. Those that came in before are
//     answered; then the writer is held, and the state stands still at one revision.
//  3. The heir stands still at that revision, and answers DNS queries beside us. Where
//     other nodes append it may have followed them further: then we go there as well.
//     Two that answer at once must know the same, or answers would go back in time.
//  4. We release the store, and the heir takes it. If it fails until here, it is
//     killed, and we take the store back and serve the requests that wait.
//  5. We take no queries any more, and pass on TCP connections that clients keep. UPDATEs
//     that wait get no reply, so that their senders ask the heir.
//  6. Only then does the heir take requests, and follows others. We answer what we had
//     taken, and end.
//
// So an update is acknowledged either before 3, and then both show it, or after 5,
// and then only one is left that answers.

// handover is where an upgrade is.
type handover struct {
	upgrades     chan chan<- error  // wishes for one; each hears whether the heir has loaded
	giveUp       context.CancelFunc // of an heir that loads, which then stands in raised; nil: none does
	raised       chan raised
	upgradeFault atomic.Pointer[string] // why the last one failed
	reloaded     bool                   // since the last one began, whose heir may have read the settings before

	// What resume has to undo.
	noCommands, noUpdates, lent bool
	release                     func() // of the writer; nil when it is not held

	heir *heir // that has taken over, at the end
}

func newHandover() handover {
	return handover{upgrades: make(chan chan<- error), raised: make(chan raised, 1)}
}

// upgrade starts an heir in answer to a request, which hears when it has loaded
// or why it has not. A nil answer is a signal's.
func (d *daemon) upgrade(ctx context.Context, answer chan<- error) {
	if answer == nil {
		answer = make(chan error, 1)
	}
	if d.giveUp != nil {
		answer <- errors.New("an upgrade is under way")
		return
	}
	d.upgradeFault.Store(nil)
	d.reloaded = false
	d.log.Info("upgrade: starting a new process", "program", d.opts.Program)
	h, err := d.newHeir()
	if err != nil {
		d.upgradeFailed(err)
		answer <- err
		return
	}
	ctx, d.giveUp = context.WithCancel(ctx)
	data, _ := filepath.Abs(d.cfg.Data) // fails only without a working directory, and then the heir says so
	d.running.Go(func() {
		_, err := h.tell(ctx, word{Say: sayOffer, Sockets: h.sockets, Data: data, Lineage: d.registry.State().Lineage}, loadTime, sayLoaded)
		if err != nil {
			d.upgradeFailed(err)
		}
		answer <- err
		d.raised <- raised{h, err} // heard by wait, or by whoever stops
	})
}

// raised is an heir that has loaded the state, or failed to.
type raised struct {
	heir *heir
	err  error
}

// succession lets an heir that has loaded take over. It tells whether that one
// serves now, and we are to depart. Otherwise all is as before; the error is for
// what cannot be as before.
func (d *daemon) succession(ctx context.Context, r raised) (over bool, err error) {
	d.giveUp()
	d.giveUp = nil
	defer closeFiles(r.heir.files)
	if r.err == nil {
		if err = d.handOver(ctx, r.heir); err == nil {
			d.heir = r.heir
			return true, nil
		}
	}
	r.heir.end()
	if err == nil { // and the reason is told already
		return false, nil
	}
	d.upgradeFailed(err)
	return false, d.resume(ctx, r.heir)
}

// dropHeir makes sure that no heir outlives a daemon that stops.
func (d *daemon) dropHeir() {
	if d.giveUp != nil {
		d.giveUp()
		r := <-d.raised
		r.heir.end()
	}
}

func (d *daemon) upgradeFailed(err error) {
	why := err.Error()
	d.upgradeFault.Store(&why)
	d.log.Error("the upgrade failed, the old process goes on", "error", err)
}

// handOver takes the steps 2 to 4.
func (d *daemon) handOver(ctx context.Context, h *heir) error {
	if err := d.registry.Err(); err != nil {
		return fmt.Errorf("the store does not work: %w", err)
	}
	if err := d.closeRequests(); err != nil {
		return err
	}
	revision, release, err := d.registry.Hold(ctx)
	if err != nil {
		return fmt.Errorf("holding the writer: %w", err)
	}
	d.release = release
	if err := d.meetHeir(ctx, h, revision); err != nil {
		return err
	}
	d.lent = true
	if err := d.store.Release(); err != nil {
		return err
	}
	_, err = h.tell(ctx, word{Say: sayReleased}, stepTime, sayTookOver)
	return err
}

// meetHeir returns when both processes answer, at one revision.
func (d *daemon) meetHeir(ctx context.Context, h *heir, revision registry.Revision) error {
	for {
		heard, err := h.tell(ctx, word{Say: sayHeld, Revision: revision}, stepTime, sayAnswering, sayAhead)
		if err != nil || heard.Say == sayAnswering {
			return err
		}
		if err := d.registry.Reach(heard.Revision); err != nil {
			return fmt.Errorf("following to where the new process is: %w", err)
		}
		revision = d.registry.State().Revision
	}
}

// closeRequests ends what changes the state. Commands are first: they are few, and
// while one takes long, updates need not wait.
func (d *daemon) closeRequests() error {
	d.sockets.keepFiles(true)
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	d.noCommands = true
	d.restAPI.EndStreams()
	if err := d.api.Shutdown(ctx); err != nil {
		return fmt.Errorf("a command is still running: %w", err)
	}
	d.noUpdates = true
	d.closeWeb()
	d.front.Leave(ctx, d.accepting.end)
	if err := d.front.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests are still running: %w", err)
	}
	if err := d.dns.HoldUpdates(ctx); err != nil {
		return fmt.Errorf("an UPDATE is still running: %w", err)
	}
	d.keeping.end()
	return nil
}

// resume undoes what handOver did, when the heir is gone.
func (d *daemon) resume(ctx context.Context, h *heir) error {
	ctx = context.WithoutCancel(ctx) // who is to stop should do so in order
	if d.lent {
		d.lent = false
		if err := d.store.TakeOver(ctx); err != nil {
			return fmt.Errorf("going on after an upgrade that failed: %w", err)
		}
		_ = d.registry.CatchUp() // a fault is the writer's to report
	}
	if d.release != nil {
		d.release()
		d.release = nil
	}
	if err := d.reopen(h); err != nil {
		return fmt.Errorf("going on after an upgrade that failed: %w", err)
	}
	return nil
}

// reopen serves requests again, at the sockets that the heir was to have.
func (d *daemon) reopen(h *heir) error {
	for i, o := range h.sockets {
		isDNS := o.Role == roleDNS || o.Role == roleDNSTLS
		isClosed := d.noCommands && o.Role == roleAdmin || d.noUpdates && o.Role != roleAdmin && !isDNS
		if !isClosed {
			continue
		}
		d.sockets.forget(o.conn)
		if err := d.sockets.take(h.files[i], o); err != nil {
			return err
		}
	}
	d.dns.ResumeUpdates()
	if d.noUpdates {
		if err := d.openHTTP(); err != nil {
			return err
		}
	}
	if d.noCommands {
		if err := d.openAPI(); err != nil {
			return err
		}
	}
	d.restAPI.ResumeStreams()
	d.noUpdates, d.noCommands = false, false
	d.sockets.keepFiles(false)
	d.serveRequests()
	return nil
}

// depart takes the steps 5 and 6.
func (d *daemon) depart(h *heir, stopRooms, stopWriter context.CancelFunc) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	stopWriter() // who still waits for it is told so now
	faults := []error{d.dns.Leave(ctx, h.pass)}
	notify("MAINPID=" + strconv.Itoa(h.process.Pid)) // from us, whom systemd still believes
	faults = append(faults, h.line.say(word{Say: sayYours}))
	d.saveHistory() // which the heir loads when we hang up
	faults = append(faults, d.dns.Shutdown(ctx))
	h.line.close()
	stopRooms()
	d.running.Wait()
	faults = append(faults, d.store.Close())
	d.passReload(h)
	d.log.Info("the new process has taken over", "pid", h.process.Pid)
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("handing over: %w", err)
	}
	return nil
}

// passReload lets the heir reload if we were told to since it was started.
func (d *daemon) passReload(h *heir) {
	select {
	case <-d.opts.Hangup:
		d.reloaded = true
	default:
	}
	if d.reloaded {
		_ = h.process.Signal(syscall.SIGHUP) // or it has ended, and the next one reads all
	}
}

// Upgrade starts the program anew and returns when the new process is ready to
// take over, which it then does, or why it is not.
func (d *daemon) Upgrade(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case d.upgrades <- answer:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// UpgradeError returns why the last upgrade failed; "" if it did not.
func (d *daemon) UpgradeError() string {
	if why := d.upgradeFault.Load(); why != nil {
		return *why
	}
	return ""
}
