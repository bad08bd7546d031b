package web

import (
	"context"
	"strings"

	"stayput.dev/internal/history"
	"stayput.dev/internal/phrase"
)

// Patterns returns the patterns of all pages that want somebody to be signed in.
func (p *Pages) Patterns() []string {
	var all []string
	for _, r := range p.routes() {
		if r.access != forAll {
			all = append(all, r.pattern)
		}
	}
	return all
}

// Forms returns the patterns of all that forms are sent to, also by who is not signed in.
func (p *Pages) Forms() []string {
	var all []string
	for _, r := range p.routes() {
		if strings.HasPrefix(r.pattern, "POST ") {
			all = append(all, r.pattern)
		}
	}
	return all
}

// Judge returns the words for how a request ended, and its look.
func Judge(e history.Entry) (key, kind string) {
	v := judge(&e)
	return v.key, v.kind
}

// Addresses returns the addresses that a request was about.
func Addresses(e history.Entry) string { return joinAddrs(addressesIn(&e)) }

// Ring returns a channel that is ready after each commit until ctx ends.
func (p *Pages) Ring(ctx context.Context) <-chan struct{} { return p.ring(ctx) }

// Say returns what another room says in a language.
func Say(tag string, said phrase.Phrase) string {
	for _, t := range speak() {
		if t.tag == tag {
			return string(t.say(said))
		}
	}
	panic("no such language")
}

// SayDetail says the detail of a note in a language.
func SayDetail(tag, detail string) string {
	return string((&Pages{tongues: speak()}).tongue(tag).detail(detail))
}
