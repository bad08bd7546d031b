package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// due makes a snapshot due after every commit.
var due = store.Options{SnapshotAfter: 1}

// compact makes a snapshot of what the registry holds.
func compact(tb testing.TB, s *store.Store, r *registry.Registry) {
	tb.Helper()
	if err := s.Compact(tb.Context(), r.State()); err != nil {
		tb.Fatal(err)
	}
}

// count returns the result of a query for one number.
func count(tb testing.TB, dir, query string) int {
	tb.Helper()
	db := rig.Database(tb, dir)
	defer db.Close()
	var n int
	if err := db.QueryRowContext(tb.Context(), query).Scan(&n); err != nil {
		tb.Fatal(err)
	}
	return n
}

const (
	countJournal   = "SELECT COUNT(*) FROM journal"
	countSnapshots = "SELECT COUNT(*) FROM snapshot"
	countChunks    = "SELECT COUNT(*) FROM snapshot_chunk"
)

func TestSnapshotAndTail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, due)
	r := run(t, s)
	apply(t, r, makeZone(10_000))
	for i := range 10 {
		apply(t, r, move(i, address(100+i)))
	}
	compact(t, s, r)
	for i := range 7 {
		apply(t, r, move(i, address(200+i)))
	}
	same(t, load(t, s), r.State())
	if got := count(t, dir, countChunks); got < 3 {
		t.Errorf("%d chunks, too few to tell how they are put together", got)
	}

	compact(t, s, r)
	apply(t, r, move(1, address(300)))
	same(t, load(t, s), r.State())
	if got := count(t, dir, countSnapshots); got != 1 {
		t.Errorf("%d snapshots, want only the last", got)
	}
}

func TestSnapshotOnlyWhenDue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{SnapshotAfter: 1 << 20})
	r := run(t, s)
	apply(t, r, makeZone(100))
	compact(t, s, r)
	if got := count(t, dir, countSnapshots); got != 0 {
		t.Errorf("%d snapshots after a small commit, want none", got)
	}
	apply(t, r, makeZone(20_000))
	compact(t, s, r)
	if got := count(t, dir, countSnapshots); got != 1 {
		t.Errorf("%d snapshots after a zone was replaced, want one", got)
	}
	chunks := count(t, dir, countChunks)
	compact(t, s, r)
	apply(t, r, move(1, address(9)))
	compact(t, s, r)
	if got := count(t, dir, "SELECT MAX(revision) FROM snapshot"); got != 2 {
		t.Errorf("snapshot of revision %d, want still that of 2", got)
	}
	if got := count(t, dir, countChunks); got != chunks {
		t.Errorf("%d chunks, want %d", got, chunks)
	}
}

// TestRetentionChanges: the next Compact heeds it.
func TestRetentionChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{SnapshotAfter: 1 << 30})
	r := run(t, s)
	apply(t, r, makeZone(100))
	s.SetRetention(1, 1)
	compact(t, s, r)
	if got := count(t, dir, countSnapshots); got != 1 {
		t.Errorf("%d snapshots, want one, since it is due now", got)
	}
}

func TestTrimKeepsWhatIsWanted(t *testing.T) {
	t.Parallel()
	type cursors = map[string]registry.Revision
	stories := []struct {
		name    string
		keep    int // of the last commits
		lag     int
		cursors cursors
		want    registry.Revision // the first that is kept, of 40
	}{
		{"the last few", 5, 0, nil, 36},
		{"nothing", 0, 0, nil, 41},
		{"all", 40, 0, nil, 1},
		{"what the slowest follower needs", 5, 0, cursors{"a": 12, "b": 30}, 13},
		{"nothing for who is too slow", 5, 20, cursors{"a": 12, "b": 30}, 31},
		{"the last few for who is up to date", 5, 0, cursors{"a": 40}, 36},
	}
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			state, size := fortyCommits(t, dir, story.keep)
			s := open(t, dir, store.Options{SnapshotAfter: 1, JournalKeep: size, CursorLag: story.lag})
			same(t, load(t, s), state)
			for name, at := range story.cursors {
				if err := s.SetCursor(t.Context(), name, at); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Compact(t.Context(), state); err != nil {
				t.Fatal(err)
			}
			if got := count(t, dir, countJournal); got != 41-int(story.want) {
				t.Errorf("%d commits are kept, want %d", got, 41-story.want)
			}
			if rest := take(t, s, story.want-1, min(1, 41-int(story.want))); len(rest) > 0 && rest[0].Revision != story.want {
				t.Errorf("journal starts at %d, want %d", rest[0].Revision, story.want)
			}
			if story.want > 1 {
				wantTrimmed(t, s, story.want-2)
			}
			same(t, load(t, s), state)
		})
	}
}

// fortyCommits fills a store, and returns its state and the size of the last
// keep commits.
func fortyCommits(t *testing.T, dir string, keep int) (state *registry.State, size int64) {
	t.Helper()
	s := open(t, dir, store.Options{})
	r := run(t, s)
	apply(t, r, makeZone(10))
	for i := range 39 {
		apply(t, r, move(i%10, address(100+i)))
	}
	for _, c := range take(t, s, registry.Revision(40-keep), keep) {
		size += int64(len(c.Encode()))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return r.State(), max(size, 1)
}

// wantTrimmed makes sure that nobody can follow from a revision.
func wantTrimmed(t *testing.T, s *store.Store, after registry.Revision) {
	t.Helper()
	for _, err := range s.Follow(t.Context(), after) {
		if !errors.Is(err, registry.ErrTrimmed) {
			t.Errorf("following after %d: %v, want %v", after, err, registry.ErrTrimmed)
		}
		if err == nil {
			break
		}
	}
}

// TestTheJournalEndsAtTheSnapshot: when all of the journal has gone, what was
// appended still counts.
func TestTheJournalEndsAtTheSnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{SnapshotAfter: 1, JournalKeep: 1})
	r := run(t, s)
	apply(t, r, makeZone(10))
	compact(t, s, r)
	if got := count(t, dir, countJournal); got != 0 {
		t.Fatalf("%d commits in the journal, want none", got)
	}
	same(t, load(t, s), r.State())
	c := commitOf(t, r.State(), move(1, address(77)))
	if err := s.Append(t.Context(), 0, []registry.Commit{{Revision: 1}}); !errors.Is(err, registry.ErrBehind) {
		t.Errorf("appending at the start: %v, want %v", err, registry.ErrBehind)
	}
	if err := s.Append(t.Context(), 1, []registry.Commit{c}); err != nil {
		t.Fatal(err)
	}
	wantTrimmed(t, s, 0)
}

// TestAnInterruptedSnapshotIsNone: it is passed over, and the next one clears up.
func TestAnInterruptedSnapshotIsNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, due)
	r := run(t, s)
	apply(t, r, makeZone(10_000))
	// Its header is missing, and its end.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	tamper(t, dir, "INSERT INTO snapshot_chunk VALUES (1, 0, x'00', 7), (1, 1, x'00', 7), (1, 2, x'00', 7)",
		"INSERT INTO snapshot_chunk VALUES (9, 0, x'00', 7)")

	s = open(t, dir, due)
	same(t, load(t, s), r.State())
	compact(t, s, r)
	same(t, load(t, s), r.State())
	if got := count(t, dir, "SELECT COUNT(*) FROM snapshot_chunk WHERE snapshot <> 1"); got != 0 {
		t.Errorf("%d chunks are left of what was never finished", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r = run(t, s)
	apply(t, r, makeZone(10_000))
	if err := s.Compact(ctx, r.State()); !errors.Is(err, context.Canceled) {
		t.Errorf("compacting in a context that has ended: %v, want %v", err, context.Canceled)
	}
	same(t, load(t, s), r.State())
}

// TestAppendsGoOnDuringSnapshots: whatever was appended in between is there.
func TestAppendsGoOnDuringSnapshots(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), due)
	r := run(t, s)
	apply(t, r, makeZone(10_000))
	var group sync.WaitGroup
	group.Go(func() {
		for range 3 {
			compact(t, s, r)
		}
	})
	for i := range 60 {
		apply(t, r, move(i, address(1000+i)))
	}
	group.Wait()
	same(t, load(t, s), r.State())
	if got := fmt.Sprint(take(t, s, 60, 1)[0].Revision); got != "61" {
		t.Errorf("last commit is %s, want 61", got)
	}
}
