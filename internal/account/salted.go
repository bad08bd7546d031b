package account

import (
	"crypto/md5" //nolint:gosec // what GnuDIP is made of
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// Salted is what a GnuDIP client sends in the place of a secret: the MD5 sum, in
// hex digits, of the MD5 sum of the secret in hex digits, a dot and a salt.
type Salted struct {
	Salt string // that the server chose, and takes once
	Sum  string // in hex digits of either case
}

// CheckSalted is Check for who sends no secret. It knows only the secrets that
// were kept with digests, see KeepSecret, and takes microseconds.
func (v *Verifier) CheckSalted(d Directory, user string, s Salted) (Key, error) {
	key, known := d.KeyOf(user)
	if !key.Secret.matchesSalted(s) || !known {
		return Key{}, ErrBadCredential
	}
	return allowed(d, key)
}

// matchesSalted costs the same for keys without digests.
func (s Secret) matchesSalted(given Salted) bool {
	sum := md5.Sum([]byte(s.MD5 + "." + given.Salt)) //nolint:gosec // see above
	right := hex.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(right), []byte(strings.ToLower(given.Sum))) == 1 && s.MD5 != ""
}
