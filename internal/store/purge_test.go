package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// findIn returns the files below dir that hold the text.
func findIn(tb testing.TB, dir, text string) (files []string) {
	tb.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range all {
		content, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			tb.Fatal(err)
		}
		if bytes.Contains(content, []byte(text)) {
			files = append(files, file.Name())
		}
	}
	return files
}

// TestPurge deletes a host, and looks for its name in every file while the store is
// in use.
func TestPurge(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	const label = "host-4711"
	stories := []struct {
		name   string
		before func(*testing.T, *store.Store, *registry.Registry)
	}{
		{"nothing else happened", func(*testing.T, *store.Store, *registry.Registry) {}},
		{"a snapshot had been written before", func(t *testing.T, s *store.Store, r *registry.Registry) {
			s.SetRetention(1, 0)
			compact(t, s, r)
		}},
	}
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := open(t, dir, store.Options{})
			r := run(t, s)
			apply(t, r, makeZone(5000))
			apply(t, r, move(4711, address(1)))
			story.before(t, s, r)
			apply(t, r, release(4711))
			if len(findIn(t, dir, label)) == 0 {
				t.Fatal("the name was nowhere to begin with")
			}
			if err := s.Purge(t.Context(), r.State(), true); err != nil {
				t.Fatal(err)
			}
			if files := findIn(t, dir, label); len(files) > 0 {
				t.Errorf("the name is still in %v", files)
			}
			if len(findIn(t, dir, "host-4712")) == 0 {
				t.Error("another name is gone, too")
			}
			for i := range 20 {
				apply(t, r, move(i, address(100+i)))
			}
			same(t, load(t, s), r.State())
			if err := s.Purge(t.Context(), r.State(), true); err != nil {
				t.Error("a second time:", err)
			}
		})
	}
}

// TestPurgeWaitsForFollowers, but not without patience.
func TestPurgeWaitsForFollowers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	r := run(t, s)
	apply(t, r, makeZone(10))
	for _, behind := range []string{"archive", "push"} {
		if err := s.SetCursor(t.Context(), behind, r.State().Revision); err != nil {
			t.Fatal(err)
		}
	}
	apply(t, r, release(7))
	if err := s.Purge(t.Context(), r.State(), true); !errors.Is(err, store.ErrWanted) {
		t.Errorf("Purge = %v, want ErrWanted", err)
	}
	if got := count(t, dir, countJournal); got != 1 {
		t.Errorf("%d commits are left, want the one that is wanted", got)
	}
	if err := s.Purge(t.Context(), r.State(), false); err != nil {
		t.Error(err)
	}
	if got := count(t, dir, countJournal); got != 0 {
		t.Errorf("%d commits are left", got)
	}
	same(t, load(t, s), r.State())
	for _, err := range r.Follow(t.Context(), 1) {
		if !errors.Is(err, registry.ErrTrimmed) {
			t.Errorf("who is behind hears %v, want ErrTrimmed", err)
		}
		break
	}
}

// TestDropAccountLeavesNothing of items that stood among many others.
func TestDropAccountLeavesNothing(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	r := run(t, s)
	apply(t, r, makeZone(1))
	for i := range 300 {
		put(t, s.Shelf(), shelf.Item{
			Kind: "mail", ID: fmt.Sprintf("%03d", i*7919%300), Account: uint32(i % 10), Body: fmt.Appendf(nil, "to customer-%d@example.org", i%10),
		})
	}
	if err := s.Shelf().DropAccount(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), r.State(), true); err != nil {
		t.Fatal(err)
	}
	if files := findIn(t, dir, "customer-7@"); len(files) > 0 {
		t.Errorf("the address is still in %v", files)
	}
	if len(findIn(t, dir, "customer-8@")) == 0 {
		t.Error("that of another is gone, too")
	}
}
