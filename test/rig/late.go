package rig

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"stayput.dev/internal/registry"
)

// Late is another node on the store of a registry, to which notices never come: it hears
// of commits only when it asks.
type Late struct {
	*registry.Registry
	of    *registry.Registry
	asked atomic.Int64
	known atomic.Uint64
	bell  registry.Bell
}

// NewLate returns a node that shows what the registry does, and nothing that comes later
// unless it asks. It runs until the test ends.
func NewLate(tb testing.TB, of *registry.Registry, store registry.Store) *Late {
	tb.Helper()
	l := &Late{of: of}
	var err error
	l.Registry, err = registry.Open(tb.Context(), store, registry.Options{Others: l, ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = l.Run(ctx) // which fails never
	}()
	tb.Cleanup(func() { stop(); <-ended })
	if _, err := l.Fresh(tb.Context(), l.State()); err != nil {
		tb.Fatal(err)
	}
	return l
}

// Asked returns how often it has asked.
func (l *Late) Asked() int { return int(l.asked.Load()) }

// End implements registry.Others.
func (l *Late) End() (registry.Revision, <-chan struct{}) {
	moved := l.bell.Next()
	return registry.Revision(l.known.Load()), moved
}

// Lost implements registry.Others.
func (l *Late) Lost() bool { return false }

// AskEnd implements registry.Others.
func (l *Late) AskEnd(context.Context) (registry.Revision, error) {
	end := l.of.State().Revision
	l.asked.Add(1)
	l.known.Store(uint64(end))
	l.bell.Ring()
	return end, nil
}
