// Package store keeps the commits of the registry in a database: a journal with
// one row for each commit, and now and then a snapshot of the whole state, so
// that the journal below it may go.
//
// It promises that what Append took is on the disk and stays there, that after
// any fault the state is that after some commit and never a mixture, and that
// damage is told and never passed over. It serves the daemon alone. It never
// judges what a commit means.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"stayput.dev/internal/registry"
)

// ErrDamaged says that the database holds something that was never written. The
// way out is a backup.
var ErrDamaged = errors.New("store is damaged")

// ErrInUse says that another process works with the data directory.
var ErrInUse = errors.New("data directory is in use")

var (
	errClosed = errors.New("store is closed")
	errReader = errors.New("store is another process's to write")
)

// Options say how much a store keeps. The zero Options are usual.
type Options struct {
	Logger *slog.Logger // nil: slog.Default

	// SnapshotAfter is how many octets of journal make a new snapshot due; half
	// the size of the last snapshot if that is more. 0: 16 MiB.
	SnapshotAfter int64

	// JournalKeep is how many octets of the last commits stay behind a snapshot
	// for incremental transfers. 0: 64 MiB.
	JournalKeep int64

	// CursorLag is how many commits a follower may be behind before the journal
	// no longer waits for it. 0: 100,000.
	CursorLag int

	// NoSync leaves it to the kernel when to write. A power cut then loses
	// commits that Append took. It is there for the one test which proves that
	// the tests of power cuts can find losses.
	NoSync bool
}

// SQLite is a store in one file of one directory. It implements registry.Store.
// All methods are safe for concurrent use.
type SQLite struct {
	dir  string
	opts Options
	log  *slog.Logger

	snapshotAfter, journalKeep atomic.Int64 // octets, as in Options

	readers    *sql.DB
	appended   bell // rung when the journal has grown, or may have
	closed     atomic.Bool
	compacting sync.Mutex // held by the one Compact that works
	watcher    watcher    // while another process writes

	mu          sync.Mutex    // held by who writes; guards what follows
	lock        *os.File      // nil while another process may write
	checkpoints chan struct{} // asks for a checkpoint; closed when no more is wanted
	idle        chan struct{} // closed when no checkpoint will run any more
	writer      *writer       // nil after a failed write, until the next opens it anew
	unsafe      int           // octets written since the last checkpoint, about
	weight      weight
}

var _ registry.Store = (*SQLite)(nil)

// Open opens the store in dir, making both if there is none. It fails with
// ErrInUse when another process has it open. Close must be called.
func Open(ctx context.Context, dir string, opts Options) (*SQLite, error) {
	s := newStore(dir, opts)
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	if err := s.open(ctx, lock); err != nil {
		_ = unlock(lock)
		return nil, fmt.Errorf("opening store: %w", err)
	}
	return s, nil
}

func newStore(dir string, opts Options) *SQLite {
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	opts.CursorLag = cmp.Or(opts.CursorLag, 100_000)
	s := &SQLite{dir: dir, opts: opts, log: opts.Logger}
	s.SetRetention(opts.SnapshotAfter, opts.JournalKeep)
	return s
}

// SetRetention replaces Options.SnapshotAfter and Options.JournalKeep, where 0
// means the same as there. The next Compact heeds it.
func (s *SQLite) SetRetention(snapshotAfter, journalKeep int64) {
	s.snapshotAfter.Store(cmp.Or(snapshotAfter, 16<<20))
	s.journalKeep.Store(cmp.Or(journalKeep, 64<<20))
}

// open makes the database ready, when the folder is ours.
func (s *SQLite) open(ctx context.Context, lock *os.File) error {
	if err := finishRestore(s.dir); err != nil {
		return err
	}
	if err := makeFile(s.file()); err != nil {
		return err
	}
	readers, err := connectReaders(s.file())
	if err != nil {
		return err
	}
	s.readers = readers
	if err := s.startWriting(ctx, lock); err != nil {
		_ = s.readers.Close()
		return err
	}
	return nil
}

func (s *SQLite) file() string { return filepath.Join(s.dir, fileName) }

// Close ends the store. Followers end with an error. What was appended is safe
// before Close as well as after.
func (s *SQLite) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.watcher.stop()
	lock := s.stopCheckpoints()
	s.appended.ring()
	s.mu.Lock()
	defer s.mu.Unlock()
	// The last connection to close cleans up, and only the writer may write.
	faults := []error{s.readers.Close(), s.stopWriting(lock)}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("closing store: %w", err)
	}
	return nil
}

// read runs fn on one version of the data, which no write changes meanwhile.
func (s *SQLite) read(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.readers.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(tx)
}

// write runs change, which writes about size octets, on the one connection that
// writes; nobody else writes meanwhile. A write that has begun is not cut short
// by ctx. After a failure nobody knows what of it the disk holds and what the
// connection takes for true, so the connection is thrown away, and the next
// write starts from what the disk says.
func (s *SQLite) write(ctx context.Context, size int, change func(context.Context, *writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return errClosed
	}
	if s.lock == nil {
		return errReader
	}
	if s.writer == nil {
		w, err := openWriter(ctx, s.file(), s.opts.NoSync)
		if err != nil {
			return err
		}
		s.writer = w
	}
	err := change(ctx, s.writer)
	if err != nil && !errors.Is(err, registry.ErrBehind) {
		_ = s.writer.close()
		s.writer = nil
	}
	s.wantCheckpoint(size)
	return err
}
