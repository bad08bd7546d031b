package store_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// The steps of versions to come: one that older versions do not notice, and one that takes
// away what they need.
const (
	expands   = "-- +goose Up\nALTER TABLE cursors ADD COLUMN place TEXT NOT NULL DEFAULT '';\n"
	contracts = "-- +goose Up\nALTER TABLE cursors DROP COLUMN revision;\n"
)

func stepsOf(files ...string) fstest.MapFS {
	all := fstest.MapFS{}
	for _, name := range files {
		text := expands
		if strings.Contains(name, "_contract_") {
			text = contracts
		}
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

// columnsOf returns the columns of the cursors.
func columnsOf(t *testing.T, dir string) string {
	t.Helper()
	db := rig.Database(t, dir)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM cursors")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err == nil {
		err = rows.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestUpgradeByExpandingThenContracting: after a later version has expanded the schema this
// one opens, reads and writes the data as before; after that one has contracted it, this
// one refuses it and says why.
func TestUpgradeByExpandingThenContracting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opts := rig.StoreOptions(t, dir, store.Options{Logger: quiet})
	use := func(opts store.Options, after registry.Revision) {
		t.Helper()
		s, err := store.Open(t.Context(), dir, opts)
		if err != nil {
			t.Fatal(err)
		}
		load(t, s)
		if err := append1(t, s, after); err != nil {
			t.Error(err)
		}
		if err := s.SetCursor(t.Context(), "somebody", after+1); err != nil {
			t.Error(err)
		}
		if c, err := s.Cursor(t.Context(), "somebody"); err != nil || c != after+1 {
			t.Errorf("cursor %d, %v", c, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	use(opts, 0)
	use(store.Later(opts, stepsOf("00100_place.sql")), 1)
	if got := columnsOf(t, dir); got != "name revision place" {
		t.Errorf("expanded: %s", got)
	}
	use(opts, 2)
	use(store.Later(opts, stepsOf("00100_place.sql")), 3)

	s, err := store.Open(t.Context(), dir, store.Later(opts, stepsOf("00100_place.sql", "00101_contract_cursors.sql")))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := columnsOf(t, dir); got != "name place" {
		t.Errorf("contracted: %s", got)
	}
	if _, err := store.Open(t.Context(), dir, opts); err == nil || !strings.Contains(err.Error(), "written by a later version: it needs schema 101") {
		t.Errorf("opening contracted data: %v", err)
	}
	if _, err := store.OpenReader(t.Context(), dir, opts); err == nil || !strings.Contains(err.Error(), "needs schema 101") {
		t.Errorf("reading contracted data: %v", err)
	}
}

// TestContractingWaitsForOlderNodes: while one is in the register, a later version does not
// take away what it needs, and if it cannot do without, does not start.
func TestContractingWaitsForOlderNodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if !rig.OnPostgres() {
		t.Skip("about nodes: STAYPUT_TEST_STORE=postgres")
	}
	url := rig.StoreURL(t, dir)
	old := openNode(t, url, store.Options{})
	load(t, old)
	if told, err := old.Announce(t.Context(), store.Node{Name: "old", Version: "1"}); err != nil || !told {
		t.Fatal(told, err)
	}
	next := store.Later(store.Options{}, stepsOf("00100_place.sql", "00101_contract_cursors.sql"))
	openNode(t, url, next)
	if got := columnsOf(t, dir); got != "name revision place" {
		t.Errorf("with an older node: %s", got)
	}
	if err := append1(t, old, 0); err != nil {
		t.Errorf("the older node: %v", err)
	}
	if err := old.SetCursor(t.Context(), "somebody", 1); err != nil {
		t.Errorf("the older node: %v", err)
	}
	needy := store.Later(store.Options{URL: url, Logger: quiet}, stepsOf("00100_place.sql", "00101_contract_cursors.sql", "00102_more.sql"))
	if _, err := store.Open(t.Context(), t.TempDir(), needy); !errors.Is(err, store.ErrOlderNodes) || !strings.Contains(err.Error(), "old (1)") {
		t.Errorf("a version that cannot do without: %v", err)
	}
	if err := old.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	openNode(t, url, next)
	if got := columnsOf(t, dir); got != "name place" {
		t.Errorf("without older nodes: %s", got)
	}
}
