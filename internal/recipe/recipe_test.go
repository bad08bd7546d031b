package recipe_test

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"stayput.dev/internal/recipe"
)

// TestBook: there is a text for each device, and a device for each text; all that is
// left open is filled in.
func TestBook(t *testing.T) {
	t.Parallel()
	base, err := recipe.ParseServer("https://update.example.org:8443/")
	if err != nil {
		t.Fatal(err)
	}
	book := recipe.Book(base, "home.dyn.example.org", "")
	var devices []string
	for _, r := range book {
		devices = append(devices, r.Device)
		open := strings.NewReplacer("${", "", "custom stayput@home.dyn.example.org {", "").Replace(r.Text)
		if word := placeholder(open); word != "" {
			t.Errorf("%s: %s is not filled in", r.Device, word)
		}
		if r.Title == "" || strings.HasPrefix(r.Title, "#") || !strings.HasSuffix(r.Text, "\n") || !strings.Contains(r.Text, "update.example.org:8443") {
			t.Errorf("%+v", r)
		}
	}
	if !slices.Equal(devices, recipe.Devices()) {
		t.Errorf("devices = %q, want %q", devices, recipe.Devices())
	}
	files, err := fs.Glob(os.DirFS("texts"), "*.txt")
	files = slices.DeleteFunc(files, func(name string) bool { return strings.Count(name, ".") > 1 }) // of one language
	if err != nil || len(files) != len(devices) {
		t.Errorf("%d files, %v, want %d", len(files), err, len(devices))
	}
	if len(devices) < 20 {
		t.Errorf("%d devices", len(devices))
	}
}

// TestBookIn: every recipe has a title of its own in each language, but for names; what
// is to be pasted is the same, and fields that a device has in the language have the
// same values.
func TestBookIn(t *testing.T) {
	t.Parallel()
	base := &url.URL{Scheme: "https", Host: "update.example.org"}
	english := recipe.Book(base, "home.dyn.example.org", "alice")
	for _, language := range []string{"es", "de", "pt", "fr"} {
		for i, r := range recipe.BookIn(language, base, "home.dyn.example.org", "alice") {
			nameOnly := slices.Contains([]string{"curl", "ddclient", "inadyn"}, r.Device)
			if r.Device != english[i].Device || r.Title == "" || r.Title == english[i].Title && !nameOnly {
				t.Errorf("%s: %s has the title %q", language, r.Device, r.Title)
			}
			if got, want := values(r.Text), values(english[i].Text); r.Text != english[i].Text && (got != want || r.Device != "fritzbox") {
				t.Errorf("%s: %s has the text\n%s", language, r.Device, r.Text)
			}
		}
	}
	if none := recipe.BookIn("tlh", base, "home.dyn.example.org", "alice"); !slices.Equal(none, english) {
		t.Error("a language that is not there is not English")
	}
	german := recipe.BookIn("de", base, "home.dyn.example.org", "alice")
	i := slices.Index(recipe.Devices(), "fritzbox")
	if !strings.Contains(german[i].Text, "Kennwort:     SECRET\n") {
		t.Errorf("a Fritz!Box has no fields in German:\n%s", german[i].Text)
	}
}

// values returns what stands behind the names of fields.
func values(text string) string {
	var all []string
	for line := range strings.Lines(text) {
		_, value, _ := strings.Cut(line, ": ")
		all = append(all, strings.TrimSpace(value))
	}
	return strings.Join(all, "\n")
}

// placeholder returns the first word in braces with nothing but letters and hyphens.
func placeholder(text string) string {
	for {
		_, behind, ok := strings.Cut(text, "{")
		if !ok {
			return ""
		}
		word, _, ok := strings.Cut(behind, "}")
		if ok && word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz-") == "" {
			return "{" + word + "}"
		}
		text = behind
	}
}

func TestParseServer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"https://update.example.org": nil, "http://[2001:db8::53]:8080/": nil,
		"": recipe.ErrNoServer, "update.example.org": recipe.ErrNoServer, "ftp://update.example.org": recipe.ErrNoServer, "https://": recipe.ErrNoServer,
		"https://a:b@update.example.org": recipe.ErrTooMuch, "https://update.example.org/nic": recipe.ErrTooMuch, "https://update.example.org?x": recipe.ErrTooMuch,
	} {
		base, err := recipe.ParseServer(text)
		if !errors.Is(err, want) {
			t.Errorf("ParseServer(%q) = %v, %v, want %v", text, base, err, want)
		}
		if err == nil && (*base != url.URL{Scheme: base.Scheme, Host: base.Host}) {
			t.Errorf("ParseServer(%q) = %+v", text, base)
		}
	}
}
