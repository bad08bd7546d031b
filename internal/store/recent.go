package store

import (
	"sync"

	"stayput.dev/internal/registry"
)

// recent holds the last rows that this process appended, without a gap, so that who
// follows closely need not ask the database for each.
type recent struct {
	mu   sync.Mutex // guards what follows
	rows []row
	size int // octets of their bodies
}

// add takes over rows that were appended. Where they do not go on from those that are
// here, somebody else has written in between, and those are forgotten.
func (r *recent) add(rows []row) {
	if len(rows) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.rows); n > 0 && r.rows[n-1].revision+1 != rows[0].revision {
		r.rows, r.size = nil, 0
	}
	r.rows = append(r.rows, rows...)
	for _, row := range rows {
		r.size += len(row.body)
	}
	for len(r.rows) > maxRows || r.size > maxBatch {
		r.size -= len(r.rows[0].body)
		r.rows[0] = row{} // its body may go
		r.rows = r.rows[1:]
	}
}

// forget forgets all: they may no longer be what the database holds.
func (r *recent) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows, r.size = nil, 0
}

// after returns the rows after a revision, none where the first of them is not here.
func (r *recent) after(revision registry.Revision) []row {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rows) == 0 || revision+1 < r.rows[0].revision {
		return nil
	}
	skip := int(revision + 1 - r.rows[0].revision)
	if skip >= len(r.rows) {
		return nil
	}
	return append([]row(nil), r.rows[skip:]...)
}
