package publish

import (
	"context"
	"errors"
	"time"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// errElsewhere says that another process pushes, and has not said yet that it is done.
var errElsewhere = phrase.Errorf("another node pushes, and has not said yet that this was taken")

const (
	askElsewhere     = 250 * time.Millisecond // between two questions
	elsewhereTimeout = 2 * time.Second        // for one of them
)

func (p *Pushers) setHere(here bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.here = here
}

// isElsewhere tells whether another process may push in our place.
func (p *Pushers) isElsewhere() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opts.Shared && !p.here
}

// lateElsewhere is Late where another process pushes. It says now and then how far it is,
// so that a name counts as late for some seconds after any commit.
func (p *Pushers) lateElsewhere(names []TargetName, name zone.Name) (all []Late) {
	ctx, cancel := context.WithTimeout(context.Background(), elsewhereTimeout)
	defer cancel()
	revision := p.feed.State().Revision
	for _, t := range names {
		if there, err := p.isThere(ctx, t, name, revision); err != nil || !there {
			all = append(all, Late{Target: t.Addr, Key: t.Key, Err: err})
		}
	}
	return all
}

// isThere tells whether the process that pushes has said that a target has the name as it
// was at a revision, or later.
func (p *Pushers) isThere(ctx context.Context, t TargetName, name zone.Name, revision registry.Revision) (bool, error) {
	target, ok := p.resolve(t)
	if !ok {
		return false, errNoKey(t)
	}
	at, pending, err := p.marks.Mark(ctx, target.follower(), name)
	return err == nil && at >= revision && !pending, err
}

// awaitElsewhere is Await where another process pushes, or did when it was called: whoever
// pushes says how far it is.
func (p *Pushers) awaitElsewhere(ctx context.Context, names []TargetName, name zone.Name) error {
	revision := p.feed.State().Revision
	for len(names) > 0 {
		there, err := p.isThere(ctx, names[0], name, revision)
		if there {
			names = names[1:]
			continue
		}
		if pause(ctx, askElsewhere); ctx.Err() != nil {
			return errors.Join(ctx.Err(), err, errElsewhere)
		}
	}
	return nil
}
