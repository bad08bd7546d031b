package registry

import (
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// draft is a state in the making, over one group of edits.
type draft struct {
	base     *State
	by       []Actor
	notes    []Note
	told     bool                      // some of the notes are all that an edit wanted
	zones    zone.Set                  // as the next edit sees them
	drafts   map[zone.Name]*zone.Draft // of zones that had records put
	replaced map[zone.Name]bool
	removed  map[zone.Name]bool
	accounts *account.Draft // nil until something changes in it
	changes  []account.Changes
	tsig     tsig.Keyring // as the next edit sees it
	keys     []tsig.Changes
	policy   policy.Book // as the next edit sees it
	settled  []policy.Changes
}

func newDraft(base *State) *draft {
	return &draft{
		base: base, zones: base.Zones, drafts: map[zone.Name]*zone.Draft{},
		replaced: map[zone.Name]bool{}, removed: map[zone.Name]bool{}, tsig: base.TSIG, policy: base.Policy,
	}
}

// view is the state as the next edit sees it: good until the draft changes.
func (d *draft) view() *State {
	s := &State{Revision: d.base.Revision, Lineage: d.base.Lineage, Commit: d.base.Commit, Zones: d.zones, Accounts: d.base.Accounts, TSIG: d.tsig, Policy: d.policy}
	if d.accounts != nil {
		s.Accounts = d.accounts.View()
	}
	return s
}

// run runs one edit and takes over what it changes: all or, with an error, none.
func (d *draft) run(w *wish) error {
	c, err := d.ask(w.edit)
	if err != nil || c.IsEmpty() && len(c.Notes) == 0 {
		return err
	}
	d.take(&c)
	d.told = d.told || c.IsEmpty()
	for _, n := range c.Notes {
		n.By = len(d.by)
		d.notes = append(d.notes, n)
	}
	d.by = append(d.by, w.by)
	return nil
}

// panicError is an edit that panicked.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("edit panicked: %v", e.value) }

// ask returns what an edit wants changed, when it can be.
func (d *draft) ask(e Edit) (c Changes, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p, debug.Stack()}
		}
	}()
	if c, err = e(d.view()); err != nil {
		return Changes{}, err
	}
	return c, d.check(&c)
}

// check finds what would make take fail halfway.
func (d *draft) check(c *Changes) error {
	if err := errors.Join(c.Accounts.Check(), c.TSIG.Check(), c.Policy.Check()); err != nil {
		return err
	}
	for _, records := range c.Records {
		made := slices.ContainsFunc(c.Replaced, func(z *zone.Zone) bool { return z.Origin() == records.Zone })
		if !made && (d.zones.Get(records.Zone) == nil || slices.Contains(c.Removed, records.Zone)) {
			return fmt.Errorf("no zone %s", records.Zone)
		}
		for _, s := range records.Sets {
			if err := s.Check(records.Zone); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *draft) take(c *Changes) {
	for _, origin := range c.Removed {
		d.drop(origin)
		d.removed[origin] = true
		d.zones = d.zones.Without(origin)
	}
	for _, z := range c.Replaced {
		d.drop(z.Origin())
		d.replaced[z.Origin()] = true
		d.zones = d.zones.With(z)
	}
	for _, records := range c.Records {
		d.put(records)
	}
	if !c.Accounts.IsEmpty() {
		if d.accounts == nil {
			d.accounts = d.base.Accounts.Edit()
		}
		d.accounts.Apply(&c.Accounts)
		d.changes = append(d.changes, c.Accounts)
	}
	if !c.TSIG.IsEmpty() {
		d.tsig = d.tsig.With(&c.TSIG)
		d.keys = append(d.keys, c.TSIG)
	}
	if !c.Policy.IsEmpty() {
		d.policy = d.policy.With(&c.Policy)
		d.settled = append(d.settled, c.Policy)
	}
}

// drop forgets what was done to a zone in this group.
func (d *draft) drop(origin zone.Name) {
	delete(d.drafts, origin)
	delete(d.replaced, origin)
}

func (d *draft) put(records ZoneRecords) {
	zd := d.drafts[records.Zone]
	if zd == nil {
		zd = d.zones.Get(records.Zone).Edit()
		d.drafts[records.Zone] = zd
	}
	for _, s := range records.Sets {
		if err := zd.Put(s); err != nil {
			panic(err) // check has refused it before
		}
	}
	if view := zd.View(); d.zones.Get(records.Zone) != view {
		d.zones = d.zones.With(view)
	}
}

// finish returns the next state and the commit that leads to it; a nil commit
// when nothing changed and nothing is to be told. The draft must not be used afterwards.
func (d *draft) finish(now time.Time) (*State, *Commit, error) {
	c := &Commit{Revision: d.base.Revision + 1, ID: newID(), At: now.UTC().Truncate(time.Millisecond), By: d.by, Notes: d.notes}
	zones := d.base.Zones
	for origin := range d.removed {
		if zones.Get(origin) != nil && d.zones.Get(origin) == nil {
			c.Removed = append(c.Removed, origin)
			zones = zones.Without(origin)
		}
	}
	slices.SortFunc(c.Removed, zone.Name.Compare)
	for _, origin := range slices.SortedFunc(maps.Keys(d.touched()), zone.Name.Compare) {
		z, delta, err := d.finishZone(origin)
		if err != nil {
			return nil, nil, err
		}
		if z == nil {
			continue
		}
		zones = zones.With(z)
		if delta != nil {
			c.Deltas = append(c.Deltas, *delta)
		} else {
			c.Replaced = append(c.Replaced, z)
		}
	}
	next := &State{Revision: c.Revision, Lineage: d.base.Lineage, Commit: c.ID, Zones: zones, Accounts: d.base.Accounts, TSIG: d.tsig, Policy: d.policy}
	if d.accounts != nil {
		c.Accounts, next.Accounts = d.finishAccounts()
	}
	if len(d.keys) > 0 {
		c.TSIG = tsig.Join(d.keys)
	}
	c.Policy = policy.Join(d.settled)
	if c.isEmpty() && !d.told {
		return d.base, nil, nil
	}
	return next, c, nil
}

func (d *draft) touched() map[zone.Name]bool {
	out := maps.Clone(d.replaced)
	for origin := range d.drafts {
		out[origin] = true
	}
	return out
}

// finishZone returns the new version of a zone; with a nil delta it was replaced
// as a whole, and a nil zone did not change.
func (d *draft) finishZone(origin zone.Name) (*zone.Zone, *zone.Delta, error) {
	base, zd := d.base.Zones.Get(origin), d.drafts[origin]
	if !d.replaced[origin] && !zd.Changed() {
		return nil, nil, nil
	}
	if d.replaced[origin] && zd == nil {
		zd = d.zones.Get(origin).Edit()
	}
	if base != nil {
		if err := raise(zd, base); err != nil {
			return nil, nil, err
		}
	}
	z, delta, err := zd.Finish()
	if err != nil {
		return nil, nil, err
	}
	if d.replaced[origin] {
		return z, nil, nil
	}
	return z, &delta, nil
}

// raise makes sure that the serial of a draft is newer than that of its base.
func raise(d *zone.Draft, base *zone.Zone) error {
	serial, err := d.Serial()
	if err != nil || zone.SerialLess(base.Serial(), serial) {
		return err
	}
	return d.SetSerial(zone.NextSerial(base.Serial()))
}

// finishAccounts returns the changes of all edits as one, and the directory that
// they lead to.
func (d *draft) finishAccounts() (account.Changes, account.Directory) {
	if len(d.changes) == 1 {
		return d.changes[0], d.accounts.Freeze()
	}
	if !slices.ContainsFunc(d.changes, deletes) {
		return join(d.changes), d.accounts.Freeze()
	}
	// What came and went within the group leaves no trace in the commit, so it
	// must not leave one here either.
	c := merge(d.changes)
	next := d.base.Accounts.Edit()
	next.Apply(&c)
	return c, next.Freeze()
}
