package tree

// Cursor is a place among the entries of one version. It is not safe for
// concurrent use.
type Cursor struct {
	steps [maxDepth]step // from the root to the leaf
	depth int            // how many of them are in use; 0 in an empty map
	key   []byte         // of the entry under the cursor, made on demand
}

// maxDepth bounds the way from the root to a leaf: a level is added only when
// the one below has filled a node of maxFanout.
const maxDepth = 8

type step struct {
	n     *node
	index int
}

// Seek returns a cursor at the first entry whose key is not less than key. It
// is not valid when there is none; Prev then leads to the last entry.
func (m Map) Seek(key []byte) Cursor {
	c := Cursor{}
	if m.root == nil {
		return c
	}
	n := m.root
	for n.children != nil {
		i := n.childFor(key)
		c.push(n, i)
		n = n.children[i]
	}
	i, _ := n.entries.search(key)
	c.push(n, i)
	if i == n.entries.len() {
		c.advanceLeaf()
	}
	return c
}

func (c *Cursor) push(n *node, index int) {
	c.steps[c.depth] = step{n, index}
	c.depth++
}

// here is the step in the leaf.
func (c *Cursor) here() *step { return &c.steps[c.depth-1] }

// Valid tells whether the cursor stands at an entry.
func (c *Cursor) Valid() bool {
	if c.depth == 0 {
		return false
	}
	s := c.here()
	return s.index >= 0 && s.index < s.n.entries.len()
}

// Key returns the key of the entry, valid until the cursor moves.
func (c *Cursor) Key() []byte {
	s := c.here()
	c.key = s.n.entries.key(c.key[:0], s.index)
	return c.key
}

// Value returns the value of the entry.
func (c *Cursor) Value() []byte {
	s := c.here()
	return s.n.entries.value(s.index)
}

// Next moves to the following entry; after the last the cursor is not valid.
func (c *Cursor) Next() {
	s := c.here()
	if s.index++; s.index >= s.n.entries.len() {
		c.advanceLeaf()
	}
}

// Prev moves to the entry before; before the first the cursor is not valid.
func (c *Cursor) Prev() {
	if c.depth == 0 {
		return
	}
	s := c.here()
	if s.index--; s.index >= 0 {
		return
	}
	for d := c.depth - 2; d >= 0; d-- {
		if c.steps[d].index > 0 {
			c.steps[d].index--
			c.descend(d, true)
			return
		}
	}
}

// advanceLeaf moves to the first entry of the next leaf, or stays past the last
// entry of the last leaf.
func (c *Cursor) advanceLeaf() {
	for d := c.depth - 2; d >= 0; d-- {
		if c.steps[d].index < len(c.steps[d].n.children)-1 {
			c.steps[d].index++
			c.descend(d, false)
			return
		}
	}
}

// descend goes from the child at depth d down to its first or last entry.
func (c *Cursor) descend(d int, last bool) {
	for d++; d < c.depth; d++ {
		n := c.steps[d-1].n.children[c.steps[d-1].index]
		c.steps[d] = step{n, 0}
		if last {
			c.steps[d].index = n.width() - 1
		}
	}
}

// width is the number of children of an inner node, of entries of a leaf.
func (n *node) width() int {
	if n.children != nil {
		return len(n.children)
	}
	return n.entries.len()
}
