package web

import (
	"embed"
	"html"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"

	"stayput.dev/internal/admin"
)

// catalogues is what the pages say, a file for each language in lang; and in phrases
// what other rooms say, by its English text.
//
//go:embed lang/*.toml phrases/*.toml
var catalogues embed.FS

// languages are those that the pages speak, by the names that their speakers give
// them. The first is for whoever speaks none of them.
var languages = []struct{ tag, name string }{
	{"en", "English"}, {"es", "Español"}, {"de", "Deutsch"}, {"pt", "Português"}, {"fr", "Français"},
}

// languageName returns what its speakers call a language of ours, else its tag.
func languageName(tag string) string {
	for _, l := range languages {
		if l.tag == tag {
			return l.name
		}
	}
	return tag
}

// tongueChoices are our languages, of which one may be chosen.
func tongueChoices(chosen string) (all []choice) {
	for _, l := range languages {
		all = append(all, choice{Value: l.tag, Lang: l.tag, Text: template.HTML(l.name), Chosen: l.tag == chosen}) //nolint:gosec // ours
	}
	return all
}

// A tongue is one language: its words, and the pages in them.
type tongue struct {
	tag       string
	localizer *i18n.Localizer
	pages     *template.Template
}

// matcher finds the language that suits what a browser asks for.
var matcher = language.NewMatcher(languageTags())

func languageTags() []language.Tag {
	tags := make([]language.Tag, len(languages))
	for i, l := range languages {
		tags[i] = language.Make(l.tag)
	}
	return tags
}

// speak reads the catalogues and makes the pages of each, once.
var speak = sync.OnceValue(func() []*tongue {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	all := make([]*tongue, len(languages))
	for _, l := range languages {
		for _, file := range []string{"lang/" + l.tag + ".toml", "phrases/" + l.tag + ".toml"} {
			if _, err := bundle.LoadMessageFileFS(catalogues, file); err != nil {
				panic(err) // the tests read them all
			}
		}
	}
	for i, l := range languages {
		all[i] = &tongue{tag: l.tag, localizer: i18n.NewLocalizer(bundle, l.tag)}
		all[i].pages = parsePages(all[i])
	}
	return all
})

// tongueFor returns the language for a request: that of the account, of the cookie,
// or what the browser asks for.
func (p *Pages) tongueFor(r *http.Request, chosen string) *tongue {
	if c, err := r.Cookie(languageCookie); err == nil && chosen == "" {
		chosen = c.Value
	}
	if t := p.tongue(chosen); t != nil {
		return t
	}
	asked, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(asked) == 0 {
		return p.tongues[0]
	}
	_, i, _ := matcher.Match(asked...)
	return p.tongues[i]
}

// tongue returns the language with the tag, nil if there is none.
func (p *Pages) tongue(tag string) *tongue {
	for _, t := range p.tongues {
		if t.tag == tag {
			return t
		}
	}
	return nil
}

// text returns what the catalogue says under key, with what pairs name filled in:
// text is escaped, and HTML stands as it is. A pair "Count" with a number also
// chooses the plural. A key that is missing is a panic, which the tests would find.
func (t *tongue) text(key string, pairs ...any) template.HTML {
	fill := map[string]any{}
	config := &i18n.LocalizeConfig{MessageID: key, TemplateData: fill}
	var marks []string
	for i := 0; i+1 < len(pairs); i += 2 {
		name := pairs[i].(string)
		if n, isNumber := pairs[i+1].(int); isNumber && name == "Count" {
			config.PluralCount = min(n, 999_999) // millions have a form of their own in some languages, which says no more
		}
		// What is filled in comes after the words were escaped.
		mark := "\x00" + strconv.Itoa(i) + "\x00"
		fill[name] = mark
		marks = append(marks, mark, string(t.markup(pairs[i+1])))
	}
	text, err := t.localizer.Localize(config)
	if err != nil {
		panic(err)
	}
	return template.HTML(strings.NewReplacer(marks...).Replace(html.EscapeString(unbroken.Replace(text)))) //nolint:gosec // all parts are escaped
}

// unbroken joins what a browser would put on two lines: the halves of the word e-mail, and
// in French what a space stands before or after.
var unbroken = strings.NewReplacer(
	"-mail", "-\u2060mail", "-Mail", "-\u2060Mail",
	" :", "\u00a0:", " ;", "\u00a0;", " !", "\u00a0!", " ?", "\u00a0?", "« ", "«\u00a0", " »", "\u00a0»",
)

// has tells whether the catalogue has the key.
func (t *tongue) has(key string) bool {
	_, err := t.localizer.Localize(&i18n.LocalizeConfig{MessageID: key})
	return err == nil
}

// markup returns a value as it stands in a page.
func (t *tongue) markup(value any) template.HTML {
	switch v := value.(type) {
	case template.HTML:
		return v
	case int:
		return template.HTML(t.number(v)) //nolint:gosec // digits
	case string:
		return template.HTML(html.EscapeString(v)) //nolint:gosec // escaped
	}
	panic("a value of a message is text, HTML or a number")
}

// number writes a number in groups of three digits.
func (t *tongue) number(n int) string {
	digits := strconv.Itoa(n)
	group := map[string]string{"en": ",", "de": ".", "es": ".", "pt": ".", "fr": "\u202f"}[t.tag]
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + group + digits[i:]
	}
	return digits
}

// languageCookie is the cookie that keeps which language a visitor chose.
const languageCookie = "language"

// setLanguage keeps the choice of a language, for the account of who is signed in and
// in any case for the browser, and goes back to the page.
func (p *Pages) setLanguage(v *visit) error {
	t := p.tongue(v.r.PostFormValue("language"))
	if t == nil {
		return admin.ErrNotFound
	}
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // over plain HTTP it cannot be Secure
		Name: languageCookie, Value: t.tag, Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: p.isSecure(v.r),
	})
	if v.who.Account != "" && v.who.Language != t.tag {
		if _, err := v.admin().SetAccount(v.r.Context(), v.who.Account, admin.AccountChange{Language: &t.tag}); err != nil {
			return err
		}
	}
	return v.redirect(localPath(v.r.PostFormValue("back")))
}

// localPath returns the target if it is a path of ours, else "/": nobody is sent to
// another site by a link that looks like ours.
func localPath(target string) string {
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.ContainsAny(target, "\\\r\n\t") {
		return "/"
	}
	return target
}
