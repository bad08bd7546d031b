package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"stayput.dev/internal/registry"
)

// sqliteEngine keeps a store in one file.
type sqliteEngine struct {
	dir     string
	noSync  bool
	steps   steps
	log     *slog.Logger
	grown   func() // called when another process may have appended
	readers *sql.DB
	watcher watcher // while another process writes

	mu          sync.Mutex    // held by who writes; guards what follows
	owned       bool          // whether this process may write
	checkpoints chan struct{} // asks for a checkpoint; closed when no more is wanted
	idle        chan struct{} // closed when no checkpoint will run any more
	writer      *writer       // nil after a failed write, until the next opens it anew
	unsafe      int           // octets written since the last checkpoint, about
}

func newSQLite(dir string, opts Options, grown func()) (*sqliteEngine, error) {
	e := &sqliteEngine{dir: dir, noSync: opts.NoSync, steps: steps{goose.DialectSQLite3, opts.later}, log: opts.Logger, grown: grown}
	var err error
	e.readers, err = connectReaders(e.file())
	return e, err
}

func (e *sqliteEngine) file() string { return filepath.Join(e.dir, fileName) }

// own implements engine.
func (e *sqliteEngine) own(ctx context.Context, first bool) error {
	if first {
		if err := finishRestore(e.dir); err != nil {
			return err
		}
		if err := makeFile(e.file()); err != nil {
			return err
		}
	}
	// As in every distribution's SQLite; where there is none, fsync stays.
	_, _ = sqlite.Fdatasync(true)
	older := nobodyOlder
	if !first {
		older = nil // the process that we take over from still reads
	}
	if err := prepareFile(ctx, e.file(), e.noSync, e.steps, older); err != nil {
		return err
	}
	w, err := openWriter(ctx, e.file(), e.noSync)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.owned, e.writer = true, w
	e.checkpoints, e.idle = make(chan struct{}, 1), make(chan struct{})
	go e.runCheckpoints(e.checkpoints, e.idle)
	e.mu.Unlock()
	e.watcher.stop()
	return nil
}

// disown implements engine.
func (e *sqliteEngine) disown() error {
	e.mu.Lock()
	owned := e.owned
	if e.owned = false; owned {
		close(e.checkpoints)
	}
	e.mu.Unlock()
	if owned {
		<-e.idle
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.writer == nil {
		return nil
	}
	err := e.writer.close()
	e.writer = nil
	return err
}

// attach implements engine.
func (e *sqliteEngine) attach(ctx context.Context) error {
	if _, err := os.Stat(e.file()); err != nil { // SQLite would make it
		return err
	}
	if err := expectMigrated(ctx, e.readers, e.steps); err != nil {
		return err
	}
	e.watcher.start(e.grown)
	return nil
}

// close implements engine.
func (e *sqliteEngine) close() error {
	e.watcher.stop()
	// The last connection to close cleans up, and only the writer may write.
	return errors.Join(e.readers.Close(), e.disown())
}

// append implements engine.
func (e *sqliteEngine) append(ctx context.Context, after registry.Revision, rows []row) error {
	size := 0
	for _, r := range rows {
		size += len(r.body)
	}
	return e.work(ctx, size, func(ctx context.Context, w *writer) error {
		if len(rows) == 1 { // as usual: then the statement is the transaction
			return insert(ctx, w.insert, after, rows[0])
		}
		return w.transact(ctx, func(tx *sql.Tx) error {
			if len(rows) == 0 {
				return probe(ctx, tx, after)
			}
			statement := tx.StmtContext(ctx, w.insert)
			for _, r := range rows {
				if err := insert(ctx, statement, r.revision-1, r); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// insert appends one row if the journal ends at after.
func insert(ctx context.Context, statement *sql.Stmt, after registry.Revision, r row) error {
	result, err := statement.ExecContext(ctx, int64(r.revision), r.id, r.at, r.body, int64(r.checksum), int64(after))
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		err = registry.ErrBehind
	}
	return err
}

// probe checks that the journal ends at after and that a write succeeds.
func probe(ctx context.Context, tx *sql.Tx, after registry.Revision) error {
	err := expectEnd(ctx, tx, after, registry.ErrTrimmed)
	if errors.Is(err, registry.ErrTrimmed) {
		return registry.ErrBehind
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, sqliteProbeSQL)
	}
	return err
}

// write implements engine.
func (e *sqliteEngine) write(ctx context.Context, size int, change func(context.Context, *sql.Tx) error) error {
	return e.work(ctx, size, func(ctx context.Context, w *writer) error {
		return w.transact(ctx, func(tx *sql.Tx) error { return change(ctx, tx) })
	})
}

// tend implements engine: nobody else writes at all.
func (e *sqliteEngine) tend(context.Context, *sql.Tx) error { return nil }

// passes implements engine: what a disk lost does not come back.
func (e *sqliteEngine) passes(error) bool { return false }

// work runs change on the one connection that writes; nobody else writes
// meanwhile. After a failure nobody knows what of it the disk holds and what the
// connection takes for true, so the connection is thrown away, and the next write
// starts from what the disk says.
func (e *sqliteEngine) work(ctx context.Context, size int, change func(context.Context, *writer) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.owned {
		return errReader
	}
	if e.writer == nil {
		w, err := openWriter(ctx, e.file(), e.noSync)
		if err != nil {
			return err
		}
		e.writer = w
	}
	err := change(ctx, e.writer)
	if err != nil && !errors.Is(err, registry.ErrBehind) {
		_ = e.writer.close()
		e.writer = nil
	}
	e.wantCheckpoint(size)
	return err
}
