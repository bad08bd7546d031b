package store

import (
	"context"
	"database/sql"
	"fmt"
	"hash/crc32"
	"iter"
	"sync"

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
func (s *SQLite) Follow(ctx context.Context, after registry.Revision) iter.Seq2[registry.Commit, error] {
	return func(yield func(registry.Commit, error) bool) {
		for {
			grown := s.appended.next()
			rows, err := s.readAfter(ctx, after)
			for _, r := range rows {
				c, err := r.commit()
				if !yield(c, err) || err != nil {
					return
				}
				after = c.Revision
			}
			if err != nil {
				yield(registry.Commit{}, err)
				return
			}
			if len(rows) > 0 {
				continue
			}
			select {
			case <-grown:
			case <-ctx.Done():
			}
		}
	}
}

// readAfter returns some rows after a revision; none at the end of the journal.
func (s *SQLite) readAfter(ctx context.Context, after registry.Revision) (rows []row, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		size := 0
		for r, err := range journal(ctx, tx, after, maxRows) {
			if err != nil {
				return err
			}
			rows = append(rows, r)
			if size += len(r.body); size > maxBatch {
				break
			}
		}
		if len(rows) > 0 {
			return nil
		}
		return expectEnd(ctx, tx, after)
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("reading journal after revision %d: %w", after, err)
	}
	return rows, nil
}

// expectEnd fails with ErrTrimmed unless the journal ends at a revision.
func expectEnd(ctx context.Context, tx *sql.Tx, at registry.Revision) error {
	end, err := queryRevision(ctx, tx, endSQL)
	if err == nil && end != at {
		err = fmt.Errorf("%w: it ends at %d", registry.ErrTrimmed, end)
	}
	return err
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

// bell wakes all who wait for something to happen. The zero bell is ready for
// use.
type bell struct {
	mu   sync.Mutex
	rung chan struct{} // nil: nobody waits
}

// next returns a channel that is closed when the bell is rung the next time.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
