package primary

import (
	"database/sql"
	"fmt"
	"os"

	_ "modernc.org/sqlite" // makes the database that PowerDNS wants
)

// PowerDNS is the PowerDNS Authoritative Server with its SQLite backend. It knows no frozen
// zone: the key loses its right.
var PowerDNS = Kind{
	Name: "PowerDNS", program: "pdns_server",
	configure: func(s *Server) {
		s.Write("zone", Master)
		s.Write("pdns.conf", fmt.Sprintf(`
launch=gsqlite3
gsqlite3-database=%[1]s/database
local-address=127.0.0.1
local-port=%[2]d
socket-dir=%[1]s
security-poll-suffix=
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
receiver-threads=1
distributor-threads=2
domain-metadata-cache-ttl=0
`, s.dir, s.Addr.Port()))
		s.makeDatabase()
		s.pdnsutil("load-zone", Zone, s.file("zone"))
		s.pdnsutil("import-tsig-key", KeyName, "hmac-sha256", SecretText())
		s.pdnsutil("set-meta", Zone, "TSIG-ALLOW-AXFR", KeyName)
		s.Thaw()
	},
	args: func(dir string) []string {
		return []string{"--config-dir=" + dir, "--daemon=no", "--guardian=no", "--write-pid=no"}
	},
	freeze: func(s *Server) { s.pdnsutil("set-meta", Zone, "TSIG-ALLOW-DNSUPDATE", "another") },
	thaw:   func(s *Server) { s.pdnsutil("set-meta", Zone, "TSIG-ALLOW-DNSUPDATE", KeyName) },
}

func (s *Server) pdnsutil(words ...string) {
	s.tb.Helper()
	s.run("", "pdnsutil", append([]string{"--config-dir=" + s.dir}, words...)...)
}

// sqliteSchema is where Debian puts what the database of PowerDNS looks like.
const sqliteSchema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

func (s *Server) makeDatabase() {
	s.tb.Helper()
	schema, err := os.ReadFile(sqliteSchema)
	if err != nil {
		missing(s.tb, err.Error())
	}
	db, err := sql.Open("sqlite", s.file("database"))
	if err != nil {
		s.tb.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(s.tb.Context(), string(schema)); err != nil {
		s.tb.Fatal(err)
	}
}
