package registry

import (
	"fmt"

	"stayput.dev/internal/account"
	"stayput.dev/internal/zone"
)

// Apply returns the state after c, which must be the commit that follows s. It
// fails when c does not fit, which means that one of the two is damaged.
func (s *State) Apply(c Commit) (*State, error) {
	r := NewReplay(s)
	if err := r.Apply(c); err != nil {
		return nil, err
	}
	return r.State()
}

// Replay applies many commits to a state, faster than one after the other. It is
// not safe for concurrent use.
type Replay struct {
	state    State                     // its zones and directory lack what is in the drafts
	zones    map[zone.Name]*zone.Draft // of zones that changed
	accounts *account.Draft            // nil until the directory changes
}

// NewReplay starts from s, which stays as it is.
func NewReplay(s *State) *Replay {
	return &Replay{state: *s, zones: map[zone.Name]*zone.Draft{}}
}

// Apply takes the commit that follows. It fails when c does not fit; the replay
// must then be thrown away.
func (r *Replay) Apply(c Commit) error {
	if c.Revision != r.state.Revision+1 {
		return fmt.Errorf("commit %d does not follow revision %d", c.Revision, r.state.Revision)
	}
	r.state.Revision, r.state.Commit = c.Revision, c.ID
	for _, origin := range c.Removed {
		delete(r.zones, origin)
		r.state.Zones = r.state.Zones.Without(origin)
	}
	for _, z := range c.Replaced {
		delete(r.zones, z.Origin())
		r.state.Zones = r.state.Zones.With(z)
	}
	for _, delta := range c.Deltas {
		if err := r.applyDelta(delta); err != nil {
			return fmt.Errorf("commit %d: %w", c.Revision, err)
		}
	}
	if !c.Accounts.IsEmpty() {
		if r.accounts == nil {
			r.accounts = r.state.Accounts.Edit()
		}
		r.accounts.Apply(&c.Accounts)
	}
	r.state.TSIG = r.state.TSIG.With(&c.TSIG)
	r.state.Policy = r.state.Policy.With(&c.Policy)
	return nil
}

func (r *Replay) applyDelta(delta zone.Delta) error {
	d := r.zones[delta.Origin]
	if d == nil {
		z := r.state.Zones.Get(delta.Origin)
		if z == nil {
			return fmt.Errorf("zone %s does not exist", delta.Origin)
		}
		d = z.Rework()
		r.zones[delta.Origin] = d
	}
	return d.Apply(delta)
}

// State returns the state after all commits. The replay must not be used
// afterwards.
func (r *Replay) State() (*State, error) {
	s := r.state
	for _, d := range r.zones {
		z, _, err := d.Finish()
		if err != nil {
			return nil, fmt.Errorf("revision %d: %w", s.Revision, err)
		}
		s.Zones = s.Zones.With(z)
	}
	if r.accounts != nil {
		s.Accounts = r.accounts.Freeze()
	}
	return &s, nil
}
