package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/registry"
)

// copy makes the rows of the target those of the source.
func (m *mover) copy(ctx context.Context) error {
	if m.fresh {
		if err := m.to.write(ctx, 0, statement(beginMovingSQL, m.lineage)); err != nil {
			return err
		}
	}
	passed := m.progress("copying", m.rows)
	return m.readBoth(ctx, func(from, to *sql.Tx) error {
		for _, t := range tables {
			if err := m.copyTable(ctx, t, from, to, passed); err != nil {
				return fmt.Errorf("copying %s: %w", t.name, err)
			}
		}
		return nil
	})
}

// progress returns a function to call for each of all things of a part of the work.
func (m *mover) progress(part string, all int64) (passed func()) {
	if m.opts.Progress == nil {
		return func() {}
	}
	var done int64
	m.opts.Progress(part, 0, all)
	return func() {
		if done++; done%1024 == 0 || done == all {
			m.opts.Progress(part, done, all)
		}
	}
}

// readBoth runs fn on one version of both stores, for as long as it takes.
func (m *mover) readBoth(ctx context.Context, fn func(from, to *sql.Tx) error) error {
	return m.from.readSlowly(ctx, func(from *sql.Tx) error {
		return m.to.readSlowly(ctx, func(to *sql.Tx) error { return fn(from, to) })
	})
}

// readSlowly is readLong of what does other things between its questions.
func (s *Store) readSlowly(ctx context.Context, fn func(*sql.Tx) error) error {
	return s.readLong(ctx, func(tx *sql.Tx) error {
		if s.isServer() {
			if _, err := tx.ExecContext(ctx, patientSQL); err != nil {
				return err
			}
		}
		return fn(tx)
	})
}

// isServer tells whether the store is in PostgreSQL.
func (s *Store) isServer() bool { return s.opts.URL != "" }

// collation is what makes text be in order of its octets.
func (s *Store) collation() string {
	if s.isServer() {
		return ` COLLATE "C"`
	}
	return ""
}

// copyTable walks through both tables at once, and writes where they differ.
func (m *mover) copyTable(ctx context.Context, t table, from, to *sql.Tx, passed func()) error {
	want, have := t.walk(ctx, from, m.from.collation()), t.walk(ctx, to, m.to.collation())
	defer want.stop()
	defer have.stop()
	if err := errors.Join(want.next(), have.next()); err != nil {
		return err
	}
	b := batch{to: m.to, put: t.putSQL(), drop: t.dropSQL()}
	for want.row != nil || have.row != nil {
		order := t.order(want.row, have.row)
		switch {
		case order > 0:
			b.drops = append(b.drops, have.row[:len(t.key)])
		case order < 0 || !t.same(want.row, have.row):
			b.puts = append(b.puts, want.row)
			b.size += want.row.size()
		}
		if b.size >= moveBatch || len(b.puts)+len(b.drops) >= moveRows {
			if err := m.flush(ctx, &b); err != nil {
				return err
			}
		}
		var err error
		if order <= 0 {
			passed()
			err = want.next()
		}
		if order >= 0 {
			err = errors.Join(err, have.next())
		}
		if err != nil {
			return err
		}
	}
	return m.flush(ctx, &b)
}

// batch is what is to be written to one table in one transaction.
type batch struct {
	to          *Store
	put, drop   string
	puts, drops []cells
	size        int // octets of puts
}

// flush writes the batch and empties it.
func (m *mover) flush(ctx context.Context, b *batch) error {
	if len(b.puts)+len(b.drops) == 0 {
		return nil
	}
	err := b.to.write(ctx, b.size, func(ctx context.Context, tx *sql.Tx) error {
		return errors.Join(executeAll(ctx, tx, b.drop, b.drops), executeAll(ctx, tx, b.put, b.puts))
	})
	m.written += int64(len(b.puts) + len(b.drops))
	b.puts, b.drops, b.size = nil, nil, 0
	return err
}

// executeAll runs a statement once for each list of arguments.
func executeAll(ctx context.Context, tx *sql.Tx, query string, arguments []cells) error {
	if len(arguments) == 0 {
		return nil
	}
	prepared, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer prepared.Close()
	for _, a := range arguments {
		if _, err := prepared.ExecContext(ctx, a...); err != nil {
			return err
		}
	}
	return nil
}

// compare reads both stores again, and fails with ErrDiffers unless all rows are the
// same and make the same state.
func (m *mover) compare(ctx context.Context) error {
	passed := m.progress("comparing", 2*m.rows)
	return m.readBoth(ctx, func(from, to *sql.Tx) error {
		for _, t := range tables {
			want, err := t.digest(ctx, from, m.from.collation(), passed)
			if err != nil {
				return fmt.Errorf("reading %s: %w", t.name, err)
			}
			have, err := t.digest(ctx, to, m.to.collation(), passed)
			if err != nil {
				return fmt.Errorf("reading the copy of %s: %w", t.name, err)
			}
			if want != have {
				return fmt.Errorf("%w: %s has %d rows, of which the sum is %x; the copy %d, and %x",
					ErrDiffers, t.name, want.rows, want.sum[:4], have.rows, have.sum[:4])
			}
		}
		return m.compareStates(ctx, from, to)
	})
}

func (m *mover) compareStates(ctx context.Context, from, to *sql.Tx) error {
	passed := m.progress("reading both states", 2)
	_, want, err := m.digestState(ctx, from)
	if err != nil {
		return err
	}
	passed()
	revision, have, err := m.digestState(ctx, to)
	if err != nil {
		return fmt.Errorf("reading the copy: %w", err)
	}
	passed()
	if !bytes.Equal(want, have) {
		return fmt.Errorf("%w: its state is another one", ErrDiffers)
	}
	m.revision = revision
	return nil
}

// digestState returns a sum of the pieces of a store's state.
func (m *mover) digestState(ctx context.Context, tx *sql.Tx) (registry.Revision, []byte, error) {
	state, _, err := assemble(ctx, tx, m.lineage)
	if err != nil {
		return 0, nil, err
	}
	h := sha256.New()
	for piece := range state.Pieces() {
		h.Write(codec.AppendString(nil, piece))
	}
	return state.Revision, h.Sum(nil), nil
}
