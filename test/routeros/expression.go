package routeros

import (
	"errors"
	"fmt"
	"strings"
)

// expr is anything that has a value.
type expr interface {
	eval(f *frame) (value, error)
}

// constant is a value as it stands.
type constant struct{ v value }

func (c constant) eval(*frame) (value, error) { return c.v, nil }

// word is a word without quotes that is no number, address or truth value: a
// topic, a property, a name.
type word string

func (w word) eval(*frame) (value, error) { return string(w), nil }

// variable is $name.
type variable string

func (v variable) eval(f *frame) (value, error) { return f.find(string(v)).v, nil }

// quoted is a string with what is filled in.
type quoted []expr

func (q quoted) eval(f *frame) (value, error) {
	var out strings.Builder
	for _, part := range q {
		v, err := part.eval(f)
		if err != nil {
			return nil, err
		}
		out.WriteString(text(v))
	}
	return short(out.String())
}

// short refuses strings that no router would hold.
func short(s string) (value, error) {
	if len(s) > 1<<20 {
		return nil, errors.New("the string is too long")
	}
	return s, nil
}

// substitution is [command].
type substitution struct{ c command }

func (s substitution) eval(f *frame) (value, error) { return s.c.exec(f) }

// block is {commands}, and its text.
type block struct {
	code script
	text string
}

func (b block) eval(*frame) (value, error) { return b.text, nil }

// not is !x.
type not struct{ x expr }

func (n not) eval(f *frame) (value, error) {
	b, err := truth(f, n.x)
	return !b, err
}

// binary is x op y.
type binary struct {
	op   string
	x, y expr
}

func (b binary) eval(f *frame) (value, error) {
	if b.op == "and" || b.op == "or" {
		return b.logical(f)
	}
	x, err := b.x.eval(f)
	if err != nil {
		return nil, err
	}
	y, err := b.y.eval(f)
	if err != nil {
		return nil, err
	}
	switch b.op {
	case "=":
		return equal(x, y)
	case "!=":
		same, err := equal(x, y)
		return !same, err
	case ".":
		return joined(x, y)
	case "->":
		return element(x, y)
	default:
		return numeric(b.op, x, y)
	}
}

// logical evaluates both sides, as RouterOS is nowhere said to stop after the first.
func (b binary) logical(f *frame) (value, error) {
	x, err := truth(f, b.x)
	if err != nil {
		return nil, err
	}
	y, err := truth(f, b.y)
	if b.op == "and" {
		return x && y, err
	}
	return x || y, err
}

func truth(f *frame, x expr) (bool, error) {
	v, err := x.eval(f)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("the condition is not boolean but %s", typeOf(v))
	}
	return b, nil
}

func joined(x, y value) (value, error) {
	if typeOf(x) == "array" || typeOf(y) == "array" {
		return nil, errors.New("joining an array to a string joins each of its elements: pick one")
	}
	return short(text(x) + text(y))
}

// element returns an element of an array; there may be none.
func element(x, y value) (value, error) {
	switch x := x.(type) {
	case table:
		return x[text(y)], nil
	case list:
		if i, ok := y.(int64); ok && i >= 0 && i < int64(len(x)) {
			return x[i], nil
		}
		return nil, nil
	default:
		return nil, fmt.Errorf("-> wants an array, not %s", typeOf(x))
	}
}

func numeric(op string, x, y value) (value, error) {
	a, ok := x.(int64)
	b, also := y.(int64)
	if !ok || !also {
		return nil, fmt.Errorf("cannot apply %s to %s and %s", op, typeOf(x), typeOf(y))
	}
	switch op {
	case "+":
		return a + b, nil
	case "-":
		return a - b, nil
	case "*":
		return a * b, nil
	case "/":
		if b == 0 {
			return nil, errors.New("division by zero")
		}
		return a / b, nil
	case "<":
		return a < b, nil
	case ">":
		return a > b, nil
	case "<=":
		return a <= b, nil
	default:
		return a >= b, nil
	}
}
