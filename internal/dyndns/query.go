package dyndns

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// query is what a client sent as parameters, in order, as it was sent: devices
// escape too little, too much, or halfway, and net/url drops what it cannot
// make sense of.
type query []parameter

// parameter is one of them. A bare word has an empty value.
type parameter struct {
	key   string // unescaped, in lower case
	value string // as sent
}

// maxForm is the greatest size of a posted form in octets.
const maxForm = 8 << 10

// readQuery returns the parameters of the request's URL and after them those of
// a posted form, which can be read again. It fails with errBadForm when the form is
// too long or cut off.
func readQuery(r *http.Request) (query, error) { return make(query, 0, 8).read(r) }

// read is readQuery that appends to q.
func (q query) read(r *http.Request) (query, error) {
	q = appendQuery(q, r.URL.RawQuery)
	if r.Method != http.MethodPost && r.Method != http.MethodPut || r.Body == nil {
		return q, nil
	}
	form, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(form), r.Body))
	if err != nil || len(form) > maxForm {
		return nil, errBadForm
	}
	return appendQuery(q, strings.TrimSpace(string(form))), nil
}

// appendQuery appends what stands between the ampersands of raw, which alone
// separate; the first equals sign ends the key.
func appendQuery(q query, raw string) query {
	for item := range strings.SplitSeq(raw, "&") {
		if item == "" {
			continue
		}
		key, value, _ := strings.Cut(item, "=")
		q = append(q, parameter{strings.ToLower(unescape(key, true)), value})
	}
	return q
}

// get returns the value, as sent, of the first parameter with the key.
func (q query) get(key string) (value string, ok bool) {
	for i := range q {
		if q[i].key == key {
			return q[i].value, true
		}
	}
	return "", false
}

// value returns the value of the first parameter with the key as text, "" when
// there is none.
func (q query) value(key string) string {
	value, _ := q.get(key)
	return strings.TrimSpace(text(unescape(value, true)))
}

// first returns the value, as sent, of the first of the keys that is there with
// one, "" when there is none.
func (q query) first(keys []string) string {
	for _, key := range keys {
		if value, _ := q.get(key); value != "" {
			return value
		}
	}
	return ""
}

// hasAny tells whether some key of the lists is there, perhaps without a value.
func (q query) hasAny(lists ...[]string) bool {
	return slices.ContainsFunc(q, func(p parameter) bool {
		return slices.ContainsFunc(lists, func(keys []string) bool { return slices.Contains(keys, p.key) })
	})
}

// unescape resolves the percent escapes of s, and with plus takes a plus sign
// for a blank. What only looks like an escape stays as it is.
func unescape(s string, plus bool) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+' && plus:
			c = ' '
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			c = fromHex(s[i+1])<<4 | fromHex(s[i+2])
			i += 2
		}
		b = append(b, c)
	}
	return string(b)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func fromHex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// text returns s as UTF-8: what is none is taken for Latin-1, in which old
// firmware sends.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}
