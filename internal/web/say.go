package web

import (
	"fmt"
	"html"
	"html/template"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nicksnyder/go-i18n/v2/i18n"

	"stayput.dev/internal/phrase"
)

// verb is where something is filled in, as package fmt writes it: %s, %[2]d, %.40q.
var verb = regexp.MustCompile(`%(?:\[(\d+)\])?[.\d]*([a-z%])`)

// say returns what another room says, in the language. What no catalogue knows, such as
// the error of a library, stays in English and is marked as that.
func (t *tongue) say(p phrase.Phrase) template.HTML {
	switch {
	case p.IsForeign():
		return t.inEnglish(template.HTML(html.EscapeString(p.String()))) //nolint:gosec // escaped
	case !hasWords(p.Text):
		return t.fill(p.Text, p.Args)
	}
	config := &i18n.LocalizeConfig{MessageID: p.Text}
	for _, arg := range p.Args {
		if n, isNumber := wholeNumber(arg); isNumber {
			config.PluralCount = min(n, 999_999) // as text does
			break
		}
	}
	text, said, err := t.localizer.LocalizeWithTag(config)
	if base, _ := said.Base(); err != nil || base.String() != t.tag {
		return t.inEnglish(t.fill(p.Text, p.Args))
	}
	return t.fill(text, p.Args)
}

// sentence is say with a capital letter at the beginning.
func (t *tongue) sentence(p phrase.Phrase) template.HTML {
	said := string(t.say(p))
	if first, size := utf8.DecodeRuneInString(said); !strings.HasPrefix(p.Text, "%") && unicode.IsLower(first) {
		said = string(unicode.ToUpper(first)) + said[size:]
	}
	return template.HTML(said) //nolint:gosec // say escaped it
}

// hasWords tells whether there is something to say in a text besides what is filled in.
func hasWords(text string) bool {
	return strings.ContainsFunc(verb.ReplaceAllString(text, ""), unicode.IsLetter)
}

// inEnglish marks what is not in the language of the page.
func (t *tongue) inEnglish(text template.HTML) template.HTML {
	if t.tag == "en" {
		return text
	}
	return `<span lang="en">` + text + `</span>`
}

// quotes stand around what is quoted.
var quotes = map[string][2]string{
	"en": {"“", "”"}, "de": {"„", "“"}, "es": {"«", "»"}, "pt": {"«", "»"}, "fr": {"«\u00a0", "\u00a0»"},
}

// fill escapes a text and fills in what its verbs stand for.
func (t *tongue) fill(text string, args []any) template.HTML {
	var out strings.Builder
	text = unbroken.Replace(text)
	next, end := 0, 0
	for _, at := range verb.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(html.EscapeString(text[end:at[0]]))
		end = at[1]
		if text[at[4]] == '%' {
			out.WriteByte('%')
			continue
		}
		if at[2] >= 0 {
			n, _ := strconv.Atoi(text[at[2]:at[3]])
			next = n - 1
		}
		if next < len(args) {
			said := string(t.filled(args[next]))
			if text[at[4]] == 'q' {
				said = quotes[t.tag][0] + said + quotes[t.tag][1]
			}
			out.WriteString(said)
		}
		next++
	}
	out.WriteString(html.EscapeString(text[end:]))
	return template.HTML(out.String()) //nolint:gosec // all parts are escaped
}

// filled returns a value as it stands in a sentence. Numbers that are no counts, such
// as serials, are other than int, and not in groups of digits.
func (t *tongue) filled(value any) template.HTML {
	switch v := value.(type) {
	case phrase.Phrase:
		return t.say(v)
	case error:
		return t.say(phrase.Of(v))
	case phrase.Day:
		return calendar{tongue: t, zone: time.UTC}.date(time.Time(v))
	case time.Duration:
		return t.about(v)
	case int:
		return t.markup(v)
	}
	return t.markup(fmt.Sprint(value))
}

// about is duration for what need not be exact.
func (t *tongue) about(d time.Duration) template.HTML {
	for _, unit := range []time.Duration{time.Hour, time.Minute} {
		if d >= 2*unit {
			return t.duration(uint32(d.Round(unit).Seconds()))
		}
	}
	return t.duration(uint32(d.Round(time.Second).Seconds()))
}

// wholeNumber returns a value that is a number.
func wholeNumber(value any) (int, bool) {
	switch n := value.(type) {
	case int:
		return n, true
	case uint32:
		return int(n), true
	case uint64:
		return int(n), true
	}
	return 0, false
}
