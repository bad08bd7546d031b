package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Others tells of what other processes append to the store. Implementations are safe
// for concurrent use.
type Others interface {
	// End returns where the journal ends as far as is known without asking, and
	// a channel that is closed when that may have changed.
	End() (Revision, <-chan struct{})

	// AskEnd asks where the journal ends. From then on End knows it, too.
	AskEnd(ctx context.Context) (Revision, error)

	// Lost tells whether commits that were shown have gone from the store, as those
	// do that a failover loses. Then Follow yields ErrTrimmed until Load was called.
	Lost() bool
}

// keepUp takes over what others have appended, as far as that is known, and returns a
// channel that is closed when there may be more; nil when nobody else appends. Where that
// failed, those who want to write are not kept waiting by it again for some time; when the
// store works again recover sees to it.
func (r *Registry) keepUp() <-chan struct{} {
	if r.others == nil {
		return nil
	}
	end, grown := r.others.End()
	var err error
	if end > r.State().Revision || r.others.Lost() {
		if time.Now().Before(r.resume) {
			return grown
		}
		if err = r.follow(end); err != nil {
			r.resume = time.Now().Add(catchUpIn)
		}
	}
	if err != nil || r.only { // that others can be followed does not tell a writer that it may go on
		r.note(err)
	}
	return grown
}

// follow takes over the commits up to one, or the whole state when they are no longer
// kept. It gives up when none comes for some time.
func (r *Registry) follow(end Revision) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stall := time.AfterFunc(stallsAfter, cancel)
	defer stall.Stop()
	from := r.State().Revision
	err := errEnded
	for c, fault := range r.store.Follow(ctx, from) {
		stall.Reset(stallsAfter)
		if err = fault; err == nil {
			err = r.take(c)
		}
		if err != nil || c.Revision >= end {
			break
		}
	}
	if errors.Is(err, ErrTrimmed) {
		stall.Stop()
		var state *State
		if state, err = r.reload(); err == nil {
			r.publish(state)
		}
	}
	if err != nil {
		return fmt.Errorf("catching up after revision %d: %w", from, err)
	}
	return nil
}

// reload loads the whole state anew. Who wants to write waits meanwhile, and not for long
// where the store has gone silent: what takes longer than usual gets twice the time when it
// is tried again.
func (r *Registry) reload() (*State, error) {
	ctx, cancel := context.WithTimeout(context.Background(), catchUpIn<<r.overran)
	defer cancel()
	state, err := r.store.Load(ctx)
	if ctx.Err() != nil && r.overran < maxOverran {
		r.overran++
	}
	return state, err
}

// take shows the commit that follows.
func (r *Registry) take(c Commit) error {
	next, err := r.State().Apply(c)
	if err == nil {
		if c.raisesSerials() {
			now := time.Now()
			r.pace.raise(now, max(0, now.Sub(c.At))) // who catches up does not wait for what was long ago
		}
		r.publish(next)
		r.ours, r.theirs = false, time.Now()
	}
	return err
}

// Fresh returns a state that shows all that any process had been told was done
// when Fresh was called: st, which is one of State's, if that does. Otherwise it
// waits for one that does; with ErrUnavailable nobody knows, as the store does not
// answer. One question to the store serves all who have come before it is put.
func (r *Registry) Fresh(ctx context.Context, st *State) (*State, error) {
	if r.others == nil {
		return st, nil
	}
	end, err := r.asker.ask(ctx, r.others.AskEnd)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if now := r.State(); now.Revision <= st.Revision {
		st = now // not the one before, if that showed what is lost
	}
	if st.Revision >= end {
		return st, nil
	}
	ctx, cancel := context.WithTimeout(ctx, catchUpIn)
	defer cancel()
	if err := r.await(ctx, end); err != nil {
		return nil, fmt.Errorf("%w: waiting for revision %d: %w", ErrUnavailable, end, err)
	}
	return r.State(), nil
}

// asker puts one question for many who want to know the same. The zero asker is
// ready for use.
type asker struct {
	mu     sync.Mutex // guards what follows
	asking bool
	next   *question // to be put when the one under way is answered; nil: nobody wants it
}

type question struct {
	answered chan struct{} // closed when the fields below are final
	end      Revision
	err      error
}

// ask returns the answer to a question that is put after the call.
func (a *asker) ask(ctx context.Context, put func(context.Context) (Revision, error)) (Revision, error) {
	a.mu.Lock()
	if a.next == nil {
		a.next = &question{answered: make(chan struct{})}
	}
	mine := a.next
	if !a.asking {
		a.asking = true
		go a.run(context.WithoutCancel(ctx), put) // ends when nobody asks
	}
	a.mu.Unlock()
	select {
	case <-mine.answered:
		return mine.end, mine.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (a *asker) run(ctx context.Context, put func(context.Context) (Revision, error)) {
	for {
		a.mu.Lock()
		q := a.next
		a.next = nil
		a.asking = q != nil
		a.mu.Unlock()
		if q == nil {
			return
		}
		q.end, q.err = put(ctx)
		close(q.answered)
	}
}
