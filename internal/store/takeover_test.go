package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// openReader opens the store in dir as one of two processes does, until the test
// ends.
func openReader(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.OpenReader(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{Logger: quiet}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// append1 appends a commit that changes nothing.
func append1(t *testing.T, s *store.Store, after registry.Revision) error {
	t.Helper()
	return s.Append(t.Context(), after, []registry.Commit{{Revision: after + 1, ID: "test"}})
}

// TestTakeOver: one process writes while another reads and follows; then they
// change places, and back.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := open(t, dir, store.Options{})
	load(t, old)
	if err := append1(t, old, 0); err != nil {
		t.Fatal(err)
	}

	fresh := openReader(t, dir)
	if got := load(t, fresh).Revision; got != 1 {
		t.Errorf("read revision %d, want 1", got)
	}
	if err := append1(t, fresh, 1); err == nil {
		t.Error("a reader could append")
	}
	if err := fresh.TakeOver(t.Context()); !errors.Is(err, store.ErrInUse) {
		t.Errorf("taking over what is not released: %v, want %v", err, store.ErrInUse)
	}
	if err := append1(t, old, 1); err != nil {
		t.Fatal(err)
	}
	if got := next(t, fresh, 1); got != 2 {
		t.Errorf("followed to revision %d, want 2", got)
	}

	writer, reader := old, fresh
	for after := registry.Revision(2); after < 6; after++ {
		if err := writer.Release(); err != nil {
			t.Fatal(err)
		}
		if err := append1(t, writer, after); err == nil {
			t.Error("one that released the store could append")
		}
		if err := reader.TakeOver(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := append1(t, reader, after); err != nil {
			t.Fatal(err)
		}
		if got := next(t, writer, after); got != after+1 {
			t.Errorf("read revision %d, want %d", got, after+1)
		}
		writer, reader = reader, writer
	}
}

// next returns the revision of the commit after one.
func next(t *testing.T, s *store.Store, after registry.Revision) registry.Revision {
	t.Helper()
	for c, err := range s.Follow(t.Context(), after) {
		if err != nil {
			t.Fatal(err)
		}
		return c.Revision
	}
	return 0
}

// TestFollowerOfAReader: it gets what came before the store was taken over, and
// what came after.
func TestFollowerOfAReader(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := open(t, dir, store.Options{})
	load(t, old)
	fresh := openReader(t, dir)
	got := make(chan registry.Revision)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for c, err := range fresh.Follow(ctx, 0) {
			if err != nil {
				return
			}
			got <- c.Revision
		}
	}()
	expect := func(want registry.Revision) {
		t.Helper()
		if r := <-got; r != want {
			t.Errorf("followed to revision %d, want %d", r, want)
		}
	}
	if err := append1(t, old, 0); err != nil {
		t.Fatal(err)
	}
	expect(1)
	if err := errors.Join(append1(t, old, 1), old.Release(), fresh.TakeOver(t.Context()), append1(t, fresh, 2)); err != nil {
		t.Fatal(err)
	}
	expect(2)
	expect(3)
	cancel()
	<-done
}

// TestReaderOfOtherData: what this version could only read after a migration, or
// not at all, is refused, and nothing is made.
func TestReaderOfOtherData(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	if _, err := store.OpenReader(t.Context(), empty, rig.StoreOptions(t, empty, store.Options{})); err == nil {
		t.Error("could read a directory without data")
	}
	if files, _ := filepath.Glob(filepath.Join(empty, "*")); len(files) > 0 {
		t.Errorf("reading made %v", files)
	}

	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	load(t, s)
	tamper(t, dir, "DELETE FROM goose_db_version WHERE version_id > 0")
	if _, err := store.OpenReader(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{})); !errors.Is(err, store.ErrSchema) {
		t.Errorf("reading older data: %v, want %v", err, store.ErrSchema)
	}
	tamper(t, dir, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)", "INSERT INTO meta (key, value) VALUES ('needs', '99999')")
	if _, err := store.OpenReader(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{})); err == nil || errors.Is(err, store.ErrSchema) {
		t.Errorf("reading newer data: %v", err)
	}
}
