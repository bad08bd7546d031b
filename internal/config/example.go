package config

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// exampleHead is the beginning of the example.
const exampleHead = `
The configuration of Stayput. Every setting stands here with its default:
take away the "#" in front of a line, and change it. Relative paths start at
the directory of this file.

A reload (SIGHUP, "systemctl reload stayput") takes up changes without a gap,
but for those settings that say that they need a restart.

The environment wins over this file: STAYPUT_ and the key in capitals, with
"_" for ".", and lists with commas: STAYPUT_DNS_LISTEN=0.0.0.0:53,[::]:53.
There relative paths start at the working directory.`

// Example returns a configuration file that says of every setting what it is
// for and what it may be. It changes none of the defaults.
func Example() []byte {
	var b bytes.Buffer
	comment(&b, exampleHead)
	within := ""
	for _, s := range new(Config).settings("") {
		if name := s.section(); name != within {
			within = name
			writeHeader(&b, name)
		}
		b.WriteByte('\n')
		comment(&b, s.manual())
		_, name := cutKey(s.key)
		fmt.Fprintf(&b, "#%s = %s\n", name, s.literal())
	}
	return b.Bytes()
}

// writeHeader begins a section. A repeated one would say something by its mere
// presence, so its header is a comment.
func writeHeader(b *bytes.Buffer, name string) {
	s, _ := findSection(name)
	b.WriteString("\n\n")
	comment(b, s.doc)
	if s.repeated {
		b.WriteByte('#')
	}
	fmt.Fprintf(b, "%s\n", s.header())
}

// comment writes each line of text as a comment.
func comment(b *bytes.Buffer, text string) {
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		b.WriteString(strings.TrimSpace("# "+line) + "\n")
	}
}

// manual returns what the example says of s.
func (s setting) manual() string {
	var b strings.Builder
	b.WriteString(s.doc)
	if s.shape == list {
		b.WriteString("\nWants a list, each value " + s.wants + ".")
	} else {
		b.WriteString("\nWants " + s.wants + ".")
	}
	if s.restart {
		b.WriteString(" A change needs a restart.")
	}
	return b.String()
}

// literal returns the default of s as the file spells it.
func (s setting) literal() string {
	values := s.split(s.value)
	for i, v := range values {
		if s.shape == quoted || s.shape == list {
			values[i] = strconv.Quote(v)
		}
	}
	literal := strings.Join(values, ", ")
	if s.shape == list {
		return "[" + literal + "]"
	}
	return literal
}
