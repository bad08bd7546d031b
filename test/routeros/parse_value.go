package routeros

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// value reads a value outside of parentheses: a string, a variable, a group, a
// command in brackets, or a word.
func (p *parser) value(words bool) expr {
	switch c := p.peek(); {
	case c == '"' || c == '$' || c == '(' || c == '[':
		return p.primary()
	case isWord(c) || c == '-':
		at, w := p.at, p.word()
		if v, ok := literal(w); ok {
			return constant{v}
		}
		if words {
			return word(w)
		}
		p.failAt(at, "%s stands without quotes: a variable wants $, a string quotes", w)
	case c == '{':
		p.fail("braces do not belong here")
	}
	p.fail("syntax error at %q", p.peek())
	return nil
}

// literal returns the number, truth value or address that a word is.
func literal(w string) (value, bool) {
	if n, err := strconv.ParseInt(w, 10, 64); err == nil {
		return n, true
	}
	if w == "true" || w == "false" {
		return w == "true", true
	}
	if a, err := netip.ParseAddr(w); err == nil {
		return a, true
	}
	return nil, false
}

func (p *parser) primary() expr {
	switch p.peek() {
	case '"':
		return p.quotedString()
	case '$':
		p.at++
		return p.variable()
	case '(':
		p.at++
		e := p.expression()
		p.blanks()
		p.want(')', "an expression")
		return e
	case '[':
		p.at++
		return p.substitution()
	default:
		return p.value(false)
	}
}

func (p *parser) variable() expr {
	at := p.at - 1
	name := p.variableName()
	if !p.names.has(name) {
		p.failAt(at, "unknown variable $%s: nothing declares it here", name)
	}
	return variable(name)
}

func (p *parser) substitution() expr {
	if p.depth++; p.depth > 50 {
		p.fail("too deep")
	}
	defer func() { p.depth-- }()
	p.blanks()
	c := p.command()
	p.blanks()
	p.take(";")
	p.blanks()
	p.want(']', "a command in brackets")
	return substitution{c}
}

// operators, of which longer ones come first.
var operators = []string{"->", "!=", "<=", ">=", "&&", "||", "=", "<", ">", "+", "-", "*", "/", "."}

// expression reads what stands in parentheses. The manual does not say which
// operator comes first, so mixing them is a fault, but for what its examples show:
// "->" binds its operands, and comparisons come before and and or.
func (p *parser) expression() expr {
	if p.depth++; p.depth > 50 {
		p.fail("too deep")
	}
	defer func() { p.depth-- }()
	return p.chain([]string{"and", "or"}, func() expr {
		return p.chain(comparisons, func() expr {
			return p.chain([]string{".", "+", "-", "*", "/"}, p.operand)
		})
	})
}

var comparisons = []string{"=", "!=", "<", ">", "<=", ">="}

// chain reads operands with one operator between them, which must be the same all
// along; comparisons do not chain.
func (p *parser) chain(allowed []string, operand func() expr) expr {
	left, used := operand(), ""
	for {
		p.blanks()
		at := p.at
		op := p.operator()
		if !slices.Contains(allowed, op) {
			p.at = at
			return left
		}
		if used != "" && (op != used || slices.Contains(comparisons, op)) {
			p.failAt(at, "the manual does not say whether %s or %s comes first: use parentheses", used, op)
		}
		used = op
		left = binary{op, left, operand()}
	}
}

// operator reads an operator, or nothing.
func (p *parser) operator() string {
	for _, op := range operators {
		if !p.take(op) {
			continue
		}
		switch op {
		case "&&":
			return "and"
		case "||":
			return "or"
		}
		return op
	}
	for _, op := range []string{"and", "or"} {
		if p.wordAhead() == op {
			p.at += len(op)
			return op
		}
	}
	return ""
}

// operand reads a value with its elements: $x, !$x, ($x->"key").
func (p *parser) operand() expr {
	p.blanks()
	if p.take("!") {
		return not{p.operand()}
	}
	e := p.primary()
	for p.take("->") {
		e = binary{"->", e, p.primary()}
	}
	return e
}

// quotedString reads a string in quotes, with escapes and what is filled in.
func (p *parser) quotedString() expr {
	start := p.at
	p.at++
	var parts quoted
	var plain strings.Builder
	for {
		c := p.peek()
		switch {
		case p.at >= len(p.text) || c == '\n':
			p.failAt(start, "missing closing quote")
		case c == '"':
			p.at++
			if len(parts) == 0 {
				return constant{plain.String()}
			}
			return append(parts, constant{plain.String()})
		case c == '\\':
			plain.WriteByte(p.escape())
		case c == '$':
			p.at++
			parts = append(parts, constant{plain.String()}, p.filledIn())
			plain.Reset()
		default:
			plain.WriteByte(c)
			p.at++
		}
	}
}

// filledIn reads what stands behind a $ in a string.
func (p *parser) filledIn() expr {
	if c := p.peek(); c == '[' || c == '(' {
		return p.primary()
	}
	at := p.at - 1
	start := p.at
	for isLetter(p.peek()) {
		p.at++
	}
	name := p.text[start:p.at]
	if name == "" || !p.names.has(name) {
		p.failAt(at, `unknown variable $%s: nothing declares it here; a $ alone is \$`, name)
	}
	return variable(name)
}

// escape reads an escape sequence (Scripting, "Constant Escape Sequences").
func (p *parser) escape() byte {
	rest := p.text[p.at:]
	if len(rest) >= 2 {
		const from, to = `"\nrt$_abfv`, "\"\\\n\r\t$ \a\b\f\v"
		if i := strings.IndexByte(from, rest[1]); i >= 0 {
			p.at += 2
			return to[i]
		}
		if rest[1] == '?' && p.version.before(7, 1) {
			p.at += 2
			return '?'
		}
	}
	if len(rest) >= 3 && strings.ToUpper(rest[1:3]) == rest[1:3] {
		if n, err := strconv.ParseUint(rest[1:3], 16, 8); err == nil {
			p.at += 3
			return byte(n)
		}
	}
	p.fail("no such escape: %s", rest[:min(len(rest), 2)])
	return 0
}
