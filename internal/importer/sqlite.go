package importer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver
)

// Database is another program's way to keep hosts in SQLite: a question whose answer
// has the columns of ReadCSV.
type Database string

// The databases that are known.
const (
	// DockerDDNSServer is that of docker-ddns-server, whose users own their
	// hosts, and whose passwords are as they are.
	DockerDDNSServer Database = `
		SELECT user_name AS account, hostname || '.' || domain AS host, coalesce(ip, '') AS address, coalesce(ttl, '') AS ttl,
			user_name AS username, password AS secret
		FROM hosts WHERE deleted_at IS NULL ORDER BY id`

	// NsupdateInfo is that of nsupdate.info. A host is its own user name, and
	// its secret is known by a hash.
	NsupdateInfo Database = `
		SELECT u.username AS account, u.email AS email, h.name || '.' || d.name AS host, h.name || '.' || d.name AS username, h.update_secret AS hash
		FROM main_host h JOIN main_domain d ON d.id = h.domain_id JOIN auth_user u ON u.id = h.created_by_id
		WHERE h.available AND NOT h.abuse_blocked ORDER BY h.id`
)

// ReadSQLite reads hosts and keys of a database, which it leaves as it is. Another
// program may have it open.
func ReadSQLite(ctx context.Context, file string, which Database) (*Plan, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)"}}.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	plan, err := readDatabase(ctx, db, file, which)
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return plan, nil
}

func readDatabase(ctx context.Context, db *sql.DB, file string, which Database) (*Plan, error) {
	rows, err := db.QueryContext(ctx, string(which))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	c := newCustomers()
	values := make([]string, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for number := 1; rows.Next(); number++ {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := map[string]string{}
		for i, name := range names {
			row[name] = values[i]
		}
		c.add(fmt.Sprintf("%s host %d", file, number), func(column string) string { return row[column] })
	}
	return c.plan, rows.Err()
}
