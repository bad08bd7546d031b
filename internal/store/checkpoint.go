package store

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

const (
	checkpointAfter = 32 << 20 // octets written; each checkpoint delays the appends beside it
	reservedLog     = 16 << 20 // octets that the write-ahead log always has on the disk
	maxLog          = 96 << 20 // octets of write-ahead log from which on they are given back
	pageSize        = 4096
	commitCost      = 2 * pageSize // octets written for a commit besides its own, about

	// smallDisk is how many octets must be free for the log to be reserved.
	smallDisk = 16 * reservedLog
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

// runCheckpoints makes checkpoints when they are asked for, until there is nobody
// left who could; then it closes idle.
func (s *SQLite) runCheckpoints(asked <-chan struct{}, idle chan<- struct{}) {
	defer close(idle)
	for range asked {
		if err := s.checkpoint(context.Background()); err != nil {
			s.log.Warn("checkpoint failed, will be tried again", "error", err)
		}
	}
}

// checkpoint copies the write-ahead log into the database while appends go on,
// then the little that came meanwhile while they wait. SQLite then starts the
// log over within its file.
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if pages <= maxLog/pageSize {
		_, _, err = checkpoint(ctx, db, "PASSIVE")
		return err
	}
	if _, _, err = checkpoint(ctx, db, "TRUNCATE"); err != nil {
		return err
	}
	return reserveLog(s.file())
}

// reserveLog fills a write-ahead log that is empty with zeros, which mean
// nothing to SQLite and are written over. To sync a file that grows, the file
// system has to write its own journal too, and to wait for all that others have
// put into that. It does nothing when the log is in use or the disk is small.
func reserveLog(database string) error {
	log, err := os.OpenFile(database+"-wal", os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil || info.Size() > 0 {
		return err
	}
	var disk unix.Statfs_t
	if err := unix.Fstatfs(int(log.Fd()), &disk); err != nil || disk.Bavail*uint64(disk.Bsize) < smallDisk {
		return err
	}
	if _, err := log.Write(make([]byte, reservedLog)); err != nil {
		return err
	}
	return log.Sync()
}
