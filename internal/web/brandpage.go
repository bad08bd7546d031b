package web

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"

	"stayput.dev/internal/shelf"
)

// brandPage is the form for what the company looks like, with a preview.
type brandPage struct {
	Form    *form
	HasLogo bool
	Saved   bool
	Preview *brandView // as the form has it
	Legal   []legalView
}

// A legalView is the fields for one link.
type legalView struct {
	legalLink
	Number int // from 1
}

// What the texts of a brand may be.
const (
	maxBrandName = 40   // characters
	maxBrandText = 1000 // characters
	maxLegal     = 5
)

func (p *Pages) brandForm(v *visit) error {
	now := p.brand.view().brand
	values := url.Values{
		"name": {now.Name}, "colour": {now.Colour}, "welcome": {now.Welcome}, "help": {now.Help}, "footer": {now.Footer},
	}
	return v.showBrand(newForm(values), now)
}

func (v *visit) showBrand(f *form, b brand) error {
	page := &brandPage{Form: f, HasLogo: b.LogoKind != "", Saved: v.r.URL.Query().Has("saved"), Preview: viewBrand(b)}
	for i := range maxLegal {
		view := legalView{Number: i + 1}
		if i < len(b.Legal) {
			view.legalLink = b.Legal[i]
		}
		page.Legal = append(page.Legal, view)
	}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "brand", page)
	}
	return v.show("brand", page)
}

func (p *Pages) setBrand(v *visit) error {
	if err := v.r.ParseMultipartForm(maxForm); err != nil { //nolint:gosec // Pages.serve bounds the body
		return err
	}
	f := newForm(v.r.PostForm)
	b := v.readBrand(f)
	if err := v.readBrandLogo(f, &b); err != nil {
		return err
	}
	if !f.isRight() {
		return v.showBrand(f, b)
	}
	switch err := p.brand.set(v.r.Context(), b); {
	case errors.Is(err, shelf.ErrChanged):
		f.refuse("", v.text("brand.changed"))
		return v.showBrand(f, b)
	case err != nil:
		return err
	}
	return v.redirect("/staff/brand?saved")
}

// previewBrand is a style sheet that gives the preview a colour.
func (p *Pages) previewBrand(v *visit) error {
	c, err := parseColour(strings.ToLower(v.r.URL.Query().Get("colour")))
	v.w.Header().Set("Content-Type", "text/css; charset=utf-8")
	if err == nil {
		fmt.Fprintf(v.w, ".preview { %s }\n", brandVariables(c))
	}
	return nil
}

// readBrand returns the brand that a form asks for, with the logo that there is.
func (v *visit) readBrand(f *form) brand {
	now := v.p.brand.view().brand
	b := brand{
		Name: line(f.Value("name")), Colour: strings.ToLower(strings.TrimSpace(f.Value("colour"))),
		Welcome: line(f.Value("welcome")), Help: line(f.Value("help")), Footer: line(f.Value("footer")),
		Logo: now.Logo, LogoKind: now.LogoKind,
	}
	if f.Value("plain") != "" { // the house's own colour
		b.Colour = ""
	}
	if _, err := parseColour(b.Colour); b.Colour != "" && err != nil {
		f.refuse("colour", v.text("brand.no_colour"))
	}
	for name, most := range map[string]int{"name": maxBrandName, "welcome": maxBrandText, "help": maxBrandText, "footer": maxBrandText} {
		if len([]rune(f.Value(name))) > most {
			f.refuse(name, v.text("brand.long", "Count", most))
		}
	}
	texts, urls := f.values["legal-text"], f.values["legal-url"]
	for i := range min(len(texts), len(urls), maxLegal) {
		l := legalLink{line(texts[i]), strings.TrimSpace(urls[i])}
		if l == (legalLink{}) {
			continue
		}
		if u, err := url.Parse(l.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || l.Text == "" {
			f.refuse("legal", v.text("brand.no_link"))
		}
		b.Legal = append(b.Legal, l)
	}
	return b
}

// line returns text on one line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

// readBrandLogo takes the logo that a form sends, or drops the one that there is.
func (v *visit) readBrandLogo(f *form, b *brand) error {
	if f.Value("no-logo") != "" {
		b.Logo, b.LogoKind = nil, ""
		return nil
	}
	file, _, err := v.r.FormFile("logo")
	if errors.Is(err, http.ErrMissingFile) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxLogo+1))
	if err != nil {
		return err
	}
	logo, kind, err := readLogo(content)
	var why template.HTML
	switch {
	case err == nil:
		b.Logo, b.LogoKind = logo, kind
		return nil
	case errors.Is(err, errLogoSize):
		why = v.text("brand.logo_size")
	case errors.Is(err, errLogoPart):
		why = v.text("brand.logo_part", "What", strings.TrimPrefix(err.Error(), errLogoPart.Error()+": "))
	default:
		why = v.text("brand.logo_kind")
	}
	f.refuse("logo", why)
	return nil
}
