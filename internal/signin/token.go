package signin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"stayput.dev/internal/shelf"
)

// tokenLen is the size of secrets that we make, in octets.
const tokenLen = 32

// newToken returns a secret of 256 random bits, which may stand in a URL.
func newToken() string {
	raw := make([]byte, tokenLen)
	_, _ = rand.Read(raw) // which never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}

// hashToken returns what is kept of a secret, and false where it is none of ours.
func hashToken(token string) (string, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != tokenLen {
		return "", false
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), true
}

// sealer returns what seals tickets. Its key stands on the shelf, so that a ticket
// outlives the process that made it; only tickets hang on it.
func (s *Service) sealer(ctx context.Context) (cipher.AEAD, error) {
	if box := s.box.Load(); box != nil {
		return *box, nil
	}
	s.seal.Lock()
	defer s.seal.Unlock()
	item, err := s.shelf.Get(ctx, kindKey, "tickets")
	if errors.Is(err, shelf.ErrNotFound) {
		item = shelf.Item{Kind: kindKey, ID: "tickets", Body: make([]byte, 32), Passing: true}
		_, _ = rand.Read(item.Body)
		if _, err = s.shelf.Put(ctx, item); errors.Is(err, shelf.ErrChanged) {
			item, err = s.shelf.Get(ctx, kindKey, "tickets")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the key of tickets: %w", err)
	}
	block, err := aes.NewCipher(item.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the key of tickets: %w", err)
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("reading the key of tickets: %w", err)
	}
	s.box.Store(&box)
	return box, nil
}

// ticketLife is how long somebody may take for the next step.
const ticketLife = 10 * time.Minute

// ticket is what is known between two steps. It is sealed, so that it can be given
// to whoever takes them.
type ticket struct {
	For       string    // one of the purposes below; whoever opens it expects it
	Made      time.Time // a moment that no other ticket of the account shares
	Account   uint32    `json:",omitempty"`
	Print     []byte    `json:",omitempty"` // of the account's password: a new one spoils the ticket
	Session   string    `json:",omitempty"` // that is to be proved, or whose owner asked, by its hash
	Seed      []byte    `json:",omitempty"` // of an app that makes codes
	Challenge []byte    `json:",omitempty"` // what passkeys were asked, as the library keeps it
	State     string    `json:",omitempty"` // of the way to the provider and back
	Nonce     string    `json:",omitempty"`
	Verifier  string    `json:",omitempty"`
	Back      string    `json:",omitempty"`
}

// What tickets are for.
const (
	forFactor    = "factor"         // a second factor, after the password
	forPasskey   = "passkey"        // a passkey's answer
	forTOTP      = "totp enrolment" // the first code
	forNewKey    = "passkey enrolment"
	forOIDC      = "oidc"
	forConnect   = "oidc connection"
	maxTicketLen = 8 << 10
)

// sealTicket returns the ticket's text.
func (s *Service) sealTicket(ctx context.Context, t ticket) (string, error) {
	box, err := s.sealer(ctx)
	if err != nil {
		return "", err
	}
	t.Made = s.now().UTC()
	text, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("making a ticket: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(box.Seal(nil, nil, text, []byte(t.For))), nil //nolint:gosec // the box makes a random nonce
}

// openTicket returns the ticket of a text, if it is for that and still good, else
// ErrLink.
func (s *Service) openTicket(ctx context.Context, text, purpose string) (ticket, error) {
	var t ticket
	if len(text) > maxTicketLen {
		return t, ErrLink
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return t, ErrLink
	}
	box, err := s.sealer(ctx)
	if err != nil {
		return t, err
	}
	plain, err := box.Open(nil, nil, raw, []byte(purpose))
	if err != nil || json.Unmarshal(plain, &t) != nil || t.For != purpose {
		return ticket{}, ErrLink
	}
	if age := s.now().Sub(t.Made); age < -time.Minute || age > ticketLife {
		return ticket{}, ErrLink
	}
	return t, nil
}
