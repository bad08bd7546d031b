package store

import (
	"context"
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
// snapshot is due, or before Load. Appends go on meanwhile. What an interrupted Compact left
// behind does no harm and goes with the next.
func (s *SQLite) Compact(ctx context.Context, state *registry.State) error {
	s.compacting.Lock()
	defer s.compacting.Unlock()
	if !s.isDue(state) {
		return nil
	}
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
	if err := s.trim(ctx, snap.revision); err != nil {
		return fmt.Errorf("trimming journal: %w", err)
	}
	return nil
}

// isDue tells whether to write a snapshot of state.
func (s *SQLite) isDue(state *registry.State) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.weight.due(s.snapshotAfter.Load()) && state.Revision > s.weight.last.revision
}

// writeSnapshot writes the chunks, and when they are all there, the row that
// says so.
func (s *SQLite) writeSnapshot(ctx context.Context, state *registry.State) (snapshot, error) {
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

func (s *SQLite) writeChunk(ctx context.Context, snap snapshot, chunk []byte) error {
	return s.write(ctx, len(chunk), func(ctx context.Context, w *writer) error {
		_, err := w.conn.ExecContext(ctx, putChunkSQL, int64(snap.revision), snap.chunks, chunk, int64(checksum(chunk)))
		return err
	})
}

// finishSnapshot makes the snapshot count.
func (s *SQLite) finishSnapshot(ctx context.Context, snap snapshot) error {
	return s.write(ctx, 0, func(ctx context.Context, w *writer) error {
		now := time.Now().UnixMilli()
		_, err := w.conn.ExecContext(ctx, putSnapshotSQL, int64(snap.revision), now, snap.chunks, snap.size)
		if err != nil {
			return err
		}
		s.weight.last = snap
		return w.conn.QueryRowContext(ctx, journalSizeSQL, int64(snap.revision)).Scan(&s.weight.journal)
	})
}
