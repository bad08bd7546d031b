package account

import (
	"crypto/rand"
	"hash/crc32"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/zone"
)

// Token is what a program shows to use the API in the name of an account.
type Token struct {
	ID      string // by which people name it; unique
	Account uint32 // ID of the owner
	Name    string // what it is for, one line; may be empty
	Secret  Secret // how the secret is checked

	ReadOnly bool // it changes nothing
	Staff    bool // it may do what the role of its account may; otherwise what a customer may

	// Zones and Hosts, unless both are empty, are all that it is good for: hosts
	// at or below the names of the one, and those of the other.
	Zones, Hosts []zone.Name

	Sources []netip.Prefix // where it may come from; empty: anywhere
	Created time.Time
	Expires time.Time // the zero time: never
}

// tokenPrefix is what every API token begins with, so that programs that look for
// secrets in the wrong places find them.
const tokenPrefix = "stp_"

const (
	base62      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	tokenRandom = 32 // characters of 5.95 bits
	tokenCheck  = 6
)

// NewToken returns the secret of an API token: its prefix, 190 random bits, and the
// CRC-32 of these, by which a program that finds it knows that it is one.
func NewToken() string {
	b := make([]byte, 0, tokenRandom)
	for len(b) < tokenRandom {
		var raw [64]byte
		_, _ = rand.Read(raw[:]) // never fails
		for _, c := range raw {
			if c &= 63; int(c) < len(base62) && len(b) < tokenRandom {
				b = append(b, base62[c])
			}
		}
	}
	return tokenPrefix + string(b) + checkOf(string(b))
}

// checkOf returns the CRC-32 of the text in six digits of base 62.
func checkOf(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var out [tokenCheck]byte
	for i := range out {
		out[tokenCheck-1-i] = base62[sum%62]
		sum /= 62
	}
	return string(out[:])
}

// IsToken tells whether the text has the form of an API token, its check included.
func IsToken(text string) bool {
	body, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok || len(body) != tokenRandom+tokenCheck {
		return false
	}
	return checkOf(body[:tokenRandom]) == body[tokenRandom:]
}

// NewTokenID returns the ID of an API token, of 50 random bits.
func NewTokenID() string { return "t" + NewUsername()[1:] }

// IsLimited tells whether the token is good for some names alone.
func (t *Token) IsLimited() bool { return len(t.Zones)+len(t.Hosts) > 0 }

// Covers tells whether the token is good for the host with the name.
func (t *Token) Covers(name zone.Name) bool {
	return !t.IsLimited() || slices.Contains(t.Hosts, name) ||
		slices.ContainsFunc(t.Zones, func(z zone.Name) bool { return name.IsWithin(z) })
}

// TakesFrom tells whether the token may come from the address, which may be the
// zero Addr where it is not known.
func (t *Token) TakesFrom(a netip.Addr) bool {
	return len(t.Sources) == 0 || slices.ContainsFunc(t.Sources, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// HasExpired tells whether the token is no longer good.
func (t *Token) HasExpired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// APIToken returns the API token with the ID.
func (d Directory) APIToken(id string) (Token, bool) {
	raw, ok := d.maps[apiTokens].Get([]byte(id))
	if !ok {
		return Token{}, false
	}
	return decodeToken(raw), true
}

// APITokenBySecret returns the API token that has the secret. It takes the same
// time for all that are wrong.
func (d Directory) APITokenBySecret(secret string) (Token, bool) {
	if !IsToken(secret) {
		return Token{}, false
	}
	id, ok := d.maps[apiTokenSecrets].Get(fingerprint(secret))
	if !ok {
		return Token{}, false
	}
	t, ok := d.APIToken(string(id))
	return t, ok && t.Secret.matches(secret)
}

// APITokens yields all API tokens in order of their IDs.
func (d Directory) APITokens() iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for _, raw := range d.maps[apiTokens].All() {
			if !yield(decodeToken(raw)) {
				return
			}
		}
	}
}

// APITokensOf yields the API tokens of an account in order of their IDs.
func (d Directory) APITokensOf(account uint32) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for k := range d.maps[apiTokensByAccount].Prefix(idKey(account, nil)) {
			if t, ok := d.APIToken(string(k[4:])); ok && !yield(t) {
				return
			}
		}
	}
}

func (d *Draft) putToken(t Token) {
	d.deleteToken(t.ID)
	d.edit(apiTokens).Put([]byte(t.ID), encodeToken(t))
	d.edit(apiTokensByAccount).Put(idKey(t.Account, []byte(t.ID)), nil)
	d.edit(apiTokenSecrets).Put(t.Secret.Fingerprint, []byte(t.ID))
}

func (d *Draft) deleteToken(id string) {
	t, ok := d.View().APIToken(id)
	if !ok {
		return
	}
	d.edit(apiTokens).Delete([]byte(id))
	d.edit(apiTokensByAccount).Delete(idKey(t.Account, []byte(id)))
	d.edit(apiTokenSecrets).Delete(t.Secret.Fingerprint)
}

func encodeToken(t Token) []byte {
	b := codec.AppendString(nil, t.ID)
	b = codec.AppendUint(b, uint64(t.Account))
	b = codec.AppendString(b, t.Name)
	b = t.Secret.append(b)
	b = appendBool(b, t.ReadOnly)
	b = appendBool(b, t.Staff)
	b = appendNames(b, t.Zones)
	b = appendNames(b, t.Hosts)
	b = codec.AppendUint(b, uint64(len(t.Sources)))
	for _, p := range t.Sources {
		b = appendPrefix(b, p)
	}
	b = appendTime(b, t.Created)
	return appendTime(b, t.Expires)
}

func decodeToken(raw []byte) Token {
	r := codec.NewReader(raw)
	t := Token{ID: r.String(), Account: uint32(r.Uint()), Name: r.String(), Secret: readSecret(r), ReadOnly: r.Uint() != 0, Staff: r.Uint() != 0}
	t.Zones, t.Hosts = readNames(r), readNames(r)
	for range r.Count(1) {
		t.Sources = append(t.Sources, readPrefix(r))
	}
	t.Created, t.Expires = readTime(r), readTime(r)
	return t
}

func appendNames(b []byte, names []zone.Name) []byte {
	b = codec.AppendUint(b, uint64(len(names)))
	for _, n := range names {
		b = codec.AppendString(b, n)
	}
	return b
}

func readNames(r *codec.Reader) []zone.Name {
	var out []zone.Name
	for range r.Count(1) {
		out = append(out, zone.Name(r.String()))
	}
	return out
}
