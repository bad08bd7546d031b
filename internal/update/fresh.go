package update

import (
	"context"
	"errors"

	"stayput.dev/internal/registry"
)

// What changes nothing is answered from memory, without a write that would tell that
// another node has changed something meanwhile. So that is asked for: nobody hears
// that nothing changed, or that there is no such key or host, because of a state that is
// no longer so. The limits on guesses come before, and one question serves all who wait
// for its answer, so that many wrong keys cost little.

// decide lets fn decide what becomes of a request in a state, and again in a later one
// as long as that is needed. Fresh tells fn that the state shows all that was
// acknowledged before.
func (s *Service) decide(fn func(st *registry.State, fresh bool) error) error {
	st, fresh := s.registry.State(), false
	for {
		err := fn(st, fresh)
		stale, isStale := errors.AsType[*staleError](err)
		switch {
		case isStale:
			st, fresh = stale.fresh, true
		case errors.Is(err, errKeyChanged):
			st, fresh = s.registry.State(), false
		default:
			return err
		}
	}
}

// isFresh fails with a staleError when there is a later state than st that had been
// acknowledged before.
func (s *Service) isFresh(ctx context.Context, st *registry.State) error {
	fresh, err := s.registry.Fresh(ctx, st)
	if err == nil && fresh != st {
		err = &staleError{fresh}
	}
	return err
}

// staleError says that what was found out is to be found out again.
type staleError struct{ fresh *registry.State }

func (e *staleError) Error() string { return "another node has changed something meanwhile" }
