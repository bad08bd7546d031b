// Package phrase holds what is said to people in a form that can still be said in
// another language: the English text, and what is filled in.
//
// The rooms that find something wrong write it down once, in English, as programs and
// the command line show it. Whoever has catalogues (package web) looks the text up and
// fills in the same. It serves every room that makes errors or findings for people,
// and knows no language but English.
package phrase

import (
	"errors"
	"fmt"
	"time"
)

// Phrase is a sentence or a part of one. The zero value says nothing. It may be used by
// several goroutines as long as nobody changes Args.
type Phrase struct {
	Text string // in English, with verbs of package fmt: what catalogues know it by
	Args []any  // what the verbs stand for; may be a Phrase or an error that has one

	english string
}

// New returns the phrase that fmt.Sprintf would make of the text.
func New(text string, args ...any) Phrase {
	return Phrase{text, args, fmt.Sprintf(text, args...)}
}

// Fixed returns the phrase of a text in which nothing is filled in.
func Fixed(text string) Phrase { return Phrase{Text: text, english: text} }

// Foreign returns the phrase of a text of others, which no catalogue knows.
func Foreign(text string) Phrase { return Phrase{english: text} }

// IsForeign tells whether the phrase is a text of others.
func (p Phrase) IsForeign() bool { return p.Text == "" && p.english != "" }

// String returns the phrase in English.
func (p Phrase) String() string { return p.english }

// IsEmpty tells whether the phrase says nothing.
func (p Phrase) IsEmpty() bool { return p.english == "" }

// Day is a day that is filled in, in UTC: each language writes it in its own way.
type Day time.Time

// String returns the day as 2026-11-24.
func (d Day) String() string { return time.Time(d).UTC().Format(time.DateOnly) }

// Error is an error that has a phrase.
type Error struct {
	phrase Phrase
	err    error
}

// Errorf returns the error that fmt.Errorf would make of the text, with its phrase.
func Errorf(text string, args ...any) error {
	err := fmt.Errorf(text, args...)
	return &Error{Phrase{text, args, err.Error()}, err}
}

// Error returns the phrase in English.
func (e *Error) Error() string { return e.phrase.english }

// Unwrap returns an error that wraps what the verbs %w stand for.
func (e *Error) Unwrap() error { return e.err }

// Phrase returns what the error says.
func (e *Error) Phrase() Phrase { return e.phrase }

// Of returns what an error says: its own phrase, that of the first error in its tree
// which has one, or its text, which no catalogue knows.
func Of(err error) Phrase {
	var said interface {
		error
		Phrase() Phrase
	}
	if errors.As(err, &said) {
		return said.Phrase()
	}
	return Foreign(err.Error())
}
