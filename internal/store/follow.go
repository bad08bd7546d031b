package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"stayput.dev/internal/registry"
)

// What a follower reads at a time, at most.
const (
	maxBatch = 1 << 20 // octets
	maxRows  = 1024
)

// Follow yields the commits after a revision in order, then waits for more
// until ctx ends, which it yields as the context's error. It yields
// registry.ErrTrimmed when the journal does not reach back that far.
func (s *Store) Follow(ctx context.Context, after registry.Revision) iter.Seq2[registry.Commit, error] {
	return func(yield func(registry.Commit, error) bool) {
		place, _ := s.thread.place()
		for {
			grown := s.appended.Next()
			commits, err := s.recent.after(after), ctx.Err()
			near := len(commits) > 0 && s.thread.whole(place.tears)
			if !near {
				commits, err = s.readAfter(ctx, after, place.tears)
			}
			if s.passes(ctx, err) {
				s.log.Warn("following the journal stands still until the database answers", "after", after, "error", err)
				commits, err = s.insist(ctx, after, place.tears)
			}
			for _, c := range commits {
				if !yield(c, nil) {
					return
				}
				after = c.Revision
			}
			if err != nil {
				yield(registry.Commit{}, err)
				return
			}
			// Who has had all that we appended need not ask the database whether that is the end.
			if atEnd := near && uint64(after) == s.end.Load() && !s.closed.Load(); len(commits) > 0 && !atEnd {
				continue
			}
			select {
			case <-grown:
			case <-ctx.Done():
			}
		}
	}
}

// insist is readAfter that waits until the database answers.
func (s *Store) insist(ctx context.Context, after registry.Revision, tears int) ([]registry.Commit, error) {
	for {
		grown := s.appended.Next()
		commits, err := s.readAfter(ctx, after, tears)
		if !s.passes(ctx, err) {
			return commits, err
		}
		select {
		case <-grown:
		case <-time.After(retryLast):
		case <-ctx.Done():
		}
	}
}

// passes tells whether there is an error, and whether it may end by itself.
func (s *Store) passes(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && !s.closed.Load() && s.engine.passes(err)
}

// readAfter returns some commits after a revision; none at the end of the journal. With an
// error it returns those before the one that cannot be read. A thread that was torn more
// than some times does not reach back to any revision.
func (s *Store) readAfter(ctx context.Context, after registry.Revision, tears int) (commits []registry.Commit, err error) {
	if s.closed.Load() {
		return nil, errClosed
	}
	err = s.read(ctx, func(tx *sql.Tx) error {
		if err := s.expectThread(ctx, tx, tears); err != nil {
			return err
		}
		size := 0
		for r, err := range journal(ctx, tx, after, maxRows) {
			if err != nil {
				return err
			}
			c, err := r.commit()
			if err != nil {
				return err
			}
			commits = append(commits, c)
			s.thread.reach(&c)
			if size += len(r.body); size > maxBatch {
				break
			}
		}
		if len(commits) > 0 {
			return nil
		}
		return expectEnd(ctx, tx, after, s.behind())
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return commits, fmt.Errorf("reading journal after revision %d: %w", after, err)
	}
	return commits, nil
}

// expectThread fails with ErrTrimmed unless the journal that tx reads goes on from what
// we have met, and that has been so since the thread was torn some times.
func (s *Store) expectThread(ctx context.Context, tx *sql.Tx, tears int) error {
	e, ok := s.engine.(*postgresEngine)
	if !ok {
		return nil
	}
	from, _ := s.thread.place()
	if from.tears != tears {
		return registry.ErrTrimmed
	}
	_, err := e.keepThread(from, from.revision, func(query string, args ...any) pgx.Row { return tx.QueryRowContext(ctx, query, args...) })
	if errors.Is(err, errTorn) {
		err = fmt.Errorf("%w: %w", registry.ErrTrimmed, err)
	}
	return err
}

// behind is what it means that the journal ends before what somebody has seen of it.
func (s *Store) behind() error {
	if s.opts.ReadOnly {
		return ErrLagging // the server is a standby, which will have it
	}
	return registry.ErrTrimmed
}

// expectEnd fails unless the journal ends at a revision: with ErrTrimmed when it goes
// on, with before when it does not reach that.
func expectEnd(ctx context.Context, tx *sql.Tx, at registry.Revision, before error) error {
	end, err := queryRevision(ctx, tx, endSQL)
	switch {
	case err != nil || end == at:
		return err
	case end > at:
		before = registry.ErrTrimmed
	}
	return fmt.Errorf("%w: it ends at %d", before, end)
}

// row is one commit as the journal holds it.
type row struct {
	revision registry.Revision
	id       string
	at       int64 // milliseconds since 1970
	body     []byte
	checksum uint32
}

func newRow(c *registry.Commit) row {
	body := c.Encode()
	return row{c.Revision, c.ID, c.At.UnixMilli(), body, checksum(body)}
}

// commit returns the commit. It fails with ErrDamaged when the row is not what
// was written.
func (r *row) commit() (registry.Commit, error) {
	if checksum(r.body) != r.checksum {
		return registry.Commit{}, fmt.Errorf("%w: commit %d has a wrong checksum", ErrDamaged, r.revision)
	}
	c, err := registry.DecodeCommit(r.body)
	if err != nil {
		return registry.Commit{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if c.Revision != r.revision || c.ID != r.id || c.At.UnixMilli() != r.at {
		return registry.Commit{}, fmt.Errorf("%w: commit %d stands at revision %d", ErrDamaged, c.Revision, r.revision)
	}
	return c, nil
}

// journal yields up to limit rows after a revision without a gap. It yields an
// error when the first one is not the next: ErrTrimmed if those before it were
// trimmed, ErrDamaged if they should be there.
func journal(ctx context.Context, tx *sql.Tx, after registry.Revision, limit int) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		rows, err := tx.QueryContext(ctx, journalAfterSQL, int64(after), limit)
		if err != nil {
			yield(row{}, err)
			return
		}
		defer rows.Close()
		for last := after; rows.Next(); last++ {
			var r row
			if err := rows.Scan(&r.revision, &r.id, &r.at, &r.body, &r.checksum); err != nil {
				yield(row{}, err)
				return
			}
			if r.revision != last+1 {
				_ = rows.Close() // one query at a time
				yield(row{}, explainGap(ctx, tx, last+1))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(row{}, err)
		}
	}
}

// explainGap tells why the journal lacks a revision but has later ones.
func explainGap(ctx context.Context, tx *sql.Tx, revision registry.Revision) error {
	start, err := queryRevision(ctx, tx, journalStartSQL)
	if err != nil {
		return err
	}
	if start > revision {
		return fmt.Errorf("%w: it starts at %d", registry.ErrTrimmed, start)
	}
	return fmt.Errorf("%w: commit %d is missing", ErrDamaged, revision)
}

func queryRevision(ctx context.Context, tx *sql.Tx, query string) (registry.Revision, error) {
	var r registry.Revision
	err := tx.QueryRowContext(ctx, query).Scan(&r)
	return r, err
}

// checksum returns the CRC-32C of data.
func checksum(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }
