package mail

import (
	"cmp"
	"embed"
	"html/template"
	"regexp"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"
)

//go:embed text/*.txt
var textFiles embed.FS

//go:embed letter.html
var letterHTML string

// texts are what we say, by language. Each kind is a template of its name: the
// subject, an empty line, and paragraphs. A paragraph that begins with "=> " is
// the words on the button that leads to the link.
var texts = readTexts()

var layout = template.Must(template.New("letter").Parse(letterHTML))

func readTexts() map[string]*texttemplate.Template {
	all := map[string]*texttemplate.Template{}
	for _, language := range []string{"de", "en", "es", "fr", "pt"} {
		t := texttemplate.New(language).Funcs(texttemplate.FuncMap{"time": formatTime})
		all[language] = texttemplate.Must(t.ParseFS(textFiles, "text/"+language+".txt"))
	}
	return all
}

// formatTime writes a moment so that nobody takes the day for the month.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// letter is a message in words.
type letter struct {
	language, subject, text, html string
	blocks                        []block
}

// page is what the layout of the HTML form shows.
type page struct {
	Language, Subject string
	Brand             Brand
	Blocks            []block
}

// block is a paragraph, or a button with its link.
type block struct{ Text, Link string }

// write puts a message into words: the company's own where there are some, else ours.
func write(m *Message, brand Brand, own ownTexts) (letter, error) {
	brand = brand.complete()
	l := letter{language: pick(m.Language, brand.Language)}
	p := page{Language: l.language, Brand: brand}
	if text := own[textID(m.Kind, l.language)]; text != nil {
		l.subject, p.Blocks = text.say(m, brand)
	} else {
		var err error
		if l.subject, p.Blocks, err = sayBuiltIn(m, brand, l.language); err != nil {
			return letter{}, err
		}
	}
	p.Subject = l.subject
	l.blocks, l.text = p.Blocks, plainText(p.Blocks, brand, 72)
	var html strings.Builder
	if err := layout.Execute(&html, p); err != nil {
		return letter{}, err
	}
	l.html = html.String()
	return l, nil
}

// plainText returns the text form of blocks, in lines of at most so many characters.
func plainText(blocks []block, brand Brand, most int) string {
	var text strings.Builder
	for _, b := range blocks {
		if b.Link != "" {
			text.WriteString(b.Text + ":\n" + b.Link + "\n\n")
		} else {
			text.WriteString(wrap(b.Text, most) + "\n\n")
		}
	}
	text.WriteString("-- \n" + brand.Name + "\n")
	for _, line := range []string{brand.URL, brand.Footer} {
		if line != "" {
			text.WriteString(line + "\n")
		}
	}
	return text.String()
}

// sayBuiltIn returns what a message says in our words.
func sayBuiltIn(m *Message, brand Brand, language string) (subject string, blocks []block, err error) {
	var raw strings.Builder
	data := struct {
		Data
		Brand string
	}{m.Data.cleaned(), clean(brand.Name)}
	if err := texts[language].ExecuteTemplate(&raw, string(m.Kind), data); err != nil {
		return "", nil, err
	}
	subject, body, _ := strings.Cut(strings.TrimSpace(raw.String()), "\n\n")
	for paragraph := range strings.SplitSeq(body, "\n\n") {
		b := block{Text: strings.Join(strings.Fields(paragraph), " ")}
		if label, ok := strings.CutPrefix(b.Text, "=> "); ok {
			b = block{label, m.Data.Link}
		}
		blocks = append(blocks, b)
	}
	return clean(subject), blocks, nil
}

// say returns what a message says in these words.
func (w *words) say(m *Message, brand Brand) (subject string, blocks []block) {
	data, name := m.Data.cleaned(), clean(brand.Name)
	for _, own := range w.blocks {
		b := block{Text: fill(own.text, data, name)}
		if own.isButton {
			b.Text, b.Link = cmp.Or(b.Text, name), m.Data.Link
		}
		if b.Text != "" { // nothing was known to fill in
			blocks = append(blocks, b)
		}
	}
	return cmp.Or(clean(fill(w.subject, data, name)), name), blocks
}

var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// complete returns the brand with what is usual where nothing was said.
func (b Brand) complete() Brand {
	b.Name = cmp.Or(clean(b.Name), "Stayput")
	b.Footer, b.Language = clean(b.Footer), pick(b.Language, "en")
	if !colour.MatchString(b.Colour) {
		b.Colour = "#0b57d0"
	}
	return b
}

// pick returns the language that comes nearest to the one that is wanted.
func pick(wanted, otherwise string) string {
	base, _, _ := strings.Cut(strings.ToLower(wanted), "-")
	if texts[base] != nil {
		return base
	}
	return otherwise
}

// cleaned returns data that cannot be taken for anything but words: what devices,
// browsers and customers chose may hold line breaks and marks that turn text
// around.
func (d Data) cleaned() Data {
	for _, p := range []*string{&d.Name, &d.Place, &d.Agent, &d.Host, &d.Address, &d.Username, &d.Token, &d.Provider, &d.Identity} {
		*p = clean(*p)
	}
	return d
}

// clean returns text on one line, without what cannot be seen, and cut where it is
// longer than any that means something.
func clean(text string) string {
	text = oneLine(text)
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200]) + "…"
	}
	return text
}

// oneLine returns text on one line, without what cannot be seen.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// wrap breaks text into lines of at most so many characters, where it has blanks.
func wrap(text string, most int) string {
	var out strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > most:
			out.WriteByte('\n')
			column = 0
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += n
	}
	return out.String()
}
