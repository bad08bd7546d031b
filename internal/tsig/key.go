package tsig

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"stayput.dev/internal/zone"
)

// Key is a TSIG key. Its name on the wire is its name here.
type Key struct {
	Name    zone.Name // unique
	Schemes []Scheme  // what messages may be signed with; the first one is for our own
	Secret  []byte    // never to be logged

	Account uint32    // ID of the owner, whose names alone it may change; 0: the operator's
	Host    zone.Name // the host of that account that the key is for; "" for none
	Grants  []Grant   // what it may change
	Created time.Time

	Transfers []zone.Name // zones, by origin, that it may have whole
}

// Limits of a key.
const (
	MaxSecret = 512 // octets
	MaxGrants = 256 // and as many zones to transfer
)

// StrongSecret is the octets from which on a secret is not to be found by trying: a
// message that somebody overheard lets him try as many as he likes.
const StrongSecret = 16

// ErrBadKey says that something is no TSIG key.
var ErrBadKey = errors.New("bad TSIG key")

// Check tells why k cannot be kept; its error is ErrBadKey.
func (k *Key) Check() error {
	switch {
	case !k.Name.IsValid() || k.Name == zone.Root:
		return fmt.Errorf("%w: %q is no name for one", ErrBadKey, string(k.Name))
	case len(k.Secret) == 0 || len(k.Secret) > MaxSecret:
		return fmt.Errorf("%w %s: a secret has 1 to %d octets", ErrBadKey, k.Name, MaxSecret)
	case len(k.Schemes) == 0 || len(k.Schemes) > len(algorithms):
		return fmt.Errorf("%w %s: no algorithm", ErrBadKey, k.Name)
	case len(k.Grants) > MaxGrants || len(k.Transfers) > MaxGrants:
		return fmt.Errorf("%w %s: more than %d grants", ErrBadKey, k.Name, MaxGrants)
	case slices.ContainsFunc(k.Transfers, func(n zone.Name) bool { return !n.IsValid() }):
		return fmt.Errorf("%w %s: a zone to transfer has no name", ErrBadKey, k.Name)
	case k.Host != "" && !k.Host.IsValid():
		return fmt.Errorf("%w %s: its host has no name", ErrBadKey, k.Name)
	}
	for i, s := range k.Schemes {
		if !s.isValid() || slices.ContainsFunc(k.Schemes[:i], func(o Scheme) bool { return o.Algorithm == s.Algorithm }) {
			return fmt.Errorf("%w %s: an algorithm is unknown or there twice", ErrBadKey, k.Name)
		}
	}
	for i := range k.Grants {
		if err := k.Grants[i].check(); err != nil {
			return fmt.Errorf("%w %s: %w", ErrBadKey, k.Name, err)
		}
	}
	return nil
}

// Allows tells whether an UPDATE of the zone with this origin, signed with k, may
// change the records of a type at a name. Whose names they are is not its concern.
func (k *Key) Allows(origin, name zone.Name, t zone.Type) bool {
	return slices.ContainsFunc(k.Grants, func(g Grant) bool { return g.covers(k.Name, origin, name) && g.coversType(t) })
}

// AllowsAny is Allows for some type, whichever.
func (k *Key) AllowsAny(origin, name zone.Name) bool {
	return slices.ContainsFunc(k.Grants, func(g Grant) bool { return g.covers(k.Name, origin, name) })
}

// AllowsSome tells whether k may change anything at all in the zone.
func (k *Key) AllowsSome(origin zone.Name) bool {
	return slices.ContainsFunc(k.Grants, func(g Grant) bool { return g.Zone == "" || g.Zone == origin })
}

// MayTransfer tells whether who signs with k may have the zone whole.
func (k *Key) MayTransfer(origin zone.Name) bool { return slices.Contains(k.Transfers, origin) }

// NewSecret returns a secret of 256 random bits.
func NewSecret() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b
}

// ParseSecret reads a secret in base64 (RFC 4648 §4), as all DNS tools write it.
func ParseSecret(text string) ([]byte, error) {
	secret, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: the secret is not in base64", ErrBadKey) // without what it is
	}
	if len(secret) == 0 || len(secret) > MaxSecret {
		return nil, fmt.Errorf("%w: a secret has 1 to %d octets", ErrBadKey, MaxSecret)
	}
	return secret, nil
}

// FormatSecret returns what ParseSecret reads.
func FormatSecret(secret []byte) string { return base64.StdEncoding.EncodeToString(secret) }
