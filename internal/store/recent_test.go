package store

import (
	"slices"
	"testing"

	"stayput.dev/internal/registry"
)

// TestRecent adds rows and asks for those after a revision: it has the last ones, up to
// its bounds, and never some with a gap before them.
func TestRecent(t *testing.T) {
	t.Parallel()
	body := make([]byte, maxBatch/4)
	rows := func(revisions ...registry.Revision) (made []row) {
		for _, r := range revisions {
			made = append(made, row{revision: r, body: body})
		}
		return made
	}
	var r recent
	for _, c := range []struct {
		doing string
		do    func()
		after registry.Revision
		want  []registry.Revision
	}{
		{"nothing was added", func() {}, 0, nil},
		{"three were", func() { r.add(rows(5, 6)); r.add(rows(7)) }, 4, []registry.Revision{5, 6, 7}},
		{"the last one is wanted", func() {}, 6, []registry.Revision{7}},
		{"all are known", func() {}, 7, nil},
		{"one before them is wanted", func() {}, 3, nil},
		{"later ones than there are", func() {}, 9, nil},
		{"two more than there is room for", func() { r.add(rows(8, 9)) }, 5, []registry.Revision{6, 7, 8, 9}},
		{"the first is gone", func() {}, 4, nil},
		{"somebody else has written", func() { r.add(rows(11)) }, 10, []registry.Revision{11}},
		{"what was before that is gone", func() {}, 8, nil},
		{"none of a commit", func() { r.add(nil) }, 10, []registry.Revision{11}},
		{"they are forgotten", func() { r.forget() }, 10, nil},
	} {
		c.do()
		var got []registry.Revision
		for _, row := range r.after(c.after) {
			got = append(got, row.revision)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: after %d there are %d, want %d", c.doing, c.after, got, c.want)
		}
	}
}
