package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"stayput.dev/internal/registry"
)

// bigReplacement is how many octets of zones replaced whole make a snapshot due
// at once, because every start would read them again.
const bigReplacement = 1 << 20

// Append makes commits durable: all or none. It fails with registry.ErrBehind,
// changing nothing, when the journal does not end at after, and with another
// error when the outcome may be unknown; the next Append then looks at what the
// disk holds. Without commits it only checks that the journal ends at after and
// that a write succeeds.
func (s *SQLite) Append(ctx context.Context, after registry.Revision, commits []registry.Commit) error {
	rows, size := make([]row, len(commits)), 0
	for i := range commits {
		if rows[i] = newRow(&commits[i]); rows[i].revision != after+registry.Revision(i)+1 {
			return fmt.Errorf("appending commit %d after revision %d: not in sequence", rows[i].revision, after)
		}
		size += len(rows[i].body)
	}
	err := s.write(ctx, size, func(ctx context.Context, w *writer) error {
		if err := w.append(ctx, after, rows); err != nil {
			return err
		}
		for i := range rows {
			s.weight.add(&commits[i], len(rows[i].body))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("appending after revision %d: %w", after, err)
	}
	if len(rows) > 0 {
		s.appended.ring()
	}
	return nil
}

func (w *writer) append(ctx context.Context, after registry.Revision, rows []row) error {
	if len(rows) == 1 { // as usual: then the statement is the transaction
		return insert(ctx, w.insert, after, rows[0])
	}
	return w.transact(ctx, func(tx *sql.Tx) error {
		if len(rows) == 0 {
			return probe(ctx, tx, after)
		}
		statement := tx.StmtContext(ctx, w.insert)
		for _, r := range rows {
			if err := insert(ctx, statement, r.revision-1, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// insert appends one row if the journal ends at after.
func insert(ctx context.Context, statement *sql.Stmt, after registry.Revision, r row) error {
	result, err := statement.ExecContext(ctx, int64(r.revision), r.id, r.at, r.body, int64(r.checksum), int64(after))
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		err = registry.ErrBehind
	}
	return err
}

// probe checks that the journal ends at after and that a write succeeds.
func probe(ctx context.Context, tx *sql.Tx, after registry.Revision) error {
	err := expectEnd(ctx, tx, after)
	if errors.Is(err, registry.ErrTrimmed) {
		return registry.ErrBehind
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, probeSQL)
	}
	return err
}

// weight is what a start would have to read: it tells when a snapshot is due.
type weight struct {
	last    snapshot
	journal int64             // octets of commits after it
	bulky   registry.Revision // the last commit that replaced a zone of some size
}

func (w *weight) add(c *registry.Commit, size int) {
	w.journal += int64(size)
	if len(c.Replaced) > 0 && size > bigReplacement {
		w.bulky = c.Revision
	}
}

func (w *weight) due(after int64) bool {
	return w.bulky > w.last.revision || w.journal > max(after, w.last.size/2)
}
