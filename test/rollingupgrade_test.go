package test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stayput.dev/test/rig"
)

// TestRollingUpgrade replaces nodes by those of a version whose schema differs, one after the
// other, while all are updated and asked without a pause. doc/postgresql.md says what
// operators may expect of it.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	today := must(binary())(t)
	nodes := newSeats(t, today, "a", "b", "c", "d")
	tomorrow := buildTomorrow(t)
	a, b, c, d := nodes[0], nodes[1], nodes[2], nodes[3]
	kind := journalKind(t, primaryURL(a.world))
	expect := func(when, want string) {
		t.Helper()
		if got := kind(); got != want {
			t.Fatalf("%s the journal is %q, want %q", when, got, want)
		}
	}
	a.enter()
	b.enter()
	r := newRolling(t, 4, a, b, c)
	moreUpdates := func() {
		t.Helper()
		for end := r.updates.Load() + 200; r.updates.Load() < end && r.faults.Load() == 0; {
			time.Sleep(time.Millisecond)
		}
	}

	a.stays(tomorrow, "data must be migrated first") // who needs a step must be restarted
	expect("before any node of tomorrow has started", "BASE TABLE")
	c.install(tomorrow)
	c.enter()
	expect("with a node of tomorrow beside two of today", "VIEW")
	if said := c.log.String(); !strings.Contains(said, `"nodes":["a (dev)","b (dev)"]`) {
		t.Errorf("the node of tomorrow does not say for whom it keeps what they need:\n%s", said)
	}
	moreUpdates()

	a.become(tomorrow) // without a restart, now that all it needs is there
	moreUpdates()
	a.become(today) // and back
	moreUpdates()
	a.restart(tomorrow)
	b.restart(today)
	moreUpdates()
	expect("with a node of today", "VIEW")
	b.restart(tomorrow)
	expect("after the last node was started again", "")
	moreUpdates()

	a.stays(today, "database was written by a later version")
	d.launch()
	err := d.cmd.Wait()
	<-d.log.ended
	said := d.log.String()
	if failure, ok := errors.AsType[*exec.ExitError](err); !ok || failure.ExitCode() != 1 ||
		!strings.Contains(said, "database was written by a later version: it needs schema 101") || !strings.Contains(said, "hint: there is no way back") {
		t.Errorf("a node of today ends with %v, and says\n%s", err, said)
	}
	d.install(tomorrow)
	d.enter()
	moreUpdates()
	r.halt()
	known := r.ledger.book()
	for _, n := range nodes {
		until(t, n.name+" shows all", func() bool { return len(r.ledger.audit(n.world, known)) == 0 })
	}
	for _, n := range nodes {
		n.exit()
	}
	d.enter() // on what they left
	r.ledger.mustAudit(t, d.world, known)
	d.exit()
}

// journalKind returns what finds out what the name of the journal stands for in a database: a table, a
// view, or "" for nothing.
func journalKind(t *testing.T, url string) func() string {
	t.Helper()
	db := rig.OpenDatabase(t, url)
	t.Cleanup(func() { _ = db.Close() })
	return func() (kind string) {
		t.Helper()
		err := db.QueryRowContext(t.Context(), "SELECT table_type FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'journal'").Scan(&kind)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
		return kind
	}
}

// Tomorrow the journal has another name: a step that expands renames it and leaves a view
// where today's version looks for it, one that contracts takes the view away.
const (
	tomorrowExpands   = "-- +goose Up\nALTER TABLE journal RENAME TO history;\nCREATE VIEW journal AS SELECT revision, id, at, body, checksum FROM history;\n"
	tomorrowContracts = "-- +goose Up\nDROP VIEW journal;\n"
)

// buildTomorrow builds a program of a version to come, for PostgreSQL: today's, with more
// steps of the schema, and queries that need what the first one makes.
func buildTomorrow(t *testing.T) string {
	t.Helper()
	room := must(filepath.Abs("../internal/store"))(t)
	texts := map[string]string{
		"schema/postgres/00100_history.sql":          tomorrowExpands,
		"schema/postgres/00101_contract_journal.sql": tomorrowContracts,
	}
	for _, pattern := range []string{"queries/*.sql", "queries/postgres/*.sql"} {
		for _, file := range must(filepath.Glob(filepath.Join(room, pattern)))(t) {
			text := string(must(os.ReadFile(file))(t))
			if renamed := regexp.MustCompile(`\bjournal\b`).ReplaceAllString(text, "history"); renamed != text {
				texts[must(filepath.Rel(room, file))(t)] = renamed
			}
		}
	}
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	replace := map[string]string{}
	for i, path := range slices.Sorted(maps.Keys(texts)) {
		replace[filepath.Join(room, path)] = write(fmt.Sprintf("%d.sql", i), []byte(texts[path]))
	}
	overlay := write("overlay.json", must(json.Marshal(map[string]any{"Replace": replace}))(t))
	program := filepath.Join(dir, "stayput")
	build := exec.Command("go", "build", "-trimpath", "-overlay", overlay, "-ldflags=-X main.version=tomorrow", "-o", program, "stayput.dev/cmd/stayput")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return program
}
