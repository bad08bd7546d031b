package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed schema
var schema embed.FS

// ErrNewer says that a later version of Stayput has taken away what this one needs.
var ErrNewer = errors.New("database was written by a later version")

// ErrSchema says that the data is not yet what this version reads: the one that
// writes it must end first.
var ErrSchema = errors.New("data must be migrated first")

// ErrOlderNodes says that a step of the schema takes away what nodes of an older
// version still need.
var ErrOlderNodes = errors.New("nodes of an older version still use the database")

// A step either expands the schema, so that older versions go on beside this one, or
// contracts it: takes away what only they need. "_contract_" in its file's name says so.
// Before a contraction runs the database says which step a version must know from then
// on, so that an older one refuses it.

// ladder is the steps of a schema, and how far a database is.
type ladder struct {
	provider *goose.Provider
	have     int64 // the last step that was done, 0 for none
	needs    int64 // the step that a version must know to use the database
}

// readLadder finds out where a database is. It fails with ErrNewer where this version
// may not use it, and with ErrNothing where there is nothing and nothing can be made.
func readLadder(ctx context.Context, db *sql.DB, of steps) (*ladder, error) {
	provider, err := goose.NewProvider(of.kind, db, of)
	if err != nil {
		return nil, fmt.Errorf("reading migrations: %w", err)
	}
	l := &ladder{provider: provider}
	if l.have, _, err = provider.GetVersions(ctx); isPostgres(err, "25006") || isPostgres(err, "42501") {
		return nil, ErrNothing // there is no table of versions, and it cannot be made here
	}
	if err == nil && l.have > 0 {
		l.needs, err = readNeeds(ctx, db)
	}
	if err != nil {
		return nil, fmt.Errorf("reading schema version: %w", err)
	}
	if l.needs > l.last() {
		return nil, fmt.Errorf("%w: it needs schema %d, this one knows %d", ErrNewer, l.needs, l.last())
	}
	return l, nil
}

// readNeeds returns which step a version must know, 0 where all may come.
func readNeeds(ctx context.Context, db *sql.DB) (needs int64, err error) {
	var text string
	err = db.QueryRowContext(ctx, needsSQL).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err == nil {
		_, err = fmt.Sscan(text, &needs)
	}
	return needs, err
}

// last returns the last step that this version knows.
func (l *ladder) last() int64 {
	all := l.provider.ListSources()
	return all[len(all)-1].Version
}

// least returns the step that this version needs: it works beside what later ones, which
// only contract, would take away.
func (l *ladder) least() (least int64) {
	for _, s := range l.provider.ListSources() {
		if !contracts(s) {
			least = s.Version
		}
	}
	return least
}

func contracts(s *goose.Source) bool { return strings.Contains(s.Path, "_contract_") }

// climb makes the steps that are missing, one transaction for each. Those that contract
// wait while older tells of nodes that do not know them; it fails with ErrOlderNodes when
// this version cannot do without. A nil older keeps all of them waiting.
func (l *ladder) climb(ctx context.Context, db *sql.DB, older func(context.Context, int64) ([]string, error)) error {
	for _, s := range l.provider.ListSources() {
		if s.Version <= l.have {
			continue
		}
		if contracts(s) {
			if wait, err := l.mustWait(ctx, s.Version, older); err != nil || wait {
				return err
			}
			if _, err := db.ExecContext(ctx, setNeedsSQL, fmt.Sprint(s.Version)); err != nil {
				return fmt.Errorf("migrating schema: %w", err)
			}
		}
		if _, err := l.provider.ApplyVersion(ctx, s.Version, true); err != nil {
			return fmt.Errorf("migrating schema: %w", err)
		}
		l.have = s.Version
	}
	return nil
}

// mustWait tells whether a step that contracts must wait for older nodes.
func (l *ladder) mustWait(ctx context.Context, step int64, older func(context.Context, int64) ([]string, error)) (bool, error) {
	var names []string
	if older != nil {
		var err error
		if names, err = older(ctx, step); err != nil || len(names) == 0 {
			return false, err
		}
	}
	if step < l.least() {
		return false, fmt.Errorf("%w: %s", ErrOlderNodes, strings.Join(names, ", "))
	}
	return true, nil
}

// nobodyOlder is who uses a file beside us.
func nobodyOlder(context.Context, int64) ([]string, error) { return nil, nil }

// migrate brings the schema up to date, as far as nodes that older tells of let it.
func migrate(ctx context.Context, db *sql.DB, of steps, older func(context.Context, int64) ([]string, error)) error {
	l, err := readLadder(ctx, db, of)
	if err != nil {
		return err
	}
	return l.climb(ctx, db, older)
}

// expectMigrated fails with ErrSchema unless the schema is what this version needs. It
// writes nothing.
func expectMigrated(ctx context.Context, db *sql.DB, of steps) error {
	l, err := readLadder(ctx, db, of)
	if err == nil && l.have < l.least() {
		err = ErrSchema
	}
	return err
}

// folders says where the steps of each database are that the other one takes in
// other words.
var folders = map[goose.Dialect]string{goose.DialectSQLite3: "schema/sqlite", goose.DialectPostgres: "schema/postgres"}

// steps is the files of one kind of database: those of its folder, and those that both
// understand.
type steps struct {
	kind  goose.Dialect
	later fs.FS // those of a version to come, of a test; nil: none
}

// Open implements fs.FS.
func (s steps) Open(name string) (fs.File, error) {
	f, err := schema.Open(folders[s.kind] + "/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = schema.Open("schema/" + name)
	}
	if errors.Is(err, fs.ErrNotExist) && s.later != nil {
		f, err = s.later.Open(name)
	}
	return f, err
}

// ReadDir implements fs.ReadDirFS. There is one directory.
func (s steps) ReadDir(string) ([]fs.DirEntry, error) {
	all, err := schema.ReadDir("schema")
	if err != nil {
		return nil, err
	}
	own, err := schema.ReadDir(folders[s.kind])
	if err == nil && s.later != nil {
		var later []fs.DirEntry
		later, err = fs.ReadDir(s.later, ".")
		own = append(own, later...)
	}
	all = slices.DeleteFunc(append(own, all...), fs.DirEntry.IsDir)
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all, err
}
