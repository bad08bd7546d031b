package tree

import "slices"

// Draft is a version in the making: it starts as a Map, takes changes, and
// becomes a new Map. What the old Map and the new one have in common is shared;
// what the draft has copied once it changes in place. It is not safe for
// concurrent use.
type Draft struct {
	root *node
	size int
}

// Edit starts a draft from m, which stays as it is.
func (m Map) Edit() *Draft { return &Draft{root: m.root, size: m.size} }

// View returns the draft as it is now. The result is good for reading until the
// draft changes or is frozen, and then no more.
func (d *Draft) View() Map { return Map{d.root, d.size} }

// Freeze returns the new version. The draft must not be used afterwards.
func (d *Draft) Freeze() Map {
	m := Map{d.root, d.size}
	d.root = nil // a change after this would be a change in place
	return m
}

// Put sets the value of key. Both are copied.
func (d *Draft) Put(key, value []byte) {
	if d.root == nil {
		d.root = &node{owner: d, entries: newLeaf([]pair{{key, value}})}
		d.size = 1
		return
	}
	parts := d.put(d.root, key, value)
	if len(parts) == 1 {
		d.root = parts[0]
		return
	}
	d.root = d.inner(parts)
}

// put returns the one or more nodes that take the place of n.
func (d *Draft) put(n *node, key, value []byte) []*node {
	if n.children == nil {
		return d.putInLeaf(n, key, value)
	}
	i := n.childFor(key)
	return d.replaceChild(n, i, d.put(n.children[i], key, value))
}

func (d *Draft) putInLeaf(n *node, key, value []byte) []*node {
	i, found := n.entries.search(key)
	replaced := 0
	if found {
		replaced = 1
	} else {
		d.size++
	}
	e := pair{key, value}
	packed, ok := n.entries.splice(i, replaced, &e)
	if ok && packed.len() <= maxLeaf && (len(packed.data) <= maxLeafIn || packed.len() == 1) {
		return []*node{d.setLeaf(n, packed)}
	}
	entries := n.entries.pairs(make([]pair, 0, maxLeaf+1))
	entries = slices.Replace(entries, i, i+replaced, e)
	return d.leaves(n, entries, i == len(entries)-1)
}

// leaves packs entries into n, if the draft owns it, and new leaves. Where the
// entry that came stands at the end, keys are likely to come in order: then a
// full leaf stays full rather than half empty.
func (d *Draft) leaves(n *node, entries []pair, atEnd bool) []*node {
	prefix, size := commonPrefix(entries[0].key, entries[len(entries)-1].key), 0
	for _, e := range entries {
		size += entrySize(e) - prefix
	}
	if len(entries) <= maxLeaf && (size <= maxLeafIn || len(entries) == 1) {
		return []*node{d.setLeaf(n, newLeaf(entries))}
	}
	at := len(entries) / 2
	if atEnd {
		at = len(entries) - 1
	}
	right := &node{owner: d, entries: newLeaf(entries[at:])}
	return []*node{d.setLeaf(n, newLeaf(entries[:at])), right}
}

func (d *Draft) setLeaf(n *node, packed leaf) *node {
	if n.owner != d {
		return &node{owner: d, entries: packed}
	}
	n.entries = packed
	return n
}

// replaceChild puts parts, which may be none, in the place of child i, and
// returns what takes the place of n.
func (d *Draft) replaceChild(n *node, i int, parts []*node) []*node {
	n = d.own(n)
	firsts := make([][]byte, len(parts))
	for j, p := range parts {
		firsts[j] = p.first()
	}
	n.children = slices.Replace(n.children, i, i+1, parts...)
	n.firsts = slices.Replace(n.firsts, i, i+1, firsts...)
	switch {
	case len(n.children) == 0:
		return nil
	case len(n.children) <= maxFanout:
		return []*node{n}
	}
	at := len(n.children) / 2
	if i >= len(n.children)-2 {
		at = len(n.children) - 1
	}
	right := &node{owner: d, children: slices.Clone(n.children[at:]), firsts: slices.Clone(n.firsts[at:])}
	clear(n.children[at:])
	n.children, n.firsts = n.children[:at], n.firsts[:at]
	return []*node{n, right}
}

// own returns n if the draft made it, else a copy that it may change.
func (d *Draft) own(n *node) *node {
	if n.owner == d {
		return n
	}
	return &node{owner: d, children: slices.Clone(n.children), firsts: slices.Clone(n.firsts)}
}

func (d *Draft) inner(children []*node) *node {
	n := &node{owner: d, children: children}
	for _, c := range children {
		n.firsts = append(n.firsts, c.first())
	}
	return n
}

// Delete removes key and tells whether it was there.
func (d *Draft) Delete(key []byte) bool {
	if _, ok := d.View().Get(key); !ok {
		return false
	}
	d.size--
	parts := d.remove(d.root, key)
	d.root = nil
	if len(parts) == 1 {
		d.root = parts[0]
	}
	for d.root != nil && len(d.root.children) == 1 {
		d.root = d.root.children[0]
	}
	return true
}

func (d *Draft) remove(n *node, key []byte) []*node {
	if n.children == nil {
		if n.entries.len() == 1 {
			return nil
		}
		i, _ := n.entries.search(key)
		packed, _ := n.entries.splice(i, 1, nil)
		return []*node{d.setLeaf(n, packed)}
	}
	i := n.childFor(key)
	parts := d.remove(n.children[i], key)
	if len(parts) == 0 {
		return d.replaceChild(n, i, nil)
	}
	n = d.own(n)
	n.children[i], n.firsts[i] = parts[0], parts[0].first()
	d.mergeAt(n, i)
	return []*node{n}
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
		left.children = append(left.children, right.children...)
		left.firsts = append(left.firsts, right.firsts...)
	} else {
		entries := right.entries.pairs(left.entries.pairs(nil))
		left = d.setLeaf(left, newLeaf(entries))
	}
	n.children = slices.Delete(n.children, i+1, i+2)
	n.firsts = slices.Delete(n.firsts, i+1, i+2)
	n.children[i], n.firsts[i] = left, left.first()
}
