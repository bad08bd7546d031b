package mail

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode/utf8"
)

// Text is a mail in the company's own words, in a plain form of which nothing is
// executed: paragraphs are parted by empty lines, a line that begins with "=>" is
// the words on the button, and what stands in braces is filled in, as "{name}".
type Text struct {
	Kind     Kind
	Language string // one of ours
	Subject  string
	Body     string
}

// The most that a text may have, in characters.
const (
	MaxSubject = 200
	MaxBody    = 4000
)

// Placeholder is something that texts of a kind may have filled in.
type Placeholder struct {
	Name      string // as it stands between braces
	Sometimes bool   // it may be empty
}

// TextFault is why a text cannot be used.
type TextFault struct {
	Subject bool   // it is the subject's, else the body's
	Reason  Reason // what is wrong
	Word    string // of UnknownPlaceholder: what stands there
}

// Reason is what is wrong with a text.
type Reason string

// The reasons.
const (
	Empty              Reason = "empty"
	TooLong            Reason = "too long"
	UnknownPlaceholder Reason = "unknown placeholder" // or a brace alone
	NoButton           Reason = "no button"           // the mail is of no use without its link
	TwoButtons         Reason = "more than one button"
	NeedlessButton     Reason = "a button that would lead nowhere"
)

// Error implements error.
func (f *TextFault) Error() string {
	part, word := "body", ""
	if f.Subject {
		part = "subject"
	}
	if f.Word != "" {
		word = fmt.Sprintf(" %q", f.Word)
	}
	return fmt.Sprintf("the %s of the mail: %s%s", part, f.Reason, word)
}

// kindWords are what texts of a kind consist of.
type kindWords struct {
	kind         Kind
	hasButton    bool
	placeholders []string
}

// kinds are what there is to write about, in the order in which staff see it, with
// what each may have filled in. A "?" begins what may be empty.
var kinds = []kindWords{
	{Invitation, true, []string{"name", "expires"}},
	{PasswordReset, true, []string{"name", "expires"}},
	{ConfirmEmail, true, []string{"name", "expires"}},
	{ConfirmSignUp, true, []string{"expires"}},
	{KnownAddress, true, []string{"name"}},
	{Approved, true, []string{"name"}},
	{NewPlace, false, []string{"name", "at", "place", "?agent"}},
	{PasswordChanged, false, []string{"name", "at", "?place"}},
	{FactorsChanged, false, []string{"name", "at", "?place"}},
	{TokenMade, false, []string{"name", "at", "?place", "?token"}},
	{Connected, false, []string{"name", "at", "?place", "provider", "identity"}},
	{Disconnected, false, []string{"name", "at", "?place", "provider", "identity"}},
	{EmailChanged, false, []string{"name", "at", "address"}},
	{HostSilent, false, []string{"name", "host", "at"}},
	{HostHeard, false, []string{"name", "host", "at"}},
	{HostChanged, false, []string{"name", "host", "address", "at"}},
	{HostFailing, false, []string{"name", "host", "username", "at"}},
}

// AllKinds returns the kinds, in the order in which to show them.
func AllKinds() []Kind {
	var all []Kind
	for _, k := range kinds {
		all = append(all, k.kind)
	}
	return all
}

// Languages returns the tags of the languages that mails are written in, in order.
func Languages() []string { return slices.Sorted(maps.Keys(texts)) }

// Placeholders returns what texts of the kind may have filled in; nil for a kind that
// there is not.
func (k Kind) Placeholders() []Placeholder {
	for _, known := range kinds {
		if known.kind != k {
			continue
		}
		var all []Placeholder
		for _, name := range append(slices.Clone(known.placeholders), "brand") {
			name, sometimes := strings.CutPrefix(name, "?")
			all = append(all, Placeholder{name, sometimes})
		}
		return all
	}
	return nil
}

// HasButton tells whether mails of the kind have a link to follow.
func (k Kind) HasButton() bool {
	return slices.ContainsFunc(kinds, func(known kindWords) bool { return known.kind == k && known.hasButton })
}

// words are a text that was read.
type words struct {
	subject string
	blocks  []ownBlock
}

// ownBlock is a paragraph, or the words on the button.
type ownBlock struct {
	text     string
	isButton bool
}

// Check tells whether the text can be used. Its error is a *TextFault, or another for
// a kind or language that there is not.
func (t Text) Check() error {
	_, err := t.read()
	return err
}

// read reads a text and checks it.
func (t Text) read() (*words, error) {
	known := t.Kind.Placeholders()
	if known == nil || texts[t.Language] == nil {
		return nil, fmt.Errorf("%w: no mails of kind %q in language %q", ErrBadMessage, t.Kind, t.Language)
	}
	w := &words{subject: oneLine(t.Subject), blocks: readBlocks(t.Body)}
	if err := t.measure(w); err != nil {
		return nil, err
	}
	buttons := 0
	for _, b := range w.blocks {
		if word := strangeBrace(b.text, known); word != "" {
			return nil, &TextFault{Reason: UnknownPlaceholder, Word: word}
		}
		if b.isButton {
			buttons++
		}
		if b.isButton && b.text == "" {
			return nil, &TextFault{Reason: NoButton}
		}
	}
	if word := strangeBrace(w.subject, known); word != "" {
		return nil, &TextFault{Subject: true, Reason: UnknownPlaceholder, Word: word}
	}
	switch hasButton := t.Kind.HasButton(); {
	case hasButton && buttons == 0:
		return nil, &TextFault{Reason: NoButton}
	case hasButton && buttons > 1:
		return nil, &TextFault{Reason: TwoButtons}
	case !hasButton && buttons > 0:
		return nil, &TextFault{Reason: NeedlessButton}
	}
	return w, nil
}

// measure tells whether a text is there and not too long.
func (t Text) measure(w *words) error {
	switch {
	case w.subject == "":
		return &TextFault{Subject: true, Reason: Empty}
	case utf8.RuneCountInString(t.Subject) > MaxSubject:
		return &TextFault{Subject: true, Reason: TooLong}
	case len(w.blocks) == 0:
		return &TextFault{Reason: Empty}
	case utf8.RuneCountInString(t.Body) > MaxBody:
		return &TextFault{Reason: TooLong}
	}
	return nil
}

// readBlocks parts a body into paragraphs and buttons.
func readBlocks(body string) []ownBlock {
	var all []ownBlock
	inside := false // a paragraph
	for l := range strings.Lines(strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\r", "\n")) {
		l = oneLine(l)
		label, isButton := strings.CutPrefix(l, "=>")
		switch {
		case isButton:
			all = append(all, ownBlock{strings.TrimSpace(label), true})
		case l != "" && inside:
			all[len(all)-1].text += " " + l
		case l != "":
			all = append(all, ownBlock{text: l})
		}
		inside = l != "" && !isButton
	}
	return all
}

// braces are a placeholder, or a brace that belongs to none.
var braces = regexp.MustCompile(`\{([^{}]*)\}|[{}]`)

// strangeBrace returns the first brace with what is in it that is no placeholder;
// empty if all are.
func strangeBrace(text string, known []Placeholder) string {
	for _, m := range braces.FindAllStringSubmatch(text, -1) {
		if !slices.ContainsFunc(known, func(p Placeholder) bool { return p.Name == m[1] }) {
			return m[0]
		}
	}
	return ""
}

// fill puts data into the placeholders of a line, which stays one: what is filled in
// is not looked at again.
func fill(line string, data Data, brand string) string {
	values := map[string]string{
		"name": data.Name, "brand": brand, "place": data.Place, "agent": data.Agent, "host": data.Host, "address": data.Address,
		"username": data.Username, "token": data.Token, "provider": data.Provider, "identity": data.Identity,
		"at": formatTime(data.At), "expires": formatTime(data.Expires),
	}
	return strings.TrimSpace(braces.ReplaceAllStringFunc(line, func(p string) string { return values[strings.Trim(p, "{}")] }))
}

// BuiltIn returns what mails of the kind say in the language when nobody gave them
// words of their own, without what depends on data that may be missing. The kind and
// the language must be ones that there are.
func BuiltIn(kind Kind, language string) (Text, error) {
	plain, err := texts[language].Clone()
	if err != nil {
		return Text{}, fmt.Errorf("reading the texts of mails: %w", err)
	}
	plain.Funcs(texttemplate.FuncMap{"time": func(placeholder string) string { return placeholder }})
	data := map[string]string{}
	for _, p := range kind.Placeholders() {
		data[strings.ToUpper(p.Name[:1])+p.Name[1:]] = "{" + p.Name + "}"
		if p.Sometimes {
			data[strings.ToUpper(p.Name[:1])+p.Name[1:]] = ""
		}
	}
	var raw strings.Builder
	if err := plain.ExecuteTemplate(&raw, string(kind), data); err != nil {
		return Text{}, fmt.Errorf("reading the texts of mails: %w", err)
	}
	subject, body, _ := strings.Cut(strings.TrimSpace(raw.String()), "\n\n")
	return Text{Kind: kind, Language: language, Subject: subject, Body: body}, nil
}

// Preview returns the subject and the text of a mail with made-up data, its paragraphs
// on one line each. It fails as Check does.
func (t Text) Preview(brand Brand) (subject, text string, err error) {
	own, err := t.read()
	if err != nil {
		return "", "", err
	}
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	m := &Message{Kind: t.Kind, Language: t.Language, Data: Data{
		Name: "anna", Link: "https://dyn.example.org/example", Expires: at.Add(24 * time.Hour), At: at, Place: "192.0.2.1", Agent: "Firefox",
		Host: "home.dyn.example.org", Address: "192.0.2.2", Username: "anna-home", Token: "backup", Provider: "Example", Identity: "anna",
	}}
	l, err := write(m, brand, ownTexts{textID(t.Kind, t.Language): own})
	return l.subject, plainText(l.blocks, brand.complete(), math.MaxInt), err
}
