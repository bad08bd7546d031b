package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stayput.dev/internal/archive"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// place is a data directory or the URL of a database.
type place string

// tryOpen opens the store of the place.
func (p place) tryOpen(t *testing.T, opts store.Options) (*store.Store, error) {
	t.Helper()
	dir := string(p)
	if store.IsURL(dir) {
		dir, opts.URL = t.TempDir(), dir
	}
	opts.Logger = quiet
	return store.Open(t.Context(), dir, opts)
}

// refuses fails the test unless the place cannot be opened for one of the reasons.
func (p place) refuses(t *testing.T, reasons ...error) {
	t.Helper()
	s, err := p.tryOpen(t, store.Options{})
	if err == nil {
		must(s.Close())
	}
	if !slices.ContainsFunc(reasons, func(r error) bool { return errors.Is(err, r) }) {
		t.Errorf("opening %s: %v, want %v", p, err, reasons)
	}
}

// open opens the store of the place until the function that it returns is called.
func (p place) open(t *testing.T, opts store.Options) (*store.Store, func()) {
	t.Helper()
	s, err := p.tryOpen(t, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s, func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// state returns what the store of the place holds.
func (p place) state(t *testing.T) *registry.State {
	t.Helper()
	s, closeStore := p.open(t, store.Options{})
	defer closeStore()
	return load(t, s)
}

// rowsOf are those of all tables that are not about one database's processes, in the
// order of their text.
func (p place) rowsOf(t *testing.T) map[string][]string {
	t.Helper()
	driver, source := "sqlite", string(p)+"/stayput.db"
	list := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'goose_db_version'"
	if store.IsURL(string(p)) {
		driver, source = "pgx", string(p)
		list = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_name NOT IN ('goose_db_version', 'head', 'leases', 'nodes')"
	}
	db, err := sql.Open(driver, source)
	must(err)
	defer db.Close()
	out := map[string][]string{}
	for _, table := range textsOf(t, db, list) {
		out[table] = []string{}
		out[table] = append(out[table], rowTexts(t, db, table)...)
		slices.Sort(out[table])
	}
	return out
}

// rowTexts returns the rows of a table, each as some text.
func rowTexts(t *testing.T, db *sql.DB, table string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
	must(err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(err)
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		must(rows.Scan(into...))
		out = append(out, fmt.Sprintf("%v", row))
	}
	must(rows.Err())
	return out
}

// textsOf returns the rows of a query for one text.
func textsOf(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	must(err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var text string
		must(rows.Scan(&text))
		out = append(out, text)
	}
	must(rows.Err())
	return out
}

// edit lets a registry make edits, and keeps something of everything beside.
func (p place) edit(t *testing.T, seed int) {
	t.Helper()
	s, closeStore := p.open(t, store.Options{SnapshotAfter: 1, JournalKeep: 4000})
	defer closeStore()
	r, err := registry.Open(t.Context(), s, registry.Options{Logger: quiet})
	must(err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	if seed == 0 {
		apply(t, r, makeZone(50))
	}
	edits := rapid.Custom(anyEdit)
	for i := range 30 {
		_, _ = r.Apply(ctx, registry.Actor{Via: "test"}, edits.Example(100*seed+i)) // some make no sense
		if i%15 == seed%15 {
			must(s.Compact(ctx, r.State()))
		}
	}
	apply(t, r, move(1, address(seed)))
	cancel()
	must(<-done)

	// The order of text differs from that of its octets, and some of it is empty.
	n := fmt.Sprint(seed)
	must(s.SaveMarks(t.Context(), "push Ä"+n, r.State().Revision, []registry.Mark{{Name: hostName(seed), Stage: registry.MarkPending, At: minute(seed)}}))
	must(s.SaveMarks(t.Context(), "push b", r.State().Revision, []registry.Mark{
		{Name: hostName(seed), Types: []zone.Type{zone.TypeA}, Stage: registry.MarkGone, At: minute(seed)},
		{Name: hostName(seed - 1), Stage: registry.MarkNone, At: minute(seed)},
	}))
	must(s.SetCursor(t.Context(), "Zebra", r.State().Revision))
	must(s.SaveSeen(t.Context(), map[uint32]time.Time{1: minute(seed), uint32(seed + 2): minute(1), 4_000_000_000: minute(2)}))
	for _, kind := range []string{"session", "mail", "Push"} {
		put(t, s.Shelf(), shelf.Item{Kind: kind, ID: "i_" + n, Account: uint32(seed), Due: minute(seed), Body: []byte{0, 255, byte(seed)}, Passing: kind != "mail"})
		put(t, s.Shelf(), shelf.Item{Kind: kind, ID: "I-" + n})
	}
	if _, err := s.Shelf().Take(t.Context(), "mail", "i_"+fmt.Sprint(seed-1)); err != nil && !errors.Is(err, shelf.ErrNotFound) {
		t.Fatal(err)
	}
	must(s.KeepChanges(t.Context(), past()[:3+seed%3]))
	must(s.KeepDeeds(t.Context(), []archive.Deed{{ID: "d" + n, At: minute(seed), Via: "web", Verb: "set", Subject: "host ü", Account: 1}}))
}

// moveStore moves a store, which must go well.
func moveStore(t *testing.T, from, to place, opts store.MoveOptions) store.Moved {
	t.Helper()
	opts.Logger = quiet
	moved, err := store.Move(t.Context(), string(from), string(to), opts)
	if err != nil {
		t.Fatal(err)
	}
	return moved
}

// sameRows fails the test unless both places hold the same.
func sameRows(t *testing.T, got, want place) {
	t.Helper()
	if diff := cmp.Diff(want.rowsOf(t), got.rowsOf(t)); diff != "" {
		t.Fatalf("rows differ (-want +got):\n%.2000s", diff)
	}
}

// TestMovingThereAndBack: every table is equal, whatever was copied ahead of what the
// daemon did since; commits and followers go on where they were.
func TestMovingThereAndBack(t *testing.T) {
	t.Parallel()
	home, back := place(t.TempDir()), place(t.TempDir())
	away := place(rig.PostgresURL(t, t.TempDir()))
	home.edit(t, 0)
	for seed := 1; seed < 4; seed++ {
		if moved := moveStore(t, home, away, store.MoveOptions{Ahead: true}); moved.Revision != 0 || moved.Written == 0 {
			t.Errorf("ahead: %+v, want rows written and no revision", moved)
		}
		home.edit(t, seed)
	}
	before := home.rowsOf(t)
	for table, rows := range before {
		if len(rows) == 0 {
			t.Errorf("nothing is tried with table %s, which has no rows", table)
		}
	}
	there := moveStore(t, home, away, store.MoveOptions{})
	sameRows(t, away, home)
	if diff := cmp.Diff(before, home.rowsOf(t)); diff != "" {
		t.Errorf("what was copied changed:\n%.2000s", diff)
	}
	away.edit(t, 4)
	again := moveStore(t, away, back, store.MoveOptions{})
	sameRows(t, back, away)
	if again.Revision <= there.Revision || int(again.Rows) <= int(again.Revision-there.Revision) {
		t.Errorf("there %+v, back %+v", there, again)
	}
	same(t, back.state(t), away.state(t))

	// A follower that stood where the store moved goes on, as IXFR from there does.
	s, closeStore := back.open(t, store.Options{})
	defer closeStore()
	was := home.state(t)
	for _, c := range take(t, s, there.Revision, int(again.Revision-there.Revision)) {
		var err error
		if was, err = was.Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	same(t, was, load(t, s))
	old := home.state(t).Zones.Get(origin)
	got, err := s.Version(t.Context(), load(t, s), origin, old.Serial())
	if err != nil || got.Serial() != old.Serial() || len(zone.Diff(got, old).Changes) > 0 {
		t.Errorf("the zone of before the move: %v, error %v", got, err)
	}
}

// TestAMoveIsKilled again and again, and goes on; until it has come to its end nobody
// opens the copy.
func TestAMoveIsKilled(t *testing.T) {
	t.Parallel()
	database := place(rig.PostgresURL(t, t.TempDir()))
	home := place(t.TempDir())
	home.edit(t, 0)
	s, closeStore := home.open(t, store.Options{})
	seen := map[uint32]time.Time{}
	for i := range uint32(6000) {
		seen[i] = minute(int(i))
	}
	must(s.SaveSeen(t.Context(), seen))
	closeStore()
	from := home
	for _, to := range []place{database, place(t.TempDir())} {
		kills := 0
		for times := 2; ; times += 4 {
			if times > 60 {
				t.Fatal("the move does not come to its end")
			}
			if moveInProcess(t, from, to, times) {
				break
			}
			kills++
			to.refuses(t, store.ErrUnfinished, store.ErrInUse) // a server takes a moment to notice
		}
		if kills < 3 {
			t.Errorf("killed %d times only", kills)
		}
		sameRows(t, to, from)
		from = to
	}
	same(t, from.state(t), home.state(t))
}

// moveInProcess moves in a process of its own, which is killed when it is to say for
// the next time how far it is after it did so often. It tells whether the process came
// to its end before.
func moveInProcess(t *testing.T, from, to place, times int) bool {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), fmt.Sprintf("STAYPUT_TEST_MOVE=%s %s %d", from, to, times))
	out, err := c.CombinedOutput()
	if err == nil {
		return true
	}
	if status, is := c.ProcessState.Sys().(syscall.WaitStatus); !is || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the move: %v\n%s", err, out)
	}
	return false
}

// moveAndDie does what moveInProcess wants of the process, which kills itself: whoever
// else did would come later on a slow machine.
func moveAndDie(what string) {
	var from, to string
	var times int
	if _, err := fmt.Sscan(what, &from, &to, &times); err != nil {
		panic(err)
	}
	opts := store.MoveOptions{Logger: quiet, Progress: func(string, int64, int64) {
		if times--; times < 0 {
			must(syscall.Kill(os.Getpid(), syscall.SIGKILL))
			select {}
		}
	}}
	_, err := store.Move(context.Background(), from, to, opts)
	for late := time.Now().Add(rig.Patience); errors.Is(err, store.ErrInUse) && time.Now().Before(late); {
		time.Sleep(20 * time.Millisecond) // the server takes a moment to notice that the last is dead
		_, err = store.Move(context.Background(), from, to, opts)
	}
	must(err)
}

// TestNobodyElseWorksThere while a store moves, and a store that somebody works with
// does not move.
func TestNobodyElseWorksThere(t *testing.T) {
	t.Parallel()
	database := place(rig.PostgresURL(t, t.TempDir()))
	home := place(t.TempDir())
	home.edit(t, 0)
	_, closeStore := home.open(t, store.Options{})
	wantMove(t, home, database, store.ErrInUse)
	wantMove(t, database, home, store.ErrNothing)
	closeStore()
	asked := 0
	moveStore(t, home, database, store.MoveOptions{Progress: func(string, int64, int64) {
		asked++
		home.refuses(t, store.ErrInUse)
		database.refuses(t, store.ErrInUse)
	}})
	if asked == 0 {
		t.Error("nobody was told how far it is")
	}

	_, closeStore = database.open(t, store.Options{})
	awaitWorker(t, string(database))
	elsewhere := place(t.TempDir())
	wantMove(t, database, elsewhere, store.ErrInUse)
	moveStore(t, database, elsewhere, store.MoveOptions{Ahead: true})
	closeStore()
	moveStore(t, database, elsewhere, store.MoveOptions{})
	sameRows(t, elsewhere, database)

	wantMove(t, home, home, nil)
	wantMove(t, home, database, store.ErrOccupied)
	other := place(t.TempDir())
	other.edit(t, 0)
	wantMove(t, other, elsewhere, store.ErrOccupied)
	third := place(t.TempDir())
	moveStore(t, home, third, store.MoveOptions{Ahead: true})
	wantMove(t, other, third, store.ErrOccupied)
	wantMove(t, third, place(t.TempDir()), store.ErrUnfinished)
}

// wantMove checks that a move fails; with nil, for any reason.
func wantMove(t *testing.T, from, to place, want error) {
	t.Helper()
	_, err := store.Move(t.Context(), string(from), string(to), store.MoveOptions{Logger: quiet})
	if err == nil || want != nil && !errors.Is(err, want) {
		t.Errorf("moving %s to %s: %v, want %v", from, to, err, want)
	}
}

// awaitWorker waits until a daemon's share in the lock of a database is there.
func awaitWorker(t *testing.T, url string) {
	t.Helper()
	db := rig.OpenDatabase(t, url)
	defer db.Close()
	for range 3000 {
		var free bool
		must(db.QueryRowContext(t.Context(), "SELECT pg_try_advisory_xact_lock(hashtextextended('stayput_' || current_schema(), 1))").Scan(&free))
		if !free {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("nobody says that it works with the database")
}

// TestACopyThatDiffersIsNotUsed, and the next move mends it.
func TestACopyThatDiffersIsNotUsed(t *testing.T) {
	t.Parallel()
	database := place(rig.PostgresURL(t, t.TempDir()))
	home := place(t.TempDir())
	home.edit(t, 0)
	for _, damage := range []string{
		"UPDATE seen SET at = at + 1 WHERE host = 1", "DELETE FROM deed", "INSERT INTO cursors VALUES ('x', 1)",
		"UPDATE shelf SET body = body || body WHERE kind = 'mail'", "UPDATE marks SET follower = 'x' WHERE follower = 'push b'",
	} {
		spoil := func(part string, done, _ int64) {
			if part == "comparing" && done == 0 {
				change(t, string(database), damage)
			}
		}
		_, err := store.Move(t.Context(), string(home), string(database), store.MoveOptions{Logger: quiet, Progress: spoil})
		if !errors.Is(err, store.ErrDiffers) {
			t.Fatalf("after %s: %v, want %v", damage, err, store.ErrDiffers)
		}
	}
	moveStore(t, home, database, store.MoveOptions{})
	sameRows(t, database, home)
}

// TestADryRunLeavesNothing.
func TestADryRunLeavesNothing(t *testing.T) {
	t.Parallel()
	home, nowhere := place(t.TempDir()), place(t.TempDir()+"/new")
	home.edit(t, 0)
	if moved := moveStore(t, home, nowhere, store.MoveOptions{DryRun: true}); moved.Rows == 0 || moved.Written != 0 {
		t.Errorf("%+v, want rows counted and none written", moved)
	}
	if _, err := os.Stat(string(nowhere)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory: %v", err)
	}
}
