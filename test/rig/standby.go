package rig

import (
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Standby is a hot standby of the server whose schemas PostgresURL returns. It runs until
// the test ends.
type Standby struct {
	tb    testing.TB
	bin   string
	dir   string
	as    *syscall.SysProcAttr
	run   *exec.Cmd
	alive io.Closer // nil while it does not run
}

// NewStandby starts a standby. The test is skipped where that cannot be done; with
// CI=true it fails.
func NewStandby(tb testing.TB) *Standby {
	tb.Helper()
	server, err := postgres()
	bin, fault := postgresPrograms()
	if err = errors.Join(err, fault); errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") != "true" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	s := &Standby{tb: tb, bin: bin}
	if s.dir, err = os.MkdirTemp("", "stayput-standby-"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(s.dir) })
	if s.as, err = asNobodyImportant(s.dir); err != nil {
		tb.Fatal(err)
	}
	backup := exec.CommandContext(tb.Context(), filepath.Join(bin, "pg_basebackup"), "--dbname="+server.url, "--pgdata="+filepath.Join(s.dir, "data"),
		"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
	backup.SysProcAttr, backup.Dir = s.as, s.dir
	if out, err := backup.CombinedOutput(); err != nil {
		tb.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	tb.Cleanup(s.Stop)
	s.Start()
	return s
}

// URL returns, as this standby has it, the database at a URL that PostgresURL returned.
func (s *Standby) URL(database string) string {
	s.tb.Helper()
	u, err := url.Parse(database)
	if err != nil {
		s.tb.Fatal(err)
	}
	q := u.Query()
	q.Set("host", s.dir)
	u.RawQuery = q.Encode()
	return u.String()
}

// Start starts a standby that was stopped, and returns when it answers.
func (s *Standby) Start() {
	s.tb.Helper()
	var err error
	if s.run, s.alive, err = startPostgres(s.bin, s.dir, s.as, ""); err != nil {
		s.tb.Fatal(err)
	}
	if err := awaitPostgres(urlOf(s.dir), filepath.Join(s.dir, "log")); err != nil {
		s.tb.Fatal(err)
	}
}

// Stop ends it at once, as a crash of the machine would.
func (s *Standby) Stop() {
	if s.alive == nil {
		return
	}
	_ = s.alive.Close()
	_ = s.run.Wait() // says that it was killed
	s.alive = nil
}
