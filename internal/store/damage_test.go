package store_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// TestDamageIsTold: what is not as it was written is refused, with its place.
func TestDamageIsTold(t *testing.T) {
	t.Parallel()
	stories := []struct {
		name, damage string
		want         string // in the error
	}{
		{"a bit of a commit", "UPDATE journal SET body = SUBSTR(body, 1, 20) || x'ff' || SUBSTR(body, 22) WHERE revision = 7", "commit 7 "},
		{"the end of a commit", "UPDATE journal SET body = SUBSTR(body, 1, 20) WHERE revision = 7", "commit 7 "},
		{"a checksum", "UPDATE journal SET checksum = 1 WHERE revision = 9", "commit 9 "},
		{"a time", "UPDATE journal SET at = 1 WHERE revision = 9", "commit 9 "},
		{"a missing commit", "DELETE FROM journal WHERE revision = 8", "commit 8 "},
		{"the first after the snapshot", "DELETE FROM journal WHERE revision <= 6", "commit 6 "},
		{"two commits for one", "UPDATE journal SET body = (SELECT body FROM journal WHERE revision = 7), " +
			"checksum = (SELECT checksum FROM journal WHERE revision = 7) WHERE revision = 8", "commit 7 stands at revision 8"},
		{"a piece of the snapshot", "UPDATE snapshot_chunk SET body = SUBSTR(body, 1, 1000) || x'ffff' || SUBSTR(body, 1003) WHERE seq = 1", "snapshot 5"},
		{"a missing piece", "DELETE FROM snapshot_chunk WHERE seq = 1", "snapshot 5"},
		{"the last piece", "DELETE FROM snapshot_chunk WHERE seq = (SELECT MAX(seq) FROM snapshot_chunk)", "snapshot 5"},
		{"the snapshot's number", "UPDATE snapshot SET revision = 4", "snapshot 4"},
	}
	healthy := filledDir(t)
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			dir := copyDir(t, healthy)
			tamper(t, dir, story.damage)
			_, err := open(t, dir, store.Options{}).Load(t.Context())
			if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), story.want) {
				t.Errorf("loading: %v, want %v that names %q", err, store.ErrDamaged, story.want)
			}
		})
	}
	t.Run("for a follower", func(t *testing.T) {
		t.Parallel()
		dir := copyDir(t, healthy)
		tamper(t, dir, "DELETE FROM journal WHERE revision = 8")
		for c, err := range open(t, dir, store.Options{}).Follow(t.Context(), 5) {
			if c.Revision > 7 || err != nil && !errors.Is(err, store.ErrDamaged) {
				t.Errorf("follower got commit %d, error %v", c.Revision, err)
			}
			if err != nil {
				return
			}
		}
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		if got := load(t, open(t, copyDir(t, healthy), store.Options{})); got.Revision != 10 {
			t.Errorf("revision %d, want 10", got.Revision)
		}
	})
}

// filledDir returns the directory of a closed store of ten commits, with a
// snapshot after the fifth.
func filledDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir, due)
	r := run(t, s)
	apply(t, r, makeZone(10_000))
	for i := range 9 {
		if r.State().Revision == 5 {
			compact(t, s, r)
		}
		apply(t, r, move(i, address(100+i)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyDir copies the files of a data directory, as a power cut would leave them.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if rig.OnPostgres() {
		if err := open(t, to, store.Options{}).Close(); err != nil {
			t.Fatal(err)
		}
		tamper(t, to, "DELETE FROM head")
		rig.CopySchema(t, to, from, "head", "meta", "journal", "snapshot", "snapshot_chunk")
		return to
	}
	for _, name := range []string{"stayput.db", "stayput.db-wal"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(to, name), data)
	}
	return to
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTornLog cuts the write-ahead log within its last commits, and turns bits
// in it around: what starts is always what stood after some commit.
func TestTornLog(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, store.Options{})
	r := run(t, s)
	history := []*registry.State{r.State()}
	edits := []registry.Edit{makeZone(20)}
	for i := range 10 {
		edits = append(edits, move(i, address(100+i)))
	}
	for _, e := range edits {
		apply(t, r, e)
		history = append(history, r.State())
	}
	dir = copyDir(t, dir)
	path := filepath.Join(dir, "stayput.db-wal")
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ends := commitEnds(log)
	if len(ends) < len(edits) {
		t.Fatalf("%d transactions in the log, want %d and more", len(ends), len(edits))
	}
	ends = ends[len(ends)-len(edits):] // of commits 1 and on
	log = log[:ends[len(ends)-1]]      // room that was reserved follows

	start := func(t *testing.T, torn []byte, at int) {
		t.Helper()
		writeFile(t, path, torn)
		whole := 0
		for whole < len(ends) && ends[whole] <= at {
			whole++
		}
		if got := startFrom(t, copyDir(t, dir), history); got == nil || got.Revision != registry.Revision(whole) {
			t.Errorf("state = %v, want that of commit %d", got, whole)
		}
	}
	for _, end := range ends[len(ends)-3:] {
		for _, before := range []int{0, 1, 4095, 4096, 4097, 4096 + 23, 4096 + 24, 4096 + 25, 5000} {
			t.Run(fmt.Sprintf("cut at %d", end-before), func(t *testing.T) { start(t, log[:end-before], end-before) })
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 24 {
		at, bit := ends[0]+random.IntN(len(log)-ends[0]), byte(1)<<random.IntN(8)
		t.Run(fmt.Sprintf("bit %d at %d", bit, at), func(t *testing.T) {
			torn := append([]byte(nil), log...)
			torn[at] ^= bit
			start(t, torn, at)
		})
	}
}

// commitEnds returns where each transaction ends in a write-ahead log: a header
// of 32 octets, then frames of 24 and a page, of which the last of a transaction
// carries the size of the database (https://sqlite.org/fileformat2.html#walformat).
func commitEnds(log []byte) []int {
	var ends []int
	for at := 32; at+24+4096 <= len(log); at += 24 + 4096 {
		if binary.BigEndian.Uint32(log[at+4:]) != 0 {
			ends = append(ends, at+24+4096)
		}
	}
	return ends
}

// startFrom opens a store and makes sure that it holds one of the states in
// history, by revision, and takes the next commit. It returns nil when the store
// refuses to start.
func startFrom(t *testing.T, dir string, history []*registry.State) *registry.State {
	t.Helper()
	s, err := store.Open(t.Context(), dir, store.Options{Logger: quiet, NoSync: true})
	if err != nil {
		return nil
	}
	defer s.Close()
	state, err := s.Load(t.Context())
	if err != nil {
		return nil
	}
	want := *history[state.Revision]
	want.Lineage = state.Lineage // a name that carries no meaning
	same(t, state, &want)
	if state.Zones.Len() > 0 {
		c := commitOf(t, state, move(1, address(50)))
		if err := s.Append(t.Context(), state.Revision, []registry.Commit{c}); err != nil {
			t.Errorf("appending to what was left: %v", err)
		}
	}
	return state
}

// TestRottenDisk turns bits of the database itself around: the store holds what
// stood after some commit, or says that it is damaged.
func TestRottenDisk(t *testing.T) {
	rig.SQLiteOnly(t)
	t.Parallel()
	healthy := filledDir(t)
	s := open(t, copyDir(t, healthy), store.Options{})
	history := []*registry.State{{}}
	for _, c := range take(t, s, 0, 10) {
		next, err := history[len(history)-1].Apply(c)
		if err != nil {
			t.Fatal(err)
		}
		history = append(history, next)
	}
	data, err := os.ReadFile(filepath.Join(healthy, "stayput.db"))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	refused := 0
	for range 100 {
		dir := t.TempDir()
		rotten := append([]byte(nil), data...)
		for range 20 {
			rotten[random.IntN(len(rotten))] ^= byte(1) << random.IntN(8)
		}
		writeFile(t, filepath.Join(dir, "stayput.db"), rotten)
		if startFrom(t, dir, history) == nil {
			refused++
		}
	}
	if refused < 50 {
		t.Errorf("%d of 100 rotten databases were refused: does anybody look?", refused)
	}
}
