package zone

import (
	"bufio"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/miekg/dns"

	"stayput.dev/internal/phrase"
)

// lineReader counts the lines that the parser has taken. The parser reads it
// octet by octet, so the count is exact.
type lineReader struct {
	r     *bufio.Reader
	lines int
	eager eagerType
	ttl   defaultTTL
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 1<<16)} }

// line returns the line that is being read, counted from 1.
func (l *lineReader) line() int { return max(l.lines, 1) }

// records is MasterRecords.
func (l *lineReader) records(origin Name, opts MasterOptions) iter.Seq2[dns.RR, error] {
	return func(yield func(dns.RR, error) bool) {
		p := dns.NewZoneParser(l, origin.FQDN(), opts.File)
		p.SetIncludeAllowed(opts.Include)
		for rr, ok := p.Next(); ok; rr, ok = p.Next() {
			l.ttl.correct(rr.Header())
			if !yield(rr, nil) {
				return
			}
		}
		if err := p.Err(); err != nil {
			yield(nil, l.parseError(err))
		}
	}
}

func (l *lineReader) parseError(err error) error {
	var pe *dns.ParseError
	if !errors.As(err, &pe) {
		return &LineError{l.line(), phrase.Errorf("reading master file: %w", err)}
	}
	return &LineError{l.line(), errors.New(parseFault(pe))}
}

// ReadByte reads the next octet.
func (l *lineReader) ReadByte() (byte, error) {
	if l.eager.due {
		l.eager.due = false
		return '\n', nil
	}
	c, err := l.r.ReadByte()
	if err != nil {
		l.ttl.end()
	} else {
		l.eager.see(c)
		l.ttl.see(c)
		if c == '\n' {
			l.lines++
		}
	}
	return c, err
}

// Read is there because the parser asks for a reader; it prefers ReadByte.
func (l *lineReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.lines += strings.Count(string(p[:n]), "\n")
	return n, err
}

// eagerType makes up for a fault of the parser, which takes the beginning of the
// next line for the end of an IPSECKEY record (miekg/dns 1.1.73): behind such a
// record, an empty line is due. None has quotes.
type eagerType struct {
	matched       int // octets of the type's name
	named, quoted bool
	open          int // parentheses
	due           bool
}

const eagerName = "ipseckey"

func (e *eagerType) see(c byte) {
	if lower(c) == eagerName[e.matched] {
		if e.matched++; e.matched == len(eagerName) {
			e.matched, e.named = 0, true
		}
		return
	}
	e.matched = 0
	switch c {
	case '(':
		e.open++
	case ')':
		e.open--
	case '"':
		e.quoted = true
	case '\n':
		e.due = e.named && !e.quoted
		if e.open <= 0 {
			*e = eagerType{due: e.due}
		}
	}
}
