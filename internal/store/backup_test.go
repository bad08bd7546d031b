package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/internal/zone"
	"stayput.dev/test/rig"
)

// restore makes dir hold the backup, as of now.
func restore(t *testing.T, file, dir string, now time.Time) {
	t.Helper()
	if err := store.Restore(t.Context(), file, dir, now); err != nil {
		t.Fatal(err)
	}
}

// backup writes one and returns its name.
func backup(t *testing.T, s *store.Store) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backup")
	if err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestBackupWhileWriting: a backup is the state after one commit, whatever is
// appended meanwhile.
func TestBackupWhileWriting(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	s := open(t, t.TempDir(), due)
	r := run(t, s)
	apply(t, r, makeZone(10_000))
	compact(t, s, r)
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				apply(t, r, move(i%100, address(1000+i)))
			}
		}
	})
	files := []string{backup(t, s), backup(t, s)}
	close(stop)
	group.Wait()

	want := &registry.State{Lineage: r.State().Lineage}
	commits := take(t, s, 0, int(r.State().Revision))
	for _, file := range files {
		dir := t.TempDir()
		if err := os.Rename(file, filepath.Join(dir, "stayput.db")); err != nil {
			t.Fatal(err)
		}
		got := load(t, open(t, dir, store.Options{}))
		for want.Revision < got.Revision {
			var err error
			if want, err = want.Apply(commits[want.Revision]); err != nil {
				t.Fatal(err)
			}
		}
		same(t, got, want)
	}
}

func TestBackupIsPrivateAndNeverOverwrites(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{})
	r := run(t, s)
	apply(t, r, makeZone(10))
	dir := t.TempDir()
	file := filepath.Join(dir, "a backup?.db") // "?" would start the options of a URI
	if err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("backup has mode %o, want 600", got)
	}
	apply(t, r, move(1, address(5)))
	if err := s.Backup(t.Context(), file); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second backup under the same name: %v, want %v", err, fs.ErrExist)
	}
	if err := s.Backup(t.Context(), filepath.Join(dir, "missing", "backup")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("backup into a missing directory: %v, want %v", err, fs.ErrNotExist)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}

// names returns what a directory holds.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// TestRestoreLooksNewToEverybody: followers start afresh, secondaries take the
// zones for newer than all that was ever answered.
func TestRestoreLooksNewToEverybody(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	r := run(t, s)
	apply(t, r, makeZone(10))
	apply(t, r, func(*registry.State) (registry.Changes, error) {
		zones := []*zone.Zone{smallZone(zoneName(1), 1<<32-1), smallZone(zoneName(2), 7)}
		return registry.Changes{Replaced: zones}, nil
	})
	if err := s.SetCursor(t.Context(), "notify", 2); err != nil {
		t.Fatal(err)
	}
	seen := map[uint32]time.Time{4: time.UnixMilli(1_790_000_000_123).UTC()}
	if err := s.SaveSeen(t.Context(), seen); err != nil {
		t.Fatal(err)
	}
	file := backup(t, s)
	backedUp := r.State()
	for i := range 50 {
		apply(t, r, move(1, address(100+i)))
	}
	lost := r.State()
	last := take(t, s, 1, 1)[0].At // of what is in the backup
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	restore(t, file, dir, last.Add(100*time.Second))
	s = open(t, dir, store.Options{})
	got := load(t, s)
	if got.Lineage == backedUp.Lineage || len(got.Lineage) != 32 {
		t.Errorf("lineage %q, was %q: want a new one", got.Lineage, backedUp.Lineage)
	}
	for z := range backedUp.Zones.All() {
		serial := got.Zones.Get(z.Origin()).Serial()
		if want := zone.AddSerial(z.Serial(), 100*1250+1001); serial != want {
			t.Errorf("zone %s has serial %d, want %d", z.Origin(), serial, want)
		}
		if was := lost.Zones.Get(z.Origin()).Serial(); !zone.SerialLess(was, serial) {
			t.Errorf("zone %s: serial %d is not newer than %d, which was answered", z.Origin(), serial, was)
		}
	}
	if at, err := s.Cursor(t.Context(), "notify"); at != 0 || err != nil {
		t.Errorf("cursor at %d, %v, want none", at, err)
	}
	if kept, err := s.LoadSeen(t.Context(), time.Time{}); !maps.Equal(kept, seen) || err != nil {
		t.Errorf("seen = %v, %v, want %v", kept, err, seen)
	}

	// Nothing but the serials differs, and they by a commit that secondaries get.
	c := take(t, s, 2, 1)[0]
	for _, delta := range c.Deltas {
		if len(delta.Changes) != 1 || delta.Changes[0].New.Type != zone.TypeSOA {
			t.Errorf("zone %s: changes %v, want the serial alone", delta.Origin, delta.Changes)
		}
	}
	want, err := backedUp.Apply(c)
	if err != nil {
		t.Fatal(err)
	}
	want.Lineage = got.Lineage
	same(t, got, want)
}

func TestRestoreAfterYears(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	stories := []struct {
		name string
		gone time.Duration
		want uint32
	}{
		{"at once", 0, 1001},
		{"by a clock that went back", -time.Hour, 1001},
		{"after a second", time.Second, 2251},
		{"after 14 days", 14 * 24 * time.Hour, 14*86400*1250 + 1001},
		{"after ten years", 10 * 365 * 24 * time.Hour, 1<<31 - 1}, // RFC 1982 §3.1
	}
	s := open(t, t.TempDir(), store.Options{})
	r := run(t, s)
	apply(t, r, makeZone(1))
	file := backup(t, s)
	last := take(t, s, 0, 1)[0].At
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new")
			restore(t, file, dir, last.Add(story.gone))
			got := load(t, open(t, dir, store.Options{})).Zones.Get(origin).Serial()
			if got-r.State().Zones.Get(origin).Serial() != story.want {
				t.Errorf("serial rose from %d to %d, want by %d", r.State().Zones.Get(origin).Serial(), got, story.want)
			}
		})
	}
}

// TestRootRestores: what root restores belongs to whom the directory belongs to, who
// is to run the daemon.
func TestRootRestores(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	if os.Geteuid() != 0 {
		lacking(t, "root, to give files away,")
	}
	const nobody = 65534
	s := open(t, t.TempDir(), store.Options{})
	apply(t, run(t, s), makeZone(1))
	dir := t.TempDir()
	if err := os.Chown(dir, nobody, nobody); err != nil {
		lacking(t, fmt.Sprintf("the right to give files away (%v)", err))
	}
	restore(t, backup(t, s), dir, time.Now())
	for _, name := range []string{"lock", "stayput.db"} {
		var file unix.Stat_t
		if err := unix.Stat(filepath.Join(dir, name), &file); err != nil || file.Uid != nobody || file.Gid != nobody {
			t.Errorf("%s belongs to %d:%d, %v, want %d", name, file.Uid, file.Gid, err, nobody)
		}
	}
}

// TestRestoreKeepsWhatWasThere, however often.
func TestRestoreKeepsWhatWasThere(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	r := run(t, s)
	apply(t, r, makeZone(10))
	file := backup(t, s)
	apply(t, r, move(1, address(99)))
	newer := r.State()

	if err := store.Restore(t.Context(), file, dir, time.Now()); !errors.Is(err, store.ErrInUse) {
		t.Fatalf("restoring under a running daemon: %v, want %v", err, store.ErrInUse)
	}
	// Not closed in good order: the log is part of what was there.
	crashed := copyDir(t, dir)
	for range 2 {
		restore(t, file, crashed, time.Now())
	}
	want := []string{"lock", "stayput.db", "stayput.db.before-restore", "stayput.db.before-restore-2", "stayput.db.before-restore-wal"}
	if got := names(t, crashed); !slices.Equal(got, want) {
		t.Fatalf("files %v, want %v", got, want)
	}
	aside := t.TempDir()
	for _, suffix := range []string{"", "-wal"} {
		if err := os.Rename(filepath.Join(crashed, "stayput.db.before-restore"+suffix), filepath.Join(aside, "stayput.db"+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	same(t, load(t, open(t, aside, store.Options{})), newer)
}

// TestRestoreIsFinishedLater when it was interrupted at the very end.
func TestRestoreIsFinishedLater(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	s := open(t, t.TempDir(), store.Options{})
	r := run(t, s)
	apply(t, r, makeZone(10))
	made := t.TempDir()
	restore(t, backup(t, s), made, time.Now())
	want := load(t, open(t, copyDir(t, made), store.Options{}))

	dir := filledDir(t)
	if err := os.Rename(filepath.Join(made, "stayput.db"), filepath.Join(dir, "stayput.db.restored")); err != nil {
		t.Fatal(err)
	}
	same(t, load(t, open(t, dir, store.Options{})), want)
	if got := strings.Join(names(t, dir), " "); !strings.Contains(got, "stayput.db.before-restore") || strings.Contains(got, "restored") {
		t.Errorf("files %s, want the old database aside and the restored one in its place", got)
	}
}

func TestRestoreRefusesWhatIsNoBackup(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	text := filepath.Join(t.TempDir(), "text")
	writeFile(t, text, []byte(strings.Repeat("This is not a database. ", 500)))
	empty := filepath.Join(t.TempDir(), "empty")
	writeFile(t, empty, nil)
	torn := filepath.Join(t.TempDir(), "torn")
	s := open(t, t.TempDir(), store.Options{})
	apply(t, run(t, s), makeZone(1000))
	whole, err := os.ReadFile(backup(t, s))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, torn, whole[:len(whole)/2])

	dir := filledDir(t)
	before := load(t, open(t, copyDir(t, dir), store.Options{}))
	for _, file := range []string{text, empty, torn, filepath.Join(t.TempDir(), "missing")} {
		if err := store.Restore(t.Context(), file, dir, time.Now()); err == nil {
			t.Errorf("%s was restored", filepath.Base(file))
		}
	}
	if got, want := names(t, dir), []string{"lock", "stayput.db"}; !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	same(t, load(t, open(t, dir, store.Options{})), before)
}
