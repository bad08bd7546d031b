package routeros

import (
	"slices"
	"strings"
)

// global reads a global command behind its colon (Scripting, "Global commands").
func (p *parser) global(c *command) {
	start := p.at
	for isLetter(p.peek()) {
		p.at++
	}
	name := p.text[start:p.at]
	spec, ok := p.globals[name]
	switch {
	case !ok:
		p.failAt(start, "bad command name %s", name)
	case p.version.before(spec.since.Major, spec.since.Minor):
		p.failAt(start, "bad command name %s: it came with %v", name, spec.since)
	}
	c.name, c.run = ":"+name, spec.run
	p.inner("", func() {
		switch {
		case spec.declares || name == "set":
			p.assignment(c)
		default:
			p.arguments(c, spec.signature)
		}
	})
}

// assignment reads the variable and the value of :local, :global and :set. The
// variable is known behind the value.
func (p *parser) assignment(c *command) {
	p.blanks()
	at, name := p.at, p.variableName()
	switch {
	case c.name == ":set" && !p.names.has(name):
		p.failAt(at, "unknown variable name %s: declare it with :local or :global", name)
	case c.name != ":set" && reserved[name]:
		p.failAt(at, "%s is a property of menus, and as a variable means that there: choose another name", name)
	}
	p.arguments(c, signature{most: 1, words: true})
	c.vars = []string{name}
	if c.name != ":set" {
		p.names.known = append(p.names.known, name)
	}
}

// variableName reads the name of a variable, in quotes if need be.
func (p *parser) variableName() string {
	start := p.at
	if p.take(`"`) {
		end := strings.IndexAny(p.text[p.at:], "\"\n")
		if end <= 0 || p.text[p.at+end] == '\n' {
			p.failAt(start, "the name of a variable does not end")
		}
		p.at += end + 1
		return p.text[start+1 : p.at-1]
	}
	for isLetter(p.peek()) {
		p.at++
	}
	rest := p.text[p.at:]
	if start == p.at || strings.HasPrefix(rest, "_") || strings.HasPrefix(rest, "-") && !strings.HasPrefix(rest, "->") {
		p.failAt(start, "the name of a variable has letters and digits only, or stands in quotes")
	}
	return p.text[start:p.at]
}

// arguments reads what a command may be told.
func (p *parser) arguments(c *command, s signature) {
	if s.loops {
		c.vars = p.loopVariables()
	}
	for {
		before := p.at
		p.blanks()
		if p.lineEnds() {
			break
		}
		if before == p.at {
			p.fail("expected a blank or the end of the command, not %q", p.peek())
		}
		p.argument(c, s)
	}
	if len(c.args) < s.least || len(c.args) > s.most {
		p.failAt(c.at, "%s wants %d to %d values without a name, not %d", c.name, s.least, s.most, len(c.args))
	}
	for _, name := range s.required {
		if c.named[name] == nil {
			p.failAt(c.at, "%s: missing value of %s=", c.name, name)
		}
	}
}

// loopVariables reads the variable of a loop, or two with a comma.
func (p *parser) loopVariables() []string {
	p.blanks()
	read := []string{p.variableName()}
	if p.take(",") {
		read = append(read, p.variableName())
	}
	for _, name := range read {
		if reserved[name] {
			p.fail("%s is a property of menus, and as a variable means that there: choose another name", name)
		}
	}
	return read
}

// argument reads name=value, or a value alone.
func (p *parser) argument(c *command, s signature) {
	at := p.at
	name := p.parameterName()
	if name == "" {
		c.args = append(c.args, p.unnamed(c, s))
		return
	}
	if c.named[name] != nil {
		p.failAt(at, "%s= is given twice", name)
	}
	since, ok := s.named[name]
	switch {
	case !ok:
		p.failAt(at, "expected end of command: %s has no parameter %s", c.name, name)
	case p.version.before(since.Major, since.Minor):
		p.failAt(at, "expected end of command: %s= came with %v", name, since)
	}
	p.blanks() // blanks may stand behind the "=", not before it (Scripting, "Whitespace between tokens")
	switch {
	case slices.Contains(s.blocks, name):
		c.named[name] = p.block(c.vars...)
	case name == "source" && p.peek() == '{':
		c.named[name] = p.source()
	case name == "on-up" && p.peek() == '{':
		c.named[name] = p.source(sessionVariables...)
	default:
		c.named[name] = p.value(true)
	}
}

func (p *parser) unnamed(c *command, s signature) expr {
	if s.block && len(c.args) == 0 {
		return p.block()
	}
	return p.value(s.words)
}

// parameterName reads "name=" and returns the name, or nothing and "".
func (p *parser) parameterName() string {
	end := p.at
	for end < len(p.text) && (isLetter(p.text[end]) || p.text[end] == '-') {
		end++
	}
	if end == p.at || end >= len(p.text) || p.text[end] != '=' {
		return ""
	}
	name := p.text[p.at:end]
	p.at = end + 1
	return name
}

// menuCommand reads a command of a menu behind its slash, such as "ip address
// get". Words may be parted by slashes since 7.0.
func (p *parser) menuCommand(c *command) {
	path := ""
	for {
		at := p.at
		word := p.pathWord()
		if m, ok := menus[path]; ok && slices.Contains(m.verbs, word) {
			c.menu, c.verb, c.name = path, word, path+" "+word
			break
		}
		path = strings.TrimPrefix(path+" "+word, " ")
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		if _, ok := tools[path]; ok {
			c.name = path
			break
		}
		if !leadsSomewhere(path) {
			p.failAt(at, "bad command name %s", word)
		}
		p.parting()
	}
	switch s := menuSignature(c); {
	case c.verb == "find":
		p.inner(c.menu, func() { p.where(c) })
	default:
		p.inner(c.menu, func() { p.arguments(c, s) })
	}
}

func (p *parser) pathWord() string {
	start := p.at
	for isLetter(p.peek()) || p.peek() == '-' {
		p.at++
	}
	return p.text[start:p.at]
}

// parting skips what parts the words of a path.
func (p *parser) parting() {
	if p.peek() != '/' {
		p.blanks()
		return
	}
	if p.version.before(7, 0) {
		p.fail("syntax error: before 7.0 blanks part the words of a path")
	}
	p.at++
}

// condition is one that find tries on the items of a menu.
type condition struct {
	property string
	op       string // "=", "!=", "~", or "" for a flag that is set
	negative bool
	value    expr
}

// where reads the conditions of find.
func (p *parser) where(c *command) {
	for first := true; ; first = false {
		before := p.at
		p.blanks()
		if p.lineEnds() {
			return
		}
		if before == p.at {
			p.fail("expected a blank, not %q", p.peek())
		}
		switch p.wordAhead() {
		case "where":
			if p.word(); !first {
				p.fail("where stands first")
			}
		case "and":
			p.word()
		default:
			c.where = append(c.where, p.condition(c.menu))
		}
	}
}

func (p *parser) condition(menu string) condition {
	at := p.at
	cond := condition{negative: p.take("!")}
	start := p.at
	for isLetter(p.peek()) || p.peek() == '-' {
		p.at++
	}
	cond.property = p.text[start:p.at]
	if !slices.Contains(menus[menu].properties, cond.property) && !slices.Contains(menus[menu].flags, cond.property) {
		p.failAt(at, "%s has no property %q", menu, cond.property)
	}
	for _, op := range []string{"!=", "=", "~"} {
		if !cond.negative && p.take(op) {
			cond.op, cond.value = op, p.value(true)
			return cond
		}
	}
	if !slices.Contains(menus[menu].flags, cond.property) {
		p.failAt(at, "%s is no flag: compare it with a value", cond.property)
	}
	return cond
}
