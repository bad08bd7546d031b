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
// when either is not what was written. Where the database is a server, a local
// snapshot takes the snapshot's place if it fits.
func (s *Store) Load(ctx context.Context) (*registry.State, error) {
	if err := s.makeLineage(ctx); err != nil {
		return nil, fmt.Errorf("making lineage: %w", err)
	}
	var state *registry.State
	var w weight
	var near weight
	known, epoch := s.end.Load(), int64(0)
	place, _ := s.thread.place()
	err := s.readLong(ctx, func(tx *sql.Tx) (err error) {
		if s.isServer() {
			if err = tx.QueryRowContext(ctx, headSQL).Scan(new(int64), &epoch); err != nil {
				return fmt.Errorf("asking for the epoch: %w", err)
			}
		}
		if state, w, near, err = s.loadLocal(ctx, tx); state == nil && err == nil {
			state, w, err = load(ctx, tx)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.weighing.Lock()
	defer s.weighing.Unlock()
	if s.opts.ReadOnly && uint64(state.Revision) < known {
		return nil, fmt.Errorf("%w: it ends at %d, and had %d", ErrLagging, state.Revision, known)
	}
	s.weight, s.local = w, near
	s.thread.begin(state, epoch, place.tears)
	if s.opts.ReadOnly {
		s.grew(state.Revision) // unless more has come meanwhile
		return state, nil
	}
	s.recent.forget() // a failover may have lost what was there
	s.end.Store(uint64(state.Revision))
	s.appended.Ring()
	return state, nil
}

// makeLineage gives a fresh database the name by which followers know it.
func (s *Store) makeLineage(ctx context.Context) error {
	err := s.read(ctx, func(tx *sql.Tx) error {
		_, err := readLineage(ctx, tx)
		return err
	})
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if s.opts.ReadOnly {
		return ErrNothing
	}
	return s.write(ctx, 0, statement(newLineageSQL, newID()))
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
	if err := expectWhole(ctx, tx); err != nil {
		return nil, weight{}, err
	}
	lineage, err := readLineage(ctx, tx)
	if err != nil {
		return nil, weight{}, fmt.Errorf("reading lineage: %w", err)
	}
	return assemble(ctx, tx, lineage)
}

// assemble is load of a state that has the lineage.
func assemble(ctx context.Context, tx *sql.Tx, lineage string) (*registry.State, weight, error) {
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
	state.Lineage = lineage
	w := weight{last: snap, to: snap.revision}
	state, err = replayJournal(ctx, tx, state, &w)
	return state, w, err
}

// replayJournal returns the state after all commits, and counts those after the
// given one.
func replayJournal(ctx context.Context, tx *sql.Tx, state *registry.State, w *weight) (*registry.State, error) {
	replay := registry.NewReplay(state)
	for r, err := range journal(ctx, tx, state.Revision, math.MaxInt64) {
		if errors.Is(err, registry.ErrTrimmed) {
			err = fmt.Errorf("%w: commit %d is missing", ErrDamaged, state.Revision+1)
		}
		if err == nil {
			err = r.replay(replay, w)
		}
		if err != nil {
			return nil, fmt.Errorf("reading journal: %w", err)
		}
	}
	state, err := replay.State()
	if err != nil {
		err = fmt.Errorf("reading journal: %w: %w", ErrDamaged, err)
	}
	return state, err
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
