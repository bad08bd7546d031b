package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with the configuration.
type Fault struct {
	File    string // as given to Load; empty if the environment is at fault
	Line    int    // from 1; 0 if there is none
	Key     string // such as "dns.listen"; the variable's name without a File; empty if the line is no TOML
	Message string
	Hint    string // what would mend it; may be empty
}

// String returns the fault on one line: where, what, and the hint in brackets.
func (f Fault) String() string {
	var b strings.Builder
	switch {
	case f.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", f.File, f.Line)
	case f.File != "":
		b.WriteString(f.File + ": ")
	}
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Message)
	if f.Hint != "" {
		b.WriteString(" (" + f.Hint + ")")
	}
	return b.String()
}

// Faults is everything that is wrong with the configuration: those of the file
// by line, then those of the environment. It is never empty when Load
// returns it.
type Faults []Fault

// Error returns the faults, one on each line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// sort brings the faults into the order that Faults promises.
func (f Faults) sort() {
	slices.SortStableFunc(f, func(a, b Fault) int {
		if (a.File == "") != (b.File == "") {
			return cmp.Compare(b.File, a.File)
		}
		return cmp.Compare(a.Line, b.Line)
	})
}

// closest returns the candidate that word was most likely meant to be, or "" if
// none is near enough. Case does not count.
func closest(word string, candidates []string) string {
	word = strings.ToLower(word)
	best, least := "", min(3, max(1, len(word)/3))+1
	for _, c := range candidates {
		if d := distance(word, strings.ToLower(c), least); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance returns how many characters must be put in, taken out, replaced or
// swapped with the next to make b of a (optimal string alignment). It returns
// limit where the lengths alone show that there are as many or more.
func distance(a, b string, limit int) int {
	if max(len(a)-len(b), len(b)-len(a)) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
