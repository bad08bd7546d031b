// Package store keeps the commits of the registry in a database, a file of SQLite's
// or PostgreSQL: a journal with one row for each commit, and now and then a snapshot
// of the whole state, so that the journal below it may go.
//
// It promises that what Append took is durable and stays there, that after any fault
// the state is that after some commit and never a mixture, and that damage is told
// and never passed over. It serves the daemon alone. It never judges what a commit
// means.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"stayput.dev/internal/registry"
)

// ErrDamaged says that the database holds something that was never written. The
// way out is a backup.
var ErrDamaged = errors.New("store is damaged")

// ErrUnreachable says that the database could not be connected to.
var ErrUnreachable = errors.New("cannot reach the database")

// ErrInUse says that another process works with the data directory, or holds the
// database.
var ErrInUse = errors.New("data directory is in use")

// ErrReadOnly says that the store was opened to be read.
var ErrReadOnly = errors.New("store is only read here")

// ErrLagging says that a server does not have yet what another one has shown: a
// standby that is behind.
var ErrLagging = errors.New("the database is behind what it had shown before")

var (
	errClosed = errors.New("store is closed")
	errReader = errors.New("store is another process's to write")

	// errNotKeeper says that another process writes snapshots and trims.
	errNotKeeper = errors.New("another process keeps the store in order")
)

// Options say how much a store keeps. The zero Options are usual.
type Options struct {
	Logger *slog.Logger // nil: slog.Default

	// URL is the PostgreSQL database that holds the store, such as
	// "postgres://user@host/name", in any form that libpq knows. Empty: a file
	// of SQLite's in the data directory.
	URL string

	// ReadOnly promises that nothing is written: the server that URL names may be
	// a hot standby, or the role one that may only read. Whatever writes then fails
	// with ErrReadOnly. It means nothing without a URL.
	ReadOnly bool

	// Timeout is how long a write to PostgreSQL may take, with all attempts, before
	// it fails. 0: 5 seconds.
	Timeout time.Duration

	// SnapshotAfter is how many octets of journal make a new snapshot due; half
	// the size of the last snapshot if that is more. 0: 16 MiB.
	SnapshotAfter int64

	// JournalKeep is how many octets of the last commits stay behind a snapshot
	// for incremental transfers. 0: 64 MiB.
	JournalKeep int64

	// CursorLag is how many commits a follower may be behind before the journal
	// no longer waits for it. 0: 100,000.
	CursorLag int

	later fs.FS // steps of the schema that a version to come has, of a test

	// NoSync leaves it to the kernel when to write. A power cut then loses
	// commits that Append took. It is there for the one test which proves that
	// the tests of power cuts can find losses.
	NoSync bool
}

// Store is a journal and its snapshots in a database: a SQLite file in the data
// directory, or what Options.URL names. It implements registry.Store. All methods
// are safe for concurrent use.
type Store struct {
	dir      string
	opts     Options
	log      *slog.Logger
	engine   engine
	readers  *sql.DB
	reading  *sql.TxOptions // of a transaction that sees one version of the data
	patience time.Duration  // for one read; 0: it may last

	snapshotAfter, journalKeep atomic.Int64 // octets, as in Options

	appended   registry.Bell // rung when the journal has grown, or may have
	end        atomic.Uint64 // where it ends as far as we know
	recent     recent
	thread     thread
	closed     atomic.Bool
	compacting sync.Mutex // held by the one Compact that works
	shelving   shelving

	weighing sync.Mutex // guards what follows
	weight   weight     // of the newest snapshot and the journal after it
	local    weight     // of the local snapshot, and likewise; its revision is 0 where there is none that fits

	owning sync.Mutex // held by who takes the data directory or gives it up; guards lock
	lock   *os.File   // nil while another process may write
}

var _ registry.Store = (*Store)(nil)

// engine is what each database does in its own way. Its methods are safe for
// concurrent use; none is called after close.
type engine interface {
	// own makes the data ready to be written by this process, which has the
	// lock of the data directory. First tells that it has not been read yet.
	own(ctx context.Context, first bool) error

	// disown waits for the write under way; then this process only reads.
	disown() error

	// attach makes the data ready to be read while another process owns the
	// directory. It fails with ErrSchema rather than migrate.
	attach(ctx context.Context) error

	// append is Store.Append of rows that follow after without a gap.
	append(ctx context.Context, after registry.Revision, rows []row) error

	// write runs change, which writes about size octets, in one transaction.
	write(ctx context.Context, size int, change func(context.Context, *sql.Tx) error) error

	// tend fails with errNotKeeper unless it is for this process to write
	// snapshots and to trim; until tx ends no other process does.
	tend(ctx context.Context, tx *sql.Tx) error

	// scrub writes over what was deleted, where that is for us to do.
	scrub(ctx context.Context) error

	// hold keeps all other processes from the data until release is called. It
	// fails with ErrInUse when some process works with it.
	hold(ctx context.Context) (release func() error, err error)

	// isFresh tells that nobody has made anything of the data yet. It fails with
	// ErrSchema when what is there must be migrated first.
	isFresh(ctx context.Context) (bool, error)

	// endAt notes where the journal ends that tx has written row by row.
	endAt(ctx context.Context, tx *sql.Tx, end registry.Revision) error

	// passes tells whether what made a read fail passes by itself.
	passes(err error) bool

	backup(ctx context.Context, file string) error
	close() error
}

// Open opens the store of the data directory dir, making both if there is none.
// It fails with ErrInUse when another process has the directory or moves the store,
// with ErrUnfinished when a move into it has not come to its end, and with
// ErrUnreachable while the database is away. With Options.ReadOnly it makes nothing,
// and fails with ErrNothing or ErrSchema when there is nothing that this version can
// read. Close must be called.
func Open(ctx context.Context, dir string, opts Options) (*Store, error) {
	s, err := open(ctx, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", reached(err))
	}
	return s, nil
}

// reached returns err with ErrUnreachable where that is what it means.
func reached(err error) error {
	if _, unreachable := errors.AsType[*pgconn.ConnectError](err); unreachable {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

func open(ctx context.Context, dir string, opts Options) (*Store, error) {
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	s, err := newStore(dir, opts)
	if err != nil {
		return nil, errors.Join(err, unlock(lock))
	}
	if err := s.engine.own(ctx, true); err != nil {
		return nil, errors.Join(err, s.engine.close(), unlock(lock))
	}
	if err := s.read(ctx, func(tx *sql.Tx) error { return expectWhole(ctx, tx) }); err != nil {
		return nil, errors.Join(err, s.engine.close(), unlock(lock))
	}
	s.lock = lock
	if !s.isServer() { // one is left from when there was a server
		if err := removeIfThere(s.localFile()); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// OpenReader opens the store of a data directory that another process has, to
// read what it holds and to follow what comes. Whatever writes fails until
// TakeOver. It fails with ErrSchema when this version would first have to migrate
// the data. Close must be called.
func OpenReader(ctx context.Context, dir string, opts Options) (*Store, error) {
	s, err := newStore(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("opening store to read: %w", err)
	}
	if err := s.engine.attach(ctx); err != nil {
		return nil, fmt.Errorf("opening store to read: %w", errors.Join(err, s.engine.close()))
	}
	return s, nil
}

// readTime is how long a server may take to answer all questions of one read.
const readTime = time.Minute

// newStore returns a store that has connected to nothing yet.
func newStore(dir string, opts Options) (*Store, error) {
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	opts.CursorLag = cmp.Or(opts.CursorLag, 100_000)
	opts.Timeout = cmp.Or(opts.Timeout, 5*time.Second)
	s := &Store{dir: dir, opts: opts, log: opts.Logger}
	s.thread.log, s.thread.tore = opts.Logger, s.unravel
	s.SetRetention(opts.SnapshotAfter, opts.JournalKeep)
	if opts.URL == "" {
		e, err := newSQLite(dir, opts, s.appended.Ring)
		if err != nil {
			return nil, err
		}
		s.engine, s.readers = e, e.readers
		return s, nil
	}
	e, err := newPostgres(opts, s.grew, &s.thread)
	if err != nil {
		return nil, err
	}
	s.engine, s.readers, s.patience = e, e.readers, readTime
	s.reading = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	return s, nil
}

// SetRetention replaces Options.SnapshotAfter and Options.JournalKeep, where 0
// means the same as there. The next Compact heeds it.
func (s *Store) SetRetention(snapshotAfter, journalKeep int64) {
	s.snapshotAfter.Store(cmp.Or(snapshotAfter, 16<<20))
	s.journalKeep.Store(cmp.Or(journalKeep, 64<<20))
}

// Close ends the store. Followers end with an error. What was appended is safe
// before Close as well as after.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.appended.Ring()
	s.owning.Lock()
	defer s.owning.Unlock()
	if err := errors.Join(s.engine.close(), s.unlock()); err != nil {
		return fmt.Errorf("closing store: %w", err)
	}
	return nil
}

// read runs fn on one version of the data, which no write changes meanwhile.
func (s *Store) read(ctx context.Context, fn func(*sql.Tx) error) error {
	ctx, cancel := s.patient(ctx)
	defer cancel()
	return s.readLong(ctx, fn)
}

// patient returns a context for one read: a server that is cut off never answers.
func (s *Store) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.patience == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.patience)
}

// readLong is read of what takes as long as it takes.
func (s *Store) readLong(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.readers.BeginTx(ctx, s.reading)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(tx)
}

// write runs change, which writes about size octets, in one transaction that has
// the same outcome for everything in it. One that has begun is not cut short by
// ctx.
func (s *Store) write(ctx context.Context, size int, change func(context.Context, *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return errClosed
	}
	return s.engine.write(context.WithoutCancel(ctx), size, change)
}

// tend is write for what only one process at a time may do.
func (s *Store) tend(ctx context.Context, size int, change func(context.Context, *sql.Tx) error) error {
	return s.write(ctx, size, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.engine.tend(ctx, tx); err != nil {
			return err
		}
		return change(ctx, tx)
	})
}

// statement returns a change of one statement.
func statement(query string, args ...any) func(context.Context, *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
}
