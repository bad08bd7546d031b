package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed schema/*.sql
var schema embed.FS

// errNewer says that the database is of a later version of Stayput.
var errNewer = errors.New("database was written by a later version")

// ErrSchema says that the data is not yet what this version reads: the one that
// writes it must end first.
var ErrSchema = errors.New("data must be migrated first")

// migrate brings the schema up to date, one transaction for each step.
func migrate(ctx context.Context, db *sql.DB) error {
	provider, pending, err := migrations(ctx, db)
	if err != nil || !pending {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating schema: %w", err)
	}
	return nil
}

// expectMigrated fails with ErrSchema unless the schema is up to date. It writes
// nothing.
func expectMigrated(ctx context.Context, db *sql.DB) error {
	_, pending, err := migrations(ctx, db)
	if err == nil && pending {
		err = ErrSchema
	}
	return err
}

// migrations returns the steps, and whether some are still to be done.
func migrations(ctx context.Context, db *sql.DB) (_ *goose.Provider, pending bool, err error) {
	steps, err := fs.Sub(schema, "schema")
	if err != nil {
		return nil, false, err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, steps)
	if err != nil {
		return nil, false, fmt.Errorf("reading migrations: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("reading schema version: %w", err)
	}
	if have > want {
		return nil, false, fmt.Errorf("%w: schema %d, this one knows %d", errNewer, have, want)
	}
	return provider, have < want, nil
}
