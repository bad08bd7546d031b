package signin

import "context"

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
