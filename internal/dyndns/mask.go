package dyndns

import (
	"bytes"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"stayput.dev/internal/update"
)

// hidden stands in the place of what is not shown.
const hidden = "***"

// plainKeys are the further parameters whose values say nothing secret.
var plainKeys = []string{
	"system", "wildcard", "mx", "backmx", "action", "started", "verbose", "txt", "keepipv4", "keepipv6", "dualstack", "alias",
	"force", "cmd", "tld", "zones", "domn", "reqc", "forcehost",
}

// mask makes requests fit to be shown. It shows what is known to be harmless: words
// of our paths, hosts that were asked for, addresses, and the values of parameters
// that are no secrets. All else is hidden, since nobody can tell what a device
// takes for its secret. The zero mask knows no paths.
type mask struct {
	words map[string]bool // segments of our paths
	keys  map[string]bool // parameters; whether their values are shown
}

// newMask returns the mask of requests to the rows.
func newMask(rows []row) mask {
	m := mask{map[string]bool{"": true}, map[string]bool{}}
	for _, r := range rows {
		for _, path := range r.paths {
			for word := range strings.SplitSeq(path, "/") {
				m.words[word] = true
			}
		}
	}
	for _, keys := range [][]string{userKeys, secretKeys} {
		for _, key := range keys {
			m.keys[key] = false
		}
	}
	for _, keys := range [][]string{hostKeys, v4Keys, v6Keys, eitherKeys, prefixKeys, offlineKeys, groupKeys, ducHostKeys, plainKeys} {
		for _, key := range keys {
			m.keys[key] = true
		}
	}
	return m
}

// appendRequest appends what is to be seen of a request, such as
//
//	GET /nic/update?hostname=home.dyn.example.org&password=*** (Basic ***)
//
// with a posted form at the end. User names are shown when they were proven: a
// wrong one may be a secret in the wrong field.
func (m *mask) appendRequest(dst []byte, r *http.Request, form []byte, asked *update.Request, s secrets, proven bool) []byte {
	dst = append(append(dst, r.Method...), ' ')
	dst = m.appendPath(dst, r.URL.Path, asked, s, proven)
	if r.URL.RawQuery != "" {
		dst = m.appendQuery(append(dst, '?'), r.URL.RawQuery, s, proven)
	}
	if header := r.Header.Get("Authorization"); header != "" {
		dst = append(append(append(dst, " ("...), scheme(header)...), hidden+")"...)
	}
	if r.Header.Get(acmeUser) != "" {
		dst = append(dst, " ("+acmeKey+" "+hidden+")"...)
	}
	if fields := readFields(form); fields != nil {
		return appendFields(append(dst, ' '), fields, s, proven)
	}
	if len(form) > 0 {
		dst = bytes.TrimSpace(m.appendQuery(append(dst, ' '), string(form), s, proven))
	}
	return dst
}

// scheme returns the word that says how the Authorization header is meant.
func scheme(header string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(header), " ")
	for _, known := range [...]string{"Basic ", "Bearer ", "Token ", "Digest "} {
		if strings.EqualFold(word, known[:len(known)-1]) {
			return known
		}
	}
	return ""
}

func (m *mask) appendPath(dst []byte, path string, asked *update.Request, s secrets, proven bool) []byte {
	for word := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		dst = append(dst, '/')
		if m.words[strings.ToLower(word)] || isAsked(word, asked) && s.allow(word, proven) {
			dst = append(dst, word...)
		} else {
			dst = append(dst, hidden...)
		}
	}
	return dst
}

// isAsked tells whether a segment of a path is a list of hosts that are asked for,
// or of addresses, and not too long to look.
func isAsked(segment string, asked *update.Request) bool {
	if strings.Count(segment, ",") >= update.MaxHosts || len(asked.Hosts) > update.MaxHosts {
		return false
	}
	for item := range strings.SplitSeq(segment, ",") {
		_, err := netip.ParseAddr(item)
		if err != nil && !slices.ContainsFunc(asked.Hosts, func(host string) bool { return strings.EqualFold(host, item) }) {
			return false
		}
	}
	return true
}

func (m *mask) appendQuery(dst []byte, raw string, s secrets, proven bool) []byte {
	first := true
	for item := range strings.SplitSeq(raw, "&") {
		if !first {
			dst = append(dst, '&')
		}
		first = false
		dst = m.appendItem(dst, item, s, proven)
	}
	return dst
}

// appendItem appends a parameter. One that is not known is hidden with its key,
// which may be all that there is of a secret.
func (m *mask) appendItem(dst []byte, item string, s secrets, proven bool) []byte {
	if item == "" {
		return dst
	}
	key, value, hasValue := strings.Cut(item, "=")
	var buf [32]byte
	name := appendLower(buf[:0], unescape(key, true))
	if i := bytes.IndexByte(name, ':'); i >= 0 { // as in myipv4:home.dyn.example.org
		name = name[:i]
	}
	shown, known := m.keys[string(name)]
	if !known || s.areIn(key) {
		return append(dst, hidden...)
	}
	dst = append(dst, key...)
	if !hasValue {
		return dst
	}
	dst = append(dst, '=')
	if value == "" || (shown || proven && slices.Contains(userKeys, string(name))) && s.allow(value, proven) {
		return append(dst, value...)
	}
	return append(dst, hidden...)
}

// appendLower appends s with ASCII letters in lower case.
func appendLower(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// isProven tells whether the secret of a request was right, by what came of it.
func isProven(err error) bool {
	_, ok := errors.AsType[*update.KeyError](err)
	return err == nil || ok
}

// secrets are those of a request, in all readings.
type secrets struct {
	first  string
	others []string
}

func secretsOf(asked *update.Request) secrets { return secrets{asked.Secret, asked.OtherSecrets} }

// all yields those that are not empty.
func (s secrets) all(yield func(string) bool) {
	if s.first != "" && !yield(s.first) {
		return
	}
	for _, other := range s.others {
		if other != "" && !yield(other) {
			return
		}
	}
}

// areIn tells whether one of the secrets stands in a text, however it is escaped.
func (s secrets) areIn(text string) bool {
	for secret := range s.all {
		if strings.Contains(text, secret) || strings.ContainsAny(text, "%+") &&
			(strings.Contains(unescape(text, false), secret) || strings.Contains(unescape(text, true), secret)) {
			return true
		}
	}
	return false
}

// allow tells whether a text may be shown where something harmless belongs. Before
// the secret was proven, any text may be one in the wrong place, unless it looks
// like what belongs there.
func (s secrets) allow(text string, proven bool) bool {
	return (proven || looksHarmless(text)) && !s.areIn(text)
}

// looksHarmless tells whether a text is a list of names with dots, of addresses, or
// of short words.
func looksHarmless(text string) bool {
	for item := range strings.SplitSeq(unescape(text, true), ",") {
		if len(item) < noChance || strings.Contains(item, ".") {
			continue
		}
		address, _, _ := strings.Cut(item, "/")
		if _, err := netip.ParseAddr(address); err != nil {
			return false
		}
	}
	return true
}

// hideIn hides a text that has a secret in it.
func (s secrets) hideIn(text string) string {
	if s.areIn(text) {
		return hidden
	}
	return text
}

// noChance is from which length on a secret stands nowhere by chance.
const noChance = 8

// hideInReply hides the secrets in a reply.
func (s secrets) hideInReply(reply []byte) []byte {
	for secret := range s.all {
		if len(secret) >= noChance && bytes.Contains(reply, []byte(secret)) {
			reply = bytes.ReplaceAll(reply, []byte(secret), []byte(hidden))
		}
	}
	return reply
}
