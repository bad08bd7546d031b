package update

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/limit"
)

// ErrLimited says that a source, an update key or a host has asked for more than
// it may. Nothing has changed; asking again later helps.
var ErrLimited = errors.New("too many requests")

// Limits keep one wrong client from delaying others. A source is an IPv4 address
// or the /64 of an IPv6 address. What changes nothing is never limited, and
// nothing is that comes from this machine itself.
type Limits struct {
	SourceChanges Rate // requests of one source that change something
	KeyChanges    Rate // requests with one update key that change something
	HostChanges   Rate // requests that change one host

	// WrongPasswords is how often one source may give a password that takes a
	// slow check and turns out to be wrong. One that was given before and is
	// known to be wrong is not counted, and costs next to nothing.
	WrongPasswords Rate

	// KeyGuesses is the same for one update key, from wherever they come. A
	// source whose first guess at the key within an hour it is has no part in
	// it, so that nobody can keep the owner out by guessing.
	KeyGuesses Rate
}

// Rate is how often something may happen: PerSecond times on end, and Burst times
// at once, at least 1, after it has not for a while. The zero Rate is no limit.
type Rate struct{ PerSecond, Burst int }

// pace returns the rate as buckets take it; the zero pace for no limit.
func (r Rate) pace() limit.Pace {
	if r.PerSecond <= 0 {
		return limit.Pace{}
	}
	return limit.Pace{Step: time.Second / time.Duration(r.PerSecond), Burst: max(r.Burst, 1)}
}

// limiter counts requests against Limits, in about 2 MB.
type limiter struct{ sources, keys, hosts, passwords, guesses, guessers, doubts, lines *limit.Buckets }

func newLimiter(now func() time.Time) *limiter {
	return &limiter{limit.New(now), limit.New(now), limit.New(now), limit.New(now), limit.New(now), limit.New(now), limit.New(now), limit.New(now)}
}

// oneLine is how often one source may make us write to the log.
var oneLine = Rate{PerSecond: 1, Burst: 1}.pace()

// admit fails with ErrLimited when the source, the key or one of the hosts, which
// are to change, may not change anything just now.
func (s *Service) admit(ctx context.Context, req *Request, key account.Key, hosts []account.Host) error {
	return s.admitOwner(ctx, req, key.Username, limit.Number(key.ID), hosts)
}

// admitOwner is admit for a key with a name, which is counted by owner.
func (s *Service) admitOwner(ctx context.Context, req *Request, name string, owner [16]byte, hosts []account.Host) error {
	source, limits := req.Source.Unmap(), &s.rules.Load().Limits
	if source.IsLoopback() {
		return nil
	}
	if source.IsValid() && !has(s.limiter.sources, limit.Source(source), limits.SourceChanges) {
		return s.refuse(ctx, req, name, "source")
	}
	if !has(s.limiter.keys, owner, limits.KeyChanges) {
		return s.refuse(ctx, req, name, "key")
	}
	for i := range hosts {
		if !has(s.limiter.hosts, limit.Number(hosts[i].ID), limits.HostChanges) {
			return s.refuse(ctx, req, name, "host")
		}
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

// mayLog tells whether to write a line about a source.
func (s *Service) mayLog(source netip.Addr) bool {
	id := s.limiter.lines.ID(limit.Source(source.Unmap()))
	_, ok := s.limiter.lines.Take(id, oneLine, 0)
	return ok
}

// has takes a token of the owner, if there is one.
func has(b *limit.Buckets, owner [16]byte, r Rate) bool {
	_, ok := b.Take(b.ID(owner), r.pace(), 0)
	return ok
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
