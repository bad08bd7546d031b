package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

func TestStoreKeepsWhatItTook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	r := run(t, s)
	if got := r.State(); got.Revision != 0 || len(got.Lineage) != 32 {
		t.Errorf("fresh state has revision %d and lineage %q", got.Revision, got.Lineage)
	}
	apply(t, r, makeZone(100))
	for i := range 20 {
		apply(t, r, move(i, address(1000+i)))
	}
	same(t, load(t, s), r.State())

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, load(t, open(t, dir, store.Options{})), r.State())
}

func TestAppendComparesWithTheEnd(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{})
	empty := load(t, s)
	first := commitOf(t, empty, makeZone(3))
	state, err := empty.Apply(first)
	if err != nil {
		t.Fatal(err)
	}
	second := commitOf(t, state, move(1, address(7)))
	third := second
	third.Revision++
	steps := []struct {
		name    string
		after   registry.Revision
		commits []registry.Commit
		behind  bool
		end     registry.Revision
	}{
		{"nothing, at the start", 0, nil, false, 0},
		{"after what is not there", 1, []registry.Commit{second}, true, 0},
		{"the first", 0, []registry.Commit{first}, false, 1},
		{"the first again", 0, []registry.Commit{first}, true, 1},
		{"nothing, but behind", 0, nil, true, 1},
		{"two, but behind", 0, []registry.Commit{first, second}, true, 1},
		{"two", 1, []registry.Commit{second, third}, false, 3},
		{"nothing, at the end", 3, nil, false, 3},
	}
	for _, step := range steps {
		err := s.Append(t.Context(), step.after, step.commits)
		if errors.Is(err, registry.ErrBehind) != step.behind || err != nil && !step.behind {
			t.Errorf("%s: error = %v, want ErrBehind: %v", step.name, err, step.behind)
		}
		if err := s.Append(t.Context(), step.end, nil); err != nil {
			t.Errorf("%s: journal does not end at %d: %v", step.name, step.end, err)
		}
	}
	if err := s.Append(t.Context(), 5, []registry.Commit{third}); err == nil || errors.Is(err, registry.ErrBehind) {
		t.Errorf("appending out of sequence: error = %v", err)
	}
}

func TestFollowReplaysAndWaits(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{})
	r := run(t, s)
	start := r.State()
	apply(t, r, makeZone(100))
	for i := range 30 {
		apply(t, r, move(i, address(500+i)))
	}
	state := start
	for _, c := range take(t, s, 0, 31) {
		var err error
		if state, err = state.Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	same(t, state, r.State())

	late := make(chan []registry.Commit)
	go func() { late <- take(t, s, 29, 5) }()
	for i := range 3 {
		apply(t, r, move(i, address(900+i)))
	}
	for i, c := range <-late {
		if want := registry.Revision(30 + i); c.Revision != want {
			t.Errorf("commit %d has revision %d, want %d", i, c.Revision, want)
		}
	}
}

// take returns the n commits after a revision.
func take(t *testing.T, s registry.Store, after registry.Revision, n int) []registry.Commit {
	t.Helper()
	var out []registry.Commit
	if n == 0 {
		return nil
	}
	for c, err := range s.Follow(t.Context(), after) {
		if err != nil {
			t.Errorf("following after %d: %v", after, err)
			break
		}
		if out = append(out, c); len(out) == n {
			break
		}
	}
	return out
}

// followError returns the error with which Follow ends, of a follower that would
// wait only if it must.
func followError(s registry.Store, after registry.Revision) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range s.Follow(ctx, after) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestFollowEnds(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{})
	r := run(t, s)
	apply(t, r, makeZone(1))
	if err := followError(s, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("when the context ends: %v, want %v", err, context.Canceled)
	}
	for _, err := range s.Follow(t.Context(), 2) {
		if !errors.Is(err, registry.ErrTrimmed) {
			t.Errorf("ahead of the journal: %v, want %v", err, registry.ErrTrimmed)
		}
	}
	ended := make(chan error)
	go func() {
		for _, err := range s.Follow(context.Background(), 1) {
			ended <- err
		}
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("a follower of a closed store ended without an error")
	}
}

func TestOnlyOneMayOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	_, err := store.Open(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{}))
	if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("second Open: %v, want %v and our process", err, store.ErrInUse)
	}
	load(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := s.Append(t.Context(), 0, nil); err == nil {
		t.Error("a closed store took an append")
	}
	load(t, open(t, dir, store.Options{}))
}

func TestFilesArePrivate(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "var", "data")
	r := run(t, open(t, dir, store.Options{}))
	apply(t, r, makeZone(10))
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("directory has mode %o, want 700", got)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has mode %o, want 600", e.Name(), got)
		}
	}
	if len(entries) < 4 {
		t.Errorf("%d files, want the database, its two logs and the lock", len(entries))
	}
}

// TestALaterSchemaIsRefused when it says that this version may not use it.
func TestALaterSchemaIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	load(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	tamper(t, dir, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)", "INSERT INTO meta (key, value) VALUES ('needs', '9999')")
	_, err := store.Open(t.Context(), dir, rig.StoreOptions(t, dir, store.Options{Logger: quiet}))
	if err == nil || !strings.Contains(err.Error(), "later version") {
		t.Errorf("opening a later schema: %v", err)
	}
}

// tamper changes a database behind the store's back; a file that nobody has open.
// The statements are SQLite's, of which PostgreSQL writes octets in another way.
func tamper(t *testing.T, dir string, statements ...string) {
	t.Helper()
	db := rig.Database(t, dir)
	for _, statement := range statements {
		if rig.OnPostgres() {
			statement = octets.ReplaceAllString(statement, `'\x$1'::BYTEA`)
		}
		result, err := db.ExecContext(t.Context(), statement)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			t.Fatalf("%s: changed %d rows, error %v", statement, n, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

var octets = regexp.MustCompile(`x'([0-9a-f]+)'`)
