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
func (s *SQLite) sweep(ctx context.Context) error {
	err := s.write(ctx, 0, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, dropSnapshotsSQL)
		return err
	})
	if err != nil {
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
func (s *SQLite) staleChunks(ctx context.Context) (map[registry.Revision]int, error) {
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
func (s *SQLite) dropChunks(ctx context.Context, revision registry.Revision, from int) error {
	return s.write(ctx, 0, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, dropChunksSQL, int64(revision), from)
		return err
	})
}

// trim removes the journal that the snapshot makes needless, in small steps.
func (s *SQLite) trim(ctx context.Context, snap registry.Revision) error {
	var from, to registry.Revision
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		if from, err = queryRevision(ctx, tx, journalStartSQL); err != nil {
			return err
		}
		to, err = s.trimTo(ctx, tx, snap)
		return err
	})
	if err != nil || from == 0 {
		return err
	}
	for from <= to {
		from = min(from+trimCommits, to+1)
		err := s.write(ctx, 0, func(ctx context.Context, w *writer) error {
			_, err := w.conn.ExecContext(ctx, trimSQL, int64(from-1))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// trimTo returns the last revision that nobody needs any more.
func (s *SQLite) trimTo(ctx context.Context, tx *sql.Tx, snap registry.Revision) (registry.Revision, error) {
	end, err := queryRevision(ctx, tx, endSQL)
	if err != nil {
		return 0, err
	}
	kept, err := s.keptFrom(ctx, tx)
	if err != nil {
		return 0, err
	}
	cursor := sql.Null[registry.Revision]{}
	lag := registry.Revision(s.opts.CursorLag)
	err = tx.QueryRowContext(ctx, slowestCursorSQL, int64(end-min(lag, end))).Scan(&cursor)
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
func (s *SQLite) keptFrom(ctx context.Context, tx *sql.Tx) (registry.Revision, error) {
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
		if total += size; total > s.journalKeep.Load() {
			return revision, nil
		}
		oldest = revision
	}
	return max(oldest, 1) - 1, rows.Err()
}
