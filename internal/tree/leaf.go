package tree

import (
	"bytes"
	"encoding/binary"
)

// leaf holds entries in ascending order of their keys, in one block: what all
// keys start with stands once in front, then for each entry the length of the
// rest of its key, that rest, and its value.
type leaf struct {
	data   []byte
	prefix uint32   // length of what all keys start with
	ends   []uint32 // where each entry ends in data
}

// pair is an entry on its way into a leaf.
type pair struct{ key, value []byte }

func (l *leaf) len() int { return len(l.ends) }

func (l *leaf) entry(i int) []byte {
	start := l.prefix
	if i > 0 {
		start = l.ends[i-1]
	}
	return l.data[start:l.ends[i]:l.ends[i]]
}

// split parts entry i into the rest of its key and its value.
func (l *leaf) split(i int) (rest, value []byte) {
	e := l.entry(i)
	n, w := uint64(e[0]), 1
	if n >= 0x80 {
		n, w = binary.Uvarint(e)
	}
	return e[w : w+int(n)], e[w+int(n):]
}

func (l *leaf) value(i int) []byte {
	_, v := l.split(i)
	return v
}

// key appends the whole key of entry i to dst.
func (l *leaf) key(dst []byte, i int) []byte {
	rest, _ := l.split(i)
	return append(append(dst, l.data[:l.prefix]...), rest...)
}

// hasPrefix tells whether the key of entry i starts with start.
func (l *leaf) hasPrefix(i int, start []byte) bool {
	shared := l.data[:l.prefix]
	if len(start) <= len(shared) {
		return bytes.HasPrefix(shared, start)
	}
	if !bytes.HasPrefix(start, shared) {
		return false
	}
	rest, _ := l.split(i)
	return bytes.HasPrefix(rest, start[len(shared):])
}

// search returns the index of the first entry whose key is not less than key,
// and whether it is key.
func (l *leaf) search(key []byte) (int, bool) {
	shared := l.data[:l.prefix]
	if len(key) < len(shared) || !bytes.Equal(key[:len(shared)], shared) {
		if bytes.Compare(key, shared) < 0 {
			return 0, false
		}
		return l.len(), false
	}
	key = key[len(shared):]
	low, high := 0, l.len()
	for low < high {
		mid := int(uint(low+high) >> 1)
		rest, _ := l.split(mid)
		switch c := bytes.Compare(rest, key); {
		case c == 0:
			return mid, true
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return low, false
}

// pairs appends all entries to dst, with their keys made whole.
func (l *leaf) pairs(dst []pair) []pair {
	keys := make([]byte, 0, len(l.data)+l.len()*int(l.prefix))
	for i := range l.len() {
		start := len(keys)
		keys = l.key(keys, i)
		dst = append(dst, pair{keys[start:len(keys):len(keys)], l.value(i)})
	}
	return dst
}

// splice returns a leaf in which e takes the place of the n entries from i on; n
// is 0 or 1, and a nil e only removes. It fails when the key of e does not start
// as all others do.
func (l *leaf) splice(i, n int, e *pair) (leaf, bool) {
	start, end := l.prefix, l.prefix
	if i > 0 {
		start = l.ends[i-1]
		end = start
	}
	if n > 0 {
		end = l.ends[i]
	}
	var head [binary.MaxVarintLen32]byte
	var rest, value []byte
	w := 0
	if e != nil {
		if !bytes.HasPrefix(e.key, l.data[:l.prefix]) {
			return leaf{}, false
		}
		rest, value = e.key[l.prefix:], e.value
		w = binary.PutUvarint(head[:], uint64(len(rest)))
	}
	size := w + len(rest) + len(value)
	out := leaf{prefix: l.prefix, data: make([]byte, 0, len(l.data)+size-int(end-start))}
	out.data = append(append(out.data, l.data[:start]...), head[:w]...)
	out.data = append(append(out.data, rest...), value...)
	out.data = append(out.data, l.data[end:]...)
	out.ends = make([]uint32, 0, l.len()+1-n)
	out.ends = append(out.ends, l.ends[:i]...)
	if e != nil {
		out.ends = append(out.ends, start+uint32(size))
	}
	for _, was := range l.ends[i+n:] {
		out.ends = append(out.ends, was-end+start+uint32(size))
	}
	return out, true
}

// newLeaf packs entries, which are in order and not empty.
func newLeaf(entries []pair) leaf {
	prefix := commonPrefix(entries[0].key, entries[len(entries)-1].key)
	size := prefix
	for _, e := range entries {
		size += entrySize(e) - prefix
	}
	l := leaf{data: make([]byte, 0, size), prefix: uint32(prefix), ends: make([]uint32, len(entries))}
	l.data = append(l.data, entries[0].key[:prefix]...)
	for i, e := range entries {
		l.data = binary.AppendUvarint(l.data, uint64(len(e.key)-prefix))
		l.data = append(append(l.data, e.key[prefix:]...), e.value...)
		l.ends[i] = uint32(len(l.data))
	}
	return l
}

// entrySize is an upper bound of the room that e takes in a leaf.
func entrySize(e pair) int { return binary.MaxVarintLen16 + len(e.key) + len(e.value) }

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
