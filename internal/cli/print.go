package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"
)

// show prints what a command found or made: v as JSON where that was asked for,
// else text.
func (a *app) show(v any, text func(io.Writer)) error {
	if a.json {
		e := json.NewEncoder(a.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(v); err != nil {
			return fmt.Errorf("writing JSON: %w", err)
		}
		return nil
	}
	text(a.out)
	return nil
}

// done is show for what has only happened.
func (a *app) done(v any, format string, args ...any) error {
	return a.show(v, func(w io.Writer) { fmt.Fprintf(w, format+"\n", args...) })
}

// advise tells people, but no scripts, what to do next.
func (a *app) advise(format string, args ...any) {
	if !a.json {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}

// list prints a table with a row for each thing, or says what the empty state
// means.
func list[T any](a *app, things []T, empty, head string, row func(T) []string) error {
	if len(things) == 0 && !a.json {
		a.advise("%s", empty)
		return nil
	}
	if things == nil {
		things = []T{}
	}
	return a.show(things, func(w io.Writer) {
		var rows [][]string
		for _, thing := range things {
			rows = append(rows, row(thing))
		}
		table(w, head, rows)
	})
}

// table prints rows below a head, whose columns | parts.
func table(w io.Writer, head string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(head, "|", "\t"))
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush() // out remembers what failed
}

// fact is a line of what there is to say of one thing.
type fact struct{ name, value string }

// facts prints those that have a value.
func facts(w io.Writer, all ...fact) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range all {
		if f.value != "" {
			fmt.Fprintf(t, "%s\t%s\n", f.name, f.value)
		}
	}
	_ = t.Flush() // out remembers what failed
}

// orDash returns the text, or a dash where a table would have a hole.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func addressText(addrs []netip.Addr) string {
	var texts []string
	for _, a := range addrs {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, " ")
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func yes(b bool, text string) string {
	if b {
		return text
	}
	return ""
}

// counted returns a number with the noun that it is of.
func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
