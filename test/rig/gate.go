package rig

import (
	"context"
	"sync/atomic"

	"stayput.dev/internal/registry"
)

// Gate is a registry before whose next edit something may happen, as it does to who has
// looked at the state and is about to change it. It is safe for concurrent use.
type Gate struct {
	*registry.Registry
	before atomic.Pointer[func()]
}

// NewGate returns a registry before whose next edit something happens; nil is nothing.
func NewGate(of *registry.Registry, before func()) *Gate {
	g := &Gate{Registry: of}
	if before != nil {
		g.Before(before)
	}
	return g
}

// Before has something happen before the next edit, once.
func (g *Gate) Before(do func()) { g.before.Store(&do) }

// Apply is that of the registry.
func (g *Gate) Apply(ctx context.Context, by registry.Actor, e registry.Edit) (registry.Revision, error) {
	if before := g.before.Swap(nil); before != nil {
		(*before)()
	}
	return g.Registry.Apply(ctx, by, e)
}
