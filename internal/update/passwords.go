package update

import (
	"cmp"
	"context"
	"errors"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/limit"
	"stayput.dev/internal/registry"
)

// patience is how long a request waits for its turn to have a password checked,
// so that the right one works soon after many wrong ones. Devices wait for some
// ten seconds.
const patience = 2 * time.Second

// firstGuess is how often a source's guess at a key is taken for its first.
var firstGuess = limit.Pace{Step: time.Hour, Burst: 1}

// authenticate returns the update key that the request's user name and secret
// belong to. With account.ErrSuspended and ErrPlain it returns the key as well. Fresh
// tells that the state shows all that was acknowledged before; where it may not, nobody
// is refused for what another node may have changed.
func (s *Service) authenticate(ctx context.Context, st *registry.State, fresh bool, req *Request) (account.Key, error) {
	if req.Username == "" && req.Secret == "" {
		return account.Key{}, ErrNoCredentials
	}
	d := st.Accounts
	var g guess
	key, err := s.checkAll(ctx, d, req, &g)
	if !errors.Is(err, account.ErrBadCredential) {
		g.forgive()
	}
	if err == nil && req.Plain && key.TLSOnly {
		err = ErrPlain
	}
	isRefused := errors.Is(err, account.ErrBadCredential) || errors.Is(err, account.ErrSuspended) || errors.Is(err, ErrPlain)
	if isRefused && !fresh {
		if stale := s.isFresh(ctx, st); stale != nil {
			return account.Key{}, stale
		}
	}
	if err != nil {
		s.logRefusal(ctx, d, req, key, err)
	}
	return key, err
}

// checkAll tries all readings of what was sent as the secret.
func (s *Service) checkAll(ctx context.Context, d account.Directory, req *Request, g *guess) (account.Key, error) {
	if req.Salted != nil {
		return s.checkSalted(ctx, d, req, g)
	}
	key, err := s.check(ctx, d, req, req.Secret, g)
	for _, other := range req.OtherSecrets {
		if !errors.Is(err, account.ErrBadCredential) {
			break
		}
		key, err = s.check(ctx, d, req, other, g)
	}
	return key, err
}

// checkSalted is check for a device that sends no secret. It is never slow; but a
// password could be guessed this way, too, and so its turn must come.
func (s *Service) checkSalted(ctx context.Context, d account.Directory, req *Request, g *guess) (account.Key, error) {
	if key, _ := d.KeyOf(req.Username); key.Secret.IsPassword() {
		if err := s.awaitTurn(ctx, d, req, g); err != nil {
			return account.Key{}, err
		}
	}
	return s.verifier.CheckSalted(d, req.Username, *req.Salted)
}

// check returns the update key that the user name and a secret belong to. Only
// what takes a slow check needs a turn.
func (s *Service) check(ctx context.Context, d account.Directory, req *Request, secret string, g *guess) (account.Key, error) {
	key, err := s.verifier.Recall(d, req.Username, secret)
	if errors.Is(err, account.ErrUndecided) {
		if err := s.awaitTurn(ctx, d, req, g); err != nil {
			return account.Key{}, err
		}
		key, err = s.verifier.Check(ctx, d, req.Username, secret)
		if err == nil && s.verifier.HangsOnOld(key, secret) {
			s.log.WarnContext(ctx, "a device sends another secret than the one that is known by now; it works until the old hash is dropped",
				"key", key.Username, "until", key.Secret.OldUntil, "source", req.Source)
		}
	}
	if err != nil || s.judges || key.Secret.Foreign() == "" {
		return key, err
	}
	return s.renew(ctx, key, secret, req)
}

// renew makes sure that a secret that another program kept is kept our way, and
// returns the key as it is then. What cannot be written now is tried again next
// time; the device does not hear of it.
func (s *Service) renew(ctx context.Context, key account.Key, secret string, req *Request) (account.Key, error) {
	kept, renewed, err := s.verifier.Renew(ctx, key, secret)
	if err != nil || !renewed {
		return key, err
	}
	fresh := key
	fresh.Secret = kept
	_, err = s.registry.Apply(ctx, req.actor(&key), func(st *registry.State) (registry.Changes, error) {
		if !isUnchanged(st.Accounts, key) {
			return registry.Changes{}, errKeyChanged
		}
		return registry.Changes{Accounts: account.Changes{Keys: []account.Key{fresh}}}, nil
	})
	switch {
	case errors.Is(err, errKeyChanged):
		return account.Key{}, err
	case err != nil:
		s.log.WarnContext(ctx, "the old hash of a secret could not be replaced", "key", key.Username, "error", err)
		return key, nil
	case !isUnchanged(s.registry.State().Accounts, fresh):
		return account.Key{}, errKeyChanged
	}
	return fresh, nil
}

// guess is a request whose password is checked slowly, and the tokens that this
// took. All readings of what the client sent are one guess.
type guess struct {
	begun bool
	taken [3]token
	count int
}

// token is one that was taken from a bucket.
type token struct {
	from *limit.Buckets
	id   uint64
	pace limit.Pace
}

// awaitTurn waits until the source may guess, or fails with ErrLimited when that
// would take too long, or when too many others guess at the same key and the
// source has tried before.
func (s *Service) awaitTurn(ctx context.Context, d account.Directory, req *Request, g *guess) error {
	source, limits := req.Source.Unmap(), &s.rules.Load().Limits
	if g.begun || !source.IsValid() || source.IsLoopback() {
		return nil
	}
	g.begun = true
	key, _ := d.KeyOf(req.Username)
	wait, ok := g.take(s.limiter.passwords, limit.Source(source), limits.WrongPasswords.pace(), patience)
	if !ok {
		return s.refuse(ctx, req, key.Username, "passwords")
	}
	_, isFirst := g.take(s.limiter.guessers, limit.SourceAndNumber(source, key.ID), firstGuess, 0)
	_, isOne := g.take(s.limiter.guesses, limit.Number(key.ID), limits.KeyGuesses.pace(), 0)
	if !isFirst && !isOne {
		return s.refuse(ctx, req, key.Username, "guesses")
	}
	return sleep(ctx, wait)
}

// take takes a token of an owner.
func (g *guess) take(from *limit.Buckets, owner [16]byte, p limit.Pace, patience time.Duration) (wait time.Duration, ok bool) {
	id := from.ID(owner)
	if wait, ok = from.Take(id, p, patience); ok {
		g.taken[g.count] = token{from, id, p}
		g.count++
	}
	return wait, ok
}

// forgive gives back what was taken: the password was right, or never checked.
func (g *guess) forgive() {
	for _, t := range g.taken[:g.count] {
		t.from.PutBack(t.id, t.pace)
	}
}

// logRefusal tells of a request that was refused, or put off because the account
// is suspended, of each source once a second. People put secrets where the user
// name belongs, so a name that is none of ours is not written down.
func (s *Service) logRefusal(ctx context.Context, d account.Directory, req *Request, key account.Key, err error) {
	message := "update refused, bad user name or secret"
	switch {
	case errors.Is(err, ErrPlain):
		message = "update refused, its key is for TLS only"
	case errors.Is(err, account.ErrSuspended):
		message = "update put off, the account is suspended"
	case !errors.Is(err, account.ErrBadCredential):
		return
	}
	if !s.mayLog(req.Source) {
		return
	}
	if key.ID == 0 {
		key, _ = d.KeyOf(req.Username)
	}
	s.log.InfoContext(ctx, message, "key", cmp.Or(key.Username, "unknown"), "via", req.Via, "source", req.Source)
}
