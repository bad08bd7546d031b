package rig

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"stayput.dev/internal/store"
)

// OnPostgres tells whether the tests that need a store are to have it in PostgreSQL:
// STAYPUT_TEST_STORE=postgres says so.
func OnPostgres() bool { return os.Getenv("STAYPUT_TEST_STORE") == "postgres" }

// SQLiteOnly skips a test of what only a file has.
func SQLiteOnly(tb testing.TB) {
	tb.Helper()
	if OnPostgres() {
		tb.Skip("about the file that SQLite keeps")
	}
}

// OpenStore opens the store of a data directory, in the database that the tests are
// to use, until the test ends. The same directory always has the same store.
func OpenStore(tb testing.TB, dir string, opts store.Options) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), dir, StoreOptions(tb, dir, opts))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// StoreOptions returns opts with the database that belongs to a data directory.
func StoreOptions(tb testing.TB, dir string, opts store.Options) store.Options {
	tb.Helper()
	opts.URL = StoreURL(tb, dir)
	return opts
}

// StoreURL returns the database that belongs to a data directory, "" for the file
// in it.
func StoreURL(tb testing.TB, dir string) string {
	tb.Helper()
	if !OnPostgres() {
		return ""
	}
	return PostgresURL(tb, dir)
}

// PostgresURL returns a schema of its own for each name, in the server that
// STAYPUT_TEST_POSTGRES names or in one that runs until this process ends. The test
// is skipped where there is none; with CI=true it fails.
func PostgresURL(tb testing.TB, name string) string {
	tb.Helper()
	server, err := postgres()
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	schema := schemaOf(name)
	if err := execute(context.WithoutCancel(tb.Context()), server.url, "CREATE SCHEMA IF NOT EXISTS "+schema); err != nil {
		tb.Fatal(err)
	}
	u, err := url.Parse(server.url)
	if err != nil {
		tb.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func schemaOf(name string) string { return fmt.Sprintf("t%x", sha256.Sum256([]byte(name)))[:24] }

// Database returns what the store of a data directory is kept in, for a test to look
// at or to damage. Close must be called.
func Database(tb testing.TB, dir string) *sql.DB {
	tb.Helper()
	if OnPostgres() {
		return OpenDatabase(tb, StoreURL(tb, dir))
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "stayput.db"))
	if err != nil {
		tb.Fatal(err)
	}
	return db
}

// Rows returns all that a data directory's database holds in PostgreSQL, each value as it
// was written.
func Rows(tb testing.TB, dir string) (all []byte) {
	tb.Helper()
	ctx := tb.Context()
	conn, err := pgx.Connect(ctx, PostgresURL(tb, dir))
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
	if err != nil {
		tb.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, table := range tables {
		if err != nil {
			break
		}
		if rows, err = conn.Query(ctx, "SELECT * FROM "+pgx.Identifier{table}.Sanitize()); err != nil {
			break
		}
		for rows.Next() {
			var values []any
			if values, err = rows.Values(); err != nil {
				break
			}
			for _, v := range values {
				if octets, ok := v.([]byte); ok {
					all = append(all, octets...)
				} else {
					all = fmt.Append(all, v)
				}
				all = append(all, '\n')
			}
		}
		rows.Close()
		err = cmp.Or(err, rows.Err())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// OpenDatabase is Database of a URL.
func OpenDatabase(tb testing.TB, url string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		tb.Fatal(err)
	}
	return db
}

// CopySchema adds the rows of some tables of one data directory's database to those of
// another's, in PostgreSQL.
func CopySchema(tb testing.TB, to, from string, tables ...string) {
	tb.Helper()
	db := Database(tb, to)
	defer db.Close()
	for _, table := range tables {
		if _, err := db.ExecContext(tb.Context(), "INSERT INTO "+table+" SELECT * FROM "+schemaOf(from)+"."+table); err != nil {
			tb.Fatal(err)
		}
	}
}

func execute(ctx context.Context, server, statement string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement)
	return err
}

// server is a running PostgreSQL. It ends when alive does, which nobody closes but
// the end of this process, whatever ends it.
type server struct {
	url   string
	alive io.Closer
}

// postgres returns the server of this process, and starts it first if nobody else
// has started one.
var postgres = sync.OnceValues(func() (server, error) {
	if given := os.Getenv("STAYPUT_TEST_POSTGRES"); given != "" {
		return server{url: given}, nil
	}
	bin, err := postgresPrograms()
	if err != nil {
		return server{}, err
	}
	dir, err := os.MkdirTemp("", "stayput-pg-")
	if err != nil {
		return server{}, err
	}
	as, err := asNobodyImportant(dir)
	if err != nil {
		return server{}, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US", data)
	initdb.SysProcAttr, initdb.Dir = as, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return server{}, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	command, alive, err := startPostgres(bin, dir, as, `; rm -rf "$PWD"`)
	if err != nil {
		return server{}, err
	}
	go func() { _ = command.Wait() }() // ends with the server
	u := urlOf(dir)
	return server{u, alive}, awaitPostgres(u, filepath.Join(dir, "log"))
})

// urlOf returns the database of the server that listens in a directory.
func urlOf(dir string) string { return "postgres://postgres@/postgres?host=" + url.QueryEscape(dir) }

// startPostgres starts the server whose data is in a directory. It ends, and then is done
// what the shell shall do besides, when alive is closed or this process ends.
func startPostgres(bin, dir string, as *syscall.SysProcAttr, then string) (command *exec.Cmd, alive io.Closer, err error) {
	command = exec.Command("/bin/sh", "-c", `"$0" "$@" >log 2>&1 & cat >/dev/null; kill -QUIT $!; wait`+then,
		filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"), "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=400",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=64MB", "-c", "log_min_messages=fatal")
	command.SysProcAttr, command.Dir = as, dir
	if alive, err = command.StdinPipe(); err == nil {
		err = command.Start()
	}
	return command, alive, err
}

// awaitPostgres returns when the server answers.
func awaitPostgres(server, log string) error {
	var err error
	for range 600 {
		if err = execute(context.Background(), server, "SELECT 1"); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	said, _ := os.ReadFile(log)
	return fmt.Errorf("the server does not answer: %w\n%s", err, said)
}

// postgresPrograms returns where the programs of the server are. Debian keeps them
// out of the PATH.
func postgresPrograms() (string, error) {
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // fails on a bad pattern only
	if len(debian) > 0 {
		return filepath.Dir(slices.Max(debian)), nil
	}
	initdb, err := exec.LookPath("initdb")
	return filepath.Dir(initdb), err
}

// asNobodyImportant gives a directory to the user postgres, as whom the server then
// runs, since it refuses to run as root.
func asNobodyImportant(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}
