package update_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/update"
)

// shelf is a SeenStore in memory.
type shelf struct {
	mu    sync.Mutex // guards what follows
	seen  map[uint32]time.Time
	saves []map[uint32]time.Time
	fault error
}

func (s *shelf) LoadSeen(context.Context, time.Time) (map[uint32]time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.seen), s.fault
}

func (s *shelf) SaveSeen(ctx context.Context, seen map[uint32]time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(ctx.Err(), s.fault); err != nil {
		return err
	}
	s.saves = append(s.saves, seen)
	return nil
}

func (s *shelf) setFault(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

func (s *shelf) last() (saves int, last map[uint32]time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.saves) == 0 {
		return 0, nil
	}
	return len(s.saves), s.saves[len(s.saves)-1]
}

func openSeen(t *testing.T, store update.SeenStore) *update.Seen {
	t.Helper()
	seen, err := update.OpenSeen(context.Background(), store, nil)
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestUpdateMarksHosts(t *testing.T) {
	t.Parallel()
	seen := openSeen(t, &shelf{})
	w := newWorld(t, update.Options{Seen: seen})
	w.update(update.Request{Hosts: []string{"home.dyn.example.org", "printer.dyn.example.org"}, V4: set("203.0.113.1")})
	if got, want := seen.Last(1), start.Truncate(time.Second); !got.Equal(want) {
		t.Errorf("nochg: last seen = %v, want %v", got, want)
	}
	if got := seen.Last(3); !got.IsZero() {
		t.Errorf("foreign host: last seen = %v, want never", got)
	}
}

func TestSeenIsMergedByMaximum(t *testing.T) {
	t.Parallel()
	store := &shelf{seen: map[uint32]time.Time{7: start, 5000: start.Add(time.Hour)}}
	seen := openSeen(t, store)
	seen.Mark(7, start.Add(-time.Hour))
	seen.Mark(5000, start.Add(2*time.Hour))
	for id, want := range map[uint32]time.Time{7: start, 5000: start.Add(2 * time.Hour), 8: {}, 4_000_000: {}} {
		if got := seen.Last(id); !got.Equal(want.Truncate(time.Second)) {
			t.Errorf("host %d: last seen = %v, want %v", id, got, want)
		}
	}
}

func TestSeenFailsToOpen(t *testing.T) {
	t.Parallel()
	fault := errors.New("disk gone")
	if _, err := update.OpenSeen(t.Context(), &shelf{fault: fault}, nil); !errors.Is(err, fault) {
		t.Errorf("err = %v, want %v", err, fault)
	}
}

func TestSeenIsSavedLazily(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &shelf{seen: map[uint32]time.Time{1: time.Unix(1000, 0)}}
		seen := openSeen(t, store)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- seen.Run(ctx) }()

		seen.Mark(2, time.Unix(2000, 0))
		seen.Mark(2, time.Unix(2001, 0))
		seen.Mark(1500, time.Unix(2002, 0))
		time.Sleep(59 * time.Second)
		if saves, _ := store.last(); saves != 0 {
			t.Errorf("saves before the minute was over = %d", saves)
		}
		time.Sleep(2 * time.Second)
		want := map[uint32]time.Time{2: time.Unix(2001, 0).UTC(), 1500: time.Unix(2002, 0).UTC()}
		if saves, got := store.last(); saves != 1 || !maps.Equal(got, want) {
			t.Errorf("save %d = %v, want %v", saves, got, want)
		}
		time.Sleep(time.Hour)
		if saves, _ := store.last(); saves != 1 {
			t.Errorf("saves while nothing happened = %d, want 1", saves)
		}

		// What could not be saved is saved when the store works again.
		store.setFault(errors.New("disk full"))
		seen.Mark(3, time.Unix(3000, 0))
		time.Sleep(2 * time.Minute)
		store.setFault(nil)
		seen.Mark(4, time.Unix(4000, 0))
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want = map[uint32]time.Time{3: time.Unix(3000, 0).UTC(), 4: time.Unix(4000, 0).UTC()}
		if saves, got := store.last(); saves != 2 || !maps.Equal(got, want) {
			t.Errorf("last save = %v, want %v", got, want)
		}
	})
}

func TestSeenByMany(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	seen := openSeen(t, store)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- seen.Run(ctx) }()
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for id := range uint32(3000) {
				seen.Mark(id, time.Unix(int64(1000+g), 0))
			}
		})
	}
	all.Wait()
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	_, saved := store.last()
	if len(saved) != 3000 {
		t.Fatalf("saved = %d hosts, want 3000", len(saved))
	}
	for id, at := range saved {
		if at.Unix() != 1007 || !seen.Last(id).Equal(at) {
			t.Errorf("host %d: saved %v, last seen %v", id, at, seen.Last(id))
		}
	}
}
