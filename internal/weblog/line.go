// Package weblog reads lines of a web server's log, and hands the requests in them
// on to a daemon that judges mirrored requests, for web servers that cannot mirror
// by themselves.
//
// It promises never to keep the web server waiting, whose log is a pipe to it, and
// that nothing in a line can become more than one request. It keeps nothing, and
// tells nobody what is in a line.
package weblog

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// ErrLine says that a line has another form than Line.
var ErrLine = errors.New("a line is neither ADDRESS STATUS LENGTH \"REQUEST\" \"AUTHORIZATION\" \"USER-AGENT\" nor ID STATUS LENGTH")

// Line is what a line of a log says: a request with its answer, or, with an ID, the
// answer to one that was mirrored otherwise.
type Line struct {
	ID             string
	Source         netip.Addr // the client's
	Status, Length int        // of the answer, and of its body in octets

	Method, Target       string // as sent; no Method: there was no request that makes sense
	Authorization, Agent string // empty: none
}

// Parse reads a line. Its error is ErrLine, and tells nothing of what is in it.
func Parse(text string) (Line, error) {
	fields, ok := split(text)
	if !ok || len(fields) != 3 && len(fields) != 6 {
		return Line{}, ErrLine
	}
	var l Line
	var err error
	if l.Status, err = strconv.Atoi(fields[1]); err != nil {
		return Line{}, ErrLine
	}
	if fields[2] != "-" {
		if l.Length, err = strconv.Atoi(fields[2]); err != nil || l.Length < 0 {
			return Line{}, ErrLine
		}
	}
	if len(fields) == 3 {
		l.ID = fields[0]
		return l, nil
	}
	if l.Source, err = netip.ParseAddr(fields[0]); err != nil {
		return Line{}, ErrLine
	}
	l.Method, l.Target = cutRequest(fields[3])
	l.Authorization, l.Agent = orNothing(fields[4]), orNothing(fields[5])
	return l, nil
}

// orNothing returns a field; "-" stands for none.
func orNothing(field string) string {
	if field == "-" {
		return ""
	}
	return field
}

// cutRequest returns method and target of a request line, both empty where it is none.
func cutRequest(line string) (method, target string) {
	method, rest, _ := strings.Cut(line, " ")
	end := strings.LastIndexByte(rest, ' ')
	if end < 0 || !isWord(method) || !strings.HasPrefix(rest[end+1:], "HTTP/") {
		return "", ""
	}
	target = strings.TrimSpace(rest[:end])
	if target == "" {
		return "", ""
	}
	return method, target
}

// isWord tells whether a text is made of capital letters, as methods are.
func isWord(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return s != ""
}

// split returns the fields of a line, with blanks between, some of them in quotes. It
// fails for quotes that do not close, and for control characters, which could end a
// header.
func split(text string) (fields []string, ok bool) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimLeft(text, " ") {
		var field string
		if text[0] == '"' {
			if field, text, ok = unquote(text[1:]); !ok {
				return nil, false
			}
		} else {
			field, text, _ = strings.Cut(text, " ")
		}
		for i := range len(field) {
			if field[i] < ' ' || field[i] == 0x7f {
				return nil, false
			}
		}
		fields = append(fields, field)
	}
	return fields, true
}

// unquote reads up to the closing quote, and resolves what Apache escapes: \" and
// \\, \xhh, and the letters of C for control characters.
func unquote(text string) (field, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:], true
		case c == '\\' && i+1 < len(text):
			i++
			if text[i] == 'x' && i+2 < len(text) {
				code, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
				if err != nil {
					return "", "", false
				}
				b.WriteByte(byte(code))
				i += 2
				continue
			}
			if strings.IndexByte("abfnrtv", text[i]) >= 0 {
				return "", "", false // a control character
			}
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
