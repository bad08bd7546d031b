package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
)

// predecessor is the process that we are to take over from, as heirs.
type predecessor struct {
	line  *line
	offer word
	words chan word // what it says; closed when it has hung up
}

// newPredecessor returns whoever started us to take over, nil if nobody did.
func newPredecessor() (*predecessor, error) {
	version, ok := os.LookupEnv(lineVariable)
	if !ok {
		return nil, nil
	}
	_ = os.Unsetenv(lineVariable)
	syscall.CloseOnExec(lineFD)
	l, err := newLine(os.NewFile(lineFD, "line"))
	if err != nil {
		return nil, err
	}
	p := &predecessor{line: l, words: make(chan word)}
	if version != lineVersion {
		return nil, fmt.Errorf("the running version hands over in another way (%s, not %s): restart it instead", version, lineVersion)
	}
	if p.offer, _, err = l.hear(); err != nil {
		return nil, err
	}
	return p, nil
}

// Decline tells the process that we were started to take over from, if there is one,
// why we cannot: what kept us from coming as far as Run, which tells it of the rest.
func Decline(why error) {
	if p, err := newPredecessor(); err == nil {
		_ = p.fail(why)
	}
}

// inherit takes the sockets that were offered.
func (d *daemon) inherit(p *predecessor) error {
	for i, about := range p.offer.Sockets {
		fd := lineFD + 1 + i
		syscall.CloseOnExec(fd)
		if err := d.sockets.take(os.NewFile(uintptr(fd), "socket"), about); err != nil {
			return fmt.Errorf("socket for %s: %w", about.Role, err)
		}
	}
	if data, err := filepath.Abs(d.cfg.Data); err != nil || data != p.offer.Data {
		return fmt.Errorf("the data directory is %s, that of the running process %s: restart it instead", data, p.offer.Data)
	}
	return nil
}

// openBeside loads the state while our predecessor changes it, and leaves half of
// the processors to that.
func (d *daemon) openBeside(ctx context.Context, p *predecessor) (err error) {
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0)/2, 1))
	if os.Getenv("GOMAXPROCS") == "" {
		defer runtime.SetDefaultGOMAXPROCS()
	}
	d.store, err = store.OpenReader(ctx, d.cfg.Data, d.storeOptions())
	if errors.Is(err, store.ErrSchema) {
		err = &Error{err, "an upgrade cannot do that: restart the daemon instead"}
	}
	if err != nil {
		return err
	}
	d.registry, err = registry.Open(ctx, d.store, d.registryOptions())
	if err == nil && p.offer.Lineage != "" && p.offer.Lineage != d.registry.State().Lineage {
		err = errors.New("the database is not that of the running process: restart it instead")
	}
	if err != nil {
		return errors.Join(err, d.store.Close())
	}
	return nil
}

// succeed takes over from p, in the order that handover.go describes. Until that is
// sure, an error leaves all to p.
func (d *daemon) succeed(ctx, writer context.Context, p *predecessor) error {
	trailing := newGroup(d.stopping)
	trailing.run(func(ctx context.Context) {
		if err := d.registry.Trail(ctx); err != nil {
			d.log.Error("following the old process failed", "error", err)
			p.line.close() // so that nothing more is heard
		}
	})
	defer trailing.end()
	if err := d.furnish(ctx); err != nil {
		return err
	}
	if err := d.listen(); err != nil {
		return err
	}
	d.running.Go(func() { d.hearOf(p) })
	held, err := d.exchange(ctx, p, word{Say: sayLoaded}, sayHeld)
	if err != nil {
		return err
	}
	if err := d.show(ctx, held.Revision); err != nil {
		return err
	}
	trailing.end()
	if err := d.meet(ctx, p, held.Revision); err != nil {
		return err
	}
	if err := d.dns.HoldUpdates(ctx); err != nil {
		return err
	}
	d.serveDNS()
	if _, err := d.exchange(ctx, p, word{Say: sayAnswering}, sayReleased); err != nil {
		return err
	}
	if err := d.store.TakeOver(ctx); err != nil {
		return err
	}
	if err := d.registry.CatchUp(); err != nil {
		return err
	}
	if _, err := d.exchange(ctx, p, word{Say: sayTookOver}, sayYours); err != nil && !errors.Is(err, errHungUp) {
		return err
	}
	d.goRun(func() error { return d.registry.Run(writer) })
	d.tookOver(p)
	return nil
}

// meet returns when p stands still where we do: we have followed others to its revision at
// least, and perhaps further.
func (d *daemon) meet(ctx context.Context, p *predecessor, theirs registry.Revision) error {
	for {
		ours := d.registry.State().Revision
		switch {
		case ours == theirs:
			return nil
		case ours < theirs:
			if err := d.registry.Reach(theirs); err != nil {
				return err
			}
		default:
			held, err := d.exchange(ctx, p, word{Say: sayAhead, Revision: ours}, sayHeld)
			if err != nil {
				return err
			}
			theirs = held.Revision
		}
	}
}

// tookOver begins to serve requests: nobody else does.
func (d *daemon) tookOver(p *predecessor) {
	d.sockets.keepFiles(false)
	d.dns.ResumeUpdates()
	d.serveRequests()
	d.keeping.run(func(ctx context.Context) {
		if err := d.seen.Refresh(ctx); err != nil { // with what the one before us saved at its end
			d.log.Warn("when hosts were last seen may be a minute behind", "error", err)
		}
		if err := d.brand.Look(ctx); err != nil { // which the one before us may have set meanwhile
			d.log.Warn("pages and mails may have an older look", "error", err)
		}
		select {
		case <-p.words: // closed when it has hung up
			d.loadHistory()
		case <-ctx.Done():
		}
	})
	d.log.Info("took over from the old process")
}

// show returns when the state is at a revision.
func (d *daemon) show(ctx context.Context, revision registry.Revision) error {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	if err := d.registry.Await(ctx, revision); err != nil {
		return fmt.Errorf("following the old process to revision %d, at %d: %w", revision, d.registry.State().Revision, err)
	}
	return nil
}

// hearOf listens to p until it hangs up, which ends its words, and goes on with
// the connections that it passes on.
func (d *daemon) hearOf(p *predecessor) {
	defer close(p.words)
	defer context.AfterFunc(d.stopping, p.line.close)()
	for {
		w, c, err := p.line.hear()
		switch {
		case err != nil:
			return
		case c != nil:
			d.running.Go(func() { d.dns.Adopt(d.stopping, c, w.Unread) })
		case w.Say != sayConn:
			select {
			case p.words <- w:
			case <-d.stopping.Done():
				return
			}
		}
	}
}

// exchange says where we are, and waits until p has come to the next step.
func (d *daemon) exchange(ctx context.Context, p *predecessor, said word, next string) (word, error) {
	if err := p.line.say(said); err != nil {
		return word{}, err
	}
	select {
	case w, ok := <-p.words:
		if !ok {
			return word{}, fmt.Errorf("waiting until the old process says %q: %w", next, errHungUp)
		}
		if w.Say != next {
			return word{}, fmt.Errorf("the old process says %q, not %q", w.Say, next)
		}
		return w, nil
	case <-time.After(stepTime):
		return word{}, fmt.Errorf("waiting until the old process says %q: out of time", next)
	case <-ctx.Done():
		return word{}, ctx.Err()
	}
}

// fail tells p why we cannot take over, if there is a reason and somebody to tell.
// It returns err.
func (p *predecessor) fail(err error) error {
	if p != nil && err != nil {
		_ = p.line.say(word{Say: sayFailed, Error: err.Error()})
	}
	return err
}
