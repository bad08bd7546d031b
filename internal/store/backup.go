package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Backup writes all that the store holds at one moment into a file of its own,
// which Restore reads. Appends go on meanwhile. The file is there, and durable,
// only when all is well; one that exists is not touched. A server's database is
// for its own tools to back up.
func (s *Store) Backup(ctx context.Context, file string) error {
	if err := s.engine.backup(ctx, file); err != nil {
		return fmt.Errorf("writing backup %s: %w", file, err)
	}
	return nil
}

// backup implements engine.
func (e *sqliteEngine) backup(ctx context.Context, file string) error {
	file, err := filepath.Abs(file) // a name like "file:x" would be taken for a URI
	if err != nil {
		return err
	}
	if err := expectMissing(file); err != nil {
		return err
	}
	// Empty and ours: SQLite fills it without making it readable for others.
	partial, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".partial-*")
	if err != nil {
		return err
	}
	_ = partial.Close()
	defer os.Remove(partial.Name())
	if err := e.copyTo(ctx, partial.Name()); err != nil {
		return err
	}
	if err := syncFile(partial.Name()); err != nil {
		return err
	}
	if err := expectMissing(file); err != nil {
		return err
	}
	if err := os.Rename(partial.Name(), file); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

// expectMissing fails when something has the name.
func expectMissing(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return fs.ErrExist
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// copyTo copies the database as it is now into an empty file.
func (e *sqliteEngine) copyTo(ctx context.Context, path string) error {
	db, err := connect(e.file(), "deferred", "busy_timeout(5000)", "cell_size_check(1)")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "VACUUM INTO $1", path)
	return err
}
