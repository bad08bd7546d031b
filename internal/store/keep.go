package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"stayput.dev/internal/registry"
)

// seenBatch is how many hosts SaveSeen writes at a time.
const seenBatch = 512

// Cursor returns how far the follower with the name had come when it last said
// so, 0 when it never did.
func (s *Store) Cursor(ctx context.Context, name string) (registry.Revision, error) {
	ctx, cancel := s.patient(ctx)
	defer cancel()
	var r registry.Revision
	err := s.readers.QueryRowContext(ctx, cursorSQL, name).Scan(&r)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("reading cursor %s: %w", name, err)
	}
	return r, nil
}

// SetCursor keeps how far the follower with the name has come: the journal after
// it stays, unless the follower falls too far behind. It costs a write to the
// disk, so a follower in a hurry says so only now and then.
func (s *Store) SetCursor(ctx context.Context, name string, at registry.Revision) error {
	if err := s.write(ctx, 0, statement(setCursorSQL, name, int64(at))); err != nil {
		return fmt.Errorf("keeping cursor %s: %w", name, err)
	}
	return nil
}

// DropFollowers forgets what followers whose names begin with the prefix have come to, but
// those to be kept: their cursors, for which the journal then stays no longer, and
// their marks. Appends go on meanwhile.
func (s *Store) DropFollowers(ctx context.Context, prefix string, keep []string) error {
	names, err := s.followerNames(ctx)
	for _, name := range names {
		if err == nil && strings.HasPrefix(name, prefix) && !slices.Contains(keep, name) {
			err = s.dropFollower(ctx, name)
		}
	}
	if err != nil {
		return fmt.Errorf("forgetting followers %s*: %w", prefix, err)
	}
	return nil
}

// dropFollower drops the cursor first: marks without one mean nothing.
func (s *Store) dropFollower(ctx context.Context, name string) error {
	err := s.write(ctx, 0, statement(dropCursorSQL, name))
	for dropped := int64(1); dropped > 0 && err == nil; {
		err = s.write(ctx, 0, func(ctx context.Context, tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, dropMarksSQL, name, marksBatch)
			if err != nil {
				return err
			}
			dropped, err = result.RowsAffected()
			return err
		})
	}
	return err
}

func (s *Store) followerNames(ctx context.Context) (names []string, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, followerNamesSQL)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			names = append(names, name)
		}
		return rows.Err()
	})
	return names, err
}

// LoadSeen returns when each host, by its number, was last seen, to the
// millisecond, of those that were seen since a time; all, if that is zero.
func (s *Store) LoadSeen(ctx context.Context, since time.Time) (map[uint32]time.Time, error) {
	from := int64(0)
	if !since.IsZero() {
		from = since.UnixMilli()
	}
	seen := map[uint32]time.Time{}
	err := s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, seenSinceSQL, from)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var host uint32
			var at int64
			if err := rows.Scan(&host, &at); err != nil {
				return err
			}
			seen[host] = time.UnixMilli(at).UTC()
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading when hosts were seen: %w", err)
	}
	return seen, nil
}

// SaveSeen keeps when hosts were last seen, where that is later than what is
// kept. Appends go on meanwhile. After an error some may have been kept.
func (s *Store) SaveSeen(ctx context.Context, seen map[uint32]time.Time) error {
	for hosts := range slices.Chunk(slices.Sorted(maps.Keys(seen)), seenBatch) {
		err := s.write(ctx, 0, func(ctx context.Context, tx *sql.Tx) error { return saveSeen(ctx, tx, hosts, seen) })
		if err != nil {
			return fmt.Errorf("keeping when hosts were seen: %w", err)
		}
	}
	return nil
}

func saveSeen(ctx context.Context, tx *sql.Tx, hosts []uint32, seen map[uint32]time.Time) error {
	statement, err := tx.PrepareContext(ctx, saveSeenSQL)
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, host := range hosts {
		if _, err := statement.ExecContext(ctx, int64(host), seen[host].UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}
