package store

import "context"

const (
	checkpointAfter = 8 << 20  // octets written
	maxLog          = 64 << 20 // octets of write-ahead log that are given back
	pageSize        = 4096
	commitCost      = 3 * pageSize // octets written for a commit besides its own, about
)

// wantCheckpoint asks for a checkpoint when enough has been written. The caller
// holds mu.
func (s *SQLite) wantCheckpoint(size int) {
	if s.unsafe += size + commitCost; s.unsafe < checkpointAfter {
		return
	}
	select {
	case s.checkpoints <- struct{}{}:
		s.unsafe = 0
	default: // one is due already
	}
}

// runCheckpoints makes checkpoints when they are asked for, until Close.
func (s *SQLite) runCheckpoints() {
	defer close(s.idle)
	for range s.checkpoints {
		if err := s.checkpoint(context.Background()); err != nil {
			s.log.Warn("checkpoint failed, will be tried again", "error", err)
		}
	}
}

// checkpoint copies the write-ahead log into the database while appends go on,
// then the little that came meanwhile while they wait. SQLite then starts the
// log over within its file, which syncs twice as fast as a file that grows.
func (s *SQLite) checkpoint(ctx context.Context) error {
	db, err := connectBackground(s.file(), s.opts.NoSync)
	if err != nil {
		return err
	}
	defer db.Close()
	pages, _, err := checkpoint(ctx, db, "PASSIVE")
	if err != nil {
		return err
	}
	mode := "PASSIVE"
	if pages > maxLog/pageSize {
		mode = "TRUNCATE"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _, err = checkpoint(ctx, db, mode)
	return err
}
