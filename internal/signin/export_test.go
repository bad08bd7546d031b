package signin

import (
	"context"

	"stayput.dev/internal/account"
)

// People is the index of mail addresses.
type People struct{ people }

// Find returns the accounts with a mail address.
func (p *People) Find(d account.Directory, address string) []account.Account {
	return p.find(d, address)
}

// Buried returns how many sessions are remembered that have ended.
func (s *Service) Buried() int {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	return len(s.sessions.buried[0]) + len(s.sessions.buried[1])
}

// HoldHashes lets no password be hashed until release is called. Waiting tells how many are
// to be.
func (s *Service) HoldHashes() (waiting func() int, release func()) {
	for range cap(s.hashing) {
		s.hashing <- struct{}{}
	}
	return func() int { return int(s.waiting.Load()) }, func() {
		for range cap(s.hashing) {
			<-s.hashing
		}
	}
}

// CodeAt returns the code of a step.
func CodeAt(secret []byte, step int64) string { return codeAt(secret, step) }

// LocalPath returns where somebody is sent back to.
func LocalPath(path string) string { return localPath(path) }

// Purposes are what tickets are for.
var Purposes = []string{forFactor, forPasskey, forTOTP, forNewKey, forOIDC, forConnect}

// Tidy clears away what has expired, and what was about accounts that are gone.
func (s *Service) Tidy(ctx context.Context) error {
	s.sweep(ctx)
	return s.dropGone(ctx, s.registry.State().Accounts)
}
