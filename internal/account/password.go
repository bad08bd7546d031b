package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"stayput.dev/internal/phrase"
)

// Parameters of argon2id: the second recommended set of OWASP (19 MiB, two
// passes, one lane), some 20 ms of one core.
const (
	argonMemory  = 19 * 1024 // KiB
	argonPasses  = 2
	argonLanes   = 1
	argonSaltLen = 16
	argonKeyLen  = 32

	// MaxPassword bounds what one check costs, in octets.
	MaxPassword = 1024
)

// ErrLongPassword says that a password has more than MaxPassword octets.
var ErrLongPassword = phrase.Errorf("password is longer than 1024 octets")

// HashPassword returns the PHC form of argon2id. It takes some 20 ms and 19 MiB.
func HashPassword(password string) (string, error) {
	if password == "" {
		return "", ErrEmptySecret
	}
	if len(password) > MaxPassword {
		return "", ErrLongPassword
	}
	salt := make([]byte, argonSaltLen)
	_, _ = rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, argonKeyLen)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
}

// ownHash is how our own hashes begin.
const ownHash = "$argon2id$"

// CheckPassword tells whether password is the one that hash, ours or one that
// KeepForeign takes, was made of. An empty or unreadable hash matches nothing. It
// is as slow as HashPassword, and up to a second for a foreign hash.
func CheckPassword(hash, password string) bool {
	if !strings.HasPrefix(hash, ownHash) {
		return password != "" && len(password) <= MaxPassword && checkForeign(hash, password)
	}
	var version, memory, passes int
	var lanes uint8
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || password == "" || len(password) > MaxPassword {
		return false
	}
	_, err1 := fmt.Sscanf(parts[2], "v=%d", &version)
	_, err2 := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes)
	salt, err3 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err4 := base64.RawStdEncoding.DecodeString(parts[5])
	if errors.Join(err1, err2, err3, err4) != nil || version != argon2.Version ||
		memory < 8 || memory > 1<<20 || passes < 1 || passes > 64 || lanes < 1 || len(key) < 16 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, uint32(passes), uint32(memory), lanes, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1
}
