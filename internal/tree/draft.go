package tree

import (
	"bytes"
	"slices"
)

// Draft is a version in the making: it starts as a Map, takes changes, and
// becomes a new Map. What the old Map and the new one have in common is shared;
// what the draft has copied once it changes in place. It is not safe for
// concurrent use.
type Draft struct {
	root *node
}

// Edit starts a draft from m, which stays as it is.
func (m Map) Edit() *Draft { return &Draft{root: m.root} }

// View returns the draft as it is now. The result is good for reading until the
// draft changes or is frozen, and then no more.
func (d *Draft) View() Map { return Map{d.root} }

// Freeze returns the new version. The draft must not be used afterwards.
func (d *Draft) Freeze() Map {
	m := Map{d.root}
	d.root = nil // a change after this would be a change in place
	return m
}

// Put sets the value of key. Both are copied.
func (d *Draft) Put(key, value []byte) {
	if d.root == nil {
		d.root = &node{owner: d, entries: newLeaf([]pair{{key, value}})}
		return
	}
	left, right := d.put(d.root, key, value)
	if d.root = left; right != nil {
		d.root = d.inner(left, right)
	}
}

// put returns the node that takes the place of n and, when it has become too
// full, the one that follows it, else nil.
func (d *Draft) put(n *node, key, value []byte) (left, right *node) {
	if n.children == nil {
		return d.putInLeaf(n, key, value)
	}
	i := n.childFor(key)
	had := n.children[i].count()
	left, right = d.put(n.children[i], key, value)
	n = d.own(n)
	n.children[i] = left
	n.size += left.count() - had
	if bytes.Compare(key, n.firsts[i]) < 0 {
		n.ownFirsts()
		n.firsts[i] = bytes.Clone(key)
	}
	if right == nil {
		return n, nil
	}
	return d.insertChild(n, i+1, right)
}

func (d *Draft) putInLeaf(n *node, key, value []byte) (left, right *node) {
	i, found := n.entries.search(key)
	replaced := 0
	if found {
		replaced = 1
	}
	e := pair{key, value}
	packed, ok := n.entries.splice(i, replaced, &e)
	if ok && packed.len() <= maxLeaf && (len(packed.data) <= maxLeafIn || packed.len() == 1) {
		return d.setLeaf(n, packed), nil
	}
	entries := n.entries.pairs(make([]pair, 0, maxLeaf+1))
	// Copies, so that key and value of all other calls may lie on the stack.
	entries = slices.Replace(entries, i, i+replaced, pair{bytes.Clone(key), bytes.Clone(value)})
	return d.leaves(n, entries, i == len(entries)-1)
}

// leaves packs entries into n, if the draft owns it, and a new leaf where one
// does not hold them. Where the entry that came stands at the end, keys are
// likely to come in order: then a full leaf stays full rather than half empty.
func (d *Draft) leaves(n *node, entries []pair, atEnd bool) (left, right *node) {
	prefix, size := commonPrefix(entries[0].key, entries[len(entries)-1].key), 0
	for _, e := range entries {
		size += entrySize(e) - prefix
	}
	if len(entries) <= maxLeaf && (size <= maxLeafIn || len(entries) == 1) {
		return d.setLeaf(n, newLeaf(entries)), nil
	}
	at := len(entries) / 2
	if atEnd {
		at = len(entries) - 1
	}
	right = &node{owner: d, entries: newLeaf(entries[at:])}
	return d.setLeaf(n, newLeaf(entries[:at])), right
}

func (d *Draft) setLeaf(n *node, packed leaf) *node {
	if n.owner != d {
		return &node{owner: d, entries: packed}
	}
	n.entries = packed
	return n
}

// insertChild puts a child into n, which the draft owns, and returns n and, when
// it has become too full, the node that follows it.
func (d *Draft) insertChild(n *node, i int, child *node) (left, right *node) {
	n.ownFirsts()
	n.children = slices.Insert(n.children, i, child)
	n.firsts = slices.Insert(n.firsts, i, child.first())
	n.size += child.count()
	if len(n.children) <= maxFanout {
		return n, nil
	}
	at := len(n.children) / 2
	if i >= len(n.children)-2 {
		at = len(n.children) - 1
	}
	right = &node{owner: d, children: slices.Clone(n.children[at:]), firsts: slices.Clone(n.firsts[at:])}
	right.countChildren()
	n.size -= right.size
	clear(n.children[at:])
	n.children, n.firsts = n.children[:at], n.firsts[:at]
	return n, right
}

// own returns n if the draft made it, else a copy that it may change, but for firsts.
func (d *Draft) own(n *node) *node {
	if n.owner == d {
		return n
	}
	return &node{owner: d, children: slices.Clone(n.children), firsts: n.firsts, borrowed: true, size: n.size}
}

// ownFirsts makes firsts ready to be changed in a node that the draft owns. Most
// changes are of values: then all versions have them in common.
func (n *node) ownFirsts() {
	if n.borrowed {
		n.firsts, n.borrowed = slices.Clone(n.firsts), false
	}
}

func (d *Draft) inner(children ...*node) *node {
	n := &node{owner: d, children: children}
	for _, c := range children {
		n.firsts = append(n.firsts, c.first())
	}
	n.countChildren()
	return n
}

// countChildren sets the size of an inner node that was just made.
func (n *node) countChildren() {
	n.size = 0
	for _, c := range n.children {
		n.size += c.count()
	}
}

// Delete removes key and tells whether it was there.
func (d *Draft) Delete(key []byte) bool {
	if _, ok := d.View().Get(key); !ok {
		return false
	}
	d.root = d.remove(d.root, key)
	for d.root != nil && len(d.root.children) == 1 {
		d.root = d.root.children[0]
	}
	return true
}

// remove returns what takes the place of n without key, which it has; nil when
// nothing is left.
func (d *Draft) remove(n *node, key []byte) *node {
	if n.children == nil {
		if n.entries.len() == 1 {
			return nil
		}
		i, _ := n.entries.search(key)
		packed, _ := n.entries.splice(i, 1, nil)
		return d.setLeaf(n, packed)
	}
	i := n.childFor(key)
	child := d.remove(n.children[i], key)
	n = d.own(n)
	n.size--
	if child == nil {
		n.ownFirsts()
		n.children, n.firsts = slices.Delete(n.children, i, i+1), slices.Delete(n.firsts, i, i+1)
		if len(n.children) == 0 {
			return nil
		}
		return n
	}
	n.children[i] = child
	if first := child.first(); !bytes.Equal(first, n.firsts[i]) {
		n.ownFirsts()
		n.firsts[i] = first
	}
	d.mergeAt(n, i)
	return n
}

// mergeAt joins child i of n, when it has become small, with a neighbour that
// has room, so that a map that shrinks does not keep its old width.
func (d *Draft) mergeAt(n *node, i int) {
	if n.children[i].width() > maxLeaf/4 || len(n.children) < 2 {
		return
	}
	if i > 0 {
		i--
	}
	left, right := n.children[i], n.children[i+1]
	if left.width()+right.width() > maxLeaf/2 {
		return
	}
	if left.children != nil {
		left = d.own(left)
		left.ownFirsts()
		left.children = append(left.children, right.children...)
		left.firsts = append(left.firsts, right.firsts...)
		left.size += right.size
	} else {
		entries := right.entries.pairs(left.entries.pairs(nil))
		left = d.setLeaf(left, newLeaf(entries))
	}
	n.ownFirsts()
	n.children = slices.Delete(n.children, i+1, i+2)
	n.firsts = slices.Delete(n.firsts, i+1, i+2)
	n.children[i], n.firsts[i] = left, left.first()
}
