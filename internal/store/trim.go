package store

import (
	"context"
	"database/sql"

	"stayput.dev/internal/registry"
)

const (
	sweepChunks = 4   // chunks removed at a time
	trimCommits = 256 // commits removed at a time
)

// sweep removes all snapshots but the newest, and what was never finished, in
// small steps.
func (s *Store) sweep(ctx context.Context) error {
	if err := s.tend(ctx, 0, statement(dropSnapshotsSQL)); err != nil {
		return err
	}
	stale, err := s.staleChunks(ctx)
	if err != nil {
		return err
	}
	for revision, last := range stale {
		for from := last - last%sweepChunks; from >= 0; from -= sweepChunks {
			if err := s.dropChunks(ctx, revision, from); err != nil {
				return err
			}
		}
	}
	return nil
}

// staleChunks returns, for each snapshot that does not count, the number of its
// last chunk.
func (s *Store) staleChunks(ctx context.Context) (map[registry.Revision]int, error) {
	stale := map[registry.Revision]int{}
	err := s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, staleChunksSQL)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var revision registry.Revision
			var last int
			if err := rows.Scan(&revision, &last); err != nil {
				return err
			}
			stale[revision] = last
		}
		return rows.Err()
	})
	return stale, err
}

// dropChunks removes the chunks of a snapshot from one on.
func (s *Store) dropChunks(ctx context.Context, revision registry.Revision, from int) error {
	return s.tend(ctx, 0, statement(dropChunksSQL, int64(revision), from))
}

// wish is what others still want of the journal.
type wish struct {
	transfers int64             // octets of the newest, of which incremental transfers are made
	lag       registry.Revision // how far behind a follower may be that is waited for
}

// usual is what a Compact leaves.
func (s *Store) usual() wish {
	return wish{transfers: s.journalKeep.Load(), lag: registry.Revision(s.opts.CursorLag)}
}

// trim removes the journal that the snapshot makes needless, in small steps, but
// for what others want.
func (s *Store) trim(ctx context.Context, snap registry.Revision, w wish) error {
	var from, to registry.Revision
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		if from, err = queryRevision(ctx, tx, journalStartSQL); err != nil {
			return err
		}
		to, err = trimTo(ctx, tx, snap, w)
		return err
	})
	if err != nil || from == 0 {
		return err
	}
	for from <= to {
		from = min(from+trimCommits, to+1)
		if err := s.tend(ctx, 0, statement(trimSQL, int64(from-1))); err != nil {
			return err
		}
	}
	return nil
}

// trimTo returns the last revision that nobody needs any more.
func trimTo(ctx context.Context, tx *sql.Tx, snap registry.Revision, w wish) (registry.Revision, error) {
	end, err := queryRevision(ctx, tx, endSQL)
	if err != nil {
		return 0, err
	}
	kept, err := keptFrom(ctx, tx, w.transfers)
	if err != nil {
		return 0, err
	}
	cursor := sql.Null[registry.Revision]{}
	err = tx.QueryRowContext(ctx, slowestCursorSQL, int64(end-min(w.lag, end))).Scan(&cursor)
	if err != nil {
		return 0, err
	}
	to := min(snap, kept)
	if cursor.Valid {
		to = min(to, cursor.V)
	}
	return to, nil
}

// keptFrom returns the last revision before those that incremental transfers
// are made of.
func keptFrom(ctx context.Context, tx *sql.Tx, keep int64) (registry.Revision, error) {
	rows, err := tx.QueryContext(ctx, journalNewestSQL)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var oldest registry.Revision
	for total := int64(0); rows.Next(); {
		var revision registry.Revision
		var size int64
		if err := rows.Scan(&revision, &size); err != nil {
			return 0, err
		}
		if total += size; total > keep {
			return revision, nil
		}
		oldest = revision
	}
	return max(oldest, 1) - 1, rows.Err()
}
