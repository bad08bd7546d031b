package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/shelf"
)

// Recovery codes: for when all other second factors are lost.
const (
	recoveryCodes = 10
	recoveryLen   = 10 // octets: 16 characters
)

var recoveryText = base32.StdEncoding.WithPadding(base32.NoPadding)

// recoveryOf returns the hashes of the codes of an account that were not used, or
// shelf.ErrNotFound when there never were any.
func (s *Service) recoveryOf(ctx context.Context, id uint32) (shelf.Item, []string, error) {
	var codes []string
	item, err := s.shelf.Get(ctx, kindRecovery, number(id))
	if err == nil {
		err = json.Unmarshal(item.Body, &codes)
	}
	return item, codes, err
}

// NewRecoveryCodes makes new codes, which are returned only now; those before are of
// no use any more. The session wants a fresh proof, and a second factor: ErrOff
// without one.
func (s *Service) NewRecoveryCodes(ctx context.Context, c Client, session Session) ([]string, error) {
	a, err := s.mayChange(session)
	if err != nil {
		return nil, err
	}
	f, err := s.Factors(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	if !f.Any() {
		return nil, ErrOff
	}
	codes, err := s.makeRecovery(ctx, c, a)
	if err == nil {
		s.tellFactorsChanged(ctx, c, a)
	}
	return codes, err
}

func (s *Service) makeRecovery(ctx context.Context, c Client, a account.Account) ([]string, error) {
	item, _, err := s.recoveryOf(ctx, a.ID)
	if errors.Is(err, shelf.ErrNotFound) {
		item, err = shelf.Item{Kind: kindRecovery, ID: number(a.ID), Account: a.ID}, nil
	}
	if err != nil {
		return nil, err
	}
	codes, hashes := make([]string, recoveryCodes), make([]string, recoveryCodes)
	for i := range codes {
		raw := make([]byte, recoveryLen)
		_, _ = rand.Read(raw)
		text := strings.ToLower(recoveryText.EncodeToString(raw))
		codes[i], hashes[i] = strings.ReplaceAll(inGroups(text), " ", "-"), hashCode(text)
	}
	if item.Body, err = json.Marshal(hashes); err != nil {
		return nil, fmt.Errorf("keeping recovery codes: %w", err)
	}
	if _, err := s.shelf.Put(ctx, item); err != nil {
		return nil, err
	}
	s.note(ctx, c, a.Name, a, RecoveryMade, "")
	return codes, nil
}

// hashCode returns what is kept of a code: 80 random bits need no slow hash.
func hashCode(code string) string {
	sum := sha256.Sum256([]byte(code))
	return hex.EncodeToString(sum[:])
}

// useRecovery uses up a recovery code. Finding one by its hash tells nothing of the
// others.
func (s *Service) useRecovery(ctx context.Context, c Client, a account.Account, code string) error {
	for {
		item, codes, err := s.recoveryOf(ctx, a.ID)
		if errors.Is(err, shelf.ErrNotFound) {
			return ErrWrong
		}
		if err != nil {
			return err
		}
		at := slices.Index(codes, hashCode(code))
		if at < 0 {
			return ErrWrong
		}
		if item.Body, err = json.Marshal(slices.Delete(codes, at, at+1)); err != nil {
			return fmt.Errorf("noting a recovery code: %w", err)
		}
		if _, err = s.shelf.Put(ctx, item); errors.Is(err, shelf.ErrChanged) {
			continue // another code was used in this moment; each is there once
		}
		if err == nil {
			s.note(ctx, c, a.Name, a, RecoveryUsed, fmt.Sprintf("%d left", len(codes)-1))
		}
		return err
	}
}
