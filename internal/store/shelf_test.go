package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stayput.dev/internal/shelf"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// put keeps an item, which must go well, and returns it with its version.
func put(tb testing.TB, s store.Shelf, item shelf.Item) shelf.Item {
	tb.Helper()
	version, err := s.Put(tb.Context(), item)
	if err != nil {
		tb.Fatal(err)
	}
	item.Version = version
	return item
}

// ids returns the IDs of items.
func ids(items []shelf.Item, err error) []string {
	if err != nil {
		return []string{err.Error()}
	}
	all := []string{}
	for _, item := range items {
		all = append(all, item.ID)
	}
	return all
}

func TestShelfKeepsItems(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	at := time.UnixMilli(1_790_000_000_123).UTC()
	want := put(t, s.Shelf(), shelf.Item{Kind: "session", ID: "a", Account: 7, Due: at, Body: []byte("body\x00"), Passing: true})
	bare := put(t, s.Shelf(), shelf.Item{Kind: "mail", ID: "a"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, store.Options{})
	for _, want := range []shelf.Item{want, bare} {
		got, err := s.Shelf().Get(t.Context(), want.Kind, want.ID)
		if err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%v: %s", err, cmp.Diff(want, got))
		}
	}
	if _, err := s.Shelf().Get(t.Context(), "session", "b"); !errors.Is(err, shelf.ErrNotFound) {
		t.Errorf("what was never kept: %v, want ErrNotFound", err)
	}
	for _, bad := range []shelf.Item{
		{Kind: "", ID: "a"},
		{Kind: "mail", ID: ""},
		{Kind: "mail", ID: "é"},
		{Kind: "mail", ID: "b", Body: make([]byte, shelf.MaxBody+1)},
	} {
		if _, err := s.Shelf().Put(t.Context(), bad); !errors.Is(err, shelf.ErrBadItem) {
			t.Errorf("%s %q: %v, want ErrBadItem", bad.Kind, bad.ID, err)
		}
	}
}

func TestShelfComparesAndSwaps(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{}).Shelf()
	first := put(t, s, shelf.Item{Kind: "totp", ID: "1", Body: []byte("one")})
	if _, err := s.Put(t.Context(), shelf.Item{Kind: "totp", ID: "1", Body: []byte("other")}); !errors.Is(err, shelf.ErrChanged) {
		t.Errorf("a new one where there is one: %v, want ErrChanged", err)
	}
	changed := first
	changed.Body = []byte("two")
	second := put(t, s, changed)
	if _, err := s.Put(t.Context(), changed); !errors.Is(err, shelf.ErrChanged) {
		t.Errorf("in the place of an old version: %v, want ErrChanged", err)
	}
	if err := s.Drop(t.Context(), first); !errors.Is(err, shelf.ErrChanged) {
		t.Errorf("an old version is dropped: %v, want ErrChanged", err)
	}
	taken, err := s.Take(t.Context(), "totp", "1")
	if err != nil || cmp.Diff(second, taken) != "" {
		t.Errorf("taken: %v %s", err, cmp.Diff(second, taken))
	}
	if _, err := s.Put(t.Context(), second); !errors.Is(err, shelf.ErrChanged) {
		t.Errorf("in the place of one that is gone: %v, want ErrChanged", err)
	}
	again := put(t, s, shelf.Item{Kind: "totp", ID: "1"})
	if again.Version <= second.Version {
		t.Errorf("version %d after one of %d was deleted", again.Version, second.Version)
	}
	if err := s.Drop(t.Context(), again); err != nil {
		t.Errorf("the version that there is: %v", err)
	}
	if err := s.Drop(t.Context(), again); !errors.Is(err, shelf.ErrChanged) {
		t.Errorf("one that is gone is dropped: %v, want ErrChanged", err)
	}
}

// TestShelfIsSafe: of many who take or add the same, one succeeds.
func TestShelfIsSafe(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{}).Shelf()
	const workers, rounds = 8, 20
	var added, taken atomic.Int32
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range rounds {
				_, err := s.Put(t.Context(), shelf.Item{Kind: "link", ID: fmt.Sprint(i)})
				if err == nil {
					added.Add(1)
				} else if !errors.Is(err, shelf.ErrChanged) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for range workers {
		all.Go(func() {
			for i := range rounds {
				_, err := s.Take(t.Context(), "link", fmt.Sprint(i))
				if err == nil {
					taken.Add(1)
				} else if !errors.Is(err, shelf.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if added.Load() != rounds || taken.Load() != rounds {
		t.Errorf("%d added and %d taken, want %d each", added.Load(), taken.Load(), rounds)
	}
}

func TestShelfLists(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{}).Shelf()
	at := func(second int64) time.Time { return time.Unix(1_790_000_000+second, 0) }
	for _, item := range []shelf.Item{
		{Kind: "mail", ID: "d", Account: 1, Due: at(1)},
		{Kind: "mail", ID: "a", Account: 2, Due: at(3)},
		{Kind: "mail", ID: "C", Account: 1, Due: at(2)},
		{Kind: "mail", ID: "b"},
		{Kind: "session", ID: "e", Account: 1, Due: at(1)},
	} {
		put(t, s, item)
	}
	ctx := t.Context()
	check := func(why string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(want, got) {
			t.Errorf("%s: %q, want %q", why, got, want)
		}
	}
	check("first page", ids(s.Page(ctx, "mail", "", 3)), "C", "a", "b")
	check("second page", ids(s.Page(ctx, "mail", "b", 3)), "d")
	check("due", ids(s.Due(ctx, "mail", at(2), 10)), "d", "C")
	check("the longest due", ids(s.Due(ctx, "mail", at(9), 1)), "d")
	check("of an account", ids(s.Of(ctx, 1, "mail")), "C", "d")
	accounts, err := s.Accounts(ctx, 0, 10)
	if err != nil || cmp.Diff([]uint32{1, 2}, accounts) != "" {
		t.Errorf("accounts: %v, %v, want 1 and 2", accounts, err)
	}
	if n, err := s.Sweep(ctx, "mail", at(1)); err != nil || n != 1 {
		t.Errorf("swept %d, %v, want 1", n, err)
	}
	check("after the sweep", ids(s.Page(ctx, "mail", "", 9)), "C", "a", "b")
	if err := s.DropAccount(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.DropAccount(ctx, 0); err != nil {
		t.Fatal(err)
	}
	check("mails without account 1", ids(s.Page(ctx, "mail", "", 9)), "a", "b")
	check("sessions without account 1", ids(s.Page(ctx, "session", "", 9)))
}

// TestPassingItemsDoNotComeBack: a backup gives back second factors, and neither
// sessions nor links, which may have been used since.
func TestPassingItemsDoNotComeBack(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	apply(t, run(t, s), makeZone(1))
	put(t, s.Shelf(), shelf.Item{Kind: "link", ID: "a", Passing: true})
	put(t, s.Shelf(), shelf.Item{Kind: "totp", ID: "a"})
	file := filepath.Join(t.TempDir(), "backup")
	if err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	restored := t.TempDir()
	if err := store.Restore(t.Context(), file, restored, time.Now()); err != nil {
		t.Fatal(err)
	}
	r := open(t, restored, store.Options{})
	if got := ids(r.Shelf().Page(t.Context(), "link", "", 9)); len(got) > 0 {
		t.Errorf("links came back: %q", got)
	}
	if got := ids(r.Shelf().Page(t.Context(), "totp", "", 9)); len(got) != 1 {
		t.Errorf("second factors: %q, want one", got)
	}
}

// TestShelfBesideUpdates: what is put on the shelf while commits are appended takes
// nothing from them.
func TestShelfBesideUpdates(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{})
	r := run(t, s)
	apply(t, r, makeZone(1))
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 25 {
				if _, err := s.Shelf().Put(t.Context(), shelf.Item{Kind: "mail", ID: fmt.Sprintf("%d-%d", worker, i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 25 {
		apply(t, r, move(0, address(i)))
	}
	all.Wait()
	if got := ids(s.Shelf().Page(t.Context(), "mail", "", 1000)); len(got) != 100 {
		t.Errorf("%d items, want 100", len(got))
	}
	if got := load(t, s).Revision; got != 26 {
		t.Errorf("revision %d, want 26", got)
	}
}
