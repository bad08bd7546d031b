//go:build linux

package load

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/jackc/pgx/v5"
)

// Upserts is a table of PostgreSQL with a row for each host: what a service does that
// writes each address where it belongs, and nothing else.
type Upserts struct {
	url  string
	host func(i int) string
}

// NewUpserts makes the table in a database, and a row for each host.
func NewUpserts(ctx context.Context, url string, hosts int, host func(i int) string) (*Upserts, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("making the table of upserts: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "CREATE TABLE upserts (name TEXT PRIMARY KEY, address BYTEA NOT NULL)"); err != nil {
		return nil, fmt.Errorf("making the table of upserts: %w", err)
	}
	rows := pgx.CopyFromSlice(hosts, func(i int) ([]any, error) { return []any{host(i), []byte{192, 0, 2, 1}}, nil })
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{"upserts"}, []string{"name", "address"}, rows); err != nil {
		return nil, fmt.Errorf("filling the table of upserts: %w", err)
	}
	return &Upserts{url, host}, nil
}

// Clients returns n clients, each with a connection that it keeps, that write the
// address which next returns for a host.
func (u *Upserts) Clients(ctx context.Context, n int, next func(host int) [4]byte) ([]Client, error) {
	clients := make([]Client, 0, n)
	for range n {
		conn, err := pgx.Connect(ctx, u.url)
		if err != nil {
			for _, c := range clients {
				c.Close()
			}
			return nil, fmt.Errorf("opening client: %w", err)
		}
		clients = append(clients, &upsertClient{u, next, conn})
	}
	return clients, nil
}

type upsertClient struct {
	*Upserts
	next func(host int) [4]byte
	conn *pgx.Conn
}

// Update writes one row, which is durable on return.
func (c *upsertClient) Update(i int) error {
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	address := netip.AddrFrom4(c.next(i)).AsSlice()
	const statement = "INSERT INTO upserts (name, address) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET address = EXCLUDED.address"
	tag, err := c.conn.Exec(ctx, statement, c.host(i), address)
	if err == nil && tag.RowsAffected() != 1 {
		err = fmt.Errorf("%d rows were written", tag.RowsAffected())
	}
	return err
}

// Close closes the connection.
func (c *upsertClient) Close() { _ = c.conn.Close(context.Background()) } // nothing is left to send
