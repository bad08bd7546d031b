package admin

import (
	"errors"
	"fmt"
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
	sentence string
	hint     string
}

func (f *fault) Error() string { return f.sentence }
func (f *fault) Unwrap() error { return f.kind }

// Hint returns what may be done about the error, or "".
func Hint(err error) string {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.hint
	}
	return ""
}

func notFound(format string, args ...any) *fault {
	return &fault{kind: ErrNotFound, sentence: fmt.Sprintf(format, args...)}
}

func exists(format string, args ...any) *fault {
	return &fault{kind: ErrExists, sentence: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *fault {
	return &fault{kind: ErrInvalid, sentence: fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) *fault {
	return &fault{kind: ErrConflict, sentence: fmt.Sprintf(format, args...)}
}

// but returns the fault with a hint.
func (f *fault) but(hint string, args ...any) *fault {
	f.hint = fmt.Sprintf(hint, args...)
	return f
}
