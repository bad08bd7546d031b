package web_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/phrase"
	"stayput.dev/internal/web"
)

// sayers are the rooms whose phrases pages show.
var sayers = []string{"zone", "account", "admin", "checkup", "publish", "daemon"}

// unseen are files of theirs that no page has to do with.
var unseen = []string{"hook.go", "movein.go", "policy.go", "seed.go", "tsig.go"}

// sameWords are phrases that are the same in some other language.
var sameWords = []string{"logo", "TTL 0", "alias", "secret", "zones", "%d zones"}

// wordings are the functions whose first argument is the text of a phrase.
var wordings = []string{"New", "Errorf", "invalid", "conflict", "exists", "notFound", "but", "toOthers", "say", "warn"}

// phrasesOf returns the texts of the phrases in a file.
func phrasesOf(t *testing.T, file string) (all []string) {
	t.Helper()
	tree := ok(parser.ParseFile(token.NewFileSet(), file, nil, 0))(t)
	ast.Inspect(tree, func(n ast.Node) bool {
		var text ast.Expr
		switch n := n.(type) {
		case *ast.CallExpr:
			name, room := "", ""
			switch f := n.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
				if x, is := f.X.(*ast.Ident); is {
					room = x.Name
				}
			}
			if slices.Contains(wordings, name) && room != "fmt" && room != "errors" && len(n.Args) > 0 {
				text = n.Args[0]
			}
		case *ast.ValueSpec: // the topics of check-ups are constants
			if kind, is := n.Type.(*ast.Ident); is && kind.Name == "Topic" {
				text = n.Values[0]
			}
		}
		if literal, is := text.(*ast.BasicLit); is && literal.Kind == token.STRING {
			all = append(all, ok(strconv.Unquote(literal.Value))(t))
		}
		return true
	})
	return all
}

var (
	fills  = regexp.MustCompile(`%(?:\[(\d+)\])?[.\d]*([a-z])`)
	letter = regexp.MustCompile(`\pL`)
)

// filledIn returns which arguments a text fills in, by their numbers from 1.
func filledIn(text string) []int {
	var all []int
	next := 1
	for _, m := range fills.FindAllStringSubmatch(text, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil {
			next = n
		}
		all = append(all, next)
		next++
	}
	slices.Sort(all)
	return all
}

// TestPhrases: what other rooms say to people who see pages is said in all languages,
// with the same filled in, and nothing is kept that nobody says.
func TestPhrases(t *testing.T) {
	said := map[string]string{} // by text, the file
	for _, room := range sayers {
		for _, file := range ok(filepath.Glob("../" + room + "/*.go"))(t) {
			if strings.HasSuffix(file, "_test.go") || slices.Contains(unseen, filepath.Base(file)) {
				continue
			}
			for _, text := range phrasesOf(t, file) {
				if letter.MatchString(fills.ReplaceAllString(text, "")) {
					said[text] = file
				}
			}
		}
	}
	for _, word := range admin.NoteWords() {
		said[word] = "a note"
	}
	if len(said) < 150 {
		t.Fatalf("%d phrases were found", len(said))
	}
	for _, tag := range []string{"en", "es", "de", "pt", "fr"} {
		var catalogue map[string]any
		done(t, toml.Unmarshal(ok(os.ReadFile("phrases/"+tag+".toml"))(t), &catalogue))
		for _, text := range slices.Sorted(maps.Keys(said)) {
			if catalogue[text] == nil && tag != "en" {
				t.Errorf("%s: %q is not there, which %s says", tag, text, said[text])
			}
		}
		for text, value := range catalogue {
			if said[text] == "" {
				t.Errorf("%s: nobody says %q", tag, text)
			}
			forms := []any{value}
			if plural, is := value.(map[string]any); is {
				forms = slices.Collect(maps.Values(plural))
			}
			for _, form := range forms {
				if got, want := filledIn(form.(string)), filledIn(text); !slices.Equal(got, want) {
					t.Errorf("%s: %q fills in %v, want %v", tag, form, got, want)
				}
				if tag != "en" && form == text && !slices.Contains(sameWords, text) {
					t.Errorf("%s: %q is still English", tag, text)
				}
			}
		}
	}
}

// TestSay: what is filled in is escaped, phrases and errors in it are said in the same
// language, and what comes from others is marked as English.
func TestSay(t *testing.T) {
	t.Parallel()
	library := errors.New("bad A A")
	for _, tt := range []struct {
		tag  string
		said phrase.Phrase
		want string
	}{
		{"de", phrase.New("%s has no address", "<b>"), "&lt;b&gt; hat keine Adresse"},
		{"de", phrase.New("%s is new: %v", "x", library), `<span lang="en">x is new: <span lang="en">bad A A</span></span>`},
		{"es", phrase.Of(phrase.Errorf("%s data %q: %w", "A", "x", library)), `«x» no vale como datos de un registro A: <span lang="en">bad A A</span>`},
		{"en", phrase.Of(library), "bad A A"},
		{"fr", phrase.New("%v", phrase.Errorf("%w %q: 1 to %d characters", phrase.Errorf("bad external ID"), "x", 64)), "numéro de client non valable «\u00a0x\u00a0»\u00a0: de 1 à 64 caractères"},
		{"pt", phrase.New("zone %s has hosts: %s", "example.org", phrase.New("%s and %d more", "a, b", 1234)), "a zona example.org tem equipamentos: a, b e mais 1.234"},
		{"de", phrase.New("%s is %d changes behind: it has serial %d, not %d", "x", uint32(1), uint32(5000), uint32(5001)), "x ist 1 Änderung zurück: er hat die Seriennummer 5000, nicht 5001"},
		{"en", phrase.New("%s is %d changes behind: it has serial %d, not %d", "x", uint32(1), uint32(5), uint32(6)), "x is 1 change behind: it has serial 5, not 6"},
		{"de", phrase.New("%s was released and rests until %s", "x", phrase.Day(noon)), "x wurde freigegeben und ruht bis 26. Nov. 2026"},
		{"es", phrase.Phrase{}, ""},
	} {
		if got := web.Say(tt.tag, tt.said); got != tt.want {
			t.Errorf("%s: %q is\n%s\nwant\n%s", tt.tag, tt.said, got, tt.want)
		}
	}
}

// TestSayDetail: what notes say is said in the language, and what people chose stays as it
// is and is escaped.
func TestSayDetail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ tag, detail, want string }{
		{"de", "role customer → admin, full name Bob <b>, the 3rd", "Rolle Kunde → Administrator, voller Name Bob &lt;b&gt;, the 3rd"},
		{"es", "suspended true → none, plan home → none", "suspendida sí → no, tarifa home → nada"},
		{"fr", "interval 5m0s → none", "intervalle 5 minutes → rien"},
		{"pt", "1 names", "1 nome"},
		{"de", "told of silence 48h0m0s → none, told of changes true", "Nachricht bei Stille 48 Stunden → nichts, Nachricht bei neuer Adresse ja"},
		{"fr", "name Example → none, logo", "nom Example → rien, logo"},
		{"de", "home.example.org A", "home.example.org A"},
		{"en", "role customer → admin", "role customer → admin"},
	} {
		if got := web.SayDetail(tt.tag, tt.detail); got != tt.want {
			t.Errorf("%s: %q is %q, want %q", tt.tag, tt.detail, got, tt.want)
		}
	}
}
