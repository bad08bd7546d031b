package account

import (
	"slices"
	"strings"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/phrase"
)

// ErrBadChoice says that a word is none of those that may be chosen.
var ErrBadChoice = phrase.Errorf("no such choice")

// Unchanged is what the devices of an update key hear when nothing changed. Its
// numbers are part of the stored form.
type Unchanged uint8

// The replies.
const (
	UnchangedDefault Unchanged = iota // what the service says to all others
	UnchangedNochg                    // the protocol's word
	UnchangedGood                     // for devices that take nochg for a failure
)

var unchangedWords = []string{"default", "nochg", "good"}

// String returns the word for u.
func (u Unchanged) String() string { return unchangedWords[u] }

// ParseUnchanged reads a reply: "default", "nochg" or "good". Its error is
// ErrBadChoice.
func ParseUnchanged(s string) (Unchanged, error) { return parseChoice[Unchanged](unchangedWords, s) }

// NonGlobal is what becomes of addresses of a host that cannot be reached from
// outside. Its numbers are part of the stored form.
type NonGlobal uint8

// The ways to take them.
const (
	NonGlobalDefault NonGlobal = iota // as for all other hosts
	NonGlobalIgnore                   // the request succeeds, the address is left out
	NonGlobalAccept                   // they are addresses as any other
)

// takeWords are for what may be left out or taken.
var takeWords = []string{"default", "ignore", "accept"}

// String returns the word for n.
func (n NonGlobal) String() string { return takeWords[n] }

// ParseNonGlobal reads a way to take them: "default", "ignore" or "accept". Its
// error is ErrBadChoice.
func ParseNonGlobal(s string) (NonGlobal, error) { return parseChoice[NonGlobal](takeWords, s) }

// DeviceOptions is what becomes of the options that the devices of a host ask
// for. Its numbers are part of the stored form.
type DeviceOptions uint8

// The ways to take them.
const (
	DeviceOptionsDefault DeviceOptions = iota // as for all other hosts
	DeviceOptionsIgnore                       // the host keeps those that it has
	DeviceOptionsAccept                       // the host has what they ask for
)

// String returns the word for d.
func (d DeviceOptions) String() string { return takeWords[d] }

// ParseDeviceOptions reads a way to take them: "default", "ignore" or "accept".
// Its error is ErrBadChoice.
func ParseDeviceOptions(s string) (DeviceOptions, error) {
	return parseChoice[DeviceOptions](takeWords, s)
}

// parseChoice returns the number of a word.
func parseChoice[T ~uint8](words []string, s string) (T, error) {
	if i := slices.Index(words, s); i >= 0 {
		return T(i), nil
	}
	return 0, phrase.Errorf("%w %q: one of %s", ErrBadChoice, s, strings.Join(words, ", "))
}

// readChoice reads the number of a word. One that only a later version knows is
// taken for the default.
func readChoice[T ~uint8](r *codec.Reader, words []string) T {
	if n := r.Uint(); n < uint64(len(words)) {
		return T(n)
	}
	return 0
}
