package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// localFile is where a node keeps its snapshot.
func localFile(dir string) string { return filepath.Join(dir, "local.snapshot") }

// needServer skips a test of what only nodes of a server have.
func needServer(t *testing.T) {
	t.Helper()
	if !rig.OnPostgres() {
		t.Skip("about PostgreSQL: STAYPUT_TEST_STORE=postgres")
	}
}

// stopped returns the directory of a node that was stopped some commits after it wrote a
// local snapshot, and the state that it had. Its database has no snapshot in one piece,
// so that it can be loaded by way of the local one alone.
func stopped(t *testing.T) (dir string, state *registry.State) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir, due)
	r := run(t, s)
	apply(t, r, makeZone(10_000))
	apply(t, r, move(1, address(1001)))
	compact(t, s, r)
	for i := range 5 {
		apply(t, r, move(i, address(2000+i)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, r.State()
}

// TestLocalSnapshot: a node that starts again reads from the database what was
// appended since it wrote its own snapshot, and nothing else.
func TestLocalSnapshot(t *testing.T) {
	t.Parallel()
	needServer(t)
	dir, want := stopped(t)
	tamper(t, dir, "DELETE FROM snapshot_chunk", "DELETE FROM journal WHERE revision < 2")
	s := open(t, dir, due)
	same(t, load(t, s), want)
	if _, err := openNode(t, rig.StoreURL(t, dir), store.Options{}).Load(t.Context()); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("without the local snapshot: %v, want %v", err, store.ErrDamaged)
	}

	// It goes on, and writes the next one when that is due.
	before := fileAt(t, localFile(dir))
	r := run(t, s)
	apply(t, r, makeZone(10_000)) // as large as the state
	compact(t, s, r)
	if after := fileAt(t, localFile(dir)); bytes.Equal(before, after) {
		t.Error("the local snapshot was not written anew")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, load(t, open(t, dir, due)), r.State())
}

// TestLocalSnapshotDamaged turns bits of the file around, cuts it, and puts other
// things in its place: what is loaded is what the database holds.
func TestLocalSnapshotDamaged(t *testing.T) {
	t.Parallel()
	needServer(t)
	dir, want := stopped(t)
	healthy := fileAt(t, localFile(dir))
	stories := map[string][]byte{
		"empty": {}, "zeros": make([]byte, len(healthy)), "without its end": healthy[:len(healthy)-1], "half": healthy[:len(healthy)/2],
		"of another format": append([]byte("xxxxxxxx"), healthy...),
	}
	random := rand.New(rand.NewPCG(5, 6))
	for range 8 {
		rotten := bytes.Clone(healthy)
		rotten[random.IntN(len(rotten))] ^= byte(1) << random.IntN(8)
		stories["bits "+string(rune('a'+len(stories)))] = rotten
	}
	for name, file := range stories {
		writeFile(t, localFile(dir), file)
		s := open(t, dir, store.Options{})
		same(t, load(t, s), want)
		if err := s.Close(); err != nil {
			t.Fatal(name, err)
		}
	}
	writeFile(t, localFile(dir), healthy)
	tamper(t, dir, "DELETE FROM snapshot_chunk")
	same(t, load(t, open(t, dir, store.Options{})), want) // and the file as it was does serve
}

// TestLocalSnapshotOfOtherData: what a failover has lost, what came before the data
// were restored, and what the journal has left behind is not gone on from.
func TestLocalSnapshotOfOtherData(t *testing.T) {
	t.Parallel()
	needServer(t)
	t.Run("commits that were lost", func(t *testing.T) {
		t.Parallel()
		dir, _ := stopped(t)
		promoted := copyDir(t, dir) // is as far as this, and goes another way
		for at, n := range map[string]int{dir: 4000, promoted: 5000} {
			s := open(t, at, due)
			r := run(t, s)
			apply(t, r, move(9, address(n)))
			compact(t, s, r)
			apply(t, r, move(8, address(n)))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		writeFile(t, localFile(promoted), fileAt(t, localFile(dir)))
		if got := standsAt(load(t, open(t, promoted, due)), 9); got != address(5000) {
			t.Errorf("the host stands at %v, where the lost commit put it", got)
		}
	})
	t.Run("another lineage", func(t *testing.T) {
		t.Parallel()
		dir, want := stopped(t)
		tamper(t, dir, "UPDATE meta SET value = 'other' WHERE key = 'lineage'", "DELETE FROM snapshot_chunk")
		if _, err := open(t, dir, due).Load(t.Context()); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("revision %d was loaded by way of a file of other data: %v", want.Revision, err)
		}
	})
	t.Run("too old", func(t *testing.T) {
		t.Parallel()
		dir, _ := stopped(t)
		other := openNode(t, rig.StoreURL(t, dir), store.Options{SnapshotAfter: 1, JournalKeep: 1})
		r := run(t, other)
		apply(t, r, move(3, address(6000)))
		compact(t, other, r)
		apply(t, r, move(4, address(6001)))
		s := open(t, dir, due)
		same(t, load(t, s), r.State())
		if err := s.Compact(t.Context(), r.State()); err != nil {
			t.Fatal(err)
		}
		tamper(t, dir, "DELETE FROM snapshot_chunk")
		same(t, load(t, s), r.State()) // a new one was written
	})
}

// TestPurgeReachesLocalSnapshots: when something is forgotten, no node keeps it, nor one
// that only reads.
func TestPurgeReachesLocalSnapshots(t *testing.T) {
	t.Parallel()
	needServer(t)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	first := open(t, dirs[0], store.Options{})
	r := run(t, first)
	apply(t, r, makeZone(100))
	apply(t, r, move(99, address(1)))
	nodes := []*store.Store{first}
	for _, dir := range dirs[1:] {
		s, err := store.Open(t.Context(), dir, store.Options{URL: rig.StoreURL(t, dirs[0]), Logger: quiet, ReadOnly: dir == dirs[2]})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		nodes = append(nodes, s)
	}
	for _, s := range nodes {
		if err := s.Compact(t.Context(), load(t, s)); err != nil {
			t.Fatal(err)
		}
	}
	name := []byte("host-99")
	for _, dir := range dirs {
		if !bytes.Contains(fileAt(t, localFile(dir)), name) {
			t.Fatal("the host cannot be seen in the local snapshot: this test shows nothing")
		}
	}
	apply(t, r, release(99))
	if err := first.Purge(t.Context(), r.State(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(localFile(dirs[0])); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("who purges keeps a local snapshot: %v", err)
	}
	for _, s := range nodes[1:] {
		if err := s.Compact(t.Context(), r.State()); err != nil {
			t.Fatal(err)
		}
	}
	apply(t, r, move(5, address(2)))
	for i, s := range nodes {
		if err := s.Compact(t.Context(), r.State()); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(fileAt(t, localFile(dirs[i])), name) {
			t.Errorf("node %d keeps what was to be forgotten", i)
		}
	}
}

// TestLocalSnapshotGoesWithTheServer: a file that is left in the directory of a store
// that needs none is removed.
func TestLocalSnapshotGoesWithTheServer(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, localFile(dir), []byte("what somebody had once"))
	open(t, dir, store.Options{})
	if _, err := os.Stat(localFile(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func fileAt(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
