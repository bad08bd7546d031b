package web

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"stayput.dev/internal/brand"
)

// A brandView is a brand as pages show it.
type brandView struct {
	*brand.Brand
	Name  string // what the service is called
	style *asset // nil without a colour
	logo  *asset // nil without a logo
}

// StyleURL is where its colours are; empty without.
func (b *brandView) StyleURL() string { return urlOf(b.style) }

// LogoURL is where its logo is; empty without.
func (b *brandView) LogoURL() string { return urlOf(b.logo) }

func urlOf(a *asset) string {
	if a == nil {
		return ""
	}
	return a.url
}

// viewBrand makes a brand ready to be shown.
func viewBrand(b *brand.Brand) *brandView {
	v := &brandView{Brand: b, Name: cmp.Or(b.Name, brand.House)}
	if c, err := brand.ParseColour(b.Colour); err == nil {
		v.style = newBrandAsset("style.css", "text/css; charset=utf-8", []byte(brandStyle(c)))
	}
	switch b.LogoKind {
	case brand.SVG:
		v.logo = newBrandAsset("logo.svg", b.LogoKind, b.Logo)
	case brand.PNG:
		v.logo = newBrandAsset("logo.png", b.LogoKind, b.Logo)
	}
	return v
}

func newBrandAsset(name, kind string, content []byte) *asset {
	a := newAsset(name, kind, content)
	a.url = "/brand/" + strings.TrimPrefix(a.url, "/assets/")
	return a
}

// brandStyle sets the variables of style.css that a brand has a say in.
func brandStyle(c brand.Colour) string {
	return "@layer theme { :root { " + brandVariables(c) + " } }\n"
}

func brandVariables(c brand.Colour) string {
	return fmt.Sprintf("--brand: light-dark(%v, %v); --on-brand: light-dark(#ffffff, %v);", c.OnLight(), c.OnDark(), brand.DarkInk)
}

// brandViews makes the view of a brand once.
type brandViews struct{ last atomic.Pointer[brandView] }

// of returns the view of a brand.
func (all *brandViews) of(b *brand.Brand) *brandView {
	if v := all.last.Load(); v != nil && v.Brand == b {
		return v
	}
	v := viewBrand(b)
	all.last.Store(v)
	return v
}

// brandNow is the brand that pages show now.
func (p *Pages) brandNow() *brandView { return p.brandViews.of(p.Brand.Now()) }

// serveBrand sends the colours or the logo. A browser takes no part of a logo for a
// page, whatever is in it.
func (p *Pages) serveBrand(w http.ResponseWriter, r *http.Request) {
	b := p.brandNow()
	for _, a := range []*asset{b.style, b.logo} {
		if a != nil && a.url == r.URL.Path {
			if a == b.logo {
				w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
			}
			a.serve(w, r)
			return
		}
	}
	http.NotFound(w, r)
}
