package web_test

import (
	"html"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
)

// catalogue returns the texts of one language by their keys; the forms of a plural
// are joined.
func catalogue(t *testing.T, file string) map[string]string {
	t.Helper()
	var groups map[string]map[string]any
	done(t, toml.Unmarshal(ok(os.ReadFile(file))(t), &groups))
	texts := map[string]string{}
	for group, messages := range groups {
		for name, value := range messages {
			switch value := value.(type) {
			case string:
				texts[group+"."+name] = value
			case map[string]any:
				forms := slices.Sorted(maps.Keys(value))
				if !slices.Equal(forms, []string{"one", "other"}) {
					t.Errorf("%s: %s.%s has the forms %v, not one and other", file, group, name, forms)
				}
				for _, form := range forms {
					texts[group+"."+name] += value[form].(string) + "\n"
				}
			}
		}
	}
	return texts
}

// same are texts that need not differ from the English ones.
var same = map[string][]string{
	"de": {"nav.hosts", "home.name", "home.count", "wizard.name", "newhost.label", "state.offline", "state.alias", "key.server", "devices.routers", "newhost.zone", "account.passkey", "account.name", "account.browser", "factor.code", "brand.logo", "role.support", "subject.host", "subject.webhook", "subject.zone"},
	"es": {"devices.routers", "key.no", "subject.webhook"},
	"pt": {"devices.routers", "mails.kind", "subject.webhook"},
	"fr": {"pages.nav", "length.minutes", "factor.code", "nav.zones", "zones.title", "mails.kind", "subject.webhook", "subject.zone"},
}

var (
	insertion = regexp.MustCompile(`\{\{\.\w+\}\}`)
	word      = regexp.MustCompile(`\pL{2,}`)
)

// TestCatalogues holds the other languages against English: the same keys, the same
// insertions, and no text that was left in English.
func TestCatalogues(t *testing.T) {
	english := catalogue(t, "lang/en.toml")
	files := ok(filepath.Glob("lang/*.toml"))(t)
	if len(files) != 5 {
		t.Fatalf("the catalogues are %v", files)
	}
	for _, file := range files {
		tag := strings.TrimSuffix(filepath.Base(file), ".toml")
		texts := catalogue(t, file)
		for key, text := range english {
			other, known := texts[key]
			if !known {
				t.Errorf("%s lacks %s", file, key)
				continue
			}
			if got, want := insertions(other), insertions(text); !slices.Equal(got, want) {
				t.Errorf("%s: %s inserts %v, want %v", file, key, got, want)
			}
			plain := insertion.ReplaceAllString(text, "")
			if tag != "en" && other == text && word.MatchString(plain) && !slices.Contains(same[tag], key) {
				t.Errorf("%s: %s is still English: %q", file, key, text)
			}
		}
		for key := range texts {
			if _, known := english[key]; !known {
				t.Errorf("%s has %s, which English lacks", file, key)
			}
		}
	}
}

// insertions returns what a text inserts, each once.
func insertions(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(insertion.FindAllString(text, -1))))
}

// composed are the keys that the code puts together, by what they begin with.
var composed = []string{
	"story.", "state.", "kind.", "deed.", "subject.", "event.", "phase.", "type.", "rule.", "chart.updates", "chart.replies", "dashboard.warn", "dashboard.bad", "failure.", "devices.", "door.", "done.", "role.", "when.", "since.", "how.", "options.nodata", "options.nxdomain", "options.somewhere", "tokendays.", "mailkind.", "mailword.", "customer.suspend_title", "customer.resume_title", "customer.terminate_title",
}

// titled are the pages that make titles of their own.
var titled = []string{"host", "key", "mailtext", "confirm", "connect", "customer", "customerchange", "done", "failure", "plan", "record", "recordtype", "token", "zone", "zonecheck", "zonedelete", "zoneservers", "zonesettings"}

// TestKeysAreUsed finds texts that no page says, and keys that no catalogue has.
func TestKeysAreUsed(t *testing.T) {
	english := catalogue(t, "lang/en.toml")
	said := map[string]bool{}
	for _, pattern := range []string{"*.go", "pages/*.html", "pages/parts/*.html"} {
		for _, file := range ok(filepath.Glob(pattern))(t) {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source := string(ok(os.ReadFile(file))(t))
			for _, m := range regexp.MustCompile(`"([a-z_]+\.[a-z_]+)"`).FindAllStringSubmatch(source, -1) {
				said[m[1]] = true
			}
			for _, m := range regexp.MustCompile(`(?:\bt |\btext\(|\bword\()"([^"]+)"`).FindAllStringSubmatch(source, -1) {
				if key := m[1]; english[key] == "" && !strings.HasSuffix(key, ".") {
					t.Errorf("%s says %q, which no catalogue has", file, key)
				}
			}
			if name := strings.TrimSuffix(filepath.Base(file), ".html"); pattern == "pages/*.html" && !slices.Contains(titled, name) {
				if said[name+".title"] = true; english[name+".title"] == "" {
					t.Errorf("the page %s has no title", name)
				}
			}
		}
	}
	for key := range english {
		isComposed := slices.ContainsFunc(composed, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
		if !said[key] && !isComposed {
			t.Errorf("no page says %s", key)
		}
	}
}

// TestEveryPageInEveryLanguage asks for all pages in all languages, sends forms that are
// refused, and looks whether all came in the language: of what English pages say in three
// words or more, nothing is left.
func TestEveryPageInEveryLanguage(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	w.refuseSome()
	compared := 0
	for _, s := range w.sights() {
		statuses := map[string]int{"missing": http.StatusNotFound, "expired": http.StatusGone}
		compared += w.inEveryLanguage(s.path, max(statuses[s.name], http.StatusOK), func(v *visitor) page { v.as = s.as; return v.get(s.path) })
	}
	for _, r := range refusals {
		status := http.StatusUnprocessableEntity
		if strings.HasSuffix(r.path, "/delete") && len(r.form) == 0 {
			status = http.StatusConflict
		}
		compared += w.inEveryLanguage("refusal of "+r.path+" "+strings.Join(r.form, " "), status, func(v *visitor) page { v.as = r.as; return v.post(r.path, r.form...) })
	}
	if compared < 600 {
		t.Errorf("%d English texts were compared, so little was seen", compared)
	}
}

// inEveryLanguage gets a page in each language and compares it with the English one, of
// which it returns the number of texts.
func (w *world) inEveryLanguage(what string, status int, get func(*visitor) page) int {
	w.t.Helper()
	english := map[string]bool{}
	for _, tag := range []string{"en", "es", "de", "pt", "fr"} {
		v := w.as("")
		v.language = tag + ";q=0.9, ja"
		p := get(v)
		p.shows(w.t, status, `<html lang="`+tag+`">`)
		if strings.Contains(p.body, "{{") || strings.Contains(p.body, "\x00") || strings.Contains(p.body, "%!") {
			w.t.Errorf("%s in %s has an insertion that was not filled in", what, tag)
		}
		for _, text := range textsOf(p.body) {
			if tag == "en" {
				english[text] = true
			} else if english[text] && !slices.ContainsFunc(sameInAll, func(s *regexp.Regexp) bool { return s.MatchString(text) }) {
				w.t.Errorf("%s in %s is still English: %q", what, tag, text)
			}
		}
	}
	return len(english)
}

var (
	unsaid     = regexp.MustCompile(`(?s)<(script|style|svg|pre|code)\b.*?</(script|style|svg|pre|code)>`)
	foreign    = regexp.MustCompile(`<(\w+)[^>]* lang="en">[^<]*</\w+>`)
	readAloud  = regexp.MustCompile(`\b(?:aria-label|title|alt|placeholder)="([^"]*)"`)
	symbols    = regexp.MustCompile(`\S*[./@:_=]\pL\S*|\S*\d\S*`) // names of hosts, paths, addresses, keys, code
	tags       = regexp.MustCompile(`<[^>]*>`)
	threeWords = regexp.MustCompile(`\pL{2,}[^\pL]+(?:\pL[^\pL]+)*\pL{2,}[^\pL]+(?:\pL[^\pL]+)*\pL{2,}`)
)

// textsOf returns what a page says in three words or more, to the eye or to the ear: its
// text between tags, and attributes that are read out. Code is no text, and neither is
// what is marked as English, because a library said it.
func textsOf(body string) []string {
	body = foreign.ReplaceAllString(unsaid.ReplaceAllString(body, ""), "")
	all := tags.Split(body, -1)
	for _, m := range readAloud.FindAllStringSubmatch(body, -1) {
		all = append(all, m[1])
	}
	var texts []string
	for _, text := range all {
		if text = strings.Join(strings.Fields(html.UnescapeString(text)), " "); threeWords.MatchString(symbols.ReplaceAllString(text, "")) {
			texts = append(texts, text)
		}
	}
	return texts
}

// sameInAll is what pages may say in English words whatever their language.
var sameInAll = []*regexp.Regexp{
	regexp.MustCompile(`^(key )?(alice|bob|carol)-[a-z-]+( · Stayput)?$`), // names of update keys
	regexp.MustCompile(`^the-camera-[a-z-]+$|^Carolina Beispielhuber`),    // a host and its owner
	regexp.MustCompile(`^backup of names( · Stayput)?$`),                  // an API token
	regexp.MustCompile(`^EdgeOS \(Ubiquiti EdgeRouter\)$`),                // the name of a device
	regexp.MustCompile(`^"a text for programs, .*"$`),                     // what staff wrote into a zone
	regexp.MustCompile(`^What comes with the line$`),                      // and into a plan
}

// refusals are forms that package admin refuses, once refuseSome has been there.
var refusals = []struct {
	as, path string
	form     []string
}{
	{"alice", "/hosts/new", []string{"label", "www", "zone", "dyn.example.org"}},
	{"alice", "/hosts/new", []string{"label", "home", "zone", "dyn.example.org"}},
	{"alice", "/hosts/new", []string{"label", "-", "zone", "dyn.example.org"}},
	{"alice", "/hosts/home.dyn.example.org/options", []string{"ttl", "60", "when", "nodata", "mx", "mail.example.org"}},
	{"alice", "/hosts/home.dyn.example.org/options", []string{"ttl", "60", "when", "nodata", "wildcard", "on"}},
	{"alice", "/hosts/home.dyn.example.org/options", []string{"ttl", "60", "when", "nodata", "addresses", "224.0.0.1"}},
	{"root", "/staff/newzone", []string{"name", "home.dyn.example.org", "servers", "ns1.example.net"}},
	{"root", "/staff/newzone", []string{"name", "new.example.org", "servers", "ns1.new.example.org"}},
	{"root", "/staff/importzone", []string{"name", "new.example.org", "content", "@ 60 IN A 192.0.2.1"}},
	{"root", "/staff/importzone", []string{"name", "new.example.org", "content", "@ 60 IN A nonsense"}},
	{"root", "/staff/plans/new", []string{"name", "a b"}},
	{"root", "/staff/plans/small/delete", nil},
	{"root", "/staff/customers/new", []string{"name", "-x", "role", "customer"}},
	{"root", "/staff/customers/new", []string{"name", "carol", "role", "customer", "email", "nonsense"}},
	{"root", "/staff/customers/alice/change", []string{"state", "active", "plan", "none"}},
	{"root", "/staff/customers/alice/change", []string{"state", "active", "plan", "small", "email", "nonsense"}},
	{"root", "/staff/zones/dyn.example.org/record", []string{"name", "x", "type", "A", "ttl", "60", "data", "nonsense"}},
	{"root", "/staff/zones/dyn.example.org/record", []string{"name", "home", "type", "A", "ttl", "60", "data", "192.0.2.1"}},
	{"root", "/staff/zones/dyn.example.org/record", []string{"name", "www", "type", "CNAME", "ttl", "60", "data", "home"}},
	{"root", "/staff/zones/dyn.example.org/record", []string{"name", "home", "type", "NS", "ttl", "60", "data", "ns.example.net."}},
	{"root", "/staff/zones/dyn.example.org/delete", []string{"confirm", "dyn.example.org"}},
	{"root", "/staff/brand/mails/host-changed", []string{"subject", "{nonsense}", "body", "=> Go"}},
	{"root", "/staff/brand/mails/password-reset", []string{"subject", "", "body", "Go"}},
}

// refuseSome gives alice a plan with which little is allowed.
func (w *world) refuseSome() {
	w.t.Helper()
	ok(w.admin.AddPlan(w.t.Context(), account.Plan{Name: "small", NoWildcard: true, NoMX: true}))(w.t)
	ok(w.admin.SetAccount(w.t.Context(), "alice", admin.AccountChange{Plan: new("small")}))(w.t)
}

// TestLanguageIsKept: what somebody chose counts more than what the browser asks for,
// and for an account on every device.
func TestLanguageIsKept(t *testing.T) {
	w := newWorld(t)
	p := w.as("").post("/language", "language", "de", "back", "/signin")
	p.leads(t, "/signin")
	r := ok(http.NewRequest(http.MethodGet, w.url+"/signin", nil))(t)
	r.Header.Set("Cookie", strings.Split(p.header.Get("Set-Cookie"), ";")[0])
	w.as("").do(r).shows(t, http.StatusOK, `<html lang="de">`, "Anmelden")
	w.as("alice").post("/language", "language", "es", "back", "/").leads(t, "/")
	w.as("alice").get("/keys").shows(t, http.StatusOK, `<html lang="es">`)
	w.as("bob").get("/keys").shows(t, http.StatusOK, `<html lang="en">`)
	w.as("alice").post("/language", "language", "tlh", "back", "/").shows(t, http.StatusNotFound)
	v := w.as("bob")
	v.language, v.zone = "pt-BR,pt;q=0.9", "America/Sao_Paulo"
	user, secret := w.addHost("bob", "home")
	w.report(30*time.Hour, user, secret, "home", "myip=192.0.2.7")
	v.get("/").shows(t, http.StatusOK, `<html lang="pt">`, "ontem, 03:00")
	v.zone = "../../etc/passwd"
	v.get("/").shows(t, http.StatusOK, "ontem, 06:00")
}

// TestWarningsOfAnImport are in the language of the page, all that there are.
func TestWarningsOfAnImport(t *testing.T) {
	w := newWorld(t)
	const odd = `@ 60 IN SOA ns9 hostmaster 1 3600 600 86400 60
@ 60 IN NS ns9
a 60 IN A 192.0.2.1
a 61 IN A 192.0.2.2
sub 60 IN NS ns.example.net.
host.sub 60 IN TXT hidden
`
	compared := w.inEveryLanguage("an import", http.StatusOK, func(v *visitor) page {
		v.as = "root"
		p := v.post("/staff/importzone", "name", "odd.example.org", "content", odd, "replace", "yes")
		if warnings := strings.Count(p.body, `<li><span class="small">`); warnings != 3 || strings.Contains(p.body, `<span lang="en">`) {
			t.Errorf("%d warnings, want 3 in the language %s\n%s", warnings, v.language, p.body)
		}
		return p
	})
	if compared == 0 {
		t.Error("nothing was compared")
	}
}
