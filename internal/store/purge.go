package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"stayput.dev/internal/registry"
)

// ErrWanted says that a follower has not read yet what was to be purged.
var ErrWanted = errors.New("a follower still wants the journal")

// Purge forgets what was before state, which is one of the states of this store:
// when it returns nil, neither the journal nor a snapshot says what an edit up to
// state.Revision deleted and, with SQLite, neither does the write-ahead log or free room
// in the file. It
// writes a snapshot and gives up what incremental transfers would be made of, so
// secondaries that are behind get whole zones. With patience it fails with ErrWanted
// while a follower has not come so far, unless that is hopelessly behind; otherwise
// such a follower finds registry.ErrTrimmed. Appends go on meanwhile, but for some
// tenths of a second at the end. Other processes drop the local snapshots that they
// have when they next call Compact or Load.
func (s *Store) Purge(ctx context.Context, state *registry.State, patience bool) error {
	s.compacting.Lock()
	defer s.compacting.Unlock()
	w := wish{}
	if patience {
		w.lag = s.usual().lag
	}
	if err := s.purgeJournal(ctx, state, w); err != nil {
		return fmt.Errorf("purging revision %d: %w", state.Revision, err)
	}
	if err := s.keepLocal(ctx, state); err != nil {
		return fmt.Errorf("purging the local snapshot: %w", err)
	}
	if err := s.engine.scrub(ctx); err != nil {
		return fmt.Errorf("purging what was deleted: %w", err)
	}
	return nil
}

func (s *Store) purgeJournal(ctx context.Context, state *registry.State, w wish) error {
	if err := s.weigh(ctx); err != nil {
		return err
	}
	s.weighing.Lock()
	snap := s.weight.last
	s.weighing.Unlock()
	var err error
	if snap.revision < state.Revision {
		err = s.compact(ctx, state, w)
	} else if err = s.sweep(ctx); err == nil { // one may have been interrupted
		err = s.trim(ctx, snap.revision, w)
	}
	if err != nil {
		return err
	}
	return s.read(ctx, func(tx *sql.Tx) error {
		start, err := queryRevision(ctx, tx, journalStartSQL)
		if err == nil && start != 0 && start <= state.Revision {
			err = ErrWanted
		}
		return err
	})
}

// scrub implements engine. It copies the write-ahead log into the database and writes
// zeros over it, as soon as nobody reads what it holds.
func (e *sqliteEngine) scrub(ctx context.Context) error {
	db, err := connectBackground(e.file(), e.noSync)
	if err != nil {
		return err
	}
	defer db.Close()
	for range 100 {
		if _, _, err := checkpoint(ctx, db, "PASSIVE"); err != nil {
			return err
		}
		if done, err := e.truncateLog(ctx, db); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return errors.New("somebody is still reading")
}

// truncateLog empties the log while nobody writes, and tells whether it could.
func (e *sqliteEngine) truncateLog(ctx context.Context, db *sql.DB) (done bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, done, err = checkpoint(ctx, db, "TRUNCATE"); !done || err != nil {
		return false, err
	}
	if e.noSync {
		return true, nil
	}
	return true, reserveLog(e.file())
}

// scrub implements engine. What was deleted is the server's to write over: its own
// cleaning does so in time.
func (e *postgresEngine) scrub(context.Context) error { return nil }
