package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// An entryKind is what an entry says.
type entryKind int

const (
	pair    entryKind = iota // key = value
	table                    // [key], or key = { ... }
	element                  // [[key]], or one { ... } of a list
)

// An entry is one thing that the document says. Tables within lines come as if
// each had a header of its own.
type entry struct {
	kind  entryKind
	key   string // from the top, joined with dots
	line  int
	value value // of a pair
}

// A value is what stands behind a key.
type value struct {
	shape   shape
	line    int
	text    string  // of quoted and bare
	values  []value // of list
	spelled string  // on one line, for faults
}

// parseDocument returns what data says, in its order. With an error, which is
// a *toml.DecodeError, it returns what stands before the place of it that
// cannot be read.
func parseDocument(data []byte) ([]entry, error) {
	var r reader
	r.parser.Reset(data)
	var header []string
	for r.parser.NextExpression() {
		node := r.parser.Expression()
		switch node.Kind {
		case unstable.Table:
			header = r.header(table, node)
		case unstable.ArrayTable:
			header = r.header(element, node)
		case unstable.KeyValue:
			r.pair(header, node)
		}
	}
	// The parser knows the grammar only. Decoding also finds what is said twice.
	err := toml.Unmarshal(data, new(map[string]any))
	return r.entries, cmp.Or(err, r.parser.Error())
}

// A reader collects the entries of a document.
type reader struct {
	parser  unstable.Parser
	entries []entry
}

// header notes a table's header, and returns its key.
func (r *reader) header(kind entryKind, node *unstable.Node) []string {
	key, line := r.key(node)
	r.entries = append(r.entries, entry{kind: kind, key: joinKey(key), line: line})
	return key
}

// pair notes what a key and its value say, below the table named above.
func (r *reader) pair(above []string, node *unstable.Node) {
	key, line := r.key(node)
	key = slices.Concat(above, key)
	v := node.Value()
	switch {
	case v.Kind == unstable.InlineTable:
		r.inline(table, key, line, v)
	case holdsTables(v):
		for it := v.Children(); it.Next(); {
			r.inline(element, key, r.line(it.Node(), line), it.Node())
		}
	default:
		e := entry{kind: pair, key: joinKey(key), line: line, value: r.value(v, line)}
		r.entries = append(r.entries, e)
	}
}

// inline notes a table that is written as a value, and what is in it.
func (r *reader) inline(kind entryKind, key []string, line int, node *unstable.Node) {
	r.entries = append(r.entries, entry{kind: kind, key: joinKey(key), line: line})
	for it := node.Children(); it.Next(); {
		r.pair(key, it.Node())
	}
}

// holdsTables reports whether node is a list of tables and nothing else.
func holdsTables(node *unstable.Node) bool {
	if node.Kind != unstable.Array || node.Child() == nil {
		return false
	}
	for it := node.Children(); it.Next(); {
		if it.Node().Kind != unstable.InlineTable {
			return false
		}
	}
	return true
}

// key returns the parts of node's key and the line of the first.
func (r *reader) key(node *unstable.Node) (parts []string, line int) {
	for it := node.Key(); it.Next(); {
		parts = append(parts, string(it.Node().Data))
		line = cmp.Or(line, r.line(it.Node(), 0))
	}
	return parts, line
}

// line returns the line that node starts on, or without where the parser kept
// no place.
func (r *reader) line(node *unstable.Node, without int) int {
	if node.Raw.Length == 0 {
		return without
	}
	return r.parser.Shape(node.Raw).Start.Line
}

// value returns what node holds; line is that of what holds it.
func (r *reader) value(node *unstable.Node, line int) value {
	v := value{line: r.line(node, line)}
	switch node.Kind {
	case unstable.String:
		v.shape, v.text = quoted, string(node.Data)
		v.spelled = strconv.Quote(v.text)
	case unstable.Integer:
		v.shape, v.spelled = bare, string(node.Data)
		v.text = strings.ReplaceAll(v.spelled, "_", "")
	case unstable.Bool:
		v.shape, v.spelled = truth, string(node.Data)
		v.text = v.spelled
	case unstable.Array:
		v.shape, v.spelled = list, "a list"
		for it := node.Children(); it.Next(); {
			v.values = append(v.values, r.element(it.Node(), v.line))
		}
	default:
		v.spelled = string(node.Data)
	}
	return v
}

// element returns what node, which stands in a list, holds. No setting is a
// list of lists or of tables, so these are not looked into.
func (r *reader) element(node *unstable.Node, line int) value {
	switch node.Kind {
	case unstable.Array:
		return value{line: line, spelled: "a list"}
	case unstable.InlineTable:
		return value{line: r.line(node, line), spelled: "a table"}
	}
	return r.value(node, line)
}

// joinKey returns the parts of a key as one, with quotes where a part would
// otherwise be read as something else.
func joinKey(parts []string) string {
	spelled := make([]string, len(parts))
	for i, part := range parts {
		spelled[i] = part
		if !isBare(part) {
			spelled[i] = strconv.Quote(part)
		}
	}
	return strings.Join(spelled, ".")
}

// isBare reports whether part can stand in a key without quotes.
func isBare(part string) bool {
	odd := strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
	return part != "" && odd == ""
}
