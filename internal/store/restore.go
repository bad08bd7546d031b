package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

var errNotBackup = errors.New("there is no data of ours in it")

// Restore makes dir hold what the backup in file holds. The directory may be
// missing or empty, or hold the data of a daemon that does not run; what it held
// stays beside as *.before-restore. It fails with ErrInUse while a daemon runs.
//
// The restored state has a new lineage and no cursors, so that followers start
// afresh, and the serial of every zone is raised beyond what the time since the
// newest commit can have used (package registry says how fast they rise), so that secondaries take it for
// newer than what they have (RFC 1982 §3.1).
func Restore(ctx context.Context, file, dir string, now time.Time) error {
	if err := restore(ctx, file, dir, now); err != nil {
		return fmt.Errorf("restoring %s: %w", file, err)
	}
	return nil
}

func restore(ctx context.Context, file, dir string, now time.Time) error {
	lock, err := lockFolder(dir)
	if err != nil {
		return err
	}
	defer func() { _ = unlock(lock) }()
	if err := finishRestore(dir); err != nil {
		return err
	}
	workshop := filepath.Join(dir, workshopName)
	if err := os.RemoveAll(workshop); err != nil { // of one that was interrupted
		return err
	}
	if err := os.Mkdir(workshop, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(workshop)
	made := filepath.Join(workshop, fileName)
	if err := copyFile(made, file, dir); err != nil {
		return err
	}
	if err := renew(ctx, workshop, Options{}, now); err != nil {
		return err
	}
	if err := expectMissing(made + "-wal"); err != nil {
		return fmt.Errorf("write-ahead log was left behind: %w", err)
	}
	if err := syncFile(made); err != nil {
		return err
	}
	if err := os.Rename(made, filepath.Join(dir, restoredName)); err != nil {
		return err
	}
	if err := syncFolder(dir); err != nil {
		return err
	}
	return finishRestore(dir)
}

// copyFile makes a copy that belongs to whom dir belongs to.
func copyFile(to, from, dir string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	giveToOwner(out, dir)
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// finishRestore puts a restored database in its place. A restore that was
// interrupted here is finished by whoever opens the directory next.
func finishRestore(dir string) error {
	restored := filepath.Join(dir, restoredName)
	if err := expectMissing(restored); err == nil || !errors.Is(err, fs.ErrExist) {
		return err
	}
	aside, err := freeName(filepath.Join(dir, asideName))
	if err != nil {
		return err
	}
	current := filepath.Join(dir, fileName)
	// The database goes last: while it is there, so are the names of its logs.
	for _, suffix := range []string{"-shm", "-wal", ""} {
		err := os.Rename(current+suffix, aside+suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := syncFolder(dir); err != nil {
		return err
	}
	if err := os.Rename(restored, current); err != nil {
		return err
	}
	return syncFolder(dir)
}

// freeName returns name, or name with a number behind it, whichever is free.
func freeName(name string) (string, error) {
	free := name
	for i := 2; ; i++ {
		err := expectMissing(free)
		if !errors.Is(err, fs.ErrExist) {
			return free, err
		}
		free = name + "-" + strconv.Itoa(i)
	}
}

// Renew makes a database that other tools have restored one that nobody has
// followed before, as Restore does. No daemon may use it meanwhile.
func Renew(ctx context.Context, dir string, opts Options, now time.Time) error {
	if err := renew(ctx, dir, opts, now); err != nil {
		return fmt.Errorf("renewing the database: %w", err)
	}
	return nil
}

func renew(ctx context.Context, dir string, opts Options, now time.Time) (err error) {
	s, err := Open(ctx, dir, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.checkLineage(ctx); err != nil {
		return err
	}
	state, err := s.Load(ctx) // and so reads and checks everything
	if err != nil {
		return err
	}
	last, err := s.lastAt(ctx)
	if err != nil {
		return err
	}
	if err := s.forgetFollowers(ctx); err != nil {
		return err
	}
	if err := s.forgetPassing(ctx); err != nil {
		return err
	}
	if state.Zones.Len() == 0 {
		return nil
	}
	c, err := liftSerials(state, serialsSince(last, now))
	if err != nil {
		return err
	}
	c.At = now.UTC().Truncate(time.Millisecond)
	return s.Append(ctx, state.Revision, []registry.Commit{c})
}

// checkLineage fails when the database was made just now, out of a file that
// holds nothing.
func (s *Store) checkLineage(ctx context.Context) error {
	return s.read(ctx, func(tx *sql.Tx) error {
		_, err := readLineage(ctx, tx)
		if errors.Is(err, sql.ErrNoRows) {
			err = errNotBackup
		}
		return err
	})
}

// lastAt returns when the newest commit was made.
func (s *Store) lastAt(ctx context.Context) (time.Time, error) {
	var at int64
	err := s.readers.QueryRowContext(ctx, journalLastAtSQL).Scan(&at)
	return time.UnixMilli(at), err
}

// forgetFollowers gives the database a new lineage and drops the cursors, which
// may be ahead of it.
func (s *Store) forgetFollowers(ctx context.Context) error {
	return s.write(ctx, 0, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, setLineageSQL, newID()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, dropCursorsSQL)
		return err
	})
}

// serialsSince returns how many serials a zone may have used since last, and one more.
func serialsSince(last, now time.Time) uint32 {
	used := registry.SerialBurst + float64(max(now.Sub(last), 0)/registry.SerialGap)
	return uint32(min(used, math.MaxInt32-1)) + 1
}

// liftSerials returns the commit that raises the serial of every zone by n.
func liftSerials(state *registry.State, n uint32) (registry.Commit, error) {
	c := registry.Commit{Revision: state.Revision + 1, ID: newID(), By: []registry.Actor{{Via: "restore"}}}
	for z := range state.Zones.All() {
		d := z.Edit()
		if err := d.SetSerial(zone.AddSerial(z.Serial(), n)); err != nil {
			return c, err
		}
		_, delta, err := d.Finish()
		if err != nil {
			return c, err
		}
		c.Deltas = append(c.Deltas, delta)
	}
	return c, nil
}
