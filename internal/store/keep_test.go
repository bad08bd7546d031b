package store_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
)

func TestCursorsAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	for _, at := range []registry.Revision{7, 12, 9} {
		if err := s.SetCursor(t.Context(), "notify", at); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, store.Options{})
	for name, want := range map[string]registry.Revision{"notify": 9, "nobody": 0} {
		got, err := s.Cursor(t.Context(), name)
		if err != nil || got != want {
			t.Errorf("cursor %s = %d, %v, want %d", name, got, err, want)
		}
	}
}

// TestFollowersAreDropped that are gone, with all that they kept, and no others: nobody
// waits for them.
func TestFollowersAreDropped(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{})
	for _, name := range []string{"notify", "webhook/w1", "webhook/w2"} {
		if err := s.SetCursor(t.Context(), name, 7); err != nil {
			t.Fatal(err)
		}
	}
	const many = 1200
	for _, name := range []string{"push one", "push two"} {
		marks := make([]registry.Mark, many)
		for i := range marks {
			marks[i] = registry.Mark{Name: zone.MustName(fmt.Sprintf("h%d.dyn.example.org", i)), Stage: registry.MarkPending, At: time.UnixMilli(0)}
		}
		if err := s.SaveMarks(t.Context(), name, 7, marks); err != nil {
			t.Fatal(err)
		}
	}
	for prefix, keep := range map[string]string{"webhook/": "webhook/w2", "push": "push two"} {
		if err := s.DropFollowers(t.Context(), prefix, []string{keep}); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int{"push one": 0, "push two": many} {
		if _, marks, err := s.Marks(t.Context(), name); err != nil || len(marks) != want {
			t.Errorf("%s has %d marks, %v, want %d", name, len(marks), err, want)
		}
	}
	for name, want := range map[string]registry.Revision{"notify": 7, "webhook/w1": 0, "webhook/w2": 7, "push one": 0, "push two": 7} {
		if got, err := s.Cursor(t.Context(), name); err != nil || got != want {
			t.Errorf("cursor %s = %d, %v, want %d", name, got, err, want)
		}
	}
}

func TestSeenIsMergedByMaximum(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	at := func(seconds int) time.Time {
		return time.Unix(1_790_000_000, 0).UTC().Add(time.Duration(seconds) * time.Second)
	}
	want := map[uint32]time.Time{}
	for i := range uint32(1500) {
		want[i+1] = at(int(i))
	}
	saves := []map[uint32]time.Time{
		want,
		{1: at(100), 2: at(-100), 5000: at(1)},
		{},
	}
	for _, seen := range saves {
		if err := s.SaveSeen(t.Context(), seen); err != nil {
			t.Fatal(err)
		}
	}
	want = maps.Clone(want)
	want[1], want[5000] = at(100), at(1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, dir, store.Options{}).LoadSeen(t.Context(), time.Time{})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("seen = %d hosts, %v, want %d hosts; host 1 %v, host 2 %v", len(got), err, len(want), got[1], got[2])
	}
}
