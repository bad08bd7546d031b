package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// marksBatch is how many marks are written or dropped at a time.
const marksBatch = 512

// Marks returns how far the follower with the name had come, 0 when it never said so
// or a backup was restored, and the marks that it kept, in no meaningful order.
func (s *Store) Marks(ctx context.Context, follower string) (at registry.Revision, marks []registry.Mark, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, cursorSQL, follower).Scan(&at); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		rows, err := tx.QueryContext(ctx, marksSQL, follower)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			m, err := scanMark(rows)
			if err != nil {
				return err
			}
			marks = append(marks, m)
		}
		return rows.Err()
	})
	if err != nil {
		return 0, nil, fmt.Errorf("reading what %s has come to: %w", follower, err)
	}
	return at, marks, nil
}

// Mark returns how far the follower with the name had come when it last said so, as
// Marks does, and whether it kept that one name is still to be carried.
func (s *Store) Mark(ctx context.Context, follower string, name zone.Name) (at registry.Revision, pending bool, err error) {
	n := 0
	err = s.read(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, cursorSQL, follower).Scan(&at); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return tx.QueryRowContext(ctx, markSQL, follower, []byte(name), int64(registry.MarkPending)).Scan(&n)
	})
	if err != nil {
		return 0, false, fmt.Errorf("reading what %s has come to: %w", follower, err)
	}
	return at, n > 0, nil
}

func scanMark(rows *sql.Rows) (registry.Mark, error) {
	var name, types []byte
	var at int64
	var m registry.Mark
	if err := rows.Scan(&name, &types, &m.Stage, &at); err != nil {
		return m, err
	}
	m.Name, m.At = zone.Name(name), time.UnixMilli(at).UTC()
	if !m.Name.IsValid() || len(types)%2 != 0 {
		return m, errors.New("a mark is damaged")
	}
	for pair := range slices.Chunk(types, 2) {
		m.Types = append(m.Types, zone.Type(binary.BigEndian.Uint16(pair)))
	}
	return m, nil
}

// SaveMarks keeps marks in the place of those with their names, and then, when all of
// them are kept, how far the follower has come, as SetCursor does. Appends go on
// meanwhile.
func (s *Store) SaveMarks(ctx context.Context, follower string, at registry.Revision, marks []registry.Mark) error {
	for some := range slices.Chunk(marks, marksBatch) {
		err := s.write(ctx, 0, func(ctx context.Context, tx *sql.Tx) error { return saveMarks(ctx, tx, follower, some) })
		if err != nil {
			return fmt.Errorf("keeping marks of %s: %w", follower, err)
		}
	}
	return s.SetCursor(ctx, follower, at)
}

func saveMarks(ctx context.Context, tx *sql.Tx, follower string, marks []registry.Mark) error {
	for _, m := range marks {
		var err error
		if m.Stage == registry.MarkNone {
			_, err = tx.ExecContext(ctx, dropMarkSQL, follower, []byte(m.Name))
		} else {
			types := []byte{}
			for _, t := range m.Types {
				types = binary.BigEndian.AppendUint16(types, uint16(t))
			}
			_, err = tx.ExecContext(ctx, putMarkSQL, follower, []byte(m.Name), types, int64(m.Stage), m.At.UnixMilli())
		}
		if err != nil {
			return err
		}
	}
	return nil
}
