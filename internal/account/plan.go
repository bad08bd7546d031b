package account

import (
	"strings"
	"time"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/phrase"
)

// Plan is what the accounts of one kind of contract may have. The zero value of
// each limit is no limit.
type Plan struct {
	Name string // unique, see CheckName
	Text string // for people, one line; may be empty

	Hosts uint32 // how many an account may have
	Keys  uint32 // how many update keys

	// Interval is how long the addresses of one family at a host must stand
	// before an update key may change them again.
	Interval time.Duration

	NoWildcard bool          // hosts have no wildcard
	NoMX       bool          // hosts have no mail exchanger
	Rest       time.Duration // how long a released name is kept from strangers; 0: what the house says
}

// These bound the times of a plan.
const (
	MaxInterval = 24 * time.Hour
	MaxRest     = 10 * 365 * 24 * time.Hour
)

// ErrBadPlan says that a plan cannot be as it is given.
var ErrBadPlan = phrase.Errorf("bad plan")

// Check tells whether the plan may be kept: its name and text, and times in whole
// seconds that are neither negative nor too long.
func (p *Plan) Check() error {
	if err := CheckName(p.Name); err != nil {
		return phrase.Errorf("%w: its name is like that of an account: %w", ErrBadPlan, err)
	}
	if err := CheckLine(p.Text); err != nil {
		return phrase.Errorf("%w: text: %w", ErrBadPlan, err)
	}
	if err := checkSpan(p.Interval, MaxInterval); err != nil {
		return phrase.Errorf("%w: interval: %w", ErrBadPlan, err)
	}
	if err := checkSpan(p.Rest, MaxRest); err != nil {
		return phrase.Errorf("%w: rest: %w", ErrBadPlan, err)
	}
	return nil
}

func checkSpan(d, most time.Duration) error {
	if d < 0 || d > most || d%time.Second != 0 {
		return phrase.Errorf("%v is not a number of seconds up to %v", d, most)
	}
	return nil
}

func encodePlan(p Plan) []byte {
	b := codec.AppendString(nil, p.Name)
	b = codec.AppendString(b, p.Text)
	b = codec.AppendUint(b, uint64(p.Hosts))
	b = codec.AppendUint(b, uint64(p.Keys))
	b = codec.AppendUint(b, uint64(p.Interval/time.Second))
	b = appendBool(b, p.NoWildcard)
	b = appendBool(b, p.NoMX)
	return codec.AppendUint(b, uint64(p.Rest/time.Second))
}

func decodePlan(raw []byte) Plan {
	r := codec.NewReader(raw)
	return Plan{
		Name: r.String(), Text: r.String(), Hosts: uint32(r.Uint()), Keys: uint32(r.Uint()),
		Interval: readSpan(r, MaxInterval), NoWildcard: r.Uint() != 0, NoMX: r.Uint() != 0, Rest: readSpan(r, MaxRest),
	}
}

// readSpan reads a number of seconds, which is at most most.
func readSpan(r *codec.Reader, most time.Duration) time.Duration {
	return time.Duration(min(r.Uint(), uint64(most/time.Second))) * time.Second
}

func (d *Draft) putPlan(p Plan) { d.edit(plans).Put([]byte(strings.ToLower(p.Name)), encodePlan(p)) }

func (d *Draft) deletePlan(name string) { d.edit(plans).Delete([]byte(strings.ToLower(name))) }
