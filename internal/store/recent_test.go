package store

import (
	"slices"
	"testing"

	"stayput.dev/internal/registry"
)

// TestRecent adds commits and asks for those after a revision: it has the last ones, up to
// its bounds, and never some with a gap before them.
func TestRecent(t *testing.T) {
	t.Parallel()
	var r recent
	body := make([]byte, maxBatch/4)
	add := func(revisions ...registry.Revision) {
		var commits []registry.Commit
		var rows []row
		for _, revision := range revisions {
			commits = append(commits, registry.Commit{Revision: revision})
			rows = append(rows, row{revision: revision, body: body})
		}
		r.add(commits, rows)
	}
	for _, c := range []struct {
		doing string
		do    func()
		after registry.Revision
		want  []registry.Revision
	}{
		{"nothing was added", func() {}, 0, nil},
		{"three were", func() { add(5, 6); add(7) }, 4, []registry.Revision{5, 6, 7}},
		{"the last one is wanted", func() {}, 6, []registry.Revision{7}},
		{"all are known", func() {}, 7, nil},
		{"one before them is wanted", func() {}, 3, nil},
		{"later ones than there are", func() {}, 9, nil},
		{"two more than there is room for", func() { add(8, 9) }, 5, []registry.Revision{6, 7, 8, 9}},
		{"the first is gone", func() {}, 4, nil},
		{"somebody else has written", func() { add(11) }, 10, []registry.Revision{11}},
		{"what was before that is gone", func() {}, 8, nil},
		{"none of a commit", func() { add() }, 10, []registry.Revision{11}},
		{"they are forgotten", func() { r.forget() }, 10, nil},
	} {
		c.do()
		var got []registry.Revision
		for _, commit := range r.after(c.after) {
			got = append(got, commit.Revision)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: after %d there are %d, want %d", c.doing, c.after, got, c.want)
		}
	}
}
