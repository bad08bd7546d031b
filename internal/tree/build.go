package tree

import (
	"encoding/binary"
	"errors"
	"iter"
)

// ErrDamaged says that bytes are not leaves as AppendLeaves writes them.
var ErrDamaged = errors.New("damaged leaf")

// Leaves yields the map in pieces, in order, each the binary form of some
// entries. FromLeaves makes the same map of them. A piece is a fresh slice.
func (m Map) Leaves() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) { m.root.leafBlocks(yield) }
}

func (n *node) leafBlocks(yield func([]byte) bool) bool {
	if n == nil {
		return true
	}
	for _, c := range n.children {
		if !c.leafBlocks(yield) {
			return false
		}
	}
	return n.children != nil || yield(n.entries.marshal())
}

func (l *leaf) marshal() []byte {
	out := binary.AppendUvarint(make([]byte, 0, len(l.data)+2*l.len()+8), uint64(l.len()))
	out = binary.AppendUvarint(out, uint64(l.prefix))
	start := l.prefix
	for _, end := range l.ends {
		out = binary.AppendUvarint(out, uint64(end-start))
		start = end
	}
	return append(out, l.data...)
}

// Builder makes a map of entries that come in ascending order, faster than a
// Draft and with full leaves. The zero Builder is ready for use. It is not safe
// for concurrent use.
type Builder struct {
	pending []pair
	bytes   int
	leaves  []*node
	size    int
	last    []byte
}

// Add appends an entry, copying both. It fails when key is not greater than
// the one before.
func (b *Builder) Add(key, value []byte) error {
	if (b.size > 0) && string(key) <= string(b.last) {
		return errors.New("keys out of order")
	}
	e := pair{append([]byte(nil), key...), append([]byte(nil), value...)}
	if b.bytes += entrySize(e); len(b.pending) == maxLeaf || b.bytes > maxLeafIn && len(b.pending) > 0 {
		b.flush()
		b.bytes = entrySize(e)
	}
	b.pending = append(b.pending, e)
	b.last = e.key
	b.size++
	return nil
}

func (b *Builder) flush() {
	b.leaves = append(b.leaves, &node{entries: newLeaf(b.pending)})
	b.pending = b.pending[:0]
}

// AddLeaf appends the entries of a piece that Leaves yielded. It fails with
// ErrDamaged when the piece is damaged or out of order.
func (b *Builder) AddLeaf(piece []byte) error {
	l, err := unmarshalLeaf(piece)
	if err != nil {
		return err
	}
	if len(b.pending) > 0 {
		b.flush()
	}
	for i := range l.len() {
		key := l.key(nil, i)
		if b.size+i > 0 && string(key) <= string(b.last) {
			return ErrDamaged
		}
		b.last = key
	}
	b.leaves = append(b.leaves, &node{entries: l})
	b.size += l.len()
	b.bytes = 0
	return nil
}

func unmarshalLeaf(piece []byte) (leaf, error) {
	count, n := binary.Uvarint(piece)
	if n <= 0 || count == 0 || count > uint64(len(piece)) {
		return leaf{}, ErrDamaged
	}
	piece = piece[n:]
	prefix, n := binary.Uvarint(piece)
	if n <= 0 || prefix > uint64(len(piece)) {
		return leaf{}, ErrDamaged
	}
	piece = piece[n:]
	l := leaf{prefix: uint32(prefix), ends: make([]uint32, count)}
	end := prefix
	for i := range l.ends {
		size, n := binary.Uvarint(piece)
		if n <= 0 || size == 0 || size > uint64(len(piece)) {
			return leaf{}, ErrDamaged
		}
		piece = piece[n:]
		end += size
		l.ends[i] = uint32(end)
	}
	if end != uint64(len(piece)) {
		return leaf{}, ErrDamaged
	}
	l.data = append([]byte(nil), piece...)
	return l, l.check()
}

// check makes sure that no entry claims a key longer than itself.
func (l *leaf) check() error {
	for i := range l.len() {
		e := l.entry(i)
		n, w := binary.Uvarint(e)
		if w <= 0 || n > uint64(len(e)-w) {
			return ErrDamaged
		}
	}
	return nil
}

// Map returns the map of all entries added. The builder must not be used
// afterwards.
func (b *Builder) Map() Map {
	if len(b.pending) > 0 {
		b.flush()
	}
	level := b.leaves
	if len(level) == 0 {
		return Map{}
	}
	for len(level) > 1 {
		level = parents(level)
	}
	return Map{level[0]}
}

// parents makes the level above: nodes with room to grow, of even width.
func parents(level []*node) []*node {
	const width = maxFanout * 3 / 4
	var out []*node
	for len(level) > 0 {
		n := min(len(level), width)
		if rest := len(level) - n; rest > 0 && rest < width/4 {
			n = (len(level) + 1) / 2
		}
		inner := &node{children: append([]*node(nil), level[:n]...)}
		for _, c := range inner.children {
			inner.firsts = append(inner.firsts, c.first())
		}
		inner.countChildren()
		out = append(out, inner)
		level = level[n:]
	}
	return out
}
