package routeros

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// signature is what a command may be told.
type signature struct {
	least, most int                // values without a name
	words       bool               // such values may be words without quotes
	block       bool               // the first of them is a block
	loops       bool               // it begins with variables, which are known in its blocks
	named       map[string]Version // parameters, and since when
	blocks      []string           // those of them that are blocks
	required    []string           // those of them that must be there
}

// globalCommand is a command that begins with a colon.
type globalCommand struct {
	signature
	since    Version
	declares bool // a variable
	run      func(*frame, *command) (value, error)
}

// always is for what every version that fetches as we want it has.
var always = Version{6, 43}

// parameters returns a table of parameters that were always there.
func parameters(names ...string) map[string]Version {
	m := map[string]Version{}
	for _, n := range names {
		m[n] = always
	}
	return m
}

// globalCommands returns the commands that begin with a colon.
func globalCommands() map[string]globalCommand {
	one := signature{least: 1, most: 1}
	indexed := signature{least: 2, most: 3}
	return map[string]globalCommand{
		"local":  {declares: true, run: (*frame).local},
		"global": {declares: true, run: (*frame).global},
		"set":    {run: (*frame).set},

		"if": {run: (*frame).ifThen, signature: signature{
			least: 1, most: 1, named: parameters("do", "else"), blocks: []string{"do", "else"}, required: []string{"do"},
		}},
		"do": {run: (*frame).do, signature: signature{
			least: 1, most: 1, block: true, named: parameters("on-error", "while"), blocks: []string{"on-error"},
		}},
		"while": {run: (*frame).while, signature: signature{
			least: 1, most: 1, named: parameters("do"), blocks: []string{"do"}, required: []string{"do"},
		}},
		"foreach": {run: (*frame).foreach, signature: signature{
			loops: true, named: parameters("in", "do"), blocks: []string{"do"}, required: []string{"in", "do"},
		}},
		"for": {run: (*frame).forTo, signature: signature{
			loops: true, named: parameters("from", "to", "step", "do"), blocks: []string{"do"}, required: []string{"from", "to", "do"},
		}},
		// It came with 7.13, and was mended in 7.14 and 7.15.
		"onerror": {run: (*frame).onerror, since: Version{7, 15}, signature: signature{
			loops: true, named: parameters("in", "do"), blocks: []string{"in", "do"}, required: []string{"in", "do"},
		}},

		"put":   {signature: one, run: (*frame).put},
		"log":   {signature: signature{least: 2, most: 2, words: true}, run: (*frame).log},
		"error": {signature: one, run: (*frame).fail},
		"delay": {
			signature: signature{least: 1, most: 1, words: true},
			run:       func(*frame, *command) (value, error) { return nil, nil }, // nobody waits in a test
		},

		"len":    {signature: one, run: of(length)},
		"typeof": {signature: one, run: of(func(v value) (value, error) { return typeOf(v), nil })},
		"tostr":  {signature: one, run: of(func(v value) (value, error) { return text(v), nil })},
		"tonum":  {signature: one, run: of(toNumber)},
		"toip":   {signature: one, run: of(func(v value) (value, error) { return toAddr(v, 4), nil })},
		"toip6":  {signature: one, run: of(func(v value) (value, error) { return toAddr(v, 6), nil })},
		"pick":   {signature: indexed, run: (*frame).pick},
		"find":   {signature: indexed, run: (*frame).findText},
		"resolve": {
			signature: signature{most: 1, named: parameters("domain-name", "server", "type")},
			run:       (*frame).resolve,
		},
	}
}

// of is a command that makes one value of another.
func of(convert func(value) (value, error)) func(*frame, *command) (value, error) {
	return func(f *frame, c *command) (value, error) {
		v, err := c.args[0].eval(f)
		if err != nil {
			return nil, err
		}
		return convert(v)
	}
}

func length(v value) (value, error) {
	switch v := v.(type) {
	case list:
		return int64(len(v)), nil
	case table:
		return int64(len(v)), nil
	default:
		return int64(len(text(v))), nil
	}
}

// toNumber returns nothing for what is no number (Scripting, "Global commands").
func toNumber(v value) (value, error) {
	if n, ok := literal(text(v)); ok {
		if n, ok := n.(int64); ok {
			return n, nil
		}
	}
	return nil, nil
}

func toAddr(v value, family int) value {
	a, err := netip.ParseAddr(text(v))
	if err != nil || a.Is4() != (family == 4) {
		return nil
	}
	return a
}

func (f *frame) put(c *command) (value, error) {
	v, err := c.args[0].eval(f)
	if err == nil {
		f.router.Output = append(f.router.Output, text(v))
	}
	return nil, err
}

func (f *frame) log(c *command) (value, error) {
	topic, ok := c.args[0].(word)
	if !ok || !slices.Contains([]word{"debug", "error", "info", "warning"}, topic) {
		return nil, errors.New("no such topic of the log")
	}
	v, err := c.args[1].eval(f)
	if err != nil {
		return nil, err
	}
	if _, isWord := c.args[1].(word); isWord {
		return nil, errors.New("the text for the log wants quotes")
	}
	f.router.Log = append(f.router.Log, string(topic)+" "+text(v))
	return nil, nil
}

func (f *frame) fail(c *command) (value, error) {
	v, err := c.args[0].eval(f)
	if err != nil {
		return nil, err
	}
	return nil, errors.New(text(v))
}

// pick returns the characters or elements from one index to before another; with
// one index, a single one (Scripting, "Global commands").
func (f *frame) pick(c *command) (value, error) {
	v, indexes, err := f.withIndexes(c)
	if err != nil || v == nil {
		return nil, err
	}
	if l, ok := v.(list); ok {
		if len(indexes) > 1 {
			return nil, errors.New("picking several elements is not done here")
		}
		if i := indexes[0]; i < int64(len(l)) {
			return l[i], nil
		}
		return nil, nil
	}
	s := text(v)
	from, to := indexes[0], indexes[0]+1
	if len(indexes) > 1 {
		to = indexes[1]
	}
	from, to = min(from, int64(len(s))), min(to, int64(len(s)))
	return s[from:max(from, to)], nil
}

// withIndexes evaluates what is picked from and the indexes behind it.
func (f *frame) withIndexes(c *command) (v value, indexes []int64, err error) {
	if v, err = c.args[0].eval(f); err != nil {
		return nil, nil, err
	}
	for _, arg := range c.args[1:] {
		i, err := arg.eval(f)
		if err != nil {
			return nil, nil, err
		}
		n, ok := i.(int64)
		if !ok || n < 0 {
			return nil, nil, fmt.Errorf("an index is %s %s, not a number: look at what :find returned", typeOf(i), text(i))
		}
		indexes = append(indexes, n)
	}
	return v, indexes, nil
}

// findText returns where a string stands in another, or nothing. A third value is
// the index behind which it looks, and -1 the usual one.
func (f *frame) findText(c *command) (value, error) {
	in, err := c.args[0].eval(f)
	if err != nil {
		return nil, err
	}
	what, err := c.args[1].eval(f)
	if err != nil {
		return nil, err
	}
	if _, ok := in.(list); ok {
		return nil, errors.New("looking through an array is not done here")
	}
	from := int64(-1)
	if len(c.args) > 2 {
		v, err := c.args[2].eval(f)
		if err != nil {
			return nil, err
		}
		from, _ = v.(int64)
	}
	s := text(in)
	from = min(max(from+1, 0), int64(len(s)))
	if i := strings.Index(s[from:], text(what)); i >= 0 {
		return from + int64(i), nil
	}
	return nil, nil
}
