//go:build linux

package peer

import (
	"database/sql"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	_ "modernc.org/sqlite" // makes the database

	"stayput.dev/bench/internal/sample"
)

// configurePowerDNS serves the zone with the bind backend.
func configurePowerDNS(o Options, port uint16) ([]string, error) {
	backend, err := write(o.Dir, "zones.conf", fmt.Sprintf("zone %q { type master; file %q; };\n", sample.ZoneName, o.ZoneFile))
	if err != nil {
		return nil, err
	}
	_, err = write(o.Dir, "pdns.conf", fmt.Sprintf(`
launch=bind
bind-config=%[1]s
local-address=127.0.0.1
local-port=%[2]d
socket-dir=%[3]s
setuid=
setgid=
guardian=no
daemon=no
disable-syslog=yes
loglevel=3
%[4]s`, backend, port, o.Dir, threads("receiver-threads=%[1]d\ndistributor-threads=%[1]d\n", o.Threads)))
	return []string{"--config-dir=" + o.Dir}, err
}

// sqliteSchema is where Debian puts what the database of PowerDNS looks like.
const sqliteSchema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

// configurePowerDNSSQLite serves the zone from a database, durable as shipped, and lets
// the key update it.
func configurePowerDNSSQLite(o Options, port uint16) ([]string, error) {
	database := filepath.Join(o.Dir, "database")
	if err := makeDatabase(database); err != nil {
		return nil, err
	}
	_, err := write(o.Dir, "pdns.conf", fmt.Sprintf(`
launch=gsqlite3
gsqlite3-database=%[1]s
local-address=127.0.0.1
local-port=%[2]d
socket-dir=%[3]s
setuid=
setgid=
guardian=no
daemon=no
disable-syslog=yes
loglevel=3
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
%[4]s`, database, port, o.Dir, threads("receiver-threads=%[1]d\ndistributor-threads=%[1]d\n", o.Threads)))
	if err != nil {
		return nil, err
	}
	for _, words := range [][]string{
		{"load-zone", sample.ZoneName, o.ZoneFile},
		{"import-tsig-key", KeyName, "hmac-sha256", base64.StdEncoding.EncodeToString(Secret())},
		{"set-meta", sample.ZoneName, "TSIG-ALLOW-DNSUPDATE", KeyName},
		{"set-meta", sample.ZoneName, "TSIG-ALLOW-AXFR", KeyName},
	} {
		if out, err := exec.Command("pdnsutil", append([]string{"--config-dir=" + o.Dir}, words...)...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("pdnsutil %s: %w: %s", words[0], err, out)
		}
	}
	return []string{"--config-dir=" + o.Dir}, nil
}

func makeDatabase(path string) error {
	schema, err := os.ReadFile(sqliteSchema)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(string(schema)); err != nil {
		return fmt.Errorf("making a database: %w", err)
	}
	return nil
}
