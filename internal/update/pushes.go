package update

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"stayput.dev/internal/zone"
)

// Pushes knows servers elsewhere that have names from us, as publish.Pushers does.
type Pushes interface {
	// Any tells whether there are any.
	Any() bool
	// PendingAt returns those that may not have a name as it is now.
	PendingAt(name zone.Name) []netip.AddrPort
	// Await returns when all of them have names as they are now or later, or with
	// the context's error.
	Await(ctx context.Context, names ...zone.Name) error
}

// PushRules say what an update has to do with servers elsewhere.
type PushRules struct {
	Wait   time.Duration // for them to take what changed; 0: not at all
	Strict bool          // fail with ErrNotPushed when they do not
}

// ErrNotPushed says that a change is durable, and that a server elsewhere does not have
// it. Asking again later tells whether it does.
var ErrNotPushed = errors.New("not everywhere yet")

// awaitPushes waits until servers elsewhere have what a request is about. While they may
// not have it, nothing is NoChange: a device must not take it for done long since.
func (s *Service) awaitPushes(ctx context.Context, o *outcomes) error {
	if s.pushes == nil || !s.pushes.Any() {
		return nil
	}
	isThere := func(n zone.Name) bool { return len(s.pushes.PendingAt(n)) == 0 }
	names := slices.DeleteFunc(o.names(), isThere)
	if len(names) == 0 {
		return nil
	}
	for i := range o.results {
		if o.results[i].Outcome == NoChange {
			o.results[i].Outcome = Good
		}
	}
	rules := s.rules.Load().Pushes
	defer s.notePending(o, names)
	if o.changes.IsEmpty() && !rules.Strict {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, rules.Wait)
	defer cancel()
	if err := s.pushes.Await(within, names...); err != nil && rules.Strict {
		return fmt.Errorf("%w: %s", ErrNotPushed, names[0])
	}
	return nil
}

// notePending notes in each result where what it is about is not yet.
func (s *Service) notePending(o *outcomes, names []zone.Name) {
	for i := range o.results {
		r := &o.results[i]
		host, err := zone.ParseName(r.Host)
		if err != nil || !r.Outcome.IsSuccess() {
			continue
		}
		for _, n := range names {
			if !n.IsWithin(host) {
				continue
			}
			for _, at := range s.pushes.PendingAt(n) {
				if !slices.Contains(r.Pending, at) {
					r.Pending = append(r.Pending, at)
				}
			}
		}
	}
}

// names returns what the request is about: its hosts, and names below them at which it
// puts something.
func (o *outcomes) names() []zone.Name {
	names := slices.Clone(o.looked)
	for _, r := range o.results {
		if n, err := zone.ParseName(r.Host); err == nil && r.Outcome.IsSuccess() && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}
