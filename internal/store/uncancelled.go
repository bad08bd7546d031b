package store

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A commit that waits for a synchronous standby must not be canceled: the server would
// give up the wait and not the commit, so that everybody sees, and may be told, what
// one server alone has and a failover loses. But pgx asks the server to cancel what runs
// on a connection that it gives up, as it does when the time for an append is over.
// So while a connection appends, it cannot do that: it just ends. The server goes on
// waiting, with head locked, so that nobody else's append can be kept by it alone either.

// canceller makes the connection that a connection to the server is, and the further one
// by which that asks to cancel what runs on it.
type canceller struct {
	dial pgconn.DialFunc
	off  atomic.Bool
}

// cancellerKey is under which a connection knows its canceller.
const cancellerKey = "canceller"

var errUncancelled = errors.New("appends are not canceled")

// connect makes a connection, unless that is to cancel what must go on.
func (c *canceller) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if c.off.Load() {
		return nil, errUncancelled
	}
	return c.dial(ctx, network, address)
}

// giveCancellers gives each connection of a pool a canceller of its own.
func giveCancellers(config *pgxpool.Config) {
	config.BeforeConnect = func(_ context.Context, one *pgx.ConnConfig) error {
		c := &canceller{dial: one.DialFunc}
		one.DialFunc = c.connect
		one.AfterConnect = func(_ context.Context, conn *pgconn.PgConn) error {
			conn.CustomData()[cancellerKey] = c
			return nil
		}
		return nil
	}
}

// uncancelled runs fn, which uses a connection of the pool. What fn leaves unfinished
// goes on in the server until it ends by itself.
func uncancelled(conn *pgxpool.Conn, fn func() error) error {
	c := conn.Conn().PgConn().CustomData()[cancellerKey].(*canceller)
	c.off.Store(true)
	err := fn()
	if !conn.Conn().IsClosed() {
		c.off.Store(false)
	}
	return err
}
