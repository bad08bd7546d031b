package account

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // devices that speak Dynu's dialect or GnuDIP send MD5
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // clients of FreeDNS send SHA-1
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"time"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/phrase"
)

// Secret is how the secret of an update key is kept and checked.
type Secret struct {
	Salt        []byte // of Sum; nil when Password is used
	Sum         []byte // HMAC-SHA-256 of the secret under Salt
	Password    string // PHC form, for secrets that people chose, or the hash of another program, see KeepForeign
	Fingerprint []byte // of a token, by which it is found; nil for others
	MD5, SHA256 string // hex digests, for keys of devices that send those; else empty
	Login       []byte // fingerprint of user name and secret as FreeDNS's clients send them, see KeepLogin; else nil

	Old      string    // hash of another program that counts as well, until OldUntil; empty for none
	OldUntil time.Time // to the millisecond
}

// Strong is the length from which a given secret is taken for a random one. A
// shorter one is kept as a password: slow to check once, so that a stolen
// database does not give it away.
const Strong = 20

// ErrEmptySecret says that a secret has no characters.
var ErrEmptySecret = phrase.Errorf("empty secret")

// NewSecret returns a secret of 160 random bits in letters and digits that need
// no escaping anywhere.
func NewSecret() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// NewUsername returns a user name of 50 random bits.
func NewUsername() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return "k" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))[:10]
}

// KeepSecret returns how to keep secret. A token can be found by itself; with
// digests the key also takes the MD5 and SHA-256 forms of the secret. It fails on
// an empty secret, and on a short token, which could be guessed.
func KeepSecret(secret string, token, digests bool) (Secret, error) {
	if secret == "" {
		return Secret{}, ErrEmptySecret
	}
	if token && len(secret) < Strong {
		return Secret{}, phrase.Errorf("a token needs at least %d characters", Strong)
	}
	var s Secret
	if len(secret) < Strong {
		hash, err := HashPassword(secret)
		if err != nil {
			return Secret{}, err
		}
		s.Password = hash
	} else {
		s.Salt = make([]byte, 16)
		_, _ = rand.Read(s.Salt)
		s.Sum = sum(s.Salt, secret)
	}
	if token {
		s.Fingerprint = fingerprint(secret)
	}
	if digests {
		m, h := md5.Sum([]byte(secret)), sha256.Sum256([]byte(secret)) //nolint:gosec // see above
		s.MD5, s.SHA256 = hex.EncodeToString(m[:]), hex.EncodeToString(h[:])
	}
	return s, nil
}

// KeepLogin makes the SHA-1 sum of "username|secret", in lower-case hex digits, a
// token of the key. It is all that some clients of FreeDNS send.
func (s *Secret) KeepLogin(username, secret string) {
	m := sha1.Sum([]byte(username + "|" + secret)) //nolint:gosec // see above
	s.Login = fingerprint(hex.EncodeToString(m[:]))
}

func sum(salt []byte, secret string) []byte {
	m := hmac.New(sha256.New, salt)
	m.Write([]byte(secret))
	return m.Sum(nil)
}

// fingerprint finds a token. A token has too many bits to be guessed from it.
func fingerprint(token string) []byte {
	m := sha256.Sum256([]byte("stayput token " + token))
	return m[:16]
}

// IsPassword tells whether a check may take the slow way of passwords.
func (s Secret) IsPassword() bool { return s.Password != "" || s.Old != "" }

// matches checks a secret as far as that is fast, in constant time.
func (s Secret) matches(secret string) bool {
	ok := hmac.Equal(sum(s.Salt, secret), s.Sum) && s.Sum != nil
	return ok || s.matchesDigest(secret)
}

func (s Secret) matchesDigest(secret string) bool {
	given := []byte(strings.ToLower(secret))
	return s.MD5 != "" &&
		subtle.ConstantTimeCompare(given, []byte(s.MD5))|subtle.ConstantTimeCompare(given, []byte(s.SHA256)) == 1
}

func (s Secret) append(b []byte) []byte {
	b = codec.AppendString(b, s.Salt)
	b = codec.AppendString(b, s.Sum)
	b = codec.AppendString(b, s.Password)
	b = codec.AppendString(b, s.Fingerprint)
	b = codec.AppendString(b, s.MD5)
	return codec.AppendString(b, s.SHA256)
}

func readSecret(r *codec.Reader) Secret {
	return Secret{
		Salt: r.Bytes(), Sum: r.Bytes(), Password: r.String(),
		Fingerprint: r.Bytes(), MD5: r.String(), SHA256: r.String(),
	}
}
