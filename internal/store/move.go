package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"stayput.dev/internal/registry"
)

// ErrUnfinished says that a move into this store has not come to its end.
var ErrUnfinished = errors.New("store is half moved")

// ErrOccupied says that the place that a store is to move to holds something else.
var ErrOccupied = errors.New("there is something else already")

// ErrNothing says that there is no store to move.
var ErrNothing = errors.New("no daemon has kept anything there")

// ErrDiffers says that what was moved is not what was there.
var ErrDiffers = errors.New("the copy differs")

var errSamePlace = errors.New("it is there already")

// MoveOptions say how a store moves. The zero MoveOptions are usual.
type MoveOptions struct {
	Logger *slog.Logger // nil: slog.Default

	// Ahead copies while the daemon goes on, and leaves the copy unfinished: the
	// Move after the daemon's end then has less to do.
	Ahead bool

	// DryRun only looks whether the store may move there, and counts its rows.
	DryRun bool

	// Progress is called now and then with how much of a part of the work is
	// done. It may be nil.
	Progress func(part string, done, all int64)
}

// Moved says what a Move did.
type Moved struct {
	Revision registry.Revision // that the copy stands at; 0 unless it is whole
	Rows     int64             // of the store
	Written  int64             // rows that were written or deleted to make the copy
}

// moveTime is how long one write of a move may take, or its way to the database.
const moveTime = 30 * time.Second

const (
	moveBatch = 256 << 10 // octets, about, that a move writes in one transaction
	moveRows  = 1024      // rows that it writes in one at most
)

// IsURL tells whether a place is a PostgreSQL database, and not a data directory.
func IsURL(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// Move copies the store at one place, a data directory or the URL of a PostgreSQL
// database, to another one, row by row: the journal as far back as it is kept, the
// snapshot, cursors, and all that is kept beside. Lineage, revision and serials stay,
// so that all who follow go on. The store that is copied is only read, and must be
// deleted or put away afterwards: of two stores with one lineage, only one may go on.
//
// Move may be interrupted at any time and called again, with the store that is
// copied having changed meanwhile: it makes the copy equal, whatever of it was there.
// In the end it compares all rows of both, and the states that they make, and only
// then the copy counts as a store. Until then, whoever opens it hears ErrUnfinished.
//
// It fails with ErrInUse while a daemon uses either, with ErrOccupied when the place
// holds another store, with ErrNothing when there is none to move, with ErrSchema
// when this version has to migrate it first, and with ErrDiffers when
// the copy is not what was copied.
func Move(ctx context.Context, from, to string, opts MoveOptions) (Moved, error) {
	moved, err := move(ctx, from, to, opts)
	if err != nil {
		return moved, fmt.Errorf("moving store: %w", reached(err))
	}
	return moved, nil
}

func move(ctx context.Context, from, to string, opts MoveOptions) (moved Moved, err error) {
	if from, to, err = placesOf(from, to); err != nil {
		return moved, err
	}
	m := mover{opts: opts}
	defer func() { err = errors.Join(err, m.end()) }()
	if err := m.openSource(ctx, from); err != nil {
		return moved, err
	}
	if err := m.openTarget(ctx, to); err != nil {
		return moved, err
	}
	if opts.DryRun {
		return Moved{Rows: m.rows}, nil
	}
	if err := m.copy(ctx); err != nil {
		return Moved{Written: m.written}, err
	}
	moved = Moved{Rows: m.rows, Written: m.written}
	if opts.Ahead {
		return moved, nil
	}
	if err := m.compare(ctx); err != nil {
		return moved, err
	}
	moved.Revision = m.revision
	return moved, m.finish(ctx)
}

// placesOf makes directories absolute.
func placesOf(from, to string) (string, string, error) {
	for _, place := range []*string{&from, &to} {
		if IsURL(*place) {
			continue
		}
		if scheme, _, found := strings.Cut(*place, "://"); found {
			return "", "", fmt.Errorf("a URL of a database begins with postgres://, not %s://", scheme)
		}
		dir, err := filepath.Abs(*place)
		if err != nil {
			return "", "", err
		}
		*place = dir
	}
	if from == to {
		return "", "", errSamePlace
	}
	return from, to, nil
}

// mover is one move.
type mover struct {
	opts     MoveOptions
	from, to *Store
	releases []func() error // of what is held, in the order in which it was taken
	fresh    bool           // nobody has made anything of the target yet
	lineage  string
	rows     int64 // of the source
	written  int64
	revision registry.Revision
}

// at returns a store that has connected to nothing yet.
func (m *mover) at(place string) (*Store, error) {
	opts := Options{Logger: m.opts.Logger, Timeout: moveTime}
	if IsURL(place) {
		opts.URL = place
		return newStore("", opts)
	}
	return newStore(place, opts)
}

// hold keeps all others from a store until the end.
func (m *mover) hold(ctx context.Context, s *Store) error {
	release, err := s.engine.hold(ctx)
	if err == nil {
		m.releases = append(m.releases, release)
	}
	return err
}

// end closes what was opened.
func (m *mover) end() error {
	var all []error
	for _, s := range []*Store{m.to, m.from} {
		if s != nil {
			all = append(all, s.Close())
		}
	}
	for _, release := range m.releases {
		all = append(all, release())
	}
	return errors.Join(all...)
}

// openSource opens what is to be copied, to read it.
func (m *mover) openSource(ctx context.Context, place string) (err error) {
	if m.from, err = m.at(place); err != nil {
		return err
	}
	fresh, err := m.from.engine.isFresh(ctx)
	if err == nil && fresh {
		err = ErrNothing
	}
	if err == nil && !m.opts.Ahead && !m.opts.DryRun {
		err = m.hold(ctx, m.from)
	}
	if err == nil {
		err = m.from.engine.attach(ctx)
	}
	if err != nil {
		return fmt.Errorf("opening what is to be moved: %w", err)
	}
	return m.from.readLong(ctx, m.lookAtSource(ctx))
}

// lookAtSource reads the lineage and counts the rows.
func (m *mover) lookAtSource(ctx context.Context) func(*sql.Tx) error {
	return func(tx *sql.Tx) (err error) {
		if err := expectWhole(ctx, tx); err != nil {
			return err
		}
		m.lineage, err = readLineage(ctx, tx)
		if errors.Is(err, sql.ErrNoRows) {
			err = ErrNothing
		}
		if err != nil {
			return err
		}
		m.rows, err = countRows(ctx, tx)
		return err
	}
}

func countRows(ctx context.Context, tx *sql.Tx) (all int64, err error) {
	for _, t := range tables {
		var n int64
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+t.name).Scan(&n); err != nil {
			return 0, err
		}
		all += n
	}
	return all, nil
}

// openTarget opens the place to copy to, and makes sure that it is empty or a copy
// that a move of the same store has begun.
func (m *mover) openTarget(ctx context.Context, place string) (err error) {
	if m.to, err = m.at(place); err != nil {
		return err
	}
	if !m.opts.DryRun {
		err = m.hold(ctx, m.to)
	}
	if err == nil {
		m.fresh, err = m.to.engine.isFresh(ctx)
	}
	if errors.Is(err, ErrSchema) {
		err = fmt.Errorf("%w, of an earlier version", ErrOccupied)
	}
	if err == nil && !m.fresh {
		err = m.to.readLong(ctx, m.lookAtTarget(ctx))
	}
	if err == nil && !m.opts.DryRun {
		err = m.to.engine.own(ctx, true)
	}
	if err != nil {
		return fmt.Errorf("opening where it is to move: %w", err)
	}
	return nil
}

// lookAtTarget fails unless the target is ours to write.
func (m *mover) lookAtTarget(ctx context.Context) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		var lineage string
		err := tx.QueryRowContext(ctx, movingSQL).Scan(&lineage)
		if err == nil && lineage != m.lineage {
			return fmt.Errorf("%w: the unfinished copy of another store", ErrOccupied)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		switch lineage, err = readLineage(ctx, tx); {
		case err == nil && lineage == m.lineage:
			return fmt.Errorf("%w: this very store, whole", ErrOccupied)
		case err == nil:
			return fmt.Errorf("%w: another store", ErrOccupied)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		n, err := countRows(ctx, tx)
		if err == nil && n > 0 {
			err = fmt.Errorf("%w: %d rows of no store", ErrOccupied, n)
		}
		m.fresh = true
		return err
	}
}

// expectWhole fails with ErrUnfinished where a move has not come to its end.
func expectWhole(ctx context.Context, tx *sql.Tx) error {
	var lineage string
	err := tx.QueryRowContext(ctx, movingSQL).Scan(&lineage)
	switch {
	case err == nil:
		return ErrUnfinished
	case errors.Is(err, sql.ErrNoRows):
		return nil
	}
	return err
}

// finish makes the copy count.
func (m *mover) finish(ctx context.Context) error {
	return m.to.write(ctx, 0, func(ctx context.Context, tx *sql.Tx) error {
		if err := m.to.engine.endAt(ctx, tx, m.revision); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, endMovingSQL, m.lineage)
		return err
	})
}
