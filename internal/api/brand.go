package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/brand"
)

// Brand is what the company that runs the service looks like, on pages and in mails.
type Brand struct {
	Name     string      `json:"name" example:"Example Net" doc:"Empty: the service is called Stayput."`
	Colour   string      `json:"colour" example:"#0f766e" doc:"It is made as dark or as light as it takes to be read. Empty: ours."`
	Logo     []byte      `json:"logo,omitempty" doc:"An SVG or a PNG, made anew of what a picture needs; absent where there is none."`
	LogoType string      `json:"logo_type,omitempty" enum:"image/svg+xml,image/png"`
	Welcome  string      `json:"welcome" doc:"On the page for signing in."`
	Help     string      `json:"help" doc:"How to reach the company."`
	Legal    []LegalLink `json:"legal" nullable:"false"`
	Footer   string      `json:"footer" doc:"Below mails."`
}

// LegalLink leads to a page of the company's.
type LegalLink struct {
	Text string `json:"text" example:"Privacy"`
	URL  string `json:"url" example:"https://www.example.org/privacy"`
}

// BrandChange is what to change of the brand; what is absent stays.
type BrandChange struct {
	Name    *string      `json:"name,omitempty" doc:"At most 40 characters; empty for Stayput."`
	Colour  *string      `json:"colour,omitempty" doc:"Such as #0f766e; empty for ours."`
	Logo    *string      `json:"logo,omitempty" doc:"An SVG of shapes and text, or a PNG, of at most 64 KiB, in base64; empty for none."`
	Welcome *string      `json:"welcome,omitempty" doc:"At most 1000 characters."`
	Help    *string      `json:"help,omitempty" doc:"At most 1000 characters."`
	Legal   *[]LegalLink `json:"legal,omitempty" nullable:"false" doc:"All of them, at most 5; empty for none."`
	Footer  *string      `json:"footer,omitempty" doc:"At most 1000 characters."`
}

func (s *server) addBrand(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/brand", "show-brand", "Show what the company looks like, on pages and in mails"), s.showBrand)
	answer(s, api, operation(http.MethodPatch, "/brand", "set-brand", "Change what the company looks like, on pages and in mails"), s.setBrand)
}

func (s *server) showBrand(ctx context.Context, _ *struct{}) (Brand, error) {
	if err := s.brand.Look(ctx); err != nil { // another node may have set it
		return Brand{}, err
	}
	return viewBrand(s.brand.Now()), nil
}

func (s *server) setBrand(ctx context.Context, in *body[BrandChange]) (Brand, error) {
	b, err := s.brand.Change(ctx, s.actor(ctx), func(now brand.Brand) (brand.Brand, error) {
		if err := expectShown(ctx, viewBrand(&now)); err != nil {
			return now, err
		}
		return in.Body.of(now)
	})
	if faults, are := errors.AsType[brand.Faults](err); are {
		return Brand{}, newProblem(http.StatusUnprocessableEntity, faults.Error(), "")
	}
	if err != nil {
		return Brand{}, err
	}
	return viewBrand(b), nil
}

// of returns a brand with what is to be changed.
func (c *BrandChange) of(b brand.Brand) (brand.Brand, error) {
	for _, text := range []struct{ is, want *string }{
		{&b.Name, c.Name}, {&b.Colour, c.Colour}, {&b.Welcome, c.Welcome}, {&b.Help, c.Help}, {&b.Footer, c.Footer},
	} {
		if text.want != nil {
			*text.is = *text.want
		}
	}
	if c.Logo != nil {
		logo, err := base64.StdEncoding.DecodeString(*c.Logo)
		if err != nil {
			return b, newProblem(http.StatusUnprocessableEntity, "logo: not base64", "")
		}
		b.Logo = logo
	}
	if c.Legal != nil {
		b.Legal = nil
		for _, l := range *c.Legal {
			b.Legal = append(b.Legal, brand.Link(l))
		}
	}
	return b, nil
}

func viewBrand(b *brand.Brand) Brand {
	out := Brand{
		Name: b.Name, Colour: b.Colour, Logo: b.Logo, LogoType: b.LogoKind, Welcome: b.Welcome, Help: b.Help, Legal: []LegalLink{}, Footer: b.Footer,
	}
	for _, l := range b.Legal {
		out.Legal = append(out.Legal, LegalLink(l))
	}
	return out
}

// Brand returns what the company looks like.
func (c *Client) Brand(ctx context.Context) (Brand, error) {
	return get[Brand](ctx, c, http.MethodGet, "/brand", nil, nil)
}

// SetBrand changes what the company looks like.
func (c *Client) SetBrand(ctx context.Context, change BrandChange) (Brand, error) {
	return get[Brand](ctx, c, http.MethodPatch, "/brand", nil, change)
}
