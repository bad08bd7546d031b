package registry_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// forgetful is a store whose journal does not reach back, once.
type forgetful struct {
	registry.Store
	forgot bool
}

// Follow implements registry.Store.
func (s *forgetful) Follow(ctx context.Context, after registry.Revision) iter.Seq2[registry.Commit, error] {
	if s.forgot {
		return s.Store.Follow(ctx, after)
	}
	s.forgot = true
	return func(yield func(registry.Commit, error) bool) {
		yield(registry.Commit{}, fmt.Errorf("test: %w", registry.ErrTrimmed))
	}
}

// TestTrail: a registry shows what another process commits, goes on from there
// when it takes over, and loses nothing that came in between.
func TestTrail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opts := rig.StoreOptions(t, dir, store.Options{Logger: quiet.Logger, NoSync: true})
	theirs, err := store.Open(t.Context(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = theirs.Close() })
	old := start(t, theirs, quiet)
	apply(t, old, put(newZone(origin, 1)))

	ours, err := store.OpenReader(t.Context(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	fresh, err := registry.Open(t.Context(), &forgetful{Store: ours}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	trailed := make(chan error)
	go func() { trailed <- fresh.Trail(ctx) }()
	for i := range 20 {
		revision := apply(t, old, move(home, fmt.Sprintf("192.0.2.%d", i)))
		if err := fresh.Await(t.Context(), revision); err != nil {
			t.Fatal(err)
		}
		same(t, fresh.State(), old.State())
	}
	cancel()
	if err := <-trailed; err != nil {
		t.Error(err)
	}

	if err := fresh.CatchUp(); err == nil {
		t.Error("a registry over a store that only reads says that it can write")
	}
	last := apply(t, old, move(home, "198.51.100.7"))
	if err := errors.Join(theirs.Release(), ours.TakeOver(t.Context()), fresh.CatchUp()); err != nil {
		t.Fatal(err)
	}
	if got := fresh.State().Revision; got != last {
		t.Errorf("caught up to revision %d, want %d", got, last)
	}
}

// TestHold: while the writer is held nothing is committed, and nobody is turned
// away.
func TestHold(t *testing.T) {
	inWorld(t, func(t *testing.T, w world) {
		before, resume, err := w.Hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		applied := make(chan registry.Revision)
		go func() { applied <- apply(t, w.Registry, move(home, "192.0.2.7")) }()
		synctest.Wait()
		if got := w.State().Revision; got != before {
			t.Errorf("revision while held = %d, want %d", got, before)
		}
		cut, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := w.Hold(cut); !errors.Is(err, context.Canceled) {
			t.Errorf("holding twice: %v", err)
		}
		resume()
		if got := <-applied; got != before+1 {
			t.Errorf("revision after = %d, want %d", got, before+1)
		}
	})
}
