package account

import (
	"slices"

	"stayput.dev/internal/phrase"
	"stayput.dev/internal/zone"
)

// MaxNewHosts is the most hosts that may fit the patterns of an update key for it to
// make more.
const MaxNewHosts = 1000

// ErrBadPattern says that a name is no pattern for hosts.
var ErrBadPattern = phrase.Errorf("not a pattern for hosts")

// CheckPattern tells whether a name may be a pattern of hosts: labels of host names, some of
// them, but not all of the last two, "*", which stands for any one label.
func CheckPattern(pattern zone.Name) error {
	stars, plain, last := 0, 0, ""
	for label := range pattern.Labels() {
		if label == "*" {
			stars++
		} else if name, err := zone.Root.Child(label); err != nil || !name.IsHostname() {
			return phrase.Errorf("%w: %s is not made of names of hosts and *", ErrBadPattern, pattern)
		} else {
			plain++
		}
		last = label
	}
	switch {
	case stars == 0:
		return phrase.Errorf("%w: there is no label * in %s", ErrBadPattern, pattern)
	case plain < 2 || last == "*":
		return phrase.Errorf("%w: %s has fewer than two labels that are not *, or ends with one", ErrBadPattern, pattern)
	}
	return nil
}

// fits tells whether a name fits a pattern, in which a label "*" stands for any one
// label.
func fits(pattern, name zone.Name) bool {
	for pattern != zone.Root && name != zone.Root {
		if want := pattern.First(); want != "*" && want != name.First() {
			return false
		}
		pattern, name = pattern.Parent(), name.Parent()
	}
	return pattern == name
}

// Fits tells whether a name fits one of the patterns of the key.
func (k Key) Fits(name zone.Name) bool {
	return slices.ContainsFunc(k.Patterns, func(p zone.Name) bool { return fits(p, name) })
}
