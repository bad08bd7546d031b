package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"stayput.dev/internal/phrase"
)

// Phase is where an account is in its life.
type Phase string

// The phases.
const (
	Active     Phase = "active"
	Suspended  Phase = "suspended"  // its names stop, nothing is lost
	Terminated Phase = "terminated" // its names are released, and it may have no new ones
)

// ErrBadPhase says that a word names no phase.
var ErrBadPhase = phrase.Errorf("no such state of an account")

// ParsePhase reads a phase.
func ParsePhase(s string) (Phase, error) {
	switch p := Phase(s); p {
	case Active, Suspended, Terminated:
		return p, nil
	}
	return "", phrase.Errorf("%w %q: active, suspended or terminated", ErrBadPhase, s)
}

// Phase returns where the account is in its life.
func (a *Account) Phase() Phase {
	switch {
	case !a.Terminated.IsZero():
		return Terminated
	case a.Suspended:
		return Suspended
	default:
		return Active
	}
}

// Faults of what is said of an account.
var (
	ErrBadExternalID = phrase.Errorf("bad external ID")
	ErrBadLanguage   = phrase.Errorf("bad language")
	ErrBadLine       = phrase.Errorf("bad text")
)

// MaxExternalID is the length of the longest external ID in octets.
const MaxExternalID = 128

// CheckExternalID tells whether s may be an account's ID in another system: 1 to
// MaxExternalID printable ASCII characters without blanks. Case matters.
func CheckExternalID(s string) error {
	if len(s) < 1 || len(s) > MaxExternalID {
		return phrase.Errorf("%w %q: 1 to %d characters", ErrBadExternalID, s, MaxExternalID)
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return phrase.Errorf("%w %q: only printable ASCII without blanks", ErrBadExternalID, s)
		}
	}
	return nil
}

// maxLanguage is what RFC 5646 §4.4.1 asks of an implementation to hold.
const maxLanguage = 35

// CheckLanguage tells whether s has the form of a language tag (RFC 5646 §2.1), or
// is empty. Whether anybody speaks it is not looked at.
func CheckLanguage(s string) error {
	if s == "" {
		return nil
	}
	parts := strings.Split(s, "-")
	if len(s) > maxLanguage || len(parts[0]) < 2 || strings.ContainsFunc(parts[0], isDigit) {
		return phrase.Errorf("%w %q: a tag such as en or pt-BR", ErrBadLanguage, s)
	}
	for _, part := range parts {
		if len(part) < 1 || len(part) > 8 || strings.ContainsFunc(part, func(c rune) bool { return c > 'z' || !isAlnum(byte(c)) }) {
			return phrase.Errorf("%w %q: a tag such as en or pt-BR", ErrBadLanguage, s)
		}
	}
	return nil
}

func isDigit(c rune) bool { return '0' <= c && c <= '9' }

// maxLine is the length of the longest line of text that people give, in octets.
const maxLine = 256

// CheckLine tells whether s may stand where people write one line: up to 256 octets
// of UTF-8 without control characters.
func CheckLine(s string) error {
	if len(s) > maxLine || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return phrase.Errorf("%w: one line of up to %d octets", ErrBadLine, maxLine)
	}
	return nil
}
