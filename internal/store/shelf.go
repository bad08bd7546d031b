package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"stayput.dev/internal/shelf"
)

// Shelf keeps the items of other rooms, see package shelf. It is safe for concurrent
// use; changes that come together share a write, and updates never wait for more than
// one such write.
type Shelf struct{ store *Store }

// Shelf returns what is kept beside the state.
func (s *Store) Shelf() Shelf { return Shelf{s} }

// Get returns the item, or shelf.ErrNotFound. An item whose time has come is
// there until somebody takes or sweeps it.
func (s Shelf) Get(ctx context.Context, kind, id string) (shelf.Item, error) {
	ctx, cancel := s.store.patient(ctx)
	defer cancel()
	item, err := scanItem(s.store.readers.QueryRowContext(ctx, shelfGetSQL, kind, id))
	if errors.Is(err, sql.ErrNoRows) {
		return item, shelf.ErrNotFound
	}
	if err != nil {
		return item, fmt.Errorf("reading %s %s: %w", kind, id, err)
	}
	return item, nil
}

// Page returns at most limit items of a kind in order of their IDs, from behind
// the ID after, which may be empty and need not exist.
func (s Shelf) Page(ctx context.Context, kind, after string, limit int) ([]shelf.Item, error) {
	return s.items(ctx, kind, shelfPageSQL, kind, after, int64(limit))
}

// Due returns at most limit items of a kind whose time has come by then, the
// longest due first.
func (s Shelf) Due(ctx context.Context, kind string, until time.Time, limit int) ([]shelf.Item, error) {
	return s.items(ctx, kind, shelfDueSQL, kind, until.UnixMilli(), int64(limit))
}

// Of returns the items of a kind that are about an account, in order of their
// IDs.
func (s Shelf) Of(ctx context.Context, account uint32, kind string) ([]shelf.Item, error) {
	return s.items(ctx, kind, shelfOfSQL, int64(account), kind)
}

// Accounts returns at most limit of the accounts that items are about, in order,
// from behind the one that is given.
func (s Shelf) Accounts(ctx context.Context, after uint32, limit int) ([]uint32, error) {
	var all []uint32
	err := s.query(ctx, shelfAccountsSQL, []any{int64(after), int64(limit)}, func(rows *sql.Rows) error {
		var account uint32
		err := rows.Scan(&account)
		all = append(all, account)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading whom the shelf is about: %w", err)
	}
	return all, nil
}

func (s Shelf) items(ctx context.Context, kind, query string, arguments ...any) ([]shelf.Item, error) {
	var all []shelf.Item
	err := s.query(ctx, query, arguments, func(rows *sql.Rows) error {
		item, err := scanItem(rows)
		all = append(all, item)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading items of kind %s: %w", kind, err)
	}
	return all, nil
}

// query calls each with every row of an answer.
func (s Shelf) query(ctx context.Context, query string, arguments []any, each func(*sql.Rows) error) error {
	ctx, cancel := s.store.patient(ctx)
	defer cancel()
	rows, err := s.store.readers.QueryContext(ctx, query, arguments...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func scanItem(row interface{ Scan(...any) error }) (shelf.Item, error) {
	var item shelf.Item
	var due, version, passing int64
	err := row.Scan(&item.Kind, &item.ID, &item.Account, &due, &version, &passing, &item.Body)
	if due != 0 {
		item.Due = time.UnixMilli(due).UTC()
	}
	item.Version, item.Passing = uint64(version), passing == 1
	if len(item.Body) == 0 {
		item.Body = nil // as databases differ in that
	}
	return item, err
}

// Put keeps the item in the place of the one with its version, or, when its
// version is 0, where there is none. It returns the new version. It fails with
// shelf.ErrChanged when there is something else, and has changed nothing then.
func (s Shelf) Put(ctx context.Context, item shelf.Item) (version uint64, err error) {
	if err := item.Check(); err != nil {
		return 0, err
	}
	version = shelf.NextVersion(item.Version, time.Now())
	err = s.store.shelve(ctx, len(item.Body), func(ctx context.Context, tx *sql.Tx) (error, error) {
		n, err := putItem(ctx, tx, &item, int64(version))
		if err == nil && n == 0 {
			return shelf.ErrChanged, nil
		}
		return nil, err
	})
	if errors.Is(err, shelf.ErrChanged) {
		return 0, err
	}
	if err != nil {
		return 0, fmt.Errorf("keeping %s %s: %w", item.Kind, item.ID, err)
	}
	return version, nil
}

func putItem(ctx context.Context, tx *sql.Tx, item *shelf.Item, version int64) (int64, error) {
	var due, passing int64
	if !item.Due.IsZero() {
		due = item.Due.UnixMilli()
	}
	if item.Passing {
		passing = 1
	}
	body := item.Body
	if body == nil {
		body = []byte{} // no NULL
	}
	var result sql.Result
	var err error
	if item.Version == 0 {
		result, err = tx.ExecContext(ctx, shelfAddSQL, item.Kind, item.ID, int64(item.Account), due, version, passing, body)
	} else {
		result, err = tx.ExecContext(ctx, shelfReplaceSQL, int64(item.Account), due, version, passing, body, item.Kind, item.ID, int64(item.Version))
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Take deletes the item and returns it as it was: of all who try, one gets it and
// the others shelf.ErrNotFound.
func (s Shelf) Take(ctx context.Context, kind, id string) (shelf.Item, error) {
	var item shelf.Item
	err := s.store.shelve(ctx, 0, func(ctx context.Context, tx *sql.Tx) (result, err error) {
		item, err = scanItem(tx.QueryRowContext(ctx, shelfTakeSQL, kind, id))
		if errors.Is(err, sql.ErrNoRows) {
			return shelf.ErrNotFound, nil
		}
		return nil, err
	})
	switch {
	case errors.Is(err, shelf.ErrNotFound):
		return shelf.Item{}, err
	case err != nil:
		return shelf.Item{}, fmt.Errorf("taking %s %s: %w", kind, id, err)
	}
	return item, nil
}

// Drop deletes the item if it still is of its version. It fails with shelf.ErrChanged when
// there is something else, or nothing.
func (s Shelf) Drop(ctx context.Context, item shelf.Item) error {
	n, err := s.delete(ctx, shelfDropSQL, item.Kind, item.ID, int64(item.Version))
	if err != nil {
		return fmt.Errorf("dropping %s %s: %w", item.Kind, item.ID, err)
	}
	if n == 0 {
		return shelf.ErrChanged
	}
	return nil
}

// DropAccount deletes all that is about an account, which is not 0.
func (s Shelf) DropAccount(ctx context.Context, account uint32) error {
	if account == 0 {
		return nil
	}
	if _, err := s.delete(ctx, shelfDropAccountSQL, int64(account)); err != nil {
		return fmt.Errorf("dropping what is about account %d: %w", account, err)
	}
	return nil
}

// Sweep deletes the items of a kind whose time has come by then, and returns how
// many they were.
func (s Shelf) Sweep(ctx context.Context, kind string, until time.Time) (int, error) {
	n, err := s.delete(ctx, shelfSweepSQL, kind, until.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("sweeping %s: %w", kind, err)
	}
	return n, nil
}

// forgetPassing deletes what must not come back with a backup.
func (s *Store) forgetPassing(ctx context.Context) error {
	_, err := s.Shelf().delete(ctx, shelfDropPassingSQL)
	return err
}

func (s Shelf) delete(ctx context.Context, query string, arguments ...any) (n int, err error) {
	err = s.store.shelve(ctx, 0, func(ctx context.Context, tx *sql.Tx) (error, error) {
		result, err := tx.ExecContext(ctx, query, arguments...)
		if err != nil {
			return nil, err
		}
		deleted, err := result.RowsAffected()
		n = int(deleted)
		return nil, err
	})
	return n, err
}
