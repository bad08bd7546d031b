// Package brand is what the company that runs the service looks like and says: its name,
// logo, colour and texts, on pages and in mails, and its own words of mails.
//
// It serves the pages and the API, which set it. It promises that nothing in a logo is
// obeyed by a browser, that a colour can be read, that what is set is in the log of deeds,
// without logos and without the words of mails, and that other nodes show it a few seconds
// later.
package brand

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"stayput.dev/internal/mail"
)

// House is what the service is called until somebody names it.
const House = "Stayput"

// Brand is what a company looks like. The zero Brand is our own.
type Brand struct {
	Name     string `json:"name,omitempty"`
	Colour   string `json:"colour,omitempty"` // "#rrggbb"; empty: ours
	Logo     []byte `json:"logo,omitempty"`
	LogoKind string `json:"logo_kind,omitempty"` // SVG or PNG; empty without a logo
	Welcome  string `json:"welcome,omitempty"`   // on the page for signing in
	Help     string `json:"help,omitempty"`      // how to reach the company
	Legal    []Link `json:"legal,omitempty"`
	Footer   string `json:"footer,omitempty"` // of mails
}

// Link leads to a page of the company's, such as its privacy policy.
type Link struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}

// Mail returns what mails have of the brand.
func (b *Brand) Mail() mail.Brand {
	out := mail.Brand{Name: b.Name, Footer: b.Footer}
	if c, err := ParseColour(b.Colour); err == nil {
		out.Colour = c.OnLight().String()
	}
	return out
}

// The most that the texts of a brand may have.
const (
	MaxName  = 40   // characters
	MaxText  = 1000 // characters
	MaxLegal = 5
)

// Reason is what is wrong with a part of a brand.
type Reason string

// The reasons.
const (
	TooLong  Reason = "too long"
	TooMany  Reason = "too many"
	NoColour Reason = "not a colour such as #0f766e"
	NoLink   Reason = "a link has a text, and an address that begins with https:// or http://"
	LogoKind Reason = "neither SVG nor PNG"
	LogoSize Reason = "larger than 64 KiB or 2000 pixels"
	LogoPart Reason = "holds what a picture does not need"
)

// Fault is what is wrong with one part of a brand.
type Fault struct {
	Field  string // as JSON calls it
	Reason Reason
	Most   int    // of TooLong and TooMany: how many there may be
	What   string // of LogoPart: what it holds
}

// Error implements error.
func (f *Fault) Error() string {
	switch {
	case f.Most > 0:
		return fmt.Sprintf("%s: %s, at most %d", f.Field, f.Reason, f.Most)
	case f.What != "":
		return fmt.Sprintf("%s: %s: %s", f.Field, f.Reason, f.What)
	}
	return fmt.Sprintf("%s: %s", f.Field, f.Reason)
}

// Faults are all that is wrong with a brand.
type Faults []Fault

// Error implements error.
func (all Faults) Error() string {
	var texts []string
	for _, f := range all {
		texts = append(texts, f.Error())
	}
	return strings.Join(texts, "; ")
}

// tidied returns the brand as it is to be kept, in the place of the one that is there, and
// what is wrong with it: a logo that cannot be used is the one that is there.
func (b Brand) tidied(now *Brand) (Brand, Faults) {
	var all Faults
	for _, text := range []struct {
		field string
		value *string
		most  int
	}{{"name", &b.Name, MaxName}, {"welcome", &b.Welcome, MaxText}, {"help", &b.Help, MaxText}, {"footer", &b.Footer, MaxText}} {
		*text.value = line(*text.value)
		if utf8.RuneCountInString(*text.value) > text.most {
			all = append(all, Fault{Field: text.field, Reason: TooLong, Most: text.most})
		}
	}
	b.Colour = strings.ToLower(strings.TrimSpace(b.Colour))
	if _, err := ParseColour(b.Colour); b.Colour != "" && err != nil {
		all = append(all, Fault{Field: "colour", Reason: NoColour})
	}
	var why Faults
	b.Legal, why = tidyLinks(b.Legal)
	all = append(all, why...)
	if fault, is := errors.AsType[*Fault](b.takeLogo(now)); is {
		all = append(all, *fault)
	}
	return b, all
}

// tidyLinks leaves out links that say nothing.
func tidyLinks(links []Link) ([]Link, Faults) {
	var kept []Link
	for _, l := range links {
		l = Link{line(l.Text), strings.TrimSpace(l.URL)}
		if l != (Link{}) {
			kept = append(kept, l)
		}
	}
	switch {
	case len(kept) > MaxLegal:
		return kept, Faults{{Field: "legal", Reason: TooMany, Most: MaxLegal}}
	case slices.ContainsFunc(kept, func(l Link) bool { return max(utf8.RuneCountInString(l.Text), len(l.URL)) > MaxText }):
		return kept, Faults{{Field: "legal", Reason: TooLong, Most: MaxText}}
	case slices.ContainsFunc(kept, func(l Link) bool { return !l.leads() }):
		return kept, Faults{{Field: "legal", Reason: NoLink}}
	}
	return kept, nil
}

// leads tells whether somebody can follow the link.
func (l Link) leads() bool {
	u, err := url.Parse(l.URL)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && l.Text != ""
}

// takeLogo makes a new logo fit to be shown.
func (b *Brand) takeLogo(now *Brand) error {
	switch {
	case len(b.Logo) == 0:
		b.Logo, b.LogoKind = nil, ""
		return nil
	case bytes.Equal(b.Logo, now.Logo):
		return nil
	}
	logo, kind, err := readLogo(b.Logo)
	if err == nil {
		b.Logo, b.LogoKind = logo, kind
		return nil
	}
	b.Logo, b.LogoKind = now.Logo, now.LogoKind
	return err
}

// line returns text on one line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

// maxShown is how much of a text the log of deeds shows, in characters.
const maxShown = 64

// differences tells how a brand differs from the one before, in the words of package
// admin's notes.
func differences(was, is *Brand) string {
	var out []string
	for _, text := range []struct{ field, was, is string }{
		{"name", was.Name, is.Name},
		{"colour", was.Colour, is.Colour},
		{"welcome", was.Welcome, is.Welcome},
		{"help", was.Help, is.Help},
		{"footer", was.Footer, is.Footer},
	} {
		switch {
		case text.was == text.is:
		case text.was == "":
			out = append(out, text.field+" "+shown(text.is))
		default:
			out = append(out, text.field+" "+shown(text.was)+" → "+shown(text.is))
		}
	}
	if !bytes.Equal(was.Logo, is.Logo) {
		out = append(out, "logo")
	}
	if !slices.Equal(was.Legal, is.Legal) {
		out = append(out, "legal links")
	}
	return strings.Join(out, ", ")
}

func shown(text string) string {
	if text == "" {
		return "none"
	}
	if characters := []rune(text); len(characters) > maxShown {
		return string(characters[:maxShown]) + "…"
	}
	return text
}
