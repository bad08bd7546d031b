package tree

import (
	"bytes"
	"iter"
)

// Change is a difference between two versions at one key.
type Change struct {
	Key      []byte
	Old, New []byte // the values; nil where the version has no such key
}

// Diff yields what must change to make after out of before, in ascending order
// of keys. Its time is proportional to the leaves that the two do not share,
// when one was made from the other. Slices are valid until the next is yielded.
func Diff(before, after Map) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		a, b := newWalk(before), newWalk(after)
		for a.Valid() || b.Valid() {
			if a.skipShared(b) {
				continue
			}
			order := compareCursors(a, b)
			c := Change{}
			if order <= 0 {
				c.Key, c.Old = a.Key(), a.Value()
			}
			if order >= 0 {
				c.Key, c.New = b.Key(), b.Value()
			}
			same := order == 0 && bytes.Equal(c.Old, c.New)
			if !same && !yield(c) {
				return
			}
			if order <= 0 {
				a.Next()
			}
			if order >= 0 {
				b.Next()
			}
		}
	}
}

func compareCursors(a, b *walk) int {
	switch {
	case !a.Valid():
		return 1
	case !b.Valid():
		return -1
	}
	return bytes.Compare(a.Key(), b.Key())
}

// walk is a cursor that can pass over whole nodes.
type walk struct{ Cursor }

func newWalk(m Map) *walk { return &walk{m.Seek(nil)} }

// skipShared passes both over the greatest node that both stand at the start of
// and that is the same node, and tells whether there was one.
func (a *walk) skipShared(b *walk) bool {
	if !a.Valid() || !b.Valid() {
		return false
	}
	i, j := a.startOf(), b.startOf()
	for ; i < a.depth; i++ {
		for k := j; k < b.depth; k++ {
			if a.steps[i].n == b.steps[k].n {
				a.leave(i)
				b.leave(k)
				return true
			}
		}
	}
	return false
}

// startOf returns the least depth whose node the cursor stands at the start of.
func (a *walk) startOf() int {
	d := a.depth
	for d > 0 && a.steps[d-1].index == 0 {
		d--
	}
	return d
}

// leave moves past the node at depth d.
func (a *walk) leave(d int) {
	for ; d < a.depth; d++ {
		a.steps[d].index = a.steps[d].n.width() - 1
	}
	a.Next()
}
