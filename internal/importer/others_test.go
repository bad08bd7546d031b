package importer_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"stayput.dev/internal/importer"
)

const dyndnsdConfig = `
host: "0.0.0.0"
db: "db.json"
domain: "example.org"
users:
  zoe:
    password: "secret"
    hosts:
      - Foo.example.org
      - bar.example.org
  adam:
    password: 12345678
    hosts: [bar.example.org]
  eve:
    hosts: [eve.example.org]
  idle:
    password: nothing to do
`

func TestDyndnsd(t *testing.T) {
	t.Parallel()
	d := importer.Dyndnsd{
		ConfigFile: "config.yml", Config: strings.NewReader(dyndnsdConfig), DatabaseFile: "db.json",
		Database: strings.NewReader(`{"serial": 7, "hosts": {"foo.example.org": ["192.0.2.1", "2001:db8::1"], "bar.example.org": "192.0.2.2", "old.example.org": null}}`),
	}
	p, err := d.Plan()
	if err != nil {
		t.Fatal(err)
	}
	wantPlan(t, "both files", p, `
account zoe
account idle
host foo.example.org of zoe [192.0.2.1 2001:db8::1] 0
host bar.example.org of zoe [192.0.2.2] 0
key zoe of zoe for [foo.example.org bar.example.org] secret
key adam of zoe for [bar.example.org] 12345678
config.yml line 14: user eve has no password, or hosts that are no list: no key is made
idle: the user has no host: no key is made, and one that is here stays as it is
`)
	for config, database := range map[string]string{
		"users: [": "", "\t": "", "users: {}": "not JSON", "{}": `{"hosts": []}`,
	} {
		d := importer.Dyndnsd{ConfigFile: "config.yml", Config: strings.NewReader(config), DatabaseFile: "db.json", Database: strings.NewReader(database)}
		if _, err := d.Plan(); err == nil || !strings.HasPrefix(err.Error(), "reading config.yml: ") && !strings.HasPrefix(err.Error(), "reading db.json: ") {
			t.Errorf("%q, %q: %v", config, database, err)
		}
	}
	empty := importer.Dyndnsd{Config: strings.NewReader("domain: example.org\n")}
	if p, err := empty.Plan(); err != nil || planText(p) != "" {
		t.Errorf("no users: %s, %v", planText(p), err)
	}
}

func FuzzDyndnsd(f *testing.F) {
	f.Add(dyndnsdConfig, `{"hosts": {"foo.example.org": ["192.0.2.1"]}}`)
	f.Fuzz(func(t *testing.T, config, database string) {
		d := importer.Dyndnsd{Config: strings.NewReader(config), Database: strings.NewReader(database)}
		p, err := d.Plan()
		if err != nil {
			return
		}
		for _, k := range p.Keys {
			if k.Secret == "" || k.Username == "" || len(k.Hosts) == 0 {
				t.Errorf("key %+v", k)
			}
		}
	})
}

// makeDatabase returns the path of a database that the statements made.
func makeDatabase(t *testing.T, statements string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ddns?.db")
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(path, "?", "%3f"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
	return path
}

// The tables are those that the programs make, but for columns that do not count.
func TestDatabases(t *testing.T) {
	t.Parallel()
	docker := makeDatabase(t, `
		CREATE TABLE hosts (id integer PRIMARY KEY, created_at datetime, updated_at datetime, deleted_at datetime,
			hostname text NOT NULL, domain text NOT NULL, ip text, ttl integer, last_update datetime, user_name text, password text);
		INSERT INTO hosts (id, deleted_at, hostname, domain, ip, ttl, user_name, password) VALUES
			(1, NULL, 'home', 'dyn.example.org', '192.0.2.1', 60, 'alice123', 'password'),
			(2, NULL, 'nas', 'dyn.example.org', NULL, NULL, 'alice123', 'password'),
			(3, '2026-01-01', 'gone', 'dyn.example.org', '', 60, 'bobby123', 'password');`)
	p, err := importer.ReadSQLite(t.Context(), docker, importer.DockerDDNSServer)
	if err != nil {
		t.Fatal(err)
	}
	p.AddZones([]*importer.Zone{readZone(t)})
	p.Problems = nil // of the zone
	wantPlan(t, "docker-ddns-server", p, `
account alice123
host home.dyn.example.org of alice123 [192.0.2.1] 60
host nas.dyn.example.org of alice123 [] 0
key alice123 of alice123 for [home.dyn.example.org nas.dyn.example.org] password
`)

	nsupdate := makeDatabase(t, `
		CREATE TABLE auth_user (id integer PRIMARY KEY, username varchar(150), email varchar(254));
		CREATE TABLE main_domain (id integer PRIMARY KEY, name varchar(255));
		CREATE TABLE main_host (id integer PRIMARY KEY, name varchar(255), domain_id integer, update_secret varchar(128),
			available bool, abuse_blocked bool, created_by_id integer);
		INSERT INTO auth_user VALUES (1, 'alice', 'alice@example.org'), (2, 'bob', '');
		INSERT INTO main_domain VALUES (7, 'u1.dyn.example.org');
		INSERT INTO main_host VALUES (1, 'a', 7, 'sha1$seasalt1$0123456789012345678901234567890123456789', 1, 0, 1),
			(2, 'blocked', 7, 'sha1$x$0', 1, 1, 2), (3, 'off', 7, 'sha1$x$0', 0, 0, 2);`)
	p, err = importer.ReadSQLite(t.Context(), nsupdate, importer.NsupdateInfo)
	if err != nil {
		t.Fatal(err)
	}
	p.AddZones([]*importer.Zone{readZone(t)})
	p.Problems = nil
	wantPlan(t, "nsupdate.info", p, `
account alice alice@example.org
host a.u1.dyn.example.org of alice [192.0.2.1 192.0.2.2] 77
key a.u1.dyn.example.org of alice for [a.u1.dyn.example.org] sha1$seasalt1$0123456789012345678901234567890123456789
`)

	if _, err := importer.ReadSQLite(t.Context(), docker, importer.NsupdateInfo); err == nil || !strings.Contains(err.Error(), "no such table: main_host") {
		t.Errorf("the database of another program: %v", err)
	}
	missing := filepath.Join(t.TempDir(), "missing.db")
	if _, err := importer.ReadSQLite(t.Context(), missing, importer.NsupdateInfo); err == nil {
		t.Error("a database that is not there: no error")
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("a database was made")
	}
}
