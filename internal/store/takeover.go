package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// watchEvery is how often who only reads looks for what another process appended.
const watchEvery = 10 * time.Millisecond

// OpenReader opens the store in dir, which another process has open, to read what
// it holds and to follow what comes. Whatever writes fails until TakeOver. It
// fails with ErrSchema when this version would first have to migrate the data.
// Close must be called.
func OpenReader(ctx context.Context, dir string, opts Options) (*SQLite, error) {
	s := newStore(dir, opts)
	if err := s.openReader(ctx); err != nil {
		return nil, fmt.Errorf("opening store to read: %w", err)
	}
	return s, nil
}

func (s *SQLite) openReader(ctx context.Context) error {
	if _, err := os.Stat(s.file()); err != nil { // SQLite would make it
		return err
	}
	readers, err := connectReaders(s.file())
	if err != nil {
		return err
	}
	if err := expectMigrated(ctx, readers); err != nil {
		return errors.Join(err, readers.Close())
	}
	s.readers = readers
	s.watcher.start(s.appended.ring)
	return nil
}

// TakeOver takes the lock of the data directory, so that a store that only reads
// can write. It fails with ErrInUse while another process has the lock; after any
// failure the store only reads, as before.
func (s *SQLite) TakeOver(ctx context.Context) error {
	lock, err := lockFolder(s.dir)
	if err != nil {
		return fmt.Errorf("taking over store: %w", err)
	}
	err = s.weigh(ctx)
	if err == nil {
		err = s.startWriting(ctx, lock)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("taking over store: %w", err), unlock(lock))
	}
	s.watcher.stop()
	s.appended.ring() // what came before the end of the watch
	return nil
}

// Release gives the store to another process: it waits for the write that is
// under way, then others may write and we only read. TakeOver takes it back.
func (s *SQLite) Release() error {
	lock := s.stopCheckpoints()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stopWriting(lock); err != nil {
		return fmt.Errorf("releasing store: %w", err)
	}
	return nil
}

// startWriting makes the database ready to be written, which the lock allows.
// After a failure the lock is still the caller's.
func (s *SQLite) startWriting(ctx context.Context, lock *os.File) error {
	// As in every distribution's SQLite; where there is none, fsync stays.
	_, _ = sqlite.Fdatasync(true)
	if err := prepareFile(ctx, s.file(), s.opts.NoSync); err != nil {
		return err
	}
	w, err := openWriter(ctx, s.file(), s.opts.NoSync)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lock, s.writer = lock, w
	s.checkpoints, s.idle = make(chan struct{}, 1), make(chan struct{})
	go s.runCheckpoints(s.checkpoints, s.idle)
	return nil
}

// weigh looks at what a start would have to read, which another process has
// changed since Load. That a single commit is bulky, only Load sees.
func (s *SQLite) weigh(ctx context.Context) error {
	var w weight
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		if w.last, err = newestSnapshot(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, journalSizeSQL, int64(w.last.revision)).Scan(&w.journal)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	w.bulky, s.weight = s.weight.bulky, w
	return err
}

// stopCheckpoints lets nobody begin to write, and returns the lock, nil if it is
// not ours, when no checkpoint runs any more.
func (s *SQLite) stopCheckpoints() *os.File {
	s.mu.Lock()
	lock := s.lock
	s.lock = nil
	if lock != nil {
		close(s.checkpoints)
	}
	s.mu.Unlock()
	if lock != nil {
		<-s.idle
	}
	return lock
}

// stopWriting closes the connection that writes and gives the lock up, if there is
// one. The caller holds mu.
func (s *SQLite) stopWriting(lock *os.File) error {
	var faults []error
	if s.writer != nil {
		faults = append(faults, s.writer.close())
		s.writer = nil
	}
	if lock != nil {
		faults = append(faults, unlock(lock))
	}
	return errors.Join(faults...)
}

// watcher calls a function again and again. The zero watcher is ready for use.
type watcher struct {
	mu      sync.Mutex // guards what follows
	stopped chan struct{}
	done    sync.WaitGroup
}

func (w *watcher) start(look func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	stopped := make(chan struct{})
	w.stopped = stopped
	w.done.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				look()
			case <-stopped:
				return
			}
		}
	})
}

// stop returns when the function will not be called any more.
func (w *watcher) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped != nil {
		close(w.stopped)
		w.stopped = nil
	}
	w.done.Wait()
}
