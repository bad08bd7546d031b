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

	// checkpointPasses is how often the log is copied before appends must wait.
	checkpointPasses = 3

	// smallDisk is how many octets must be free for the log to be reserved.
	smallDisk = 16 * reservedLog
)

// wantCheckpoint asks for a checkpoint when enough has been written. The caller
// holds mu.
func (e *sqliteEngine) wantCheckpoint(size int) {
	if e.unsafe += size + commitCost; e.unsafe < checkpointAfter {
		return
	}
	select {
	case e.checkpoints <- struct{}{}:
		e.unsafe = 0
	default: // one is due already
	}
}

// runCheckpoints makes checkpoints when they are asked for, until there is nobody
// left who could; then it closes idle.
func (e *sqliteEngine) runCheckpoints(asked <-chan struct{}, idle chan<- struct{}) {
	defer close(idle)
	for range asked {
		if err := e.checkpoint(context.Background()); err != nil {
			e.log.Warn("checkpoint failed, will be tried again", "error", err)
		}
	}
}

// checkpoint copies the write-ahead log into the database while appends go on, and
// again what came meanwhile, which is less each time; then the last of it while they
// wait. SQLite then starts the log over within its file.
func (e *sqliteEngine) checkpoint(ctx context.Context) error {
	db, err := connectBackground(e.file(), e.noSync)
	if err != nil {
		return err
	}
	defer db.Close()
	var pages int
	for range checkpointPasses {
		if pages, _, err = checkpoint(ctx, db, "PASSIVE"); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if pages <= maxLog/pageSize {
		_, _, err = checkpoint(ctx, db, "PASSIVE")
		return err
	}
	if _, _, err = checkpoint(ctx, db, "TRUNCATE"); err != nil {
		return err
	}
	return reserveLog(e.file())
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
	if room, err := freeRoom(log); err != nil || room < smallDisk {
		return err
	}
	if _, err := log.Write(make([]byte, reservedLog)); err != nil {
		return err
	}
	return log.Sync()
}

// freeRoom returns how many octets may still be written to the disk of a file. A
// full one has less than none on systems that keep some for root.
func freeRoom(f *os.File) (int64, error) {
	var disk unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &disk); err != nil {
		return 0, err
	}
	//nolint:unconvert // the types differ from one system to the other
	return int64(disk.Bavail) * int64(disk.Bsize), nil
}
