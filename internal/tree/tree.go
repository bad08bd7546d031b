// Package tree holds ordered maps from byte keys to byte values in versions
// that never change. A version costs its readers nothing to keep: they hold no
// lock, and a new version shares all but the path to what changed.
//
// It serves the rooms that keep a million of something in memory (zone,
// account): entries lie in leaves of some 64 without a pointer among them, so
// that an entry costs its own bytes and little more, and the garbage collector
// has nothing to follow. It never knows what keys and values mean.
package tree

import (
	"bytes"
	"iter"
)

const (
	maxLeaf   = 64   // entries in a leaf
	maxLeafIn = 4096 // octets in a leaf of more than one entry, about
	maxFanout = 64   // children of an inner node
)

// Map is one version. The zero Map is empty. All methods are safe for
// concurrent use, and none of the byte slices they hand out may be modified.
type Map struct {
	root *node // nil when empty
}

// node is a leaf or an inner node. Nodes reachable from a Map never change,
// but for those that the Draft named by owner has made for itself.
type node struct {
	owner    *Draft
	entries  leaf     // of a leaf
	children []*node  // of an inner node; nil in a leaf
	firsts   [][]byte // the least key below each child
	borrowed bool     // firsts are those of another version, too
	size     int      // entries below an inner node
}

// count returns the number of entries in and below n.
func (n *node) count() int {
	if n.children != nil {
		return n.size
	}
	return n.entries.len()
}

// Len returns the number of entries.
func (m Map) Len() int {
	if m.root == nil {
		return 0
	}
	return m.root.count()
}

// Rank returns the number of entries whose keys are less than key, in the time
// that it takes to find one.
func (m Map) Rank(key []byte) int {
	n, rank := m.root, 0
	if n == nil {
		return 0
	}
	for n.children != nil {
		i := n.childFor(key)
		for _, left := range n.children[:i] {
			rank += left.count()
		}
		n = n.children[i]
	}
	i, _ := n.entries.search(key)
	return rank + i
}

// CountPrefix returns the number of entries whose keys start with prefix, in the
// time that it takes to find two.
func (m Map) CountPrefix(prefix []byte) int {
	end := bytes.Clone(prefix) // the least key after all that start with prefix
	for len(end) > 0 && end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	if len(end) == 0 {
		return m.Len() - m.Rank(prefix)
	}
	end[len(end)-1]++
	return m.Rank(end) - m.Rank(prefix)
}

// Get returns the value of key. It does not allocate.
func (m Map) Get(key []byte) (value []byte, ok bool) {
	n := m.root
	if n == nil {
		return nil, false
	}
	for n.children != nil {
		n = n.children[n.childFor(key)]
	}
	i, found := n.entries.search(key)
	if !found {
		return nil, false
	}
	return n.entries.value(i), true
}

// Probe returns the value of key, if found, and tells whether any longer key
// starts with key. It does not allocate.
func (m Map) Probe(key []byte) (value []byte, found, below bool) {
	n := m.root
	if n == nil {
		return nil, false, false
	}
	var after []byte // the least key to the right of n
	for n.children != nil {
		i := n.childFor(key)
		if i+1 < len(n.firsts) {
			after = n.firsts[i+1]
		}
		n = n.children[i]
	}
	i, found := n.entries.search(key)
	if found {
		value = n.entries.value(i)
		i++
	}
	if i < n.entries.len() {
		return value, found, n.entries.hasPrefix(i, key)
	}
	return value, found, bytes.HasPrefix(after, key) && len(after) > len(key)
}

// childFor returns the index of the child under which key belongs.
func (n *node) childFor(key []byte) int {
	low, high := 0, len(n.firsts)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if bytes.Compare(n.firsts[mid], key) <= 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return max(low-1, 0)
}

// first returns the least key below n.
func (n *node) first() []byte {
	if n.children != nil {
		return n.firsts[0]
	}
	return n.entries.key(nil, 0)
}

// All yields the entries in ascending order of their keys. A key is valid until
// the next is yielded.
func (m Map) All() iter.Seq2[[]byte, []byte] { return m.From(nil) }

// From yields the entries whose keys are not less than start, ascending. A key
// is valid until the next is yielded.
func (m Map) From(start []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for c := m.Seek(start); c.Valid(); c.Next() {
			if !yield(c.Key(), c.Value()) {
				return
			}
		}
	}
}

// Prefix yields the entries whose keys start with prefix, ascending. A key is
// valid until the next is yielded.
func (m Map) Prefix(prefix []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for k, v := range m.From(prefix) {
			if !bytes.HasPrefix(k, prefix) || !yield(k, v) {
				return
			}
		}
	}
}
