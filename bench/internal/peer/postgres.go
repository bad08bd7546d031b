//go:build linux

package peer

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Postgres is a running PostgreSQL, durable as shipped.
type Postgres struct {
	*Process
	Version string
	port    uint16
}

// StartPostgres makes a PostgreSQL in dir and starts it. It is ready on return. The
// caller stops it, after what uses it.
func StartPostgres(ctx context.Context, dir string) (*Postgres, error) {
	p, err := startPostgres(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	return p, nil
}

func startPostgres(ctx context.Context, dir string) (*Postgres, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	as, err := asPostgres(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := slices.Concat(as, []string{filepath.Join(bin, "initdb"), "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", data})
	command := exec.CommandContext(ctx, initdb[0], initdb[1:]...)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	args := slices.Concat(as, []string{
		filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(int(ports[0])), "-k", "",
		"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=400",
	})
	p := &Postgres{port: ports[0]}
	if p.Process, err = Spawn(AnyCPU, filepath.Join(dir, "log"), args[0], args[1:]...); err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	err = p.Await(waiting, 20*time.Millisecond, func() bool {
		version, err := p.ask(waiting, "SHOW server_version")
		p.Version = "PostgreSQL " + version
		return err == nil
	})
	if err != nil {
		p.Stop()
	}
	return p, err
}

// postgresPrograms returns where the programs of the newest installed server are.
func postgresPrograms() (string, error) {
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // fails on a bad pattern only
	if len(debian) > 0 {
		return filepath.Dir(slices.Max(debian)), nil
	}
	initdb, err := exec.LookPath("initdb")
	return filepath.Dir(initdb), err
}

// asPostgres gives the directory to the user postgres where we are root, as whom the
// server refuses to run, and returns what runs a command as that user.
func asPostgres(dir string) ([]string, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { // for it to get there
		return nil, err
	}
	return []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL", "--"}, os.Chown(dir, uid, -1)
}

// URL returns how to reach a database of the server.
func (p *Postgres) URL(database string) string {
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), p.port)
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", at, database)
}

// Create makes a database and returns how to reach it.
func (p *Postgres) Create(ctx context.Context, database string) (url string, err error) {
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{database}.Sanitize())
	return p.URL(database), err
}

// CPU returns the user and system time that the server has used so far. Its processes
// lead groups of their own, so they are found by their parent; those that have ended
// are counted with it.
func (p *Postgres) CPU() (time.Duration, error) {
	total, err := usedWithEnded(p.PID())
	if err != nil {
		return 0, fmt.Errorf("reading CPU time: %w", err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("reading CPU time: %w", err)
	}
	for child := range strings.FieldsSeq(string(children)) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			return 0, err
		}
		if used, err := cpuOf(pid); err == nil { // else it has just ended
			total += used
		}
	}
	return total, nil
}

// Journal returns how many commits the journal of a store has seen, and how many octets
// it holds.
func (p *Postgres) Journal(ctx context.Context, url string) (commits, octets int64, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, 0, fmt.Errorf("looking at the journal: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	const query = "SELECT (SELECT revision FROM head), (SELECT COALESCE(SUM(LENGTH(body)), 0) FROM journal)"
	if err := conn.QueryRow(ctx, query).Scan(&commits, &octets); err != nil {
		return 0, 0, fmt.Errorf("looking at the journal: %w", err)
	}
	return commits, octets, nil
}

// ask returns the one value that a query of the server's own database has.
func (p *Postgres) ask(ctx context.Context, query string) (string, error) {
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var value string
	err = conn.QueryRow(ctx, query).Scan(&value)
	return strings.TrimSpace(value), err
}
