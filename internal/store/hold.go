package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"stayput.dev/internal/registry"
)

// hold implements engine by the lock of the data directory.
func (e *sqliteEngine) hold(context.Context) (release func() error, err error) {
	lock, err := lockFolder(e.dir)
	if err != nil {
		return nil, err
	}
	if err := finishRestore(e.dir); err != nil {
		return nil, errors.Join(err, unlock(lock))
	}
	return func() error { return unlock(lock) }, nil
}

// isFresh implements engine.
func (e *sqliteEngine) isFresh(ctx context.Context) (bool, error) {
	if _, err := os.Stat(e.file()); errors.Is(err, fs.ErrNotExist) { // SQLite would make it
		return true, nil
	} else if err != nil {
		return false, err
	}
	return isFresh(ctx, e.readers, e.steps)
}

func isFresh(ctx context.Context, db *sql.DB, of steps) (bool, error) {
	l, err := readLadder(ctx, db, of)
	if err != nil {
		return false, err
	}
	if l.have != 0 && l.have < l.least() {
		return false, ErrSchema
	}
	return l.have == 0, nil
}

// endAt implements engine: the rows say it.
func (e *sqliteEngine) endAt(context.Context, *sql.Tx, registry.Revision) error { return nil }

// hold implements engine by a lock on a connection of its own. Everybody who works
// with the data has a share in that lock, see watch. It must come before own and
// attach.
func (e *postgresEngine) hold(ctx context.Context) (release func() error, err error) {
	conn, err := pgx.ConnectConfig(ctx, e.pool.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	if err := askAdvisory(ctx, conn, holdSQL); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	e.held = true
	return func() error { return conn.Close(context.WithoutCancel(ctx)) }, nil
}

// asker is a connection or a pool of them.
type asker interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

// askAdvisory asks for a lock, and fails with ErrInUse when others have it. It asks for
// a while: PostgreSQL lets go of a lock a moment after the connection that had it ended.
func askAdvisory(ctx context.Context, of asker, query string) error {
	for try := 0; ; try++ {
		var got bool
		if err := of.QueryRow(ctx, query).Scan(&got); err != nil {
			return fmt.Errorf("asking who works with the database: %w", err)
		}
		if got {
			return nil
		}
		if try == advisoryTries {
			return fmt.Errorf("%w: a daemon or a move works with the database", ErrInUse)
		}
		select {
		case <-time.After(advisoryPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// How often a lock is asked for, and how long to wait in between.
const (
	advisoryTries = 10
	advisoryPause = 100 * time.Millisecond
)

// expectFree fails with ErrInUse while another process holds the data.
func (e *postgresEngine) expectFree(ctx context.Context) error {
	if e.held {
		return nil
	}
	return askAdvisory(ctx, e.pool, freeSQL)
}

// isFresh implements engine.
func (e *postgresEngine) isFresh(ctx context.Context) (bool, error) {
	return isFresh(ctx, e.readers, e.steps)
}

// endAt implements engine.
func (e *postgresEngine) endAt(ctx context.Context, tx *sql.Tx, end registry.Revision) error {
	_, err := tx.ExecContext(ctx, setHeadSQL, int64(end))
	return err
}
