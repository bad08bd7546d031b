package store_test

import (
	"context"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// TestAnyHistoryIsKept makes random groups of edits, snapshots and restarts:
// what is read back is always what stood in memory, and so is what a follower
// makes of the commits.
func TestAnyHistoryIsKept(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := history{t: t, rt: rt, dir: t.TempDir()}
		h.start()
		defer func() { h.stop() }()
		rt.Repeat(map[string]func(*rapid.T){
			"edits":   h.edit,
			"compact": func(*rapid.T) { h.must(h.store.Compact(t.Context(), h.registry.State())) },
			"restart": func(*rapid.T) { h.restart() },
			"":        func(*rapid.T) { same(t, load(t, h.store), h.registry.State()) },
		})
		same(t, h.replay(), h.registry.State())
	})
}

// history is a registry over a store, and what it takes to restart both.
type history struct {
	t        *testing.T
	rt       *rapid.T
	dir      string
	store    *store.Store
	registry *registry.Registry
	stop     func()
}

func (h *history) must(err error) {
	if err != nil {
		h.rt.Fatal(err)
	}
}

func (h *history) start() {
	// Snapshots are due at once. Nothing here is about power cuts.
	var err error
	h.stop = func() {}
	h.store, err = store.Open(h.t.Context(), h.dir, rig.StoreOptions(h.t, h.dir, store.Options{Logger: quiet, NoSync: true, SnapshotAfter: 1}))
	h.must(err)
	h.registry, err = registry.Open(h.t.Context(), h.store, registry.Options{Logger: quiet})
	h.must(err)
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error)
	go func() { done <- h.registry.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		h.must(<-done)
		h.must(h.store.Close())
	})
}

func (h *history) restart() {
	before := h.registry.State()
	h.stop()
	h.start()
	same(h.t, h.registry.State(), before)
}

// edit makes some edits at once, so that they may become one commit. Some ask
// for what cannot be.
func (h *history) edit(rt *rapid.T) {
	var group sync.WaitGroup
	for _, e := range rapid.SliceOfN(rapid.Custom(anyEdit), 1, 6).Draw(rt, "edits") {
		group.Go(func() { _, _ = h.registry.Apply(h.t.Context(), registry.Actor{Via: "test"}, e) })
	}
	group.Wait()
	h.must(h.registry.Err())
}

// replay makes the state of the commits alone.
func (h *history) replay() *registry.State {
	want := h.registry.State()
	state := &registry.State{Lineage: want.Lineage}
	for _, c := range take(h.t, h.store, 0, int(want.Revision)) {
		var err error
		state, err = state.Apply(c)
		h.must(err)
	}
	return state
}
