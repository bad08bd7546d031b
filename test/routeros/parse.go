package routeros

import (
	"fmt"
	"slices"
	"strings"
)

// script is commands, one after the other.
type script []command

// command is a command line: a global command or one of a menu.
type command struct {
	at    int    // where it stands in the text
	text  string // of the script, for faults
	name  string // ":put" or "/ip address get"
	menu  string // "/ip address" where it is a menu's
	verb  string // "get"
	vars  []string
	args  []expr
	named map[string]expr
	where []condition
	run   func(*frame, *command) (value, error) // of a global command
}

// parser reads a script. Its methods end by panic with a *Fault, which parse
// catches.
type parser struct {
	text    string
	at      int
	version Version
	globals map[string]globalCommand
	names   *names
	menu    string // of the command around the brackets that we are in
	depth   int
}

// names are the variables that may be used in a block.
type names struct {
	outer *names
	known []string
}

func (n *names) has(name string) bool {
	for ; n != nil; n = n.outer {
		if slices.Contains(n.known, name) {
			return true
		}
	}
	return false
}

// parse reads a whole script, in which no variables are known yet.
func parse(text string, v Version, known ...string) (code script, err error) {
	p := &parser{text: text, version: v, globals: globalCommands(), names: &names{known: known}}
	defer func() {
		if caught := recover(); caught != nil {
			fault, ok := caught.(*Fault)
			if !ok {
				panic(caught)
			}
			code, err = nil, fault
		}
	}()
	code = p.commands()
	if p.at < len(text) {
		p.fail("syntax error: %q closes nothing", text[p.at])
	}
	return code, nil
}

func (p *parser) fail(format string, args ...any) { p.failAt(p.at, format, args...) }

func (p *parser) failAt(at int, format string, args ...any) {
	panic(faultAt(p.text, min(at, len(p.text)), fmt.Sprintf(format, args...)))
}

// peek returns the next character, or 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) take(prefix string) bool {
	if strings.HasPrefix(p.text[p.at:], prefix) {
		p.at += len(prefix)
		return true
	}
	return false
}

func (p *parser) want(c byte, after string) {
	if p.peek() != c {
		if p.at == len(p.text) {
			p.fail("missing %q after %s", c, after)
		}
		p.fail("expected %q after %s, not %q", c, after, p.peek())
	}
	p.at++
}

// blanks skips what stands between words: blanks, and a backslash at the end of a
// line, which joins it to the next (Scripting, "Line joining").
func (p *parser) blanks() {
	for {
		switch {
		case p.peek() == ' ' || p.peek() == '\t':
			p.at++
		case p.take("\\\n") || p.take("\\\r\n"):
		default:
			return
		}
	}
}

// lineEnds reports whether the command line ends here.
func (p *parser) lineEnds() bool {
	return p.at >= len(p.text) || strings.IndexByte(";\r\n])}", p.text[p.at]) >= 0
}

// commands reads commands until the end of the text or a closing bracket.
func (p *parser) commands() script {
	if p.depth++; p.depth > 50 {
		p.fail("too deep")
	}
	defer func() { p.depth-- }()
	var code script
	for {
		p.blanks()
		switch c := p.peek(); {
		case p.at >= len(p.text) || strings.IndexByte("])}", c) >= 0:
			return code
		case c == ';' || c == '\n' || c == '\r':
			p.at++
		case c == '#':
			p.comment()
		default:
			code = append(code, p.command())
			if p.blanks(); !p.lineEnds() {
				p.fail("expected end of command, not %q", p.peek())
			}
		}
	}
}

func (p *parser) comment() {
	if end := strings.IndexByte(p.text[p.at:], '\n'); end >= 0 {
		p.at += end
		return
	}
	p.at = len(p.text)
}

func (p *parser) command() command {
	c := command{at: p.at, text: p.text, named: map[string]expr{}}
	switch {
	case p.peek() == '{':
		c.name, c.args = "{}", []expr{p.block()}
	case p.take(":"):
		p.global(&c)
	case p.take("/"):
		p.menuCommand(&c)
	case p.menu != "" && p.wordAhead() == "find":
		p.word()
		c.menu, c.verb, c.name = p.menu, "find", p.menu+" find"
		p.where(&c)
	default:
		p.fail(`bad command name %s: a command begins with ":" or "/"`, p.wordAhead())
	}
	return c
}

// inner reads what stands in brackets, in the menu of the command around them.
func (p *parser) inner(menu string, read func()) {
	outer := p.menu
	p.menu = menu
	read()
	p.menu = outer
}

// scope reads a block, in which the given variables are known too.
func (p *parser) scope(known []string, read func()) {
	p.names = &names{p.names, slices.Clone(known)}
	read()
	p.names = p.names.outer
}

// block reads {commands}.
func (p *parser) block(known ...string) block {
	if p.peek() != '{' {
		p.fail("expected a block, which stands in braces")
	}
	p.at++
	start := p.at
	var code script
	p.scope(known, func() { p.inner("", func() { code = p.commands() }) })
	end := p.at
	p.want('}', "the commands of a block")
	return block{code, p.text[start:end]}
}

// source reads {commands} that another run will begin with: no other variable is
// known in it.
func (p *parser) source(known ...string) block {
	outer := p.names
	p.names = nil
	b := p.block(known...)
	p.names = outer
	return b
}

// wordAhead returns the word that comes next.
func (p *parser) wordAhead() string {
	end := p.at
	for end < len(p.text) && isWord(p.text[end]) {
		end++
	}
	return p.text[p.at:end]
}

func (p *parser) word() string {
	w := p.wordAhead()
	p.at += len(w)
	return w
}

// isWord reports whether the character may stand in a word without quotes. Others
// may on a router as well, here and there; with quotes there is no doubt.
func isWord(c byte) bool {
	return isLetter(c) || strings.IndexByte("-_.:/*@,%", c) >= 0
}

// isLetter reports whether the character may stand in the name of a variable
// (Scripting, "Variables").
func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
