package api

import "time"

// Rights returns the IDs of the operations that the table of rights has.
func Rights() map[string]bool {
	out := map[string]bool{}
	for id := range rights {
		out[id] = true
	}
	return out
}

// MaxUsed is how many API tokens are remembered as used.
const MaxUsed = maxUsed

// Used remembers when API tokens were last used.
type Used struct{ used }

// Mark notes that a token is used.
func (u *Used) Mark(id string, now time.Time) { u.mark(id, now) }

// Last returns when a token was last used.
func (u *Used) Last(id string) time.Time { return u.last(id) }

// Len returns of how many tokens something is known.
func (u *Used) Len() int { return len(u.at) }
