package web

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"

	"stayput.dev/internal/brand"
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
	brand.Link
	Number int // from 1
}

func (p *Pages) brandForm(v *visit) error {
	now := p.Brand.Now()
	values := url.Values{
		"name": {now.Name}, "colour": {now.Colour}, "welcome": {now.Welcome}, "help": {now.Help}, "footer": {now.Footer},
	}
	return v.showBrand(newForm(values), now)
}

func (v *visit) showBrand(f *form, b *brand.Brand) error {
	page := &brandPage{Form: f, HasLogo: b.LogoKind != "", Saved: v.r.URL.Query().Has("saved"), Preview: viewBrand(b)}
	for i := range brand.MaxLegal {
		view := legalView{Number: i + 1}
		if i < len(b.Legal) {
			view.Link = b.Legal[i]
		}
		page.Legal = append(page.Legal, view)
	}
	if !f.isRight() {
		return v.showAs(http.StatusUnprocessableEntity, "brand", page)
	}
	return v.show("brand", page)
}

func (p *Pages) setBrand(v *visit) error {
	if err := v.r.ParseMultipartForm(maxForm); err != nil {
		return err
	}
	f := newForm(v.r.PostForm)
	wanted, err := p.Brand.Change(v.r.Context(), v.actor(), func(now brand.Brand) (brand.Brand, error) { return v.readBrand(f, &now) })
	if faults, are := errors.AsType[brand.Faults](err); are {
		v.refuseBrand(f, faults)
		return v.showBrand(f, wanted)
	}
	switch {
	case errors.Is(err, shelf.ErrChanged):
		f.refuse("", v.text("brand.changed"))
		return v.showBrand(f, p.Brand.Now())
	case err != nil:
		return err
	}
	return v.redirect("/staff/brand?saved")
}

// previewBrand is a style sheet that gives the preview a colour.
func (p *Pages) previewBrand(v *visit) error {
	c, err := brand.ParseColour(strings.ToLower(v.r.URL.Query().Get("colour")))
	v.w.Header().Set("Content-Type", "text/css; charset=utf-8")
	if err == nil {
		fmt.Fprintf(v.w, ".preview { %s }\n", brandVariables(c))
	}
	return nil
}

// readBrand returns the brand that a form asks for, with the logo that there is unless the
// form sends another, or none.
func (v *visit) readBrand(f *form, now *brand.Brand) (brand.Brand, error) {
	b := brand.Brand{
		Name: f.Value("name"), Colour: f.Value("colour"), Welcome: f.Value("welcome"), Help: f.Value("help"), Footer: f.Value("footer"),
		Logo: now.Logo, LogoKind: now.LogoKind,
	}
	if f.Value("plain") != "" { // the house's own colour
		b.Colour = ""
	}
	texts, urls := f.values["legal-text"], f.values["legal-url"]
	for i := range min(len(texts), len(urls)) {
		b.Legal = append(b.Legal, brand.Link{Text: texts[i], URL: urls[i]})
	}
	if f.Value("no-logo") != "" {
		b.Logo = nil
		return b, nil
	}
	file, _, err := v.r.FormFile("logo")
	if errors.Is(err, http.ErrMissingFile) {
		return b, nil
	}
	if err != nil {
		return b, err
	}
	defer file.Close()
	b.Logo, err = io.ReadAll(io.LimitReader(file, brand.MaxLogo+1))
	return b, err
}

// line returns text on one line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

// refuseBrand tells in a form what is wrong with a brand.
func (v *visit) refuseBrand(f *form, faults brand.Faults) {
	for _, fault := range faults {
		var why template.HTML
		switch fault.Reason {
		case brand.TooLong:
			why = v.text("brand.long", "Count", fault.Most)
		case brand.NoColour:
			why = v.text("brand.no_colour")
		case brand.LogoSize:
			why = v.text("brand.logo_size")
		case brand.LogoPart:
			why = v.text("brand.logo_part", "What", fault.What)
		case brand.LogoKind:
			why = v.text("brand.logo_kind")
		case brand.NoLink, brand.TooMany: // the form has no more fields than there may be links
			why = v.text("brand.no_link")
		}
		f.refuse(fault.Field, why)
	}
}
