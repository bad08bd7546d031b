package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
)

// ErrBadCredential says that user name and secret do not belong to a key that
// may be used. It does not say which of the two is wrong.
var ErrBadCredential = errors.New("bad user name or secret")

// Verifier checks user names and secrets against a directory. It remembers, under
// a key that lives as long as the process, which passwords were right, so that a
// router that uses one costs a slow check once and not with every update. It is
// safe for concurrent use.
type Verifier struct {
	process [32]byte
	slow    chan struct{} // held during a slow check: bounds memory and CPU

	mu    sync.Mutex // guards known
	known map[string][sha256.Size]byte
}

// maxKnown bounds what a Verifier remembers; past it, it starts anew.
const maxKnown = 1 << 17

// NewVerifier returns a verifier that runs at most parallel slow checks at once.
func NewVerifier(parallel int) *Verifier {
	v := &Verifier{slow: make(chan struct{}, parallel), known: map[string][sha256.Size]byte{}}
	_, _ = rand.Read(v.process[:])
	return v
}

// Check returns the update key that user and secret belong to. With an empty
// secret, or when the key's account is suspended, it fails with ErrBadCredential
// as for any wrong pair; when ctx ends while slow checks are waited for, with the
// context's error. A secret that is a token is found with any user or none.
func (v *Verifier) Check(ctx context.Context, d Directory, user, secret string) (Key, error) {
	if secret == "" {
		return Key{}, ErrBadCredential
	}
	key, known := d.Key(user)
	if known && user != "" {
		ok, err := v.matches(ctx, key, secret)
		if err != nil {
			return Key{}, err
		}
		if ok {
			return allowed(d, key)
		}
	} else {
		_ = Secret{Salt: v.process[:16]}.matches(secret) // an unknown user costs what a known one does
	}
	if key, known = d.KeyByToken(secret); known {
		return allowed(d, key)
	}
	return Key{}, ErrBadCredential
}

func allowed(d Directory, key Key) (Key, error) {
	if a, ok := d.AccountByID(key.Account); !ok || a.Suspended {
		return Key{}, ErrBadCredential
	}
	return key, nil
}

func (v *Verifier) matches(ctx context.Context, key Key, secret string) (bool, error) {
	if !key.Secret.IsPassword() {
		return key.Secret.matches(secret), nil
	}
	if key.Secret.matchesDigest(secret) {
		return true, nil
	}
	mark := v.mark(key.Secret.Password, secret)
	v.mu.Lock()
	known, ok := v.known[key.Username]
	v.mu.Unlock()
	if ok && hmac.Equal(known[:], mark[:]) {
		return true, nil
	}
	return v.matchesSlowly(ctx, key, secret, mark)
}

func (v *Verifier) matchesSlowly(ctx context.Context, key Key, secret string, mark [sha256.Size]byte) (bool, error) {
	select {
	case v.slow <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	ok := CheckPassword(key.Secret.Password, secret)
	<-v.slow
	if !ok {
		return false, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.known) >= maxKnown {
		clear(v.known)
	}
	v.known[key.Username] = mark
	return true, nil
}

// mark is what is remembered of a right password: nothing that could be tried
// against the hash without this process' key.
func (v *Verifier) mark(hash, secret string) (out [sha256.Size]byte) {
	m := hmac.New(sha256.New, v.process[:])
	m.Write([]byte(hash))
	m.Write([]byte{0})
	m.Write([]byte(secret))
	m.Sum(out[:0])
	return out
}
