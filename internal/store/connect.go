package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"modernc.org/sqlite"
)

// maxReaders bounds the followers and others that read at one moment.
const maxReaders = 4

// connect returns a pool of connections to a file. It opens none yet.
func connect(path, transaction string, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	q := url.Values{"_pragma": pragmas, "_txlock": {transaction}, "_dqs": {"0"}}
	name := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func connectReaders(path string) (*sql.DB, error) {
	db, err := connect(path, "deferred", "busy_timeout(5000)", "query_only(1)", "cell_size_check(1)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxReaders)
	db.SetMaxIdleConns(maxReaders)
	return db, nil
}

// connectWriter returns a pool of one connection that writes. The write-ahead
// log is copied into the database in the background, so that no append waits
// for that. What is deleted is written over with zeros, since some of it was
// about people; appends delete nothing.
func connectWriter(path string, noSync bool) (*sql.DB, error) {
	db, err := connect(path, "immediate", "busy_timeout(5000)", "journal_mode(WAL)",
		"wal_autocheckpoint(0)", synchronous(noSync), "cell_size_check(1)", "secure_delete(1)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// connectBackground returns a pool of one connection that makes checkpoints,
// and gives up at once where it would have to wait for somebody.
func connectBackground(path string, noSync bool) (*sql.DB, error) {
	db, err := connect(path, "deferred", "busy_timeout(0)", "wal_autocheckpoint(0)", synchronous(noSync))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// synchronous says that each commit is synced: with less, a power cut takes
// acknowledged ones.
func synchronous(noSync bool) string {
	if noSync {
		return "synchronous(OFF)"
	}
	return "synchronous(FULL)"
}

// prepareFile makes what a file holds durable and brings its schema up to date.
func prepareFile(ctx context.Context, path string, noSync bool, of steps, older func(context.Context, int64) ([]string, error)) error {
	db, err := connectWriter(path, noSync)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := settle(ctx, db); err != nil {
		return err
	}
	return migrate(ctx, db, of, older)
}

// writer is the one connection that writes.
type writer struct {
	db     *sql.DB
	conn   *sql.Conn
	insert *sql.Stmt // one commit
}

func openWriter(ctx context.Context, path string, noSync bool) (_ *writer, err error) {
	db, err := connectWriter(path, noSync)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = db.Close()
		}
	}()
	if err := settle(ctx, db); err != nil {
		return nil, err
	}
	if !noSync {
		if err := reserveLog(path); err != nil {
			return nil, err
		}
	}
	w := &writer{db: db}
	if w.conn, err = db.Conn(ctx); err != nil {
		return nil, err
	}
	if w.insert, err = w.conn.PrepareContext(ctx, sqliteAppendSQL); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *writer) close() error {
	return errors.Join(w.insert.Close(), w.conn.Close(), w.db.Close())
}

// transact runs fn in one transaction.
func (w *writer) transact(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := w.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// settle copies the write-ahead log into the database and empties it. What the
// log holds may have been read from memory while the disk never took it (a sync
// that failed says so only once), so it is written and synced anew before
// anybody relies on it.
func settle(ctx context.Context, db *sql.DB) error {
	_, complete, err := checkpoint(ctx, db, "TRUNCATE")
	if err == nil && !complete {
		err = errors.New("somebody is still reading")
	}
	if err != nil {
		return fmt.Errorf("emptying the write-ahead log: %w", err)
	}
	return nil
}

// checkpoint copies the write-ahead log into the database. It returns how many
// pages the log holds, and whether all of them are in the database now.
func checkpoint(ctx context.Context, db *sql.DB, mode string) (pages int, complete bool, err error) {
	var busy, copied int
	err = db.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &copied)
	kept := busy != 0 && pages < 0 // somebody else makes one
	return pages, copied == pages && !kept, err
}
