package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/registry"
)

// Load returns the state after the last commit: the newest snapshot, and the
// commits after it applied to it. It fails with ErrDamaged, naming the place,
// when either is not what was written.
func (s *SQLite) Load(ctx context.Context) (*registry.State, error) {
	if err := s.makeLineage(ctx); err != nil {
		return nil, fmt.Errorf("making lineage: %w", err)
	}
	var state *registry.State
	var w weight
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		state, w, err = load(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.weight = w
	return state, nil
}

// makeLineage gives a fresh database the name by which followers know it.
func (s *SQLite) makeLineage(ctx context.Context) error {
	err := s.read(ctx, func(tx *sql.Tx) error {
		_, err := readLineage(ctx, tx)
		return err
	})
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return s.write(ctx, 0, func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, newLineageSQL, newID())
		return err
	})
}

func readLineage(ctx context.Context, tx *sql.Tx) (lineage string, err error) {
	err = tx.QueryRowContext(ctx, lineageSQL).Scan(&lineage)
	return lineage, err
}

// newID returns 128 random bits in hexadecimal digits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func load(ctx context.Context, tx *sql.Tx) (*registry.State, weight, error) {
	snap, err := newestSnapshot(ctx, tx)
	if err != nil {
		return nil, weight{}, fmt.Errorf("looking for a snapshot: %w", err)
	}
	state, err := registry.RestoreState(snap.pieces(ctx, tx))
	if err == nil && state.Revision != snap.revision {
		err = fmt.Errorf("%w: it holds revision %d", ErrDamaged, state.Revision)
	}
	if err != nil {
		return nil, weight{}, fmt.Errorf("reading snapshot %d: %w", snap.revision, err)
	}
	if state.Lineage, err = readLineage(ctx, tx); err != nil {
		return nil, weight{}, fmt.Errorf("reading lineage: %w", err)
	}
	w := weight{last: snap}
	replay := registry.NewReplay(state)
	for r, err := range journal(ctx, tx, state.Revision, math.MaxInt64) {
		if errors.Is(err, registry.ErrTrimmed) {
			err = fmt.Errorf("%w: commit %d is missing", ErrDamaged, state.Revision+1)
		}
		if err == nil {
			err = r.replay(replay, &w)
		}
		if err != nil {
			return nil, weight{}, fmt.Errorf("reading journal: %w", err)
		}
	}
	if state, err = replay.State(); err != nil {
		err = fmt.Errorf("reading journal: %w: %w", ErrDamaged, err)
	}
	return state, w, err
}

// replay applies the commit that r holds.
func (r *row) replay(to *registry.Replay, w *weight) error {
	c, err := r.commit()
	if err != nil {
		return err
	}
	if err := to.Apply(c); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	w.add(&c, len(r.body))
	return nil
}

// snapshot is where a snapshot stands; the zero snapshot is that of the empty
// state, which nobody has to write.
type snapshot struct {
	revision registry.Revision
	chunks   int
	size     int64 // octets of its chunks
}

func newestSnapshot(ctx context.Context, tx *sql.Tx) (snapshot, error) {
	var s snapshot
	err := tx.QueryRowContext(ctx, snapshotSQL).Scan(&s.revision, &s.chunks, &s.size)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return s, err
}

// pieces yields the pieces of the state that the snapshot holds.
func (s snapshot) pieces(ctx context.Context, tx *sql.Tx) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for chunk, err := range s.read(ctx, tx) {
			for r := codec.NewReader(chunk); err == nil && r.Len() > 0; {
				piece := r.Bytes()
				if err = r.Err(); err == nil && !yield(piece, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// read yields the chunks of the snapshot.
func (s snapshot) read(ctx context.Context, tx *sql.Tx) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		rows, err := tx.QueryContext(ctx, snapshotChunksSQL, int64(s.revision))
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		count := 0
		for ; rows.Next(); count++ {
			var seq int
			var body []byte
			var sum uint32
			err := rows.Scan(&seq, &body, &sum)
			if err == nil && (seq != count || checksum(body) != sum) {
				err = fmt.Errorf("%w: chunk %d", ErrDamaged, count)
			}
			if !yield(body, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		} else if count != s.chunks {
			yield(nil, fmt.Errorf("%w: %d chunks of %d", ErrDamaged, count, s.chunks))
		}
	}
}
