package store

import (
	"sync"

	"stayput.dev/internal/registry"
)

// recent holds the last commits that this process appended, without a gap, so that who
// follows closely need neither ask the database for each nor decode it.
type recent struct {
	mu      sync.Mutex // guards what follows
	commits []registry.Commit
	sizes   []int // octets of their rows' bodies
	size    int   // of all of them
}

// add takes over commits that were appended as rows. Where they do not go on from those
// that are here, somebody else has written in between, and those are forgotten.
func (r *recent) add(commits []registry.Commit, rows []row) {
	if len(commits) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.commits); n > 0 && r.commits[n-1].Revision+1 != commits[0].Revision {
		r.clear()
	}
	r.commits = append(r.commits, commits...)
	for _, row := range rows {
		r.sizes = append(r.sizes, len(row.body))
		r.size += len(row.body)
	}
	for len(r.commits) > maxRows || r.size > maxBatch {
		r.size -= r.sizes[0]
		r.commits[0] = registry.Commit{} // what it holds may go
		r.commits, r.sizes = r.commits[1:], r.sizes[1:]
	}
}

// forget forgets all: they may no longer be what the database holds.
func (r *recent) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
}

func (r *recent) clear() { r.commits, r.sizes, r.size = nil, nil, 0 }

// after returns the commits after a revision, none where the first of them is not here.
func (r *recent) after(revision registry.Revision) []registry.Commit {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.commits) == 0 || revision+1 < r.commits[0].Revision {
		return nil
	}
	skip := int(revision + 1 - r.commits[0].Revision)
	if skip >= len(r.commits) {
		return nil
	}
	return append([]registry.Commit(nil), r.commits[skip:]...)
}
