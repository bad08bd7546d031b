package zone

import "bytes"

// A key is a name turned around so that plain byte order is the canonical order
// of RFC 4034 §6.1, and so that the key of a name is a prefix of the keys of
// all names below it: labels from the right, each followed by a zero octet.
// Zero and one octets inside a label become two octets to keep both properties.

const (
	keyEnd    = 0x00 // after each label
	keyEscape = 0x01 // before 0x01 (for 0x00) and 0x02 (for 0x01)
)

// AppendKey appends the key of the name: names below it have keys that start
// with it, and bytes.Compare of keys is the canonical order (RFC 4034 §6.1).
func (n Name) AppendKey(dst []byte) []byte {
	var starts [128]uint8 // of labels; a name has at most 127
	count := 0
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		starts[count] = uint8(i)
		count++
	}
	for count > 0 {
		count--
		i := int(starts[count])
		for _, c := range []byte(n[i+1 : i+1+int(n[i])]) {
			if c <= keyEscape {
				dst = append(dst, keyEscape, c+1)
				continue
			}
			dst = append(dst, lower(c))
		}
		dst = append(dst, keyEnd)
	}
	return dst
}

// nameFromKey turns a key back into the name. It fails on what AppendKey never
// writes, so that a damaged store cannot smuggle in a bad name.
func nameFromKey(key []byte) (Name, bool) {
	var buf [MaxName]byte
	at := MaxName - 1 // the root label stands there
	for len(key) > 0 {
		end := bytes.IndexByte(key, keyEnd)
		if end <= 0 {
			return "", false
		}
		var label [63]byte
		n := 0
		for i := 0; i < end; i++ {
			c := key[i]
			if c == keyEscape {
				i++
				if i == end || key[i] < 1 || key[i] > 2 {
					return "", false
				}
				c = key[i] - 1
			}
			if n == len(label) {
				return "", false
			}
			label[n] = c
			n++
		}
		if at -= n + 1; at < 0 {
			return "", false
		}
		buf[at] = byte(n)
		copy(buf[at+1:], label[:n])
		key = key[end+1:]
	}
	return Name(buf[at:]), true
}

// NameFromKey returns the name whose key is given, and whether it is one.
func NameFromKey(key []byte) (Name, bool) { return nameFromKey(key) }

// Compare orders names canonically (RFC 4034 §6.1): negative when n comes
// before m, 0 when they are equal.
func (n Name) Compare(m Name) int {
	var a, b [2 * MaxName]byte
	return bytes.Compare(n.AppendKey(a[:0]), m.AppendKey(b[:0]))
}
