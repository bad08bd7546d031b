package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// ErrBadCredential says that user name and secret do not belong to a key that
// may be used. It does not say which of the two is wrong.
var ErrBadCredential = errors.New("bad user name or secret")

// ErrSuspended says that user name and secret are right, but that the account of
// their key is suspended. Who does not know the secret never hears it.
var ErrSuspended = errors.New("account is suspended")

// ErrUndecided says that only a slow check can tell.
var ErrUndecided = errors.New("password not checked yet")

// Verifier checks user names and secrets against a directory. It remembers, under
// a key that lives as long as the process, which passwords were right and which
// were wrong, so that a router that uses one costs a slow check once and not with
// every update. It is safe for concurrent use.
type Verifier struct {
	process [32]byte
	slow    chan struct{} // held during a slow check: bounds memory and CPU

	mu    sync.Mutex // guards right and wrong
	right map[passwordMark]struct{}
	wrong map[passwordMark]struct{}
}

// passwordMark is what is remembered of a password that was checked against a hash.
type passwordMark [sha256.Size]byte

// These bound what a Verifier remembers; past it, any of them makes room.
const (
	maxRight = 1 << 17
	maxWrong = 1 << 14
)

// NewVerifier returns a verifier that runs at most parallel slow checks at once.
func NewVerifier(parallel int) *Verifier {
	v := &Verifier{
		slow:  make(chan struct{}, parallel),
		right: map[passwordMark]struct{}{}, wrong: map[passwordMark]struct{}{},
	}
	_, _ = rand.Read(v.process[:])
	return v
}

// Check returns the update key that user and secret belong to. An empty secret is
// never right. When the key's account is suspended it returns the key with
// ErrSuspended; when ctx ends while slow checks are waited for, it fails with the
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
	key, known := d.KeyOf(user)
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
	switch a, ok := d.AccountByID(key.Account); {
	case !ok:
		return Key{}, ErrBadCredential
	case a.Suspended:
		return key, ErrSuspended
	}
	return key, nil
}

// matches tells whether the secret is that of the key, or fails with
// ErrUndecided.
func (v *Verifier) matches(key Key, secret string) (bool, error) {
	if key.Secret.matches(secret) {
		return true, nil
	}
	undecided := false
	for _, hash := range key.Secret.hashes(time.Now()) {
		if hash == "" {
			continue
		}
		switch right, known := v.recall(hash, secret); {
		case right:
			return true, nil
		case !known:
			undecided = true
		}
	}
	if undecided {
		return false, ErrUndecided
	}
	return false, nil
}

// recall tells what is remembered of a check of the secret against a hash.
func (v *Verifier) recall(hash, secret string) (right, known bool) {
	mark := v.mark(hash, secret)
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, right = v.right[mark]; right {
		return true, true
	}
	_, known = v.wrong[mark]
	return false, known
}

// checkSlowly is Check where Recall could not decide.
func (v *Verifier) checkSlowly(d Directory, user, secret string) (Key, error) {
	key, _ := d.KeyOf(user)
	for _, hash := range key.Secret.hashes(time.Now()) {
		if hash == "" {
			continue
		}
		right, known := v.recall(hash, secret)
		if !known {
			right = CheckPassword(hash, secret)
			v.remember(v.mark(hash, secret), right)
		}
		if right {
			return allowed(d, key)
		}
	}
	return findToken(d, secret)
}

func (v *Verifier) remember(mark passwordMark, right bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if right {
		makeRoom(v.right, maxRight)
		v.right[mark] = struct{}{}
		return
	}
	makeRoom(v.wrong, maxWrong)
	v.wrong[mark] = struct{}{}
}

// Renew returns how the secret of a key is to be kept from now on, and whether
// that is another way than before: once a foreign hash has found it right, by a
// hash of our own, beside which the foreign one counts for as long as Grace; and
// without that when the grace is over. It takes as long as KeepSecret, and fails
// with the context's error when that ends while slow checks are waited for.
func (v *Verifier) Renew(ctx context.Context, key Key, secret string) (kept Secret, renewed bool, err error) {
	now := time.Now()
	old := key.Secret
	if !old.IsForeign() {
		if old.Old == "" || now.Before(old.OldUntil) {
			return old, false, nil
		}
		old.Old, old.OldUntil = "", time.Time{}
		return old, true, nil
	}
	select {
	case v.slow <- struct{}{}:
	case <-ctx.Done():
		return Secret{}, false, ctx.Err()
	}
	defer func() { <-v.slow }()
	if kept, err = KeepSecret(secret, false, false); err != nil {
		return Secret{}, false, err
	}
	kept.Old, kept.OldUntil = old.Password, now.Add(Grace).UTC().Truncate(time.Millisecond)
	v.remember(v.mark(kept.Password, secret), true)
	return kept, true, nil
}

// HangsOnOld tells whether a secret that was found right is so by nothing but a
// foreign hash, whose grace will end.
func (v *Verifier) HangsOnOld(key Key, secret string) bool {
	if key.Secret.Old == "" || key.Secret.matches(secret) {
		return false
	}
	right, _ := v.recall(key.Secret.Password, secret)
	return !right
}

// makeRoom deletes an entry of a map that is full, whichever comes first.
func makeRoom[K comparable, V any](m map[K]V, most int) {
	if len(m) < most {
		return
	}
	for k := range m {
		delete(m, k)
		return
	}
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
