package account

import (
	"crypto/sha1" //nolint:gosec // one of the forms of htpasswd
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/GehirnInc/crypt"
	"github.com/GehirnInc/crypt/apr1_crypt"
	"github.com/GehirnInc/crypt/md5_crypt"
	"github.com/GehirnInc/crypt/sha256_crypt"
	"github.com/GehirnInc/crypt/sha512_crypt"
	"golang.org/x/crypto/bcrypt"
)

// Grace is how long the foreign hash of a password counts beside our own that
// took its place. It says less of the password than ours (DES heeds eight
// characters), so two devices may send different ones without anybody knowing.
const Grace = 30 * 24 * time.Hour

// These bound what one check of a foreign hash costs: about a second.
const (
	maxBcryptCost = 14
	maxSHARounds  = 1_000_000
)

// ErrForeignHash says that a text is no password hash of another program that
// could be checked.
var ErrForeignHash = errors.New("not a password hash of a known form")

// foreignForm is a way in which other programs keep passwords.
type foreignForm struct {
	shape   *regexp.Regexp // its first group, if it has one, is the cost
	most    int            // of the cost
	matches func(hash, password string) bool
}

// foreignForms are those of Apache's htpasswd, of crypt(3) and Django, but for plain text:
// any hash would be taken for that, and log in whoever has read it.
var foreignForms = [...]foreignForm{
	{regexp.MustCompile(`^[./0-9A-Za-z]{13}$`), 0, matchesDES},
	{regexp.MustCompile(`^\$apr1\$[^$:]{0,8}\$[./0-9A-Za-z]{22}$`), 0, matchesCrypt(apr1_crypt.New)},
	{regexp.MustCompile(`^\$1\$[^$:]{0,8}\$[./0-9A-Za-z]{22}$`), 0, matchesCrypt(md5_crypt.New)},
	{regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./0-9A-Za-z]{53}$`), maxBcryptCost, matchesBcrypt},
	{regexp.MustCompile(`^\$5\$(?:rounds=([1-9][0-9]{3,8})\$)?[^$:]{0,16}\$[./0-9A-Za-z]{43}$`), maxSHARounds, matchesCrypt(sha256_crypt.New)},
	{regexp.MustCompile(`^\$6\$(?:rounds=([1-9][0-9]{3,8})\$)?[^$:]{0,16}\$[./0-9A-Za-z]{86}$`), maxSHARounds, matchesCrypt(sha512_crypt.New)},
	{regexp.MustCompile(`^\{SHA\}[+/0-9A-Za-z]{27}=$`), 0, matchesSHA},
	{regexp.MustCompile(`^sha1\$[0-9A-Za-z]{1,64}\$[0-9a-f]{40}$`), 0, matchesSaltedSHA},
}

// KeepForeign returns a secret of which there is nothing but the hash that another
// program kept: DES, MD5 (of crypt or Apache), SHA-1 (of Apache or Django), SHA-256,
// SHA-512 or bcrypt.
// It fails with ErrForeignHash, in a text that does not hold the hash.
func KeepForeign(hash string) (Secret, error) {
	form, cost := findForm(hash)
	if form == nil {
		return Secret{}, ErrForeignHash
	}
	if cost > form.most {
		return Secret{}, fmt.Errorf("%w: it takes %d rounds to check, at most %d are taken", ErrForeignHash, cost, form.most)
	}
	return Secret{Password: hash}, nil
}

// findForm returns the form of a hash, or nil, and what it costs.
func findForm(hash string) (form *foreignForm, cost int) {
	for i := range foreignForms {
		groups := foreignForms[i].shape.FindStringSubmatch(hash)
		if groups == nil {
			continue
		}
		if len(groups) > 1 && groups[1] != "" {
			cost, _ = strconv.Atoi(groups[1]) // digits, by its shape
		}
		return &foreignForms[i], cost
	}
	return nil, 0
}

// checkForeign tells whether the foreign hash was made of the password.
func checkForeign(hash, password string) bool {
	form, cost := findForm(hash)
	return form != nil && cost <= form.most && form.matches(hash, password)
}

func matchesDES(hash, password string) bool {
	return subtle.ConstantTimeCompare([]byte(desCrypt(password, hash)), []byte(hash)) == 1
}

// matchesCrypt hands the module no more than the salt, because with rounds and a
// short salt it takes the hash for a part of that.
func matchesCrypt(crypter func() crypt.Crypter) func(hash, password string) bool {
	return func(hash, password string) bool {
		salt := hash[:strings.LastIndexByte(hash, '$')]
		got, err := crypter().Generate([]byte(password), []byte(salt))
		return err == nil && subtle.ConstantTimeCompare([]byte(got), []byte(hash)) == 1
	}
}

func matchesBcrypt(hash, password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
}

func matchesSHA(hash, password string) bool {
	sum := sha1.Sum([]byte(password)) //nolint:gosec // see above
	right := "{SHA}" + base64.StdEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(right), []byte(hash)) == 1
}

// matchesSaltedSHA is for what Django's SHA1PasswordHasher makes.
func matchesSaltedSHA(hash, password string) bool {
	parts := strings.Split(hash, "$")
	sum := sha1.Sum([]byte(parts[1] + password)) //nolint:gosec // see above
	return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(parts[2])) == 1
}

// IsForeign tells whether the secret is known by the hash of another program alone,
// which the first use replaces.
func (s Secret) IsForeign() bool { return s.Password != "" && !strings.HasPrefix(s.Password, ownHash) }

// Foreign returns the hash of another program by which the secret is, or of late
// was, known; empty for none.
func (s Secret) Foreign() string {
	if s.IsForeign() {
		return s.Password
	}
	return s.Old
}

// hashes returns those that the secret may be checked against at a time, the slow
// ones: its own first, and empty for none.
func (s Secret) hashes(now time.Time) [2]string {
	if s.Old == "" || !now.Before(s.OldUntil) {
		return [2]string{s.Password}
	}
	return [2]string{s.Password, s.Old}
}
