package update

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"stayput.dev/internal/limit"
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

// oneDoubt is how often a source may doubt.
var oneDoubt = limit.Pace{Step: 500 * time.Millisecond, Burst: 10}

// MayDoubt tells whether a source that is to be refused, for a signature by a key that
// is none of ours or for a zone, may doubt so: then it is worth to ask for Fresh first. Who
// comes too often may not, so that strangers cannot keep the database busy.
func (s *Service) MayDoubt(source netip.Addr) bool {
	if !source.IsValid() {
		return false
	}
	_, ok := s.limiter.doubts.Take(s.limiter.doubts.ID(limit.Source(source.Unmap())), oneDoubt, 0)
	return ok
}

// Fresh returns st, or a later state if that is needed to show all that other nodes had
// acknowledged before the call. It fails with registry.ErrUnavailable or the context's
// error. One question to the database serves all who ask at a time.
func (s *Service) Fresh(ctx context.Context, st *registry.State) (*registry.State, error) {
	return s.registry.Fresh(ctx, st)
}

// staleError says that what was found out is to be found out again.
type staleError struct{ fresh *registry.State }

func (e *staleError) Error() string { return "another node has changed something meanwhile" }
