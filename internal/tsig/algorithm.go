package tsig

import (
	"crypto/md5"  //nolint:gosec // for keys that ask for it: RouterOS and old clients know nothing else
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"

	"stayput.dev/internal/zone"
)

// Algorithm is how a MAC is made (RFC 8945 §6). The numbers are part of the stored
// form of keys.
type Algorithm uint8

// The algorithms.
const (
	HMACMD5 Algorithm = iota + 1
	HMACSHA1
	HMACSHA224
	HMACSHA256
	HMACSHA384
	HMACSHA512
)

// algorithms tells of each algorithm what it is called, here and on the wire, and
// what it is made of.
var algorithms = [...]struct {
	name string
	wire zone.Name
	hash func() hash.Hash
	size int // octets of a whole MAC
}{
	HMACMD5:    {"hmac-md5", zone.MustName("hmac-md5.sig-alg.reg.int"), md5.New, md5.Size},
	HMACSHA1:   {"hmac-sha1", zone.MustName("hmac-sha1"), sha1.New, sha1.Size},
	HMACSHA224: {"hmac-sha224", zone.MustName("hmac-sha224"), sha256.New224, sha256.Size224},
	HMACSHA256: {"hmac-sha256", zone.MustName("hmac-sha256"), sha256.New, sha256.Size},
	HMACSHA384: {"hmac-sha384", zone.MustName("hmac-sha384"), sha512.New384, sha512.Size384},
	HMACSHA512: {"hmac-sha512", zone.MustName("hmac-sha512"), sha512.New, sha512.Size},
}

// Algorithms returns the names of all algorithms.
func Algorithms() []string {
	var names []string
	for _, a := range algorithms[1:] {
		names = append(names, a.name)
	}
	return names
}

// isKnown tells whether a is one of the algorithms.
func (a Algorithm) isKnown() bool { return a > 0 && int(a) < len(algorithms) }

// String returns the name, such as "hmac-sha256".
func (a Algorithm) String() string { return algorithms[a].name }

// Size returns the octets of a MAC that is not truncated.
func (a Algorithm) Size() int { return algorithms[a].size }

// Scheme is an algorithm with the least octets of a MAC that will do.
type Scheme struct {
	Algorithm Algorithm
	Octets    int // that a MAC has at least; Algorithm.Size() allows no truncated ones
}

// ErrBadAlgorithm says that something names no algorithm.
var ErrBadAlgorithm = errors.New("unknown TSIG algorithm")

// ParseScheme reads the name of an algorithm, and behind it, as in
// "hmac-sha256-128", the bits that a truncated MAC must have at least.
func ParseScheme(text string) (Scheme, error) {
	text = strings.ToLower(text)
	for i := range algorithms[1:] {
		a := Algorithm(i + 1)
		if text == a.String() {
			return Scheme{a, a.Size()}, nil
		}
		digits, ok := strings.CutPrefix(text, a.String()+"-")
		if !ok {
			continue
		}
		bits, err := strconv.Atoi(digits)
		if err != nil || bits%8 != 0 || bits/8 < a.leastMAC() || bits/8 > a.Size() {
			return Scheme{}, fmt.Errorf("%w %q: MACs of %s have %d to %d bits, in whole octets", ErrBadAlgorithm, text, a, 8*a.leastMAC(), 8*a.Size())
		}
		return Scheme{a, bits / 8}, nil
	}
	return Scheme{}, fmt.Errorf("%w %q: it must be one of %s", ErrBadAlgorithm, text, strings.Join(Algorithms(), ", "))
}

// leastMAC returns the octets that a truncated MAC has at least (RFC 8945
// §5.2.2.1).
func (a Algorithm) leastMAC() int { return max(10, (a.Size()+1)/2) }

// String returns what ParseScheme reads.
func (s Scheme) String() string {
	if s.Octets == s.Algorithm.Size() {
		return s.Algorithm.String()
	}
	return s.Algorithm.String() + "-" + strconv.Itoa(8*s.Octets)
}

func (s Scheme) isValid() bool {
	return s.Algorithm.isKnown() && s.Octets >= s.Algorithm.leastMAC() && s.Octets <= s.Algorithm.Size()
}

// schemeFor returns the scheme whose algorithm has the name.
func schemeFor(schemes []Scheme, wire zone.Name) (Scheme, bool) {
	i := slices.IndexFunc(schemes, func(s Scheme) bool { return algorithms[s.Algorithm].wire == wire })
	if i < 0 {
		return Scheme{}, false
	}
	return schemes[i], true
}
