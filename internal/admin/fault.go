package admin

import (
	"errors"

	"stayput.dev/internal/phrase"
)

// What can be wrong with a wish. Every error that this package makes is one of
// them (errors.Is), and its text is a sentence of its own.
var (
	ErrNotFound = errors.New("not found")      // what is named does not exist
	ErrExists   = errors.New("exists already") // the name is taken
	ErrInvalid  = errors.New("invalid")        // the wish can never be granted
	ErrConflict = errors.New("conflict")       // what there is stands against it
)

// fault is an error with a sentence for people and what they may do about it.
type fault struct {
	kind     error
	sentence phrase.Phrase
	hint     phrase.Phrase
	outside  phrase.Phrase // the sentence for who may not know of others; empty: the same
	theirs   string        // the hint for customers, where what it says is for staff alone; empty: the same
}

func (f *fault) Error() string { return f.sentence.String() }
func (f *fault) Unwrap() error { return f.kind }

// Phrase returns the sentence in a form for other languages.
func (f *fault) Phrase() phrase.Phrase { return f.sentence }

// Hint returns what may be done about the error, or "".
func Hint(err error) string { return Advice(err).String() }

// Outside returns the text of an error for who may not know what others have.
func Outside(err error) string {
	if f, ok := errors.AsType[*fault](err); ok && !f.outside.IsEmpty() {
		return f.outside.String()
	}
	return err.Error()
}

// OutsideHint is Hint for customers: it says nothing that staff alone can do.
func OutsideHint(err error) string {
	if f, ok := errors.AsType[*fault](err); ok && f.theirs != "" {
		return f.theirs
	}
	return Hint(err)
}

// Advice is Hint in a form for other languages.
func Advice(err error) phrase.Phrase {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.hint
	}
	return phrase.Phrase{}
}

// Reason is the text of an error in a form for other languages: for staff, or for who
// may not know what others have.
func Reason(err error, toStaff bool) phrase.Phrase {
	if f, ok := errors.AsType[*fault](err); ok && !toStaff && !f.outside.IsEmpty() {
		return f.outside
	}
	return phrase.Of(err)
}

func notFound(format string, args ...any) *fault {
	return &fault{kind: ErrNotFound, sentence: phrase.New(format, args...)}
}

func exists(format string, args ...any) *fault {
	return &fault{kind: ErrExists, sentence: phrase.New(format, args...)}
}

func invalid(format string, args ...any) *fault {
	return &fault{kind: ErrInvalid, sentence: phrase.New(format, args...)}
}

func conflict(format string, args ...any) *fault {
	return &fault{kind: ErrConflict, sentence: phrase.New(format, args...)}
}

// toOthers returns the fault with a sentence for who may not know what others have.
func (f *fault) toOthers(format string, args ...any) *fault {
	f.outside = phrase.New(format, args...)
	return f
}

// but returns the fault with a hint.
func (f *fault) but(hint string, args ...any) *fault {
	f.hint = phrase.New(hint, args...)
	return f
}

// customers returns the fault with a hint for customers, who cannot do what the other says.
func (f *fault) customers(hint string) *fault {
	f.theirs = hint
	return f
}
