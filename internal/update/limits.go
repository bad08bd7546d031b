package update

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"stayput.dev/internal/account"
)

// ErrLimited says that a source or an update key has asked for more than it may.
// Nothing has changed; asking again later helps.
var ErrLimited = errors.New("too many requests")

// Limits keep one wrong client from delaying others. A source is an IPv4 address
// or the /64 of an IPv6 address. What changes nothing is never limited, and
// nothing is that comes from this machine itself.
type Limits struct {
	SourceChanges Rate // requests of one source that change something
	KeyChanges    Rate // requests with one update key that change something

	// WrongPasswords is how often one source may give a password that takes a
	// slow check and turns out to be wrong. One that was given before and is
	// known to be wrong is not counted, and costs next to nothing.
	WrongPasswords Rate
}

// patience is how long a request waits for its turn to have a password checked,
// so that the right one works soon after many wrong ones. Devices wait for some
// ten seconds.
const patience = 2 * time.Second

// oneLine is how often one source may make us write to the log.
var oneLine = Rate{PerSecond: 1, Burst: 1}

// limiter counts requests against Limits, in about 1.1 MB.
type limiter struct{ sources, keys, passwords, lines *buckets }

func newLimiter() *limiter {
	return &limiter{newBuckets(), newBuckets(), newBuckets(), newBuckets()}
}

// admit fails with ErrLimited when neither the source nor the key may change
// anything just now.
func (s *Service) admit(ctx context.Context, req *Request, key account.Key) error {
	source, limits := req.Source.Unmap(), &s.rules.Load().Limits
	if source.IsLoopback() {
		return nil
	}
	if source.IsValid() {
		id := s.limiter.sources.id(sourceOwner(source))
		if _, ok := s.limiter.sources.take(id, limits.SourceChanges, 0); !ok {
			return s.refuse(ctx, req, key.Username, "source")
		}
	}
	id := s.limiter.keys.id(keyOwner(key.ID))
	if _, ok := s.limiter.keys.take(id, limits.KeyChanges, 0); !ok {
		return s.refuse(ctx, req, key.Username, "key")
	}
	return nil
}

// refuse notes that a request came to a limit.
func (s *Service) refuse(ctx context.Context, req *Request, username, limit string) error {
	s.limited.WithLabelValues(limit).Inc()
	if s.mayLog(req.Source) {
		s.log.WarnContext(ctx, "updates limited", "limit", limit, "key", username, "via", req.Via, "source", req.Source)
	}
	return ErrLimited
}

// check returns the update key that the user name and a secret belong to. Before
// a slow check it waits for the source's turn, or fails with ErrLimited when that
// would take too long.
func (s *Service) check(ctx context.Context, d account.Directory, req *Request, secret string) (account.Key, error) {
	key, err := s.verifier.Recall(d, req.Username, secret)
	if !errors.Is(err, account.ErrUndecided) {
		return key, err
	}
	source, rate := req.Source.Unmap(), s.rules.Load().Limits.WrongPasswords
	if !source.IsValid() || source.IsLoopback() {
		return s.verifier.Check(ctx, d, req.Username, secret)
	}
	id := s.limiter.passwords.id(sourceOwner(source))
	wait, ok := s.limiter.passwords.take(id, rate, patience)
	if !ok {
		return account.Key{}, s.refuse(ctx, req, req.Username, "passwords")
	}
	if err := sleep(ctx, wait); err != nil {
		return account.Key{}, err
	}
	key, err = s.verifier.Check(ctx, d, req.Username, secret)
	if !errors.Is(err, account.ErrBadCredential) {
		s.limiter.passwords.putBack(id, rate)
	}
	return key, err
}

// mayLog tells whether to write a line about a source.
func (s *Service) mayLog(source netip.Addr) bool {
	id := s.limiter.lines.id(sourceOwner(source.Unmap()))
	_, ok := s.limiter.lines.take(id, oneLine, 0)
	return ok
}

// sourceOwner returns what counts as one source: an IPv4 address, or the /64 that
// a household has to itself.
func sourceOwner(a netip.Addr) [16]byte {
	owner := a.As16()
	if a.Is6() {
		clear(owner[8:])
	}
	return owner
}

func keyOwner(id uint32) (owner [16]byte) {
	binary.BigEndian.PutUint32(owner[:], id)
	return owner
}

// sleep waits, or fails when ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
