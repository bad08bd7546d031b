package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// Version returns a zone of a state as it was when it had a serial. It is made by
// undoing what the journal has of the zone, and shares with the state what has not
// changed since. The error is registry.ErrTrimmed when the journal does not reach
// back that far, when the zone was made or replaced since, and when it never had the
// serial.
func (s *Store) Version(ctx context.Context, state *registry.State, origin zone.Name, serial uint32) (*zone.Zone, error) {
	z := state.Zones.Get(origin)
	if z == nil {
		return nil, fmt.Errorf("%w: there is no zone %s", registry.ErrTrimmed, origin)
	}
	d, at := z.Rework(), z.Serial()
	for c, err := range s.backwards(ctx, state.Revision) {
		if !zone.SerialLess(serial, at) {
			break
		}
		if err == nil {
			at, err = undo(d, origin, at, &c)
		}
		if err != nil {
			return nil, fmt.Errorf("zone %s at serial %d: %w", origin, serial, err)
		}
	}
	if at != serial {
		return nil, fmt.Errorf("%w: zone %s never had serial %d", registry.ErrTrimmed, origin, serial)
	}
	was, _, err := d.Finish()
	return was, err
}

// undo undoes in the draft of a zone, which has the serial at, what a commit did to it,
// and returns the serial that it has then.
func undo(d *zone.Draft, origin zone.Name, at uint32, c *registry.Commit) (uint32, error) {
	if slices.ContainsFunc(c.Replaced, func(z *zone.Zone) bool { return z.Origin() == origin }) {
		return at, fmt.Errorf("%w: commit %d replaced it", registry.ErrTrimmed, c.Revision)
	}
	i := slices.IndexFunc(c.Deltas, func(d zone.Delta) bool { return d.Origin == origin })
	if i < 0 {
		return at, nil
	}
	if err := d.Apply(c.Deltas[i].Reverse()); err != nil {
		return at, fmt.Errorf("%w: commit %d: %w", ErrDamaged, c.Revision, err)
	}
	return c.Deltas[i].From, nil
}

// backwards yields the commits from a revision down to the first one that the journal
// holds, and then registry.ErrTrimmed.
func (s *Store) backwards(ctx context.Context, from registry.Revision) iter.Seq2[registry.Commit, error] {
	return func(yield func(registry.Commit, error) bool) {
		for {
			rows, err := s.readDown(ctx, from)
			for _, r := range rows {
				var c registry.Commit
				if r.revision != from {
					err = fmt.Errorf("%w: commit %d is missing", ErrDamaged, from)
				} else {
					c, err = r.commit()
				}
				if !yield(c, err) || err != nil {
					return
				}
				from--
			}
			if err == nil && len(rows) == 0 {
				err = fmt.Errorf("%w: it starts at %d", registry.ErrTrimmed, from+1)
			}
			if err != nil {
				yield(registry.Commit{}, err)
				return
			}
		}
	}
}

// readDown returns some rows of the journal from a revision down; none where it has
// none.
func (s *Store) readDown(ctx context.Context, from registry.Revision) (list []row, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, journalBeforeSQL, int64(from), maxRows)
		if err != nil {
			return err
		}
		defer rows.Close()
		for size := 0; size <= maxBatch && rows.Next(); {
			var r row
			if err := rows.Scan(&r.revision, &r.id, &r.at, &r.body, &r.checksum); err != nil {
				return err
			}
			list = append(list, r)
			size += len(r.body)
		}
		return rows.Err()
	})
	return list, err
}
