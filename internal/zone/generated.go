package zone

import (
	"strings"

	"github.com/miekg/dns"
)

// defaultTTL makes up for a fault of the parser, which gives an hour to records of
// a $GENERATE that states no TTL, whatever $TTL says (miekg/dns 1.1.73). It watches
// the lines that the parser takes.
type defaultTTL struct {
	ttl       uint32 // what records have that state none
	directive bool   // $TTL says so, or else the last TTL that a record had
	line      []byte // of a directive, while it comes in
	begun     bool   // something of a line has come
	generates bool   // the last line makes records, and states no TTL for them
}

// maxDirective is how many octets of a directive are looked at: those of a
// parser's token, several times.
const maxDirective = 4096

// see takes notice of the next octet.
func (d *defaultTTL) see(c byte) {
	switch {
	case c == '\n':
		d.end()
	case !d.begun:
		d.begun, d.generates = true, false
		d.line = d.line[:0]
		if c == '$' {
			d.line = append(d.line, c)
		}
	case len(d.line) > 0 && len(d.line) < maxDirective:
		d.line = append(d.line, c)
	}
}

// end takes notice of the end of a line.
func (d *defaultTTL) end() {
	if !d.begun {
		d.generates = false
		return
	}
	d.begun = false
	words := strings.Fields(string(d.line))
	if len(words) == 0 {
		return
	}
	switch strings.ToUpper(words[0]) {
	case "$TTL":
		d.state(string(d.line))
	case "$GENERATE":
		d.generates = !statesTTL(words)
	}
}

// state reads a $TTL. The parser refuses one that cannot be read.
func (d *defaultTTL) state(line string) {
	if rr, err := dns.NewRR(line + "\n. A 192.0.2.1\n"); err == nil && rr != nil {
		d.ttl, d.directive = rr.Header().Ttl, true
	}
}

// statesTTL tells whether the words of a $GENERATE have a TTL behind the range and
// the name, before the class or after it. No class and no type begins with a digit.
func statesTTL(words []string) bool {
	isNumber := func(i int) bool { return i < len(words) && words[i][0] >= '0' && words[i][0] <= '9' }
	isClass := len(words) > 3 && dns.StringToClass[strings.ToUpper(words[3])] != 0
	return isNumber(3) || isClass && isNumber(4)
}

// correct gives a record that the parser has just made from the last line the TTL
// that it should have.
func (d *defaultTTL) correct(h *dns.RR_Header) {
	if d.generates {
		h.Ttl = d.ttl
	} else if !d.directive {
		d.ttl = h.Ttl // RFC 1035 §5.1: what is omitted is as before
	}
}
