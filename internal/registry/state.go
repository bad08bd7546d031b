package registry

import "fmt"

// Apply returns the state after c, which must be the commit that follows s. It
// fails when c does not fit, which means that one of the two is damaged.
func (s *State) Apply(c Commit) (*State, error) {
	if c.Revision != s.Revision+1 {
		return nil, fmt.Errorf("commit %d does not follow revision %d", c.Revision, s.Revision)
	}
	next := &State{Revision: c.Revision, Lineage: s.Lineage, Zones: s.Zones, Accounts: s.Accounts}
	for _, origin := range c.Removed {
		next.Zones = next.Zones.Without(origin)
	}
	for _, z := range c.Replaced {
		next.Zones = next.Zones.With(z)
	}
	for _, delta := range c.Deltas {
		z := next.Zones.Get(delta.Origin)
		if z == nil {
			return nil, fmt.Errorf("commit %d changes zone %s, which does not exist", c.Revision, delta.Origin)
		}
		d := z.Edit()
		if err := d.Apply(delta); err != nil {
			return nil, fmt.Errorf("commit %d: %w", c.Revision, err)
		}
		changed, _, err := d.Finish()
		if err != nil {
			return nil, fmt.Errorf("commit %d: %w", c.Revision, err)
		}
		next.Zones = next.Zones.With(changed)
	}
	if !c.Accounts.IsEmpty() {
		d := s.Accounts.Edit()
		d.Apply(&c.Accounts)
		next.Accounts = d.Freeze()
	}
	return next, nil
}
