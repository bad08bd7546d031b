package config

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A shape is how the file spells a value.
type shape int

const (
	other  shape = iota // what no setting takes: dates, fractions, tables
	quoted              // "text"
	bare                // 123
	truth               // true
	list                // ["text", "text"]
)

// A field takes the value of one setting.
type field struct {
	shape shape
	wants string // what is right, such as "a number from 1 to 9"; of a list, what each of its values is
	clear func() // forgets the values so far
	// add takes one value, which for a list joins those that are there. If text
	// will not do it returns false, maybe with a hint, and changes nothing.
	add func(text string) (hint string, ok bool)
	get func() any
	// secret says that no fault shows what was given.
	secret bool
}

// A parser makes one value of text, or returns false and maybe a hint.
type parser[T any] func(text string) (value T, hint string, ok bool)

// single returns a field that keeps one value in p.
func single[T any](p *T, s shape, wants string, parse parser[T]) field {
	return field{
		shape: s,
		wants: wants,
		clear: func() { *p = *new(T) },
		add: func(text string) (string, bool) {
			v, hint, ok := parse(text)
			if ok {
				*p = v
			}
			return hint, ok
		},
		get: func() any { return *p },
	}
}

// many returns a field that keeps a list in p; one text may make several values.
func many[T any](p *[]T, wants string, parse parser[[]T]) field {
	return field{
		shape: list,
		wants: wants,
		clear: func() { *p = nil },
		add: func(text string) (string, bool) {
			v, hint, ok := parse(text)
			if ok {
				*p = append(*p, v...)
			}
			return hint, ok
		},
		get: func() any { return *p },
	}
}

// number returns a field for a decimal number from low to high.
func number[T int | uint32](p *T, low, high T) field {
	wants := fmt.Sprintf("a number from %d to %d", low, high)
	return single(p, bare, wants, func(text string) (T, string, bool) {
		n, err := strconv.ParseInt(text, 10, 64)
		return T(n), "", err == nil && n >= int64(low) && n <= int64(high)
	})
}

// flag returns a field for true or false.
func flag(p *bool) field {
	return single(p, truth, "true or false", func(text string) (bool, string, bool) {
		return text == "true", "", text == "true" || text == "false"
	})
}

// text returns a field for printable text of at most so many octets.
func text(p *string, most int) field {
	wants := fmt.Sprintf("printable text of at most %d octets", most)
	return single(p, quoted, wants, func(text string) (string, string, bool) {
		odd := strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
		return text, "", !odd && len(text) <= most
	})
}

// database returns a field for the URL of a PostgreSQL database, or for none.
func database(p *Secret) field {
	const most = 4096
	f := single(p, quoted, "a URL that begins with postgres:// or nothing", func(text string) (Secret, string, bool) {
		plain := len(text) <= most && !strings.ContainsFunc(text, unicode.IsControl)
		known := strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
		return Secret(text), "", text == "" || plain && known
	})
	f.secret = true
	return f
}

// path returns a field for a path in the file system; a relative one starts at
// base, or is left relative if base is empty.
func path(p *string, base string) field {
	return single(p, quoted, "a path", func(text string) (string, string, bool) {
		full, ok := fullPath(text, base)
		return full, "", ok && text != ""
	})
}

// optionalPath is path for what need not be there.
func optionalPath(p *string, base string) field {
	return single(p, quoted, "a path or nothing", func(text string) (string, string, bool) {
		full, ok := fullPath(text, base)
		return full, "", ok
	})
}

// fullPath returns the path that text is, starting at base; "" for none.
func fullPath(text, base string) (string, bool) {
	switch {
	case strings.ContainsFunc(text, unicode.IsControl):
		return "", false
	case text == "":
		return "", true
	case filepath.IsAbs(text):
		return filepath.Clean(text), true
	}
	return filepath.Join(base, text), true
}

// duration returns a field for a length of time from low to high.
func duration(p *time.Duration, low, high time.Duration) field {
	wants := fmt.Sprintf("a duration from %s to %s", briefly(low), briefly(high))
	return single(p, quoted, wants, func(text string) (time.Duration, string, bool) {
		d, err := time.ParseDuration(text)
		hint := ""
		if err != nil {
			hint = `write a number and a unit, such as "30s" or "5m"`
		}
		return d, hint, err == nil && d >= low && d <= high
	})
}

// never is how a span without end is written.
const never = "never"

// span returns a field for a length of time from low to high, in days if it ends
// with a d, or for never, which is 0.
func span(p *time.Duration, low, high time.Duration) field {
	const day = 24 * time.Hour
	wants := fmt.Sprintf("a duration from %s to %dd, or %q", briefly(low), high/day, never)
	return single(p, quoted, wants, func(text string) (time.Duration, string, bool) {
		if text == never {
			return 0, "", true
		}
		d, err := time.ParseDuration(text)
		if days, ok := strings.CutSuffix(text, "d"); ok {
			var n uint64
			n, err = strconv.ParseUint(days, 10, 16)
			d = time.Duration(n) * day
		}
		hint := ""
		if err != nil {
			hint = `write a number and a unit, such as "30d" or "36h"`
		}
		return d, hint, err == nil && d >= low && d <= high
	})
}

// briefly returns d without minutes and seconds that are zero.
func briefly(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// choice returns a field for one of a few words.
func choice[T ~string](p *T, options ...T) field {
	words := make([]string, len(options))
	for i, o := range options {
		words[i] = string(o)
	}
	return single(p, quoted, oneOf(words), func(text string) (T, string, bool) {
		for _, o := range options {
			if text == string(o) {
				return o, "", true
			}
		}
		return "", didYouMean(closest(text, words)), false
	})
}

// level returns a field for the level of the log.
func level(p *slog.Level) field {
	words := []string{"debug", "info", "warn", "error"}
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	return single(p, quoted, oneOf(words), func(text string) (slog.Level, string, bool) {
		for i, w := range words {
			if text == w {
				return levels[i], "", true
			}
		}
		return 0, didYouMean(closest(text, words)), false
	})
}

// oneOf returns the words, two or more, as a choice between them.
func oneOf(words []string) string {
	last := len(words) - 1
	return `"` + strings.Join(words[:last], `", "`) + `" or "` + words[last] + `"`
}

// didYouMean returns the question as a hint, or "" if there is nothing to ask.
func didYouMean(word string) string {
	if word == "" {
		return ""
	}
	return "did you mean " + word + "?"
}
