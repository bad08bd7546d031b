// Package rig is what the tests of several rooms need.
package rig

import (
	"context"
	"iter"
	"slices"
	"sync"

	"stayput.dev/internal/registry"
)

// Memory is a registry.Store that forgets everything at the end. The zero Memory is
// empty.
type Memory struct {
	mu      sync.Mutex // guards what follows
	commits []registry.Commit
	fault   error // what Append fails with
}

var _ registry.Store = (*Memory)(nil)

// Load implements registry.Store.
func (m *Memory) Load(context.Context) (*registry.State, error) { return &registry.State{}, nil }

// Append implements registry.Store.
func (m *Memory) Append(_ context.Context, after registry.Revision, commits []registry.Commit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != nil {
		return m.fault
	}
	if int(after) != len(m.commits) {
		return registry.ErrBehind
	}
	m.commits = append(m.commits, commits...)
	return nil
}

// Follow implements registry.Store for what is there; nothing comes later.
func (m *Memory) Follow(ctx context.Context, after registry.Revision) iter.Seq2[registry.Commit, error] {
	return func(yield func(registry.Commit, error) bool) {
		for _, c := range m.Commits()[after:] {
			if !yield(c, nil) {
				return
			}
		}
		<-ctx.Done()
		yield(registry.Commit{}, ctx.Err())
	}
}

// SetFault says what Append fails with from now on; nil: it works.
func (m *Memory) SetFault(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = err
}

// Commits returns all that was appended.
func (m *Memory) Commits() []registry.Commit {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.commits)
}
