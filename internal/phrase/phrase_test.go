package phrase_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"stayput.dev/internal/phrase"
)

// TestErrorf: an error with a phrase is to all others what fmt.Errorf makes of it.
func TestErrorf(t *testing.T) {
	t.Parallel()
	bad := phrase.Errorf("bad name")
	err := phrase.Errorf("%w %q: %w", bad, "x", io.EOF)
	if got, want := err.Error(), `bad name "x": EOF`; got != want {
		t.Errorf("the error is %q, want %q", got, want)
	}
	if !errors.Is(err, bad) || !errors.Is(err, io.EOF) {
		t.Errorf("%v does not wrap what it is made of", err)
	}
}

// TestOf: the phrase of an error is the outermost that it has, and what libraries say is
// foreign.
func TestOf(t *testing.T) {
	t.Parallel()
	inner := phrase.Errorf("%d records", 3)
	for _, tt := range []struct {
		err           error
		text, english string
		foreign       bool
	}{
		{inner, "%d records", "3 records", false},
		{fmt.Errorf("reading: %w", inner), "%d records", "3 records", false},
		{phrase.Errorf("zone %s: %w", "example.org", inner), "zone %s: %w", "zone example.org: 3 records", false},
		{io.EOF, "", "EOF", true},
	} {
		p := phrase.Of(tt.err)
		if p.Text != tt.text || p.String() != tt.english || p.IsForeign() != tt.foreign || p.IsEmpty() {
			t.Errorf("%v says %q, %q, foreign: %t", tt.err, p.Text, p, p.IsForeign())
		}
	}
	if none := (phrase.Phrase{}); !none.IsEmpty() || none.IsForeign() {
		t.Error("the zero phrase says something")
	}
	if p := phrase.Fixed("100% safe"); p.String() != "100% safe" || p.Text != p.String() {
		t.Errorf("a fixed text is %q", p)
	}
	late := time.Date(2026, 11, 25, 0, 30, 0, 0, time.FixedZone("", 3600))
	if day := phrase.Day(late).String(); day != "2026-11-24" {
		t.Errorf("the day is %s", day)
	}
}
