package zone

import (
	"fmt"
	"strings"

	"stayput.dev/internal/phrase"
)

// Name is a domain name in uncompressed wire form with its ASCII letters in
// lower case (the canonical form of RFC 4034 §6.2), the root label included:
// "\x04home\x07example\x03org\x00". Names compare with ==. The zero Name is no
// name at all; every function here that returns a name returns a valid one.
type Name string

// Root is the name of the DNS root.
const Root Name = "\x00"

// MaxName is the greatest length of a Name in octets (RFC 1035 §2.3.4).
const MaxName = 255

// ErrBadName says that something is not a domain name.
var ErrBadName = phrase.Errorf("not a domain name")

// ParseName reads a name in presentation form (RFC 1035 §5.1), with or without
// the dot at its end. \DDD and \X escapes are understood; "" is not a name.
func ParseName(s string) (Name, error) {
	if s == "." {
		return Root, nil
	}
	if s == "" {
		return "", phrase.Errorf("%w: it is empty", ErrBadName)
	}
	wire := make([]byte, 1, len(s)+2)
	start := 0 // where the length octet of the current label stands
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.':
			if err := closeLabel(wire, start); err != nil {
				return "", phrase.Errorf("%w: %q: %v", ErrBadName, s, err)
			}
			start = len(wire)
			wire = append(wire, 0)
			if i == len(s)-1 {
				return finishName(wire[:start], s)
			}
			continue
		case c == '\\':
			var n int
			if c, n = unescape(s[i+1:]); n == 0 {
				return "", phrase.Errorf("%w: %q: unfinished escape", ErrBadName, s)
			}
			i += n
		}
		wire = append(wire, lower(c))
	}
	if err := closeLabel(wire, start); err != nil {
		return "", phrase.Errorf("%w: %q: %v", ErrBadName, s, err)
	}
	return finishName(wire, s)
}

func closeLabel(wire []byte, start int) error {
	n := len(wire) - start - 1
	if n == 0 {
		return phrase.Errorf("it has an empty label")
	}
	if n > 63 {
		return phrase.Errorf("a label is longer than 63 octets")
	}
	wire[start] = byte(n)
	return nil
}

func finishName(wire []byte, s string) (Name, error) {
	wire = append(wire, 0)
	if len(wire) > MaxName {
		return "", phrase.Errorf("%w: %.40q...: it is longer than 255 octets", ErrBadName, s)
	}
	return Name(wire), nil
}

// unescape reads what follows a backslash and tells how many octets it took.
func unescape(s string) (c byte, n int) {
	if s == "" {
		return 0, 0
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1
	}
	if len(s) < 3 {
		return 0, 0
	}
	v := 0
	for _, d := range []byte(s[:3]) {
		if d < '0' || d > '9' {
			return 0, 0
		}
		v = v*10 + int(d-'0')
	}
	if v > 255 {
		return 0, 0
	}
	return byte(v), 3
}

// MustName is ParseName for names written in the program; it panics on a bad one.
func MustName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// NameFromWire reads the uncompressed name at the start of data and returns it
// with the number of octets that it takes. Compression pointers are refused.
func NameFromWire(data []byte) (Name, int, error) {
	for i := 0; i < len(data) && i < MaxName; {
		n := int(data[i])
		if n == 0 {
			return lowerName(data[:i+1]), i + 1, nil
		}
		if n > 63 {
			break
		}
		i += n + 1
	}
	return "", 0, ErrBadName
}

// IsValid tells whether n is a name in canonical form, as this package makes them.
// What comes from elsewhere must be, before anything else is done with it.
func (n Name) IsValid() bool {
	for i := range len(n) {
		if lower(n[i]) != n[i] {
			return false
		}
	}
	for i := 0; i < len(n) && i < MaxName; i += int(n[i]) + 1 {
		if n[i] == 0 {
			return i+1 == len(n)
		}
		if n[i] > 63 {
			return false
		}
	}
	return false
}

func lowerName(wire []byte) Name {
	var buf [MaxName]byte
	for i, c := range wire {
		buf[i] = lower(c)
	}
	return Name(buf[:len(wire)])
}

// lower maps ASCII upper case to lower case (RFC 4343 §3). Length octets are
// below 64 and so never touched.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// String returns the presentation form without the dot at its end, as people
// write host names; the root is ".".
func (n Name) String() string {
	if len(n) <= 1 {
		return "."
	}
	s := n.FQDN()
	return s[:len(s)-1]
}

// FQDN returns the presentation form with the dot at its end, as master files
// and DNS tools write it.
func (n Name) FQDN() string {
	if len(n) <= 1 {
		return "."
	}
	var b strings.Builder
	b.Grow(len(n) + 4)
	for l := range n.Labels() {
		writeLabel(&b, l)
		b.WriteByte('.')
	}
	return b.String()
}

func writeLabel(b *strings.Builder, label string) {
	for _, c := range []byte(label) {
		switch {
		case strings.IndexByte(`."\();@$`, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c <= ' ' || c >= 0x7f:
			fmt.Fprintf(b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
}

// Labels yields the labels from the left, without the root.
func (n Name) Labels() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(n) > 1 {
			l := int(n[0])
			if !yield(string(n[1 : 1+l])) {
				return
			}
			n = n[1+l:]
		}
	}
}

// CountLabels returns the number of labels without the root.
func (n Name) CountLabels() int {
	count := 0
	for range n.Labels() {
		count++
	}
	return count
}

// First returns the leftmost label; "" for the root.
func (n Name) First() string {
	if len(n) <= 1 {
		return ""
	}
	return string(n[1 : 1+int(n[0])])
}

// Parent returns the name without its leftmost label; the root is its own parent.
func (n Name) Parent() Name {
	if len(n) <= 1 {
		return Root
	}
	return n[1+int(n[0]):]
}

// Child returns the name with label in front. It fails when the label or the
// whole would be too long.
func (n Name) Child(label string) (Name, error) {
	if label == "" || len(label) > 63 || len(label)+1+len(n) > MaxName {
		return "", phrase.Errorf("%w: label %q before %s", ErrBadName, label, n)
	}
	return lowerName(append([]byte{byte(len(label))}, label...)) + n, nil
}

// IsWithin tells whether n is zone or a name below it.
func (n Name) IsWithin(zone Name) bool {
	for len(n) > len(zone) {
		n = n[1+int(n[0]):]
	}
	return n == zone
}

// IsHostname tells whether every label holds only letters, digits and hyphens,
// with no hyphen at either end (RFC 1123 §2.1), and is not empty.
func (n Name) IsHostname() bool {
	if len(n) <= 1 {
		return false
	}
	for l := range n.Labels() {
		if l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for _, c := range []byte(l) {
			if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}

// MarshalText returns String, for JSON.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what ParseName reads.
func (n *Name) UnmarshalText(text []byte) (err error) {
	*n, err = ParseName(string(text))
	return err
}
