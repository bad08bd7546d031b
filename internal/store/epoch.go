package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// meet refuses a server that was a primary once and has come back, or that may
// lose what it took. Each promotion of a server begins a timeline; who first
// meets a new one counts an epoch on. A database that was never migrated has
// none. Who only reads counts nothing on, and loses nothing.
func (e *postgresEngine) meet(ctx context.Context, conn *pgconn.PgConn) error {
	query := meetSQL
	if e.only {
		query = epochSQL
	}
	results, err := conn.Exec(ctx, query).ReadAll()
	if isPostgres(err, "42P01") { // there is no such table
		return nil
	}
	if err != nil {
		return fmt.Errorf("asking for the epoch: %w", err)
	}
	last := results[len(results)-1]
	if len(last.Rows) != 1 || len(last.Rows[0]) != 2 {
		return fmt.Errorf("asking for the epoch: %w", ErrDamaged)
	}
	var epoch int64
	if _, err := fmt.Sscan(string(last.Rows[0][0]), &epoch); err != nil {
		return fmt.Errorf("asking for the epoch: %w", err)
	}
	if string(last.Rows[0][1]) == "off" && !e.noSync && !e.only {
		return errUnsafe
	}
	conn.CustomData()[epochKey] = epoch
	return e.know(epoch)
}

// epochKey is under which a connection knows the epoch that its server was met in.
const epochKey = "epoch"

// isCurrent tells whether a connection of the pool is to a server that no other has taken
// over from since it was made, as far as we know.
func (e *postgresEngine) isCurrent(_ context.Context, conn *pgx.Conn) (bool, error) {
	met, _ := conn.PgConn().CustomData()[epochKey].(int64) // 0 before there was an epoch
	return met >= e.epoch.Load(), nil
}

// know takes note of the epoch of a server, and fails when it is over.
func (e *postgresEngine) know(epoch int64) error {
	for {
		latest := e.epoch.Load()
		if epoch < latest {
			return fmt.Errorf("%w: its epoch is %d, and %d has begun", errDeposed, epoch, latest)
		}
		if e.epoch.CompareAndSwap(latest, epoch) {
			return nil
		}
	}
}
