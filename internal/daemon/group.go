package daemon

import (
	"context"
	"sync"
)

// group is goroutines that end together.
type group struct {
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// newGroup returns a group that ends with ctx, if not before.
func newGroup(ctx context.Context) *group {
	g := &group{}
	g.ctx, g.cancel = context.WithCancel(ctx)
	return g
}

// run runs f, whose context ends when the group is to end.
func (g *group) run(f func(ctx context.Context)) { g.done.Go(func() { f(g.ctx) }) }

// end returns when all of the group have ended.
func (g *group) end() {
	g.cancel()
	g.done.Wait()
}
