package internal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const ledger = "../doc/rfc.md"

// ledgerRow is what the ledger says of one RFC.
type ledgerRow struct {
	number int
	state  string
	files  []string
}

// TestLedger: the ledger of RFCs is in order, names files that are there, and
// misses no RFC that the DNS rooms refer to.
func TestLedger(t *testing.T) {
	t.Parallel()
	rows := readLedger(t)
	known := map[int]bool{}
	last := 0
	for _, row := range rows {
		if row.number <= last {
			t.Errorf("RFC %d stands after RFC %d", row.number, last)
		}
		last = row.number
		known[row.number] = true
		if !slices.Contains([]string{"Yes", "Partial", "No"}, row.state) {
			t.Errorf("RFC %d: %q is no state", row.number, row.state)
		}
		for _, file := range row.files {
			if _, err := os.Stat(filepath.Join("..", file)); err != nil {
				t.Errorf("RFC %d: %v", row.number, err)
			}
		}
	}
	for _, room := range []string{"zone", "dnsserver"} {
		for number, file := range citations(t, room) {
			if !known[number] {
				t.Errorf("%s refers to RFC %d, which is not in the ledger", file, number)
			}
		}
	}
}

// TestLedgerSaysWhere: what is done is done somewhere, or is another row.
func TestLedgerSaysWhere(t *testing.T) {
	t.Parallel()
	text := read(t, ledger)
	for _, row := range readLedger(t) {
		refers := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %d \|.*\| see \d+ \|$`, row.number)).MatchString(text)
		if row.state != "No" && len(row.files) == 0 && !refers {
			t.Errorf("RFC %d: %s, but not where", row.number, row.state)
		}
	}
}

var quoted = regexp.MustCompile("`([^`]+)`")

func readLedger(t *testing.T) []ledgerRow {
	t.Helper()
	var rows []ledgerRow
	for line := range strings.Lines(read(t, ledger)) {
		cells := strings.Split(line, "|")
		if len(cells) != 7 {
			continue
		}
		number, err := strconv.Atoi(strings.TrimSpace(cells[1]))
		if err != nil {
			continue // the head of the table
		}
		row := ledgerRow{number: number, state: strings.TrimSpace(cells[3])}
		for _, match := range quoted.FindAllStringSubmatch(cells[4], -1) {
			row.files = append(row.files, match[1])
		}
		rows = append(rows, row)
	}
	if len(rows) < 50 {
		t.Fatalf("%d rows in %s, want 50 at least", len(rows), ledger)
	}
	return rows
}

var citation = regexp.MustCompile(`RFC (\d+)`)

// citations returns the RFCs that a room's code refers to, and where.
func citations(t *testing.T, room string) map[int]string {
	t.Helper()
	files, err := filepath.Glob(room + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", room, err)
	}
	found := map[int]string{}
	for _, file := range files {
		for _, match := range citation.FindAllStringSubmatch(read(t, file), -1) {
			number, _ := strconv.Atoi(match[1]) // digits
			found[number] = file
		}
	}
	return found
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
