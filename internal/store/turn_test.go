package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
)

// TestWhoIsSlowHasItsTurn: a node that takes much longer over a commit than another, which
// never rests, appends all the same.
func TestWhoIsSlowHasItsTurn(t *testing.T) {
	t.Parallel()
	fast, slow := twoNodes(t)
	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	busy.Go(func() {
		for ctx.Err() == nil {
			if err := appendNext(t, fast); err != nil && !errors.Is(err, registry.ErrBehind) {
				t.Error(err)
				return
			}
		}
	})
	defer busy.Wait()
	defer stop()
	for range 3 {
		late := 0
		for {
			end := askEnd(t, slow)
			time.Sleep(50 * time.Millisecond)
			err := append1(t, slow, end)
			if err == nil {
				break
			}
			if late++; late == 100 || !errors.Is(err, registry.ErrBehind) {
				t.Fatalf("%d appends were late, the last one: %v", late, err)
			}
		}
	}
}

// TestATurnThatNobodyTakesIsOver: others are kept waiting for a moment only.
func TestATurnThatNobodyTakesIsOver(t *testing.T) {
	t.Parallel()
	fast, slow := twoNodes(t)
	for range 4 {
		if err := appendNext(t, fast); err != nil {
			t.Fatal(err)
		}
		if err := append1(t, slow, 0); !errors.Is(err, registry.ErrBehind) {
			t.Fatalf("a late append: %v, want %v", err, registry.ErrBehind)
		}
	}
	for range 10 {
		if err := appendNext(t, fast); err != nil {
			t.Errorf("appending when another's turn is over: %v", err)
		}
	}
	if err := appendNext(t, slow); err != nil {
		t.Errorf("appending when our turn is over: %v", err)
	}
}

// TestATurnEndsByItself: a timer that ran out while its turn was taken leaves the next
// one alone.
func TestATurnEndsByItself(t *testing.T) {
	t.Parallel()
	fast, slow := twoNodes(t)
	if err := appendNext(t, fast); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := append1(t, slow, 0); !errors.Is(err, registry.ErrBehind) {
			t.Fatalf("a late append: %v, want %v", err, registry.ErrBehind)
		}
	}
	if !store.OutlastTurn(slow) {
		t.Error("a turn was ended with the one before it")
	}
}

// twoNodes returns nodes on one database, both at the beginning of its journal.
func twoNodes(t *testing.T) (fast, slow *store.Store) {
	t.Helper()
	_, node := database(t)
	fast, slow = node(store.Options{}), node(store.Options{})
	load(t, fast)
	load(t, slow)
	return fast, slow
}

func appendNext(t *testing.T, s *store.Store) error {
	t.Helper()
	return append1(t, s, askEnd(t, s))
}

func askEnd(t *testing.T, s *store.Store) registry.Revision {
	t.Helper()
	end, err := s.Others().AskEnd(t.Context())
	if err != nil {
		t.Error(err)
	}
	return end
}
