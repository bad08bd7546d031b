package registry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"stayput.dev/internal/zone"
)

const (
	maxGroup = 1024 // edits in one commit

	// minSerialGap keeps a zone's serial from rising more than 1,000 times a
	// second, so that half its space outlasts the zone's expiry (RFC 1982 §3).
	minSerialGap = time.Millisecond

	probeEvery = time.Second // how often a store that failed is tried again
)

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

// Run is the one writer. It takes edits until ctx ends, finishes those that it
// has taken, and returns. It must be called once.
func (r *Registry) Run(ctx context.Context) error {
	defer close(r.closed)
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	for {
		select {
		case w := <-r.queue:
			r.serve(r.gather(w))
		case <-probe.C:
			if r.Err() != nil {
				r.recover()
			}
		case <-ctx.Done():
			for {
				select {
				case w := <-r.queue:
					r.serve(r.gather(w))
				default:
					return nil
				}
			}
		}
	}
}

// gather returns first and the edits that wait behind it. While the last commit
// is younger than minSerialGap it lets more of them come.
func (r *Registry) gather(first *wish) []*wish {
	group := []*wish{first}
	if wait := minSerialGap - time.Since(r.serialAt); wait > 0 {
		time.Sleep(wait)
	}
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
	state, err := r.commit(group)
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
// returns the state that they led to. Only the store's errors are its own; those
// of edits stand in their wishes.
func (r *Registry) commit(group []*wish) (*State, error) {
	for {
		state := r.State()
		d := newDraft(state)
		for _, w := range group {
			w.err = d.run(w)
		}
		next, commit, err := d.finish(r.now())
		if err != nil {
			return nil, err
		}
		if commit == nil {
			if r.Err() != nil {
				return nil, r.Err()
			}
			return state, nil
		}
		err = r.store.Append(context.Background(), state.Revision, []Commit{*commit})
		if errors.Is(err, ErrBehind) {
			if err = r.catchUp(); err == nil {
				continue
			}
		}
		r.note(err)
		if err != nil {
			return nil, err
		}
		r.publish(next, commit)
		return next, nil
	}
}

func (r *Registry) publish(next *State, commit *Commit) {
	if len(commit.Deltas)+len(commit.Replaced) > 0 {
		r.serialAt = time.Now()
	}
	r.state.Store(next)
	r.stats.Commits.Add(1)
	r.stats.Edits.Add(uint64(len(commit.By)))
}

// note remembers how the last write went, and tells the log when that changes.
func (r *Registry) note(err error) {
	if err == nil {
		if r.fault.Swap(nil) != nil {
			r.log.Warn("store works again")
		}
		return
	}
	r.stats.Failures.Add(1)
	if r.fault.Swap(&err) == nil {
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

// catchUp takes over the next commit that the journal holds and we do not: one of
// another node, or one of ours whose writing seemed to fail.
func (r *Registry) catchUp() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	state := r.State()
	for c, err := range r.store.Follow(ctx, state.Revision) {
		if err != nil {
			return fmt.Errorf("catching up after revision %d: %w", state.Revision, err)
		}
		next, err := state.Apply(c)
		if err != nil {
			return fmt.Errorf("catching up after revision %d: %w", state.Revision, err)
		}
		r.publish(next, &c)
		return nil
	}
	return fmt.Errorf("catching up after revision %d: journal ended", state.Revision)
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// raise makes sure that the serial of a draft is newer than that of its base.
func raise(d *zone.Draft, base *zone.Zone) error {
	serial, err := d.Serial()
	if err != nil || zone.SerialLess(base.Serial(), serial) {
		return err
	}
	return d.SetSerial(zone.NextSerial(base.Serial()))
}
