package dyndns

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"sync"
	"time"

	"stayput.dev/internal/update"
)

// salts gives salts to whoever asks, and keeps nothing of it: a signature says
// that a salt is ours and when it was given. It promises that a salt lets somebody
// in once, within saltLife, and only in the process that gave it. It is safe for
// concurrent use.
type salts struct {
	key  [sha256.Size]byte // of the signatures; lives as long as the process
	made time.Time

	mu           sync.Mutex // guards what follows
	began        time.Time  // of the newer half of used
	newer, older map[string]struct{}
}

const (
	saltLife = time.Minute
	maxSalts = 1 << 16 // taken within saltLife; more have to wait
)

// errSaltUsed says that a salt has been taken before, is too old, or was never
// given.
var errSaltUsed = errors.New("salt used up")

func newSalts() *salts {
	now := time.Now()
	s := &salts{newer: map[string]struct{}{}, older: map[string]struct{}{}, made: now, began: now}
	_, _ = rand.Read(s.key[:]) // never fails
	return s
}

// give returns a new salt, the time in seconds since 1970, and the signature of
// both.
func (s *salts) give() (salt, at, sign string) {
	salt, at = newSalt(), strconv.FormatInt(s.now().Unix(), 10)
	return salt, at, s.sign(salt, at)
}

// now returns the time by the clock as it went when s was made: who sets the clock back
// makes no salt young again.
func (s *salts) now() time.Time { return s.made.Add(time.Since(s.made)) }

func (s *salts) sign(salt, at string) string {
	m := hmac.New(sha256.New, s.key[:])
	m.Write([]byte(salt + " " + at))
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// take uses a salt up. It fails with errSaltUsed when it is not one of ours, too
// old or used up already, and with update.ErrLimited when too many are.
func (s *salts) take(salt, at, sign string) error {
	if !hmac.Equal([]byte(s.sign(salt, at)), []byte(sign)) {
		return errSaltUsed
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if age := s.now().Sub(time.Unix(seconds, 0)); err != nil || age < 0 || age >= saltLife {
		return errSaltUsed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	if s.isUsed(salt) {
		return errSaltUsed
	}
	if len(s.newer) >= maxSalts {
		return update.ErrLimited
	}
	s.newer[salt] = struct{}{}
	return nil
}

// putBack makes a salt that was taken as good as before.
func (s *salts) putBack(salt string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.newer, salt)
	delete(s.older, salt)
}

func (s *salts) isUsed(salt string) bool {
	_, newer := s.newer[salt]
	_, older := s.older[salt]
	return newer || older
}

// forget drops what is too old to be taken again. The caller holds mu.
func (s *salts) forget() {
	switch age := time.Since(s.began); {
	case age < saltLife:
		return
	case age < 2*saltLife:
		s.older = s.newer
	default:
		s.older = map[string]struct{}{}
	}
	s.newer, s.began = map[string]struct{}{}, time.Now()
}
