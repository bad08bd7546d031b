package config

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/pelletier/go-toml/v2"
)

// A loader fills a Config and notes what is wrong on the way.
type loader struct {
	file     string // empty if there is none
	base     string // where the file's relative paths start
	config   Config
	settings []setting        // bound to config
	places   map[string]place // by slot: where a setting was given
	reported map[string]bool  // keys of the file whose kind is wrong, with all below them
	faults   Faults
	broken   bool // the file could be read in part only
}

// A place is where a setting was given: a line of the file, or a variable.
type place struct {
	line     int
	variable string
	faulty   bool // what was given is not in config
}

// bind makes the table of settings anew, after a certificate was added or with
// another start for relative paths.
func (l *loader) bind(base string) { l.settings = l.config.settings(base) }

// report notes a fault with the setting or section key.
func (l *loader) report(at place, key, message, hint string) {
	f := Fault{File: l.file, Line: at.line, Key: key, Message: message, Hint: hint}
	if at.variable != "" {
		f = Fault{Key: at.variable, Message: message, Hint: hint}
	}
	l.faults = append(l.faults, f)
}

// slot returns the key under which the place of a setting is kept: its own,
// numbered if it belongs to the n-th certificate.
func slot(key string, n int) string {
	if key == certificateSection || strings.HasPrefix(key, certificateSection+".") {
		return key + "#" + strconv.Itoa(n)
	}
	return key
}

// note remembers that key was given at that place.
func (l *loader) note(key string, at place) {
	l.places[slot(key, len(l.config.HTTP.Certificates)-1)] = at
}

// setDefaults gives every setting its default.
func (l *loader) setDefaults() {
	l.bind(l.base)
	for _, s := range l.settings {
		if !s.repeated() {
			l.set(s, s.value, place{})
		}
	}
}

// set gives s the value that text says in the form of the environment, and
// reports whether it was right.
func (l *loader) set(s setting, text string, at place) bool {
	s.clear()
	sound := true
	for _, t := range s.split(text) {
		sound = l.add(s, t, strconv.Quote(t), at) && sound
	}
	return sound
}

// split returns the values that text says: for a list those between the commas.
func (f field) split(text string) []string {
	if f.shape != list {
		return []string{text}
	}
	var values []string
	for v := range strings.SplitSeq(text, ",") {
		if v = strings.TrimSpace(v); v != "" {
			values = append(values, v)
		}
	}
	return values
}

// add gives s one value, and reports whether it was right.
func (l *loader) add(s setting, text, spelled string, at place) bool {
	hint, ok := s.add(text)
	if !ok {
		l.report(at, s.key, "wants "+s.wants+", got "+s.shown(spelled), hint)
	}
	return ok
}

// shown returns what a fault says that was given.
func (f field) shown(spelled string) string {
	if f.secret {
		return "something else"
	}
	return spelled
}

// readDocument takes up what the file says.
func (l *loader) readDocument(data []byte) {
	entries, err := parseDocument(data)
	for _, e := range entries {
		l.take(e)
	}
	if err == nil {
		return
	}
	l.broken = true
	at := place{}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		at.line, _ = decode.Position()
	}
	l.report(at, "", printable(strings.TrimPrefix(err.Error(), "toml: ")), "")
}

// printable returns text with a mark in place of each character that could
// disturb a terminal. Only the TOML library repeats what it read unquoted.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// take takes up one entry of the file.
func (l *loader) take(e entry) {
	if l.below(e.key) {
		return
	}
	s, isSetting := l.find(e.key)
	if isSetting && s.repeated() && len(l.config.HTTP.Certificates) == 0 {
		// A dotted key made a plain table of the section.
		e, isSetting = entry{kind: table, key: s.section(), line: e.line}, false
	}
	sect, isSection := findSection(e.key)
	switch {
	case isSetting && e.kind == pair:
		l.assign(s, e)
	case isSection && e.kind == table && !sect.repeated:
	case isSection && e.kind == element && sect.repeated:
		l.addCertificate(place{line: e.line}, l.base)
	default:
		l.reported[e.key] = true
		l.misfit(e)
	}
}

// below reports whether key is, or stands below, one that was reported.
func (l *loader) below(key string) bool {
	for key != "" {
		if l.reported[key] {
			return true
		}
		key, _ = cutKey(key)
	}
	return false
}

// find returns the setting with that key.
func (l *loader) find(key string) (setting, bool) {
	for _, s := range l.settings {
		if s.key == key {
			return s, true
		}
	}
	return setting{}, false
}

// addCertificate begins a certificate, for the settings that follow.
func (l *loader) addCertificate(at place, base string) {
	l.config.HTTP.Certificates = append(l.config.HTTP.Certificates, Certificate{})
	l.bind(base)
	l.note(certificateSection, at)
}

// assign gives s the value that stands in the file.
func (l *loader) assign(s setting, e entry) {
	before := len(l.faults)
	switch {
	case e.value.shape != s.shape:
		l.reportShape(s, e.value)
	case s.shape != list:
		l.add(s, e.value.text, e.value.spelled, place{line: e.value.line})
	default:
		s.clear()
		for _, v := range e.value.values {
			at := place{line: v.line}
			if v.shape != quoted {
				l.report(at, s.key, "wants "+s.wants+", got "+v.spelled, s.quoteHint(v))
				continue
			}
			l.add(s, v.text, v.spelled, at)
		}
	}
	l.note(s.key, place{line: e.line, faulty: len(l.faults) > before})
}

// reportShape notes that s is spelled in another way than v.
func (l *loader) reportShape(s setting, v value) {
	wants, hint := s.wants, ""
	switch {
	case s.shape == list:
		wants = "a list"
		if v.shape == quoted {
			hint = "write [" + v.spelled + "]"
		}
	case s.shape == quoted:
		hint = s.quoteHint(v)
	case (s.shape == bare || s.shape == truth) && v.shape == quoted:
		hint = "write it without quotes"
	}
	l.report(place{line: v.line}, s.key, "wants "+wants+", got "+s.shown(v.spelled), hint)
}

// quoteHint returns what would mend v, which stands without the quotes that f
// wants. It may change f, which is of no use any more.
func (f field) quoteHint(v value) string {
	if v.shape != bare {
		return ""
	}
	hint, ok := f.add(v.text)
	if ok {
		return "write it in quotes"
	}
	return hint
}

// misfit reports an entry that is not of a kind that its key may have.
func (l *loader) misfit(e entry) {
	at := place{line: e.line}
	if s, ok := l.find(e.key); ok {
		l.note(e.key, place{line: e.line, faulty: true})
		l.report(at, e.key, "wants "+s.wants+", got a table", "")
		return
	}
	if s, ok := findSection(e.key); ok {
		l.report(at, e.key, "is a section", "write "+s.header())
		return
	}
	what := "unknown key"
	if e.kind != pair {
		what = "unknown section"
	}
	l.report(at, e.key, what, didYouMean(l.nearest(e)))
}

// nearest returns the section or setting that e was most likely meant for, or "".
func (l *loader) nearest(e entry) string {
	var keys []string
	for _, s := range l.settings {
		keys = append(keys, s.key)
	}
	if e.kind != pair {
		keys = nil
		for _, s := range sections() {
			keys = append(keys, s.name)
		}
	}
	key := closest(e.key, keys)
	if key == "" {
		key = closestName(e.key, keys)
	}
	if s, ok := findSection(key); ok {
		return s.header()
	}
	return key
}

// closestName returns the first of keys whose own name, without its section, is
// closest to that of key: a setting in the wrong section.
func closestName(key string, keys []string) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		_, names[i] = cutKey(k)
	}
	_, name := cutKey(key)
	best := closest(name, names)
	for i := range keys {
		if best != "" && names[i] == best {
			return keys[i]
		}
	}
	return ""
}
