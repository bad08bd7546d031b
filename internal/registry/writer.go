package registry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	maxGroup   = 1024        // edits in one commit
	probeEvery = time.Second // how often a store that failed is tried again
	catchUpIn  = 10 * time.Second
	maxOverran = 5 // times that the whole state took longer to load: it may take 320 s

	// While others write as well they are given way: rivalFor after the last commit of
	// theirs, for turnTime at most.
	rivalFor = 50 * time.Millisecond
	turnTime = 2 * time.Millisecond

	// stallsAfter is how long the writer waits for a commit that the journal should
	// have. Who wants to write waits meanwhile.
	stallsAfter = 3 * time.Second
)

var errEnded = errors.New("journal ended")

// wish is an edit that waits for the writer.
type wish struct {
	by   Actor
	edit Edit

	done     chan struct{} // closed when the fields below are final
	revision Revision
	err      error
}

// Stats counts what the writer did since the start.
type Stats struct {
	Commits  atomic.Uint64 // made durable
	Edits    atomic.Uint64 // that were part of them
	Failures atomic.Uint64 // writes to the store that failed
}

// Stats returns the live counters.
func (r *Registry) Stats() *Stats { return &r.stats }

// Run is the one writer of this process. It takes edits until ctx ends, finishes those that it
// has taken, and returns. It must be called once.
func (r *Registry) Run(ctx context.Context) error {
	defer close(r.closed)
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	for {
		grown := r.keepUp()
		select {
		case w := <-r.queue:
			r.serve(r.gather(w))
		case <-grown:
		case <-probe.C:
			if r.Err() != nil && !r.only {
				r.recover()
			}
		case resumed := <-r.holds:
			select {
			case <-resumed:
			case <-ctx.Done(): // the state stands still to the end
				r.finish()
				return nil
			}
		case <-ctx.Done():
			r.finish()
			return nil
		}
	}
}

// finish serves who waits already.
func (r *Registry) finish() {
	for {
		select {
		case w := <-r.queue:
			r.serve(r.gather(w))
		default:
			return
		}
	}
}

// gather returns first and the edits that wait behind it. While serials may not
// rise yet it lets more of them come.
func (r *Registry) gather(first *wish) []*wish {
	r.giveWay()
	if wait := r.pace.wait(time.Now()); wait > 0 {
		time.Sleep(wait)
	}
	// Those whom the last commit answered want to ask again: let them, or the
	// groups are half as large as they could be.
	runtime.Gosched()
	return r.join([]*wish{first})
}

// giveWay lets another node that writes as well have its turn, for a moment, when the last
// commit was ours. Two that write at will find each other's commit in the way of every
// second one of theirs, run its edits again, and one of them may be late many times.
func (r *Registry) giveWay() {
	if !r.ours || time.Since(r.theirs) > rivalFor {
		return
	}
	end, grown := r.others.End()
	if end <= r.State().Revision {
		turn := time.NewTimer(turnTime)
		defer turn.Stop()
		select {
		case <-grown:
		case <-turn.C:
		}
	}
	r.keepUp()
}

// join returns the group with the edits that wait by now.
func (r *Registry) join(group []*wish) []*wish {
	for len(group) < maxGroup {
		select {
		case w := <-r.queue:
			group = append(group, w)
		default:
			return group
		}
	}
	return group
}

// serve makes one commit of the group and answers everyone in it.
func (r *Registry) serve(group []*wish) {
	state, group, err := r.commit(group)
	for _, w := range group {
		if err != nil {
			w.revision, w.err = 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
		} else if w.err == nil {
			w.revision = state.Revision
		}
		close(w.done)
	}
}

// commit runs the edits of the group until the store has taken their commit, and
// returns the state that they led to, and the group: when somebody else's commit was
// first, those who have come meanwhile are part of it. Only the store's errors are its
// own; those of edits stand in their wishes.
func (r *Registry) commit(group []*wish) (*State, []*wish, error) {
	for {
		begun := time.Now()
		state := r.State()
		d := newDraft(state)
		for _, w := range group {
			w.err = d.run(w)
			r.logPanic(w)
		}
		next, commit, err := d.finish(r.now())
		if err != nil {
			return nil, group, err
		}
		if commit == nil {
			if r.Err() != nil {
				return nil, group, r.Err()
			}
			return state, group, nil
		}
		err = r.store.Append(context.Background(), state.Revision, []Commit{*commit})
		if errors.Is(err, ErrBehind) {
			if err = r.catchUp(); err == nil {
				group = r.join(group)
				continue
			}
		}
		r.note(err)
		if err != nil {
			return nil, group, err
		}
		if commit.raisesSerials() {
			r.pace.raise(begun, 0)
		}
		r.stats.Commits.Add(1)
		r.stats.Edits.Add(uint64(len(commit.By)))
		r.publish(next)
		r.ours = true
		return next, group, nil
	}
}

func (r *Registry) publish(next *State) {
	r.state.Store(next)
	r.moved.Ring()
}

// note remembers how the last write went, and tells the log when that changes.
func (r *Registry) note(err error) {
	if err == nil {
		if r.fault.Swap(nil) != nil {
			r.log.Warn("store works again")
		}
		return
	}
	if !r.only {
		r.stats.Failures.Add(1)
	}
	switch first := r.fault.Swap(&err) == nil; {
	case first && r.only:
		r.log.Error("what others change does not come until the store works again", "error", err)
	case first:
		r.log.Error("store failed, updates are refused until it works again", "error", err)
	}
}

// recover asks a store that failed whether it works again.
func (r *Registry) recover() {
	err := r.store.Append(context.Background(), r.State().Revision, nil)
	if errors.Is(err, ErrBehind) {
		err = r.catchUp()
	}
	r.note(err)
}

// catchUp takes over the commits that the journal holds and we do not: those of
// another node, or one of ours whose writing seemed to fail.
func (r *Registry) catchUp() error {
	if r.others != nil {
		if end, _ := r.others.End(); end > r.State().Revision {
			return r.follow(end)
		}
	}
	for {
		state := r.State()
		next, err := r.after(state)
		if err != nil {
			return fmt.Errorf("catching up after revision %d: %w", state.Revision, err)
		}
		r.publish(next)
		// To run the edits now and be late again would cost more than to ask.
		err = r.store.Append(context.Background(), next.Revision, nil)
		if !errors.Is(err, ErrBehind) {
			return err
		}
	}
}

// after returns the state after the next commit in the journal, or after all of
// them when the next one is no longer there.
func (r *Registry) after(state *State) (*State, error) {
	ctx, cancel := context.WithTimeout(context.Background(), catchUpIn)
	defer cancel()
	for c, err := range r.store.Follow(ctx, state.Revision) {
		if errors.Is(err, ErrTrimmed) {
			return r.reload()
		}
		if err != nil {
			return nil, err
		}
		return state.Apply(c)
	}
	return nil, errEnded
}

// logPanic tells the log of an edit that panicked, with its stack.
func (r *Registry) logPanic(w *wish) {
	var p *panicError
	if errors.As(w.err, &p) {
		r.log.Error("edit panicked", "via", w.by.Via, "panic", p.value, "stack", string(p.stack))
	}
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
