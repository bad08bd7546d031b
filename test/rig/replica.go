package rig

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Replica is a PostgreSQL server that follows another one, or is followed. It may be
// killed and started again. Unlike that of PostgresURL it listens for TCP and keeps
// all that it says it keeps. Its methods are for one goroutine.
type Replica struct {
	Name    string // by which the one that it follows knows it
	Address string // at which it listens; "" for its socket alone

	tb     testing.TB
	prefix []string // what it is run by
	bin    string
	dir    string // the socket, the log and the data, under dir/data
	cmd    *exec.Cmd
}

// NewReplica prepares a server that is run by prefix, such as nsenter in a network
// that has the address. Initialize or Clone gives it data. It ends with the test.
func NewReplica(tb testing.TB, prefix []string, name, address string) *Replica {
	tb.Helper()
	bin, err := postgresPrograms()
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "stayput-pg-") // a short name, as sockets want it
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := asNobodyImportant(dir); err != nil {
		tb.Fatal(err)
	}
	r := &Replica{Name: name, Address: address, tb: tb, prefix: prefix, bin: bin, dir: dir}
	tb.Cleanup(func() {
		r.Kill()
		if tb.Failed() {
			said, _ := os.ReadFile(r.log())
			const most = 16 << 10 // octets
			tb.Logf("PostgreSQL %s says:\n%s", name, said[max(len(said)-most, 0):])
		}
		_ = os.RemoveAll(dir)
	})
	return r
}

func (r *Replica) data() string { return filepath.Join(r.dir, "data") }
func (r *Replica) log() string  { return filepath.Join(r.dir, "log") }

// URL returns the way to the server that no network is part of.
func (r *Replica) URL() string {
	return "postgres://postgres@/postgres?host=" + url.QueryEscape(r.dir)
}

// command prepares one of PostgreSQL's programs. They refuse to be run by root.
func (r *Replica) command(prefix []string, program string, args ...string) *exec.Cmd {
	line := append(slices.Clone(prefix), "setpriv", "--pdeathsig=QUIT")
	if os.Getuid() == 0 {
		line = append(line, "--reuid=postgres", "--regid=postgres", "--clear-groups")
	}
	line = append(append(line, filepath.Join(r.bin, program)), args...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = r.dir
	return cmd
}

func (r *Replica) must(err error, doing string) {
	r.tb.Helper()
	if err != nil {
		said, _ := os.ReadFile(r.log())
		r.tb.Fatalf("PostgreSQL %s: %s: %v\n%s", r.Name, doing, err, said)
	}
}

func (r *Replica) run(program string, args ...string) {
	r.tb.Helper()
	out, err := r.command(nil, program, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	r.must(err, program)
}

// Initialize gives the server an empty database that everybody in 192.0.2.0/24 may
// use and follow, and starts it.
func (r *Replica) Initialize() {
	r.tb.Helper()
	r.run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", r.data())
	f, err := os.OpenFile(filepath.Join(r.data(), "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	r.must(err, "opening pg_hba.conf")
	_, err = f.WriteString("host all all 192.0.2.0/24 trust\nhost replication all 192.0.2.0/24 trust\n")
	r.must(errors.Join(err, f.Close()), "writing pg_hba.conf")
	r.Start(nil)
}

// Clone drops what the server has and makes it a standby of another one, from a fresh
// base backup.
func (r *Replica) Clone(of *Replica) {
	r.tb.Helper()
	r.must(os.RemoveAll(r.data()), "removing old data")
	r.run("pg_basebackup", "--no-sync", "--checkpoint=fast", "--host="+of.dir, "--username=postgres", "--pgdata="+r.data())
	signal := filepath.Join(r.data(), "standby.signal")
	r.must(os.WriteFile(signal, nil, 0o600), "writing standby.signal")
	_, err := asNobodyImportant(signal)
	r.must(err, "giving standby.signal to the user postgres")
	r.Start(of)
}

// Start runs the server until Kill, following another one if it is a standby, and
// returns when it answers.
func (r *Replica) Start(following *Replica) {
	r.tb.Helper()
	args := []string{"-D", r.data()}
	settings := []string{
		"listen_addresses=" + r.Address, "unix_socket_directories=" + r.dir, "cluster_name=" + r.Name, "max_connections=200", "shared_buffers=64MB",
		"wal_keep_size=1GB", "wal_sender_timeout=4s", "wal_receiver_timeout=4s", "wal_receiver_status_interval=1s", "wal_retrieve_retry_interval=1s",
	}
	if following != nil {
		settings = append(settings, fmt.Sprintf("primary_conninfo=host=%s user=postgres application_name=%s connect_timeout=2", following.Address, r.Name))
	}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	log, err := os.OpenFile(r.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	r.must(err, "opening the log")
	defer log.Close()
	r.cmd = r.command(r.prefix, "postgres", args...)
	r.cmd.Stdout, r.cmd.Stderr = log, log
	r.must(r.cmd.Start(), "starting")
	r.must(awaitPostgres(r.URL(), r.log()), "starting")
}

// Kill ends the server and all its processes at once, as kill -9 does, and returns when
// they are gone. A server that does not run it leaves alone.
func (r *Replica) Kill() {
	if r.cmd == nil {
		return
	}
	pid := r.cmd.Process.Pid
	_ = syscall.Kill(pid, syscall.SIGSTOP) // or it makes others meanwhile
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
	for _, child := range strings.Fields(string(children)) {
		for range 1000 {
			stat, err := os.ReadFile("/proc/" + child + "/stat")
			if err != nil || strings.Contains(string(stat), ") Z ") {
				break // it has let go of the memory that all share
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// Promote makes a standby the primary, which waits for no standby until Require.
func (r *Replica) Promote() {
	r.tb.Helper()
	r.Do("SELECT pg_promote(true, 120)")
	r.WaitFor("")
}

// WaitFor lets a primary acknowledge nothing that a standby of the name has not on
// disk; with "", everything that it has itself.
func (r *Replica) WaitFor(standby string) {
	r.tb.Helper()
	r.Do("ALTER SYSTEM SET synchronous_standby_names = '" + standby + "'")
	r.Do("SELECT pg_reload_conf()")
	r.Do("CHECKPOINT") // by the process that tells the others whether they must wait
}

// Require lets a primary acknowledge nothing any more that its standby has not on disk,
// and returns when that holds of all that it acknowledged before, too.
func (r *Replica) Require(standby *Replica) {
	r.tb.Helper()
	r.WaitFor(standby.Name)
	r.AwaitSynchronous()
	at := r.Ask("SELECT pg_current_wal_lsn()::text")
	r.await("the standby has everything", "SELECT COALESCE((SELECT flush_lsn >= '"+at+"' FROM pg_stat_replication), false)")
}

// await waits until a query yields true.
func (r *Replica) await(what, holds string) {
	r.tb.Helper()
	for range 1200 {
		if r.Ask("SELECT CASE WHEN ("+holds+") THEN 'yes' ELSE 'no' END") == "yes" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.tb.Fatalf("PostgreSQL %s: not in time: %s", r.Name, what)
}

// AwaitSynchronous waits until the standby that Require named has caught up after it
// was away.
func (r *Replica) AwaitSynchronous() {
	r.tb.Helper()
	r.await("the standby is synchronous", "SELECT COALESCE((SELECT sync_state FROM pg_stat_replication), '') = 'sync'")
}

// Do runs a statement.
func (r *Replica) Do(statement string) {
	r.tb.Helper()
	r.must(execute(context.WithoutCancel(r.tb.Context()), r.URL(), statement), statement)
}

// Ask returns the text that a query yields.
func (r *Replica) Ask(query string) (text string) {
	r.tb.Helper()
	ctx := context.WithoutCancel(r.tb.Context())
	conn, err := pgx.Connect(ctx, r.URL())
	r.must(err, "connecting")
	defer conn.Close(ctx)
	r.must(conn.QueryRow(ctx, query).Scan(&text), query)
	return text
}
