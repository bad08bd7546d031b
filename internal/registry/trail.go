package registry

import (
	"context"
	"errors"
	"fmt"
)

// Trail takes over the commits that another process appends to the store until ctx
// ends, and then returns nil. It must not run together with Run.
func (r *Registry) Trail(ctx context.Context) error {
	for {
		err := r.trail(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it is over
		}
		if !errors.Is(err, ErrTrimmed) {
			return fmt.Errorf("trailing after revision %d: %w", r.State().Revision, err)
		}
		state, err := r.store.Load(ctx)
		if err != nil {
			return fmt.Errorf("loading state: %w", err)
		}
		r.publish(state)
	}
}

func (r *Registry) trail(ctx context.Context) error {
	for c, err := range r.store.Follow(ctx, r.State().Revision) {
		if err != nil {
			return err
		}
		next, err := r.State().Apply(c)
		if err != nil {
			return err
		}
		r.publish(next)
	}
	return errEnded
}

// Await returns when State shows a revision, or with the context's error.
func (r *Registry) Await(ctx context.Context, revision Revision) error {
	return r.await(ctx, revision)
}

// CatchUp takes over what the store holds beyond State, where nobody else appends, and
// returns why the store cannot be written, nil if it can or, with Options.ReadOnly, need
// not. Run must not run, or be held; it takes over what others append.
func (r *Registry) CatchUp() error {
	switch {
	case r.only:
		return nil
	case r.others == nil:
		r.recover()
	default:
		err := r.store.Append(context.Background(), r.State().Revision, nil)
		if errors.Is(err, ErrBehind) {
			err = nil
		}
		r.note(err)
	}
	return r.Err()
}

// Reach takes over what others have appended up to a revision; where the journal no
// longer has that, State may show a later one then. Run must not run, or be held.
func (r *Registry) Reach(revision Revision) error {
	if r.State().Revision >= revision {
		return nil
	}
	return r.follow(revision)
}

// Hold lets the writer finish the commit that is under way and then makes it
// wait, and with it everyone who calls Apply, until resume is called or Run ends.
// Until then nothing is committed or taken over from others, and revision is that of
// State. It fails when ctx or Run ends first.
func (r *Registry) Hold(ctx context.Context) (revision Revision, resume func(), err error) {
	resumed := make(chan struct{})
	select {
	case r.holds <- resumed: // the writer takes it between two commits
		return r.State().Revision, func() { close(resumed) }, nil
	case <-r.closed:
		return 0, nil, ErrClosed
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	}
}
