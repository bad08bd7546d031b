package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
	"stayput.dev/internal/zone"
)

//go:embed pages
var pageFiles embed.FS

// parsePages makes the templates of all pages in one language: those that the files in
// pages/parts define, and each other file as one with its name.
func parsePages(t *tongue) *template.Template {
	pages := template.New("").Funcs(template.FuncMap{
		"t": t.text, "icon": icon, "asset": assetURL, "fqdn": markName, "input": t.input, "choose": choose, "passkey": askPasskey, "path": url.PathEscape,
		"failing": listFailing, "number": t.number,
	})
	return template.Must(pages.ParseFS(pageFiles, "pages/parts/*.html", "pages/*.html"))
}

// A visit is one request, and who and how it comes.
type visit struct {
	p *Pages
	w http.ResponseWriter
	r *http.Request
	calendar
	who     visitor
	foreign bool        // the page shows what is another account's
	changes []zone.Name // hosts that the visitor was found to have, and changes
}

func (p *Pages) newVisit(w http.ResponseWriter, r *http.Request) *visit {
	who := p.visitorOf(r)
	return &visit{p, w, r, calendar{p.tongueFor(r, who.Language), zoneFor(r), p.Now()}, who, false, nil}
}

// A frame is a page with what stands around it.
type frame struct {
	Title   template.HTML
	Page    string // its name among the templates
	Lang    string
	Path    string // of the page, with its query
	Section string // which part of the navigation it belongs to
	Nav     []link
	Who     visitor
	Staff   bool
	Brand   *brandView
	Tongues []choice
	Refresh bool // without JavaScript the page is to be asked for again and again
	Main    template.HTML
}

// A link leads somewhere within the pages.
type link struct {
	URL, Icon string
	Text      template.HTML
	Here      bool
}

// A choice is one of several.
type choice struct {
	Value  string
	Lang   string // of the text, where it is another than the page's
	Text   template.HTML
	Hint   template.HTML
	Chosen bool
}

// show sends a page. Its title is what the catalogue says under name+".title",
// unless the page gives one of its own.
func (v *visit) show(name string, main any) error { return v.showAs(http.StatusOK, name, main) }

func (v *visit) showAs(status int, name string, main any) error {
	f := &frame{
		Page: name, Lang: v.tag, Path: v.r.URL.RequestURI(), Who: v.who, Staff: forStaff.allows(v.who.Role),
		Brand: v.p.brandNow(), Nav: v.navigation(), Tongues: tongueChoices(v.tag),
	}
	if titled, ok := main.(interface{ title() template.HTML }); ok {
		f.Title = titled.title()
	} else {
		f.Title = v.text(name + ".title")
	}
	if w, ok := main.(interface{ isWaiting() bool }); ok {
		f.Refresh = w.isWaiting()
	}
	if v.r.Method != http.MethodGet && v.r.Method != http.MethodHead {
		f.Path = v.r.URL.Path
	}
	var page bytes.Buffer
	if err := v.pages.ExecuteTemplate(&page, name+".html", main); err != nil {
		return fmt.Errorf("making page %s: %w", name, err)
	}
	f.Main = template.HTML(page.String()) //nolint:gosec // a template made it
	page.Reset()
	if err := v.pages.ExecuteTemplate(&page, "frame", f); err != nil {
		return fmt.Errorf("making page %s: %w", name, err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.tag)
	h.Add("Vary", "Cookie, Accept-Language, Accept-Encoding")
	if v.mayPack(status, name, page.Len()) {
		h.Set("Content-Encoding", "gzip")
		v.w.WriteHeader(status)
		sendPacked(v.w, page.Bytes())
		return nil
	}
	v.w.WriteHeader(status)
	v.w.Write(page.Bytes())
	return nil
}

// within are the paths that belong to a link of the navigation, where those are not the
// ones that begin with it.
var within = map[string][]string{
	"/":                {"/hosts"},
	"/keys":            {"/keys", "/newkey"},
	"/staff":           {"/staff/abuse", "/staff/audit", "/staff/cluster"},
	"/staff/customers": {"/staff/customers", "/staff/plans"},
	"/staff/zones":     {"/staff/zones", "/staff/newzone", "/staff/importzone"},
}

// navigation returns the links at the top of every page.
func (v *visit) navigation() []link {
	if v.who.Account == "" {
		return nil
	}
	all := []link{
		{URL: "/", Icon: "home", Text: v.text("nav.hosts")},
		{URL: "/keys", Icon: "key", Text: v.text("nav.keys")},
		{URL: "/account", Icon: "person", Text: v.text("nav.account")},
	}
	if forStaff.allows(v.who.Role) {
		all = append(all, link{URL: "/staff", Icon: "pulse", Text: v.text("nav.overview")}, link{URL: "/staff/search", Icon: "search", Text: v.text("nav.search")},
			link{URL: "/staff/customers", Icon: "people", Text: v.text("nav.customers")},
			link{URL: "/staff/zones", Icon: "globe", Text: v.text("nav.zones")})
	}
	if forAdmins.allows(v.who.Role) {
		all = append(all, link{URL: "/staff/brand", Icon: "brush", Text: v.text("nav.brand")})
	}
	here := v.r.URL.Path
	if v.foreign {
		here = "/staff/customers"
	}
	for i := range all {
		all[i].Here = here == all[i].URL || within[all[i].URL] == nil && strings.HasPrefix(here, all[i].URL) ||
			slices.ContainsFunc(within[all[i].URL], func(path string) bool { return strings.HasPrefix(here, path) })
	}
	return all
}

// redirect sends the visitor to another page, to be asked for by GET: one of ours, see
// localPath, or the identity provider's.
func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther) //nolint:gosec // no visitor can name another site
	return nil
}

// A failure is a page that says why there is no other.
type failure struct {
	Status int
	Title  template.HTML
	Text   template.HTML
	SignIn string // empty, or where one signs in
}

func (f *failure) title() template.HTML { return f.Title }

// fail answers for an error.
func (v *visit) fail(err error) {
	status, key := http.StatusInternalServerError, "broken"
	tooLarge := new(http.MaxBytesError)
	if !v.wantsPages() && (errors.Is(err, errStranger) || errors.Is(err, admin.ErrNotFound)) {
		http.NotFound(v.w, v.r)
		return
	}
	switch {
	case errors.Is(err, errStranger):
		_ = v.redirect(v.signInURL())
		return
	case errors.Is(err, errMustEnrol):
		_ = v.redirect("/account")
		return
	case errors.Is(err, admin.ErrNotFound), errors.Is(err, signin.ErrOff):
		status, key = http.StatusNotFound, "missing"
	case errors.Is(err, errForbidden):
		status, key = http.StatusForbidden, "forbidden"
	case errors.Is(err, errPlan):
		status, key = http.StatusConflict, "plan"
	case errors.Is(err, errStreams):
		v.w.Header().Set("Retry-After", "60")
		status, key = http.StatusTooManyRequests, "streams"
	case errors.Is(err, errForeignForm):
		status, key = http.StatusForbidden, "foreign"
	case errors.Is(err, errMethod):
		status, key = http.StatusMethodNotAllowed, "missing"
	case errors.Is(err, errExpired), errors.Is(err, signin.ErrLink):
		status, key = http.StatusGone, "expired"
	case errors.As(err, &tooLarge):
		status, key = http.StatusRequestEntityTooLarge, "large"
	case errors.Is(err, registry.ErrUnavailable):
		status, key = http.StatusServiceUnavailable, "unavailable"
	default:
		v.p.Logger.Error("a page failed", "page", v.r.Pattern, "error", err) // not the path: it may hold the token of a link
	}
	f := &failure{Status: status, Title: v.text("failure." + key), Text: v.text("failure." + key + "_text")}
	if err := v.showAs(status, "failure", f); err != nil {
		v.p.Logger.Error("the page for failures failed", "error", err)
		http.Error(v.w, http.StatusText(status), status)
	}
}

// wantsPages tells whether the request is a browser's, rather than that of a device at
// a path that is none of its.
func (v *visit) wantsPages() bool { return strings.Contains(v.r.Header.Get("Accept"), "text/html") }

// actor is in whose name a visit changes something.
func (v *visit) actor() registry.Actor {
	by := registry.Actor{Account: v.who.ID, Via: "web"}
	if from := source(v.r); from.IsValid() {
		by.From = from.String()
	}
	return by
}

// admin makes changes in the visitor's name, while the state that they change allows it.
func (v *visit) admin() *admin.Service { return v.p.Admin.As(v.actor()).Expecting(v.expect) }

// expect tells whether somebody is signed in, and has the hosts that they change, also by the
// state: both were found to be so some time ago.
func (v *visit) expect(st *registry.State) error {
	a, known := st.Accounts.AccountByID(v.who.ID)
	if !known || !v.who.session.StandsFor(&a) {
		return errStranger
	}
	for _, name := range v.changes {
		h, known := st.Accounts.Host(name)
		owner, _ := st.Accounts.AccountByID(h.Account)
		if !known || !v.mayChange(owner.Name) {
			return admin.ErrNotFound
		}
	}
	return nil
}

// isOwn tells whether what belongs to the account is the visitor's own.
func (v *visit) isOwn(owner string) bool { return strings.EqualFold(owner, v.who.Account) }

// maySee tells whether the visitor may see what belongs to the account; mayChange
// whether they may change it.
func (v *visit) maySee(owner string) bool { return v.isOwn(owner) || forStaff.allows(v.who.Role) }

func (v *visit) mayChange(owner string) bool {
	return v.isOwn(owner) || v.who.Role == account.Admin
}

// icon returns the named symbol of the sprite, for the eye alone.
func icon(name string) template.HTML {
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="#i-` + template.HTMLEscapeString(name) + `"/></svg>`) //nolint:gosec // escaped
}

func assetURL(name string) (string, error) {
	if a := assets[name]; a != nil {
		return a.url, nil
	}
	return "", fmt.Errorf("no asset %q", name)
}

// markName returns the name of a host with its zone set back. Where it needs two lines,
// the second begins with a dot.
func markName(n zone.Name) template.HTML {
	first, rest, _ := strings.Cut(n.String(), ".")
	rest = strings.ReplaceAll(template.HTMLEscapeString(rest), ".", "<wbr>.")
	return template.HTML(`<span class="fqdn"><b>` + template.HTMLEscapeString(first) + `</b><span><wbr>.` + rest + `</span></span>`) //nolint:gosec // escaped
}
