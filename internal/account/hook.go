package account

import (
	"iter"
	"time"

	"stayput.dev/internal/codec"
)

// Hook is a subscription of another system to what happens here, which is sent to
// its URL.
type Hook struct {
	ID      string   // by which people name it; unique
	URL     string   // where to send, http or https
	Secret  []byte   // with which what is sent is signed, 24 to 64 octets
	Events  []string // kinds of events; empty: all
	Account uint32   // ID of the account whose events alone are sent; 0: of all
	Paused  bool     // staff want nothing sent for now
	Dead    string   // why sending was given up; empty: it was not
	Created time.Time
	After   uint64 // revision after which what happens is sent
}

// NewHookID returns the ID of a hook, of 50 random bits.
func NewHookID() string { return "w" + NewUsername()[1:] }

// Hook returns the hook with the ID.
func (d Directory) Hook(id string) (Hook, bool) {
	raw, ok := d.maps[hooks].Get([]byte(id))
	if !ok {
		return Hook{}, false
	}
	return decodeHook(raw), true
}

// Hooks yields all hooks in order of their IDs.
func (d Directory) Hooks() iter.Seq[Hook] {
	return func(yield func(Hook) bool) {
		for _, raw := range d.maps[hooks].All() {
			if !yield(decodeHook(raw)) {
				return
			}
		}
	}
}

// SameHooks tells whether surely no hook differs between the two versions. It
// costs nothing.
func (d Directory) SameHooks(other Directory) bool { return d.maps[hooks] == other.maps[hooks] }

func encodeHook(h Hook) []byte {
	b := codec.AppendString(nil, h.ID)
	b = codec.AppendString(b, h.URL)
	b = codec.AppendString(b, h.Secret)
	b = codec.AppendUint(b, uint64(len(h.Events)))
	for _, e := range h.Events {
		b = codec.AppendString(b, e)
	}
	b = codec.AppendUint(b, uint64(h.Account))
	b = appendBool(b, h.Paused)
	b = codec.AppendString(b, h.Dead)
	b = appendTime(b, h.Created)
	return codec.AppendUint(b, h.After)
}

func decodeHook(raw []byte) Hook {
	r := codec.NewReader(raw)
	h := Hook{ID: r.String(), URL: r.String(), Secret: r.Bytes()}
	for range r.Count(1) {
		h.Events = append(h.Events, r.String())
	}
	h.Account, h.Paused, h.Dead, h.Created = uint32(r.Uint()), r.Uint() != 0, r.String(), readTime(r)
	h.After = r.Uint()
	return h
}
