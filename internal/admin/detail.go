package admin

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/policy"
	"stayput.dev/internal/tsig"
)

// Details returns what the detail of a note says, thing after thing, in the words that
// were kept. What people chose is filled in; a text of theirs that reads like one of our
// words cannot be told from it.
func Details(detail string) []phrase.Phrase {
	var all []noted
	for piece := range strings.SplitSeq(detail, ", ") {
		n := readNoted(piece)
		if last := len(all) - 1; n.field == "" && n.count == "" && last >= 0 && all[last].field != "" {
			all[last].value += ", " + piece // it is not a thing of its own
			continue
		}
		all = append(all, n)
	}
	out := make([]phrase.Phrase, len(all))
	for i := range all {
		out[i] = all[i].phrase()
	}
	return out
}

// noted is one thing that the detail of a note says.
type noted struct {
	field string // what it is about; empty: value is all, or the count
	count string // text of a phrase with one number, which is value
	value string
}

// counts are the numbers in notes.
var counts = map[string]phrase.Phrase{
	"of them":  phrase.New("%d of them", 0),
	"names":    phrase.New("%d names", 0),
	"zones":    phrase.New("%d zones", 0),
	"accounts": phrase.New("%d accounts", 0),
	"hosts":    phrase.New("%d hosts", 0),
	"keys":     phrase.New("%d keys", 0),
}

var counted = regexp.MustCompile(`^(\d{1,9}) ([a-z ]+)$`)

func readNoted(piece string) noted {
	if m := counted.FindStringSubmatch(piece); m != nil {
		if text, known := counts[m[2]]; known {
			return noted{count: text.Text, value: m[1]}
		}
	}
	// The longest word that it begins with: "mx", but "no mx" of a plan.
	for end := len(piece); end > 0; end = strings.LastIndexByte(piece[:end], ' ') {
		field := piece[:end]
		if _, known := noteWords()[field]; known {
			return noted{field: field, value: strings.TrimPrefix(piece[end:], " ")}
		}
	}
	return noted{value: piece}
}

func (n *noted) phrase() phrase.Phrase {
	switch {
	case n.count != "":
		number, _ := strconv.Atoi(n.value)
		return phrase.New(n.count, number)
	case n.field == "":
		return phrase.New("%s", n.value)
	case n.value == "":
		return phrase.Fixed(n.field)
	}
	field := phrase.Fixed(n.field)
	was, is, moved := strings.Cut(n.value, " → ")
	switch {
	case !moved:
		return phrase.New("%s %s", field, n.word(n.value))
	case was == "true" && is == "none":
		is = "false"
	}
	return phrase.New("%s %s → %s", field, n.word(was), n.word(is))
}

// word returns a value, which is a phrase where it is a word of ours.
func (n *noted) word(value string) any {
	switch {
	case value == "none": // catalogues have that for another sense
		return phrase.Fixed("nothing")
	case value == "true", value == "false", n.field == "role":
		return phrase.Fixed(value)
	}
	switch kind := noteWords()[n.field]; {
	case kind == nil:
	case kind.Kind() == reflect.Slice:
		return strings.Trim(value, "[]")
	case kind == reflect.TypeFor[time.Duration]():
		if d, err := time.ParseDuration(value); err == nil {
			return d
		}
	}
	return value
}

// NoteWords returns the words that Details finds in notes, for who has catalogues.
func NoteWords() []string {
	words := append(slices.Sorted(maps.Keys(noteWords())), "nothing", "true", "false")
	for _, role := range []account.Role{account.Customer, account.Support, account.Admin} {
		words = append(words, string(role))
	}
	return words
}

// noteWords are what differences makes of fields, with their types, and what other rooms
// and edits say in their place.
var noteWords = sync.OnceValue(func() map[string]reflect.Type {
	all := map[string]reflect.Type{
		"offline": nil, "addresses": nil, "password kept in another form": nil,
		"told of silence": reflect.TypeFor[time.Duration](), "told of changes": nil, "told of wrong secrets": nil,
		"name": nil, "colour": nil, "logo": nil, "welcome": nil, "help": nil, "footer": nil, "legal links": nil, "subject": nil, "body": nil,
	}
	for _, kept := range []any{account.Account{}, account.Host{}, account.Key{}, account.Plan{}, account.Token{}, account.Hook{}, tsig.Key{}, policy.Zone{}} {
		addWords(all, reflect.TypeOf(kept))
	}
	return all
})

func addWords(all map[string]reflect.Type, of reflect.Type) {
	for field := range of.Fields() {
		switch {
		case silent[field.Name]:
		case !secrets[field.Name] && isNested(field.Type):
			addWords(all, field.Type)
		default:
			all[words(field.Name)] = field.Type
		}
	}
}
