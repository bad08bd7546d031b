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

// ErrUndecided says that only a slow check can tell.
var ErrUndecided = errors.New("password not checked yet")

// Verifier checks user names and secrets against a directory. It remembers, under
// a key that lives as long as the process, which passwords were right and which
// were wrong, so that a router that uses one costs a slow check once and not with
// every update. It is safe for concurrent use.
type Verifier struct {
	process [32]byte
	slow    chan struct{} // held during a slow check: bounds memory and CPU

	mu    sync.Mutex              // guards right and wrong
	right map[string]passwordMark // by user name
	wrong map[passwordMark]struct{}
}

// passwordMark is what is remembered of a password that was checked.
type passwordMark [sha256.Size]byte

// These bound what a Verifier remembers; past it, it starts anew.
const (
	maxRight = 1 << 17
	maxWrong = 1 << 14
)

// NewVerifier returns a verifier that runs at most parallel slow checks at once.
func NewVerifier(parallel int) *Verifier {
	v := &Verifier{
		slow:  make(chan struct{}, parallel),
		right: map[string]passwordMark{}, wrong: map[passwordMark]struct{}{},
	}
	_, _ = rand.Read(v.process[:])
	return v
}

// Check returns the update key that user and secret belong to. With an empty
// secret, or when the key's account is suspended, it fails with ErrBadCredential
// as for any wrong pair; when ctx ends while slow checks are waited for, with the
// context's error. A secret that is a token is found with any user or none.
func (v *Verifier) Check(ctx context.Context, d Directory, user, secret string) (Key, error) {
	key, err := v.Recall(d, user, secret)
	if !errors.Is(err, ErrUndecided) {
		return key, err
	}
	select {
	case v.slow <- struct{}{}:
	case <-ctx.Done():
		return Key{}, ctx.Err()
	}
	defer func() { <-v.slow }()
	key, err = v.Recall(d, user, secret) // others may have asked the same meanwhile
	if !errors.Is(err, ErrUndecided) {
		return key, err
	}
	return v.checkSlowly(d, user, secret)
}

// Recall is Check as far as it goes without a slow check: it fails with
// ErrUndecided for a password that is not remembered. It takes microseconds.
func (v *Verifier) Recall(d Directory, user, secret string) (Key, error) {
	if secret == "" {
		return Key{}, ErrBadCredential
	}
	key, known := d.Key(user)
	if !known || user == "" {
		_ = Secret{Salt: v.process[:16]}.matches(secret) // an unknown user costs what a known one does
		return findToken(d, secret)
	}
	ok, err := v.matches(key, secret)
	switch {
	case err != nil:
		return Key{}, err
	case ok:
		return allowed(d, key)
	}
	return findToken(d, secret)
}

// findToken returns the update key whose token the secret is.
func findToken(d Directory, secret string) (Key, error) {
	if key, ok := d.KeyByToken(secret); ok {
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

// matches tells whether the secret is that of the key, or fails with
// ErrUndecided.
func (v *Verifier) matches(key Key, secret string) (bool, error) {
	if !key.Secret.IsPassword() {
		return key.Secret.matches(secret), nil
	}
	if key.Secret.matchesDigest(secret) {
		return true, nil
	}
	mark := v.mark(key.Secret.Password, secret)
	v.mu.Lock()
	defer v.mu.Unlock()
	if right, ok := v.right[key.Username]; ok && hmac.Equal(right[:], mark[:]) {
		return true, nil
	}
	if _, wrong := v.wrong[mark]; wrong {
		return false, nil
	}
	return false, ErrUndecided
}

// checkSlowly is Check where Recall could not decide.
func (v *Verifier) checkSlowly(d Directory, user, secret string) (Key, error) {
	key, _ := d.Key(user)
	right := CheckPassword(key.Secret.Password, secret)
	v.remember(key, v.mark(key.Secret.Password, secret), right)
	if right {
		return allowed(d, key)
	}
	return findToken(d, secret)
}

func (v *Verifier) remember(key Key, mark passwordMark, right bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if right {
		if len(v.right) >= maxRight {
			clear(v.right)
		}
		v.right[key.Username] = mark
		return
	}
	if len(v.wrong) >= maxWrong {
		clear(v.wrong)
	}
	v.wrong[mark] = struct{}{}
}

// mark is what is remembered of a password: nothing that could be tried against
// the hash without this process' key.
func (v *Verifier) mark(hash, secret string) (out passwordMark) {
	m := hmac.New(sha256.New, v.process[:])
	m.Write([]byte(hash))
	m.Write([]byte{0})
	m.Write([]byte(secret))
	m.Sum(out[:0])
	return out
}
