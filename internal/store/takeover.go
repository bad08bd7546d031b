package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// watchEvery is how often who only reads looks for what another process appended.
const watchEvery = 10 * time.Millisecond

// TakeOver takes the lock of the data directory, so that a store that only reads
// can write. It fails with ErrInUse while another process has the lock; after any
// failure the store only reads, as before.
func (s *Store) TakeOver(ctx context.Context) error {
	s.owning.Lock()
	defer s.owning.Unlock()
	lock, err := lockFolder(s.dir)
	if err != nil {
		return fmt.Errorf("taking over store: %w", err)
	}
	if err = s.weigh(ctx); err == nil {
		err = s.engine.own(ctx, false)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("taking over store: %w", err), unlock(lock))
	}
	s.lock = lock
	s.appended.Ring() // what came before the end of the watch
	return nil
}

// Release gives the store to another process: it waits for the write that is
// under way, then others may write and we only read. TakeOver takes it back.
func (s *Store) Release() error {
	s.owning.Lock()
	defer s.owning.Unlock()
	if err := errors.Join(s.engine.disown(), s.unlock()); err != nil {
		return fmt.Errorf("releasing store: %w", err)
	}
	return nil
}

// unlock gives up the lock of the data directory, if we have it. The caller holds
// owning.
func (s *Store) unlock() error {
	if s.lock == nil {
		return nil
	}
	lock := s.lock
	s.lock = nil
	return unlock(lock)
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
