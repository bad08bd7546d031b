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
	return func(yield func(Change) bool) { diffNodes(before.root, after.root, yield) }
}

// diffNodes yields the differences between two nodes, which may be nil. It only
// looks at the children that the two do not share: to look into the others would
// cost as many misses of the cache.
func diffNodes(a, b *node, yield func(Change) bool) bool {
	switch {
	case a == b:
		return true
	case a == nil || b == nil || a.children == nil || b.children == nil:
		return diffEntries(Map{root: a}, Map{root: b}, yield)
	}
	for i, j := 0, 0; ; {
		for i < len(a.children) && j < len(b.children) && a.children[i] == b.children[j] {
			i, j = i+1, j+1
		}
		n, m := beforeShared(a.children[i:], b.children[j:])
		if n+m == 0 {
			return true
		}
		if !diffParts(a, i, i+n, b, j, j+m, yield) {
			return false
		}
		i, j = i+n, j+m
	}
}

// diffParts is diffNodes for the children from i to iEnd of one node and those
// from j to jEnd of another.
func diffParts(a *node, i, iEnd int, b *node, j, jEnd int, yield func(Change) bool) bool {
	alike := iEnd-i == jEnd-j
	for k := 1; alike && k < iEnd-i; k++ {
		alike = bytes.Equal(a.firsts[i+k], b.firsts[j+k])
	}
	if !alike { // nodes were split or joined
		return diffEntries(a.part(i, iEnd), b.part(j, jEnd), yield)
	}
	for k := range iEnd - i {
		if !diffNodes(a.children[i+k], b.children[j+k], yield) {
			return false
		}
	}
	return true
}

// beforeShared returns how many of a and of b stand before the first node that is
// in both.
func beforeShared(a, b []*node) (n, m int) {
	for sum := range len(a) + len(b) {
		for n := max(0, sum-len(b)+1); n <= min(sum, len(a)-1); n++ {
			if a[n] == b[sum-n] {
				return n, sum - n
			}
		}
	}
	return len(a), len(b)
}

// part returns the children from i to end.
func (n *node) part(i, end int) Map {
	switch end - i {
	case 0:
		return Map{}
	case 1:
		return Map{root: n.children[i]}
	}
	return Map{root: &node{children: n.children[i:end], firsts: n.firsts[i:end]}}
}

// diffEntries yields the differences between two maps, whose sizes do not count.
func diffEntries(before, after Map, yield func(Change) bool) bool {
	a, b := newWalk(before), newWalk(after)
	for a.Valid() || b.Valid() {
		if a.skipShared(b) || a.skipSame(b) {
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
			return false
		}
		if order <= 0 {
			a.Next()
		}
		if order >= 0 {
			b.Next()
		}
	}
	return true
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

// skipSame passes both over the entries that lie alike in the leaves that they
// stand in, and tells whether there were any: most of a leaf that was copied.
func (a *walk) skipSame(b *walk) bool {
	if !a.Valid() || !b.Valid() {
		return false
	}
	x, y := a.here(), b.here()
	was, now := &x.n.entries, &y.n.entries
	if !bytes.Equal(was.data[:was.prefix], now.data[:now.prefix]) {
		return false
	}
	n := 0
	for i, j := x.index, y.index; i < was.len() && j < now.len() && bytes.Equal(was.entry(i), now.entry(j)); i, j = i+1, j+1 {
		n++
	}
	if n == 0 {
		return false
	}
	x.index += n - 1
	y.index += n - 1
	a.Next()
	b.Next()
	return true
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
