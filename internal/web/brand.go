package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stayput.dev/internal/shelf"
)

// Shelf keeps what the company looks like; see store.Shelf, which says what each does.
type Shelf interface {
	// Get returns an item, or shelf.ErrNotFound.
	Get(ctx context.Context, kind, id string) (shelf.Item, error)
	// Put keeps an item in the place of the one with its version.
	Put(ctx context.Context, item shelf.Item) (version uint64, err error)
}

// The item that holds the brand.
const (
	kindBrand = "brand"
	idBrand   = "now"
)

// A brand is what the company that runs the service looks like. The zero brand is our
// own.
type brand struct {
	Name     string      `json:"name,omitempty"`
	Colour   string      `json:"colour,omitempty"` // "#rrggbb"; empty: ours
	Logo     []byte      `json:"logo,omitempty"`   // an image that readLogo made
	LogoKind string      `json:"logo_kind,omitempty"`
	Welcome  string      `json:"welcome,omitempty"` // on the page for signing in
	Help     string      `json:"help,omitempty"`    // how to reach the company
	Legal    []legalLink `json:"legal,omitempty"`
	Footer   string      `json:"footer,omitempty"` // of mails
}

// A legalLink leads to a page of the company's, such as its privacy policy.
type legalLink struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}

// houseName is what the service is called until somebody names it.
const houseName = "Stayput"

// A brandView is a brand as pages show it.
type brandView struct {
	brand
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
func viewBrand(b brand) *brandView {
	v := &brandView{brand: b}
	if v.Name == "" {
		v.Name = houseName
	}
	if c, err := parseColour(b.Colour); err == nil {
		v.style = newBrandAsset("style.css", "text/css; charset=utf-8", []byte(brandStyle(c)))
	}
	switch b.LogoKind {
	case kindSVG:
		v.logo = newBrandAsset("logo.svg", b.LogoKind, b.Logo)
	case kindPNG:
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
func brandStyle(c colour) string { return "@layer theme { :root { " + brandVariables(c) + " } }\n" }

func brandVariables(c colour) string {
	return fmt.Sprintf("--brand: light-dark(%v, %v); --on-brand: light-dark(#ffffff, %v);", c.onLight(), c.onDark(), darkInk)
}

// brandEvery is how often it is looked whether another node has set the brand.
const brandEvery = 10 * time.Second

// brandCache is the brand that pages show now.
type brandCache struct {
	shelf     Shelf
	rebranded func(Look) // may be nil
	now       atomic.Pointer[brandView]

	mu      sync.Mutex // held while the shelf and what is shown are brought in step; guards version
	version uint64     // of the item that is shown; 0 for none
}

func newBrandCache(kept Shelf, rebranded func(Look)) (*brandCache, error) {
	c := &brandCache{shelf: kept, rebranded: rebranded}
	c.show(brand{})
	return c, c.look(context.Background())
}

// look shows what is kept, which another node may have changed.
func (c *brandCache) look(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	item, err := c.shelf.Get(ctx, kindBrand, idBrand)
	if errors.Is(err, shelf.ErrNotFound) || err == nil && item.Version == c.version {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the brand: %w", err)
	}
	var b brand
	if err := json.Unmarshal(item.Body, &b); err != nil {
		return fmt.Errorf("reading the brand: %w", err)
	}
	c.show(b)
	c.version = item.Version
	return nil
}

// Run shows the brand that other nodes set, a few seconds later, until ctx ends or Leave
// is called.
func (p *Pages) Run(ctx context.Context) {
	tick := time.NewTicker(brandEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.leaving:
			return
		case <-tick.C:
		}
		if err := p.brand.look(ctx); err != nil && ctx.Err() == nil {
			p.Logger.DebugContext(ctx, "the brand stays as it is", "error", err)
		}
	}
}

// show shows a brand from now on.
func (c *brandCache) show(b brand) {
	c.now.Store(viewBrand(b))
	if c.rebranded == nil {
		return
	}
	look := Look{Name: b.Name, Footer: b.Footer}
	if colour, err := parseColour(b.Colour); err == nil {
		look.Colour = colour.onLight().String()
	}
	c.rebranded(look)
}

func (c *brandCache) view() *brandView { return c.now.Load() }

// set keeps a brand and shows it from now on. It fails with shelf.ErrChanged when
// somebody else changes it in the same moment.
func (c *brandCache) set(ctx context.Context, b brand) error {
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("writing the brand: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	item, err := c.shelf.Get(ctx, kindBrand, idBrand)
	if err != nil && !errors.Is(err, shelf.ErrNotFound) {
		return err
	}
	item.Kind, item.ID, item.Body = kindBrand, idBrand, text
	version, err := c.shelf.Put(ctx, item)
	if err != nil {
		return fmt.Errorf("keeping the brand: %w", err)
	}
	c.show(b)
	c.version = version
	return nil
}

// serveBrand sends the colours or the logo. A browser takes no part of a logo for a
// page, whatever is in it.
func (p *Pages) serveBrand(w http.ResponseWriter, r *http.Request) {
	b := p.brand.view()
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
