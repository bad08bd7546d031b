package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
)

// TestMarksAreKept: a mark takes the place of the one with its name, and one follower's
// marks are none of another's.
func TestMarksAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	mark := func(name string, stage registry.MarkStage, types ...zone.Type) registry.Mark {
		return registry.Mark{Name: zone.MustName(name), Types: types, Stage: stage, At: time.UnixMilli(1_790_000_000_123).UTC()}
	}
	save := func(follower string, at registry.Revision, marks ...registry.Mark) {
		if err := s.SaveMarks(t.Context(), follower, at, marks); err != nil {
			t.Fatal(err)
		}
	}
	save("push one", 7, mark("a.example.org", registry.MarkPending, zone.TypeA), mark("b.example.org", registry.MarkPending, zone.TypeA))
	save("push two", 8, mark("a.example.org", registry.MarkPending))
	save("push one", 9, mark("a.example.org", registry.MarkGone, zone.TypeA, zone.TypeAAAA), mark("b.example.org", registry.MarkNone))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, store.Options{})
	for follower, want := range map[string]struct {
		at    registry.Revision
		marks []registry.Mark
	}{
		"push one": {9, []registry.Mark{mark("a.example.org", registry.MarkGone, zone.TypeA, zone.TypeAAAA)}},
		"push two": {8, []registry.Mark{mark("a.example.org", registry.MarkPending)}},
		"nobody":   {},
	} {
		at, marks, err := s.Marks(t.Context(), follower)
		if err != nil || at != want.at || cmp.Diff(want.marks, marks) != "" {
			t.Errorf("%s: revision %d, %v, want %d; marks: %s", follower, at, err, want.at, cmp.Diff(want.marks, marks))
		}
	}
	for follower, want := range map[string]bool{"push one": false, "push two": true, "nobody": false} {
		_, pending, err := s.Mark(t.Context(), follower, zone.MustName("a.example.org"))
		if err != nil || pending != want {
			t.Errorf("%s: a name that is to be carried: %v, %v, want %v", follower, pending, err, want)
		}
	}
}
