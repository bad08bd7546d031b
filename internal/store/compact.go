package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"stayput.dev/internal/codec"
	"stayput.dev/internal/registry"
)

// chunkSize is about how many octets of a snapshot are written at a time, so
// that an append in between waits no longer than for one of its own kind.
const chunkSize = 256 << 10

// Compact writes a snapshot of state, which is one of the states of this store,
// when enough has been appended since the last one, and then removes what nobody
// needs any more: older snapshots, and the journal below the new one but for
// what followers and incremental transfers still want. It does nothing when no
// snapshot is due, before Load, in a store that is only read, or while another process
// does it. Where the database is a server, it then sees to the local snapshot. Appends go
// on meanwhile. What an interrupted Compact left behind does no harm and goes with the
// next.
func (s *Store) Compact(ctx context.Context, state *registry.State) error {
	s.compacting.Lock()
	defer s.compacting.Unlock()
	if err := s.weigh(ctx); err != nil {
		return fmt.Errorf("looking at the journal: %w", err)
	}
	if !s.opts.ReadOnly && s.isDue(state) {
		if err := s.compact(ctx, state, s.usual()); err != nil && !errors.Is(err, errNotKeeper) {
			return err
		}
	}
	if err := s.keepLocal(ctx, state); err != nil {
		return fmt.Errorf("keeping a local snapshot: %w", err)
	}
	return nil
}

// compact writes a snapshot and removes what it makes needless, but for what others
// want. The caller holds compacting.
func (s *Store) compact(ctx context.Context, state *registry.State, w wish) error {
	if err := s.sweep(ctx); err != nil {
		return fmt.Errorf("removing older snapshots: %w", err)
	}
	snap, err := s.writeSnapshot(ctx, state)
	if err != nil {
		return fmt.Errorf("writing snapshot %d: %w", state.Revision, err)
	}
	if err := s.sweep(ctx); err != nil {
		return fmt.Errorf("removing older snapshots: %w", err)
	}
	if err := s.trim(ctx, snap.revision, w); err != nil {
		return fmt.Errorf("trimming journal: %w", err)
	}
	return nil
}

// isDue tells whether to write a snapshot of state.
func (s *Store) isDue(state *registry.State) bool {
	s.weighing.Lock()
	defer s.weighing.Unlock()
	return s.weight.due(s.snapshotAfter.Load()) && state.Revision > s.weight.last.revision
}

// writeSnapshot writes the chunks, and when they are all there, the row that
// says so.
func (s *Store) writeSnapshot(ctx context.Context, state *registry.State) (snapshot, error) {
	snap := snapshot{revision: state.Revision}
	var chunk []byte
	flush := func() error {
		err := s.writeChunk(ctx, snap, chunk)
		snap.size += int64(len(chunk))
		snap.chunks++
		chunk = chunk[:0]
		return err
	}
	for piece := range state.Pieces() {
		if chunk = codec.AppendString(chunk, piece); len(chunk) < chunkSize {
			continue
		}
		if err := flush(); err != nil {
			return snap, err
		}
	}
	if len(chunk) > 0 {
		if err := flush(); err != nil {
			return snap, err
		}
	}
	return snap, s.finishSnapshot(ctx, snap)
}

func (s *Store) writeChunk(ctx context.Context, snap snapshot, chunk []byte) error {
	return s.tend(ctx, len(chunk), statement(putChunkSQL, int64(snap.revision), snap.chunks, chunk, int64(checksum(chunk))))
}

// finishSnapshot makes the snapshot count, if all chunks are there: who was away for
// long may have lost some to another process's sweep.
func (s *Store) finishSnapshot(ctx context.Context, snap snapshot) error {
	err := s.tend(ctx, 0, func(ctx context.Context, tx *sql.Tx) error {
		now := time.Now().UnixMilli()
		result, err := tx.ExecContext(ctx, putSnapshotSQL, int64(snap.revision), now, snap.chunks, snap.size)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err == nil && n == 0 {
			err = errNotKeeper
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.weigh(ctx)
}
