package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// openAlone starts a server that may be let wait for a standby, and opens a store there.
func openAlone(t *testing.T) (*rig.Replica, *store.Store) {
	t.Helper()
	if !rig.OnPostgres() {
		t.Skip("about PostgreSQL: STAYPUT_TEST_STORE=postgres")
	}
	server := rig.NewReplica(t, nil, "alone", "")
	server.Initialize()
	return server, openNode(t, server.URL(), store.Options{Timeout: 4 * time.Second})
}

// TestNobodySeesWhatTheStandbyHasNot: while the synchronous standby is away an append
// fails, and what it would have appended stays unseen, however long it was tried; when
// the standby is back it may be there after all.
func TestNobodySeesWhatTheStandbyHasNot(t *testing.T) {
	t.Parallel()
	server, s := openAlone(t)
	var commits []registry.Commit
	for i := range 2 {
		commits = append(commits, registry.Commit{Revision: registry.Revision(i + 1), ID: fmt.Sprintf("%032d", i), At: time.UnixMilli(0).UTC()})
	}
	if err := s.Append(t.Context(), 0, commits[:1]); err != nil {
		t.Fatal(err)
	}
	server.WaitFor("standby")
	for range 3 {
		if err := s.Append(t.Context(), 1, commits[1:]); err == nil || errors.Is(err, registry.ErrBehind) {
			t.Errorf("appending without the standby: %v", err)
		}
		if got := server.Ask("SELECT revision::text FROM head"); got != "1" {
			t.Fatalf("without the standby the journal ends at %s", got)
		}
	}
	server.WaitFor("")
	db := rig.OpenDatabase(t, server.URL())
	defer db.Close()
	if err := awaitEnd(db, 2); err != nil {
		t.Error(err)
	}
	if err := s.Append(t.Context(), 1, commits[1:]); !errors.Is(err, registry.ErrBehind) {
		t.Errorf("appending what was kept after all: %v", err)
	}
}

// awaitEnd waits until the journal ends at a revision.
func awaitEnd(db *sql.DB, want int) error {
	for range 1200 {
		var got int
		if err := db.QueryRow("SELECT revision FROM head").Scan(&got); err != nil || got == want {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("the journal does not grow")
}
