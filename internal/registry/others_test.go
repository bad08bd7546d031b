package registry_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// database returns a new database, and what opens it as one more node.
func database(t *testing.T) (url string, open func() *store.Store) {
	t.Helper()
	if !rig.OnPostgres() {
		t.Skip("one process at a time writes a file: STAYPUT_TEST_STORE=postgres")
	}
	url = rig.PostgresURL(t, t.TempDir())
	return url, func() *store.Store {
		s, err := store.Open(t.Context(), t.TempDir(), store.Options{URL: url, Logger: quiet.Logger})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
}

// startNode starts a registry over a store that others use, too.
func startNode(t *testing.T, s *store.Store) *registry.Registry {
	t.Helper()
	return start(t, s, registry.Options{Logger: quiet.Logger, Others: s.Others()})
}

// TestNodesShowEachOthersCommits without being asked, and Fresh does not return before.
func TestNodesShowEachOthersCommits(t *testing.T) {
	t.Parallel()
	_, open := database(t)
	var nodes []*registry.Registry
	for range 3 {
		nodes = append(nodes, startNode(t, open()))
	}
	apply(t, nodes[0], put(newZone(origin, 1)))
	for i := range 20 {
		to := fmt.Sprintf("192.0.2.%d", i)
		last := apply(t, nodes[i%3], move(home, to))
		other := nodes[(i+1)%3]
		old := other.State()
		fresh, err := other.Fresh(t.Context(), old)
		if err != nil || standsAt(fresh, home) != fmt.Sprint([]netip.Addr{netip.MustParseAddr(to)}) {
			t.Fatalf("fresh state of another node has %s at %s, %v; revision %d of %d", home, standsAt(fresh, home), err, fresh.Revision, last)
		}
		if err := nodes[(i+2)%3].Await(t.Context(), last); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() { apply(t, nodes[i%3], raise) })
	}
	group.Wait()
	for _, n := range nodes {
		fresh, err := n.Fresh(t.Context(), n.State())
		if err != nil || raised(fresh) != 120 {
			t.Errorf("the TTL of the host is %d, %v; want the 60 that it was made with and one for each of 60 edits", raised(fresh), err)
		}
	}
}

// TestAFailoverThatLostCommits: nodes go on from what the new primary has.
func TestAFailoverThatLostCommits(t *testing.T) {
	t.Parallel()
	url, open := database(t)
	r := startNode(t, open())
	apply(t, r, put(newZone(origin, 1)))
	for range 9 {
		apply(t, r, raise)
	}
	db := rig.OpenDatabase(t, url)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "DELETE FROM journal WHERE revision > 5"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE head SET revision = 5, epoch = epoch + 1"); err != nil {
		t.Fatal(err)
	}
	for want := registry.Revision(6); want < 9; want++ {
		if got := apply(t, r, raise); got != want || raised(r.State()) != int(want)-1 {
			t.Errorf("revision %d, %d edits count; want %d and %d", got, raised(r.State()), want, want-1)
		}
	}
	if got := r.Stats().Failures.Load(); got != 0 {
		t.Errorf("%d failures: does it wait for what is lost?", got)
	}
}

// TestLostCommitsAreNoticed without a write: after a failover to a server that was behind
// no node answers from what is lost, or goes on from there with what the others append to
// the journal that lacks it.
func TestLostCommitsAreNoticed(t *testing.T) {
	t.Parallel()
	url, open := database(t)
	var stores []*store.Store
	var nodes []*registry.Registry
	for i := range 3 {
		stores = append(stores, open())
		nodes = append(nodes, startNode(t, stores[i]))
	}
	apply(t, nodes[0], put(newZone(origin, 1)))
	for range 9 {
		apply(t, nodes[0], raise)
	}
	db := rig.OpenDatabase(t, url)
	defer db.Close()
	// loses takes from the database, at once, all after a revision, and puts others there
	// that are of another journal, the last of which raises to some number of edits.
	loses := func(after registry.Revision, others, edits int) {
		t.Helper()
		for _, n := range nodes { // nobody is late
			if _, err := n.Fresh(t.Context(), n.State()); err != nil {
				t.Fatal(err)
			}
		}
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		do := func(query string, args ...any) {
			t.Helper()
			if _, err := tx.ExecContext(t.Context(), query, args...); err != nil {
				t.Fatal(err)
			}
		}
		do("DELETE FROM journal WHERE revision > $1", int64(after))
		do("UPDATE head SET revision = $1, epoch = epoch + 1", int64(after)+int64(others))
		for i := range others {
			c := registry.Commit{Revision: after + registry.Revision(i) + 1, ID: fmt.Sprintf("%032d", edits+i), At: time.UnixMilli(0).UTC(), Accounts: account.Changes{
				Hosts: []account.Host{{ID: 1, Name: home, Account: 1, TTL: uint32(edits)}},
			}}
			body := c.Encode()
			do("INSERT INTO journal (revision, id, at, body, checksum) VALUES ($1, $2, 0, $3, $4)",
				int64(c.Revision), c.ID, body, int64(crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))))
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	// settles waits until all nodes show a revision and edits.
	settles := func(revision registry.Revision, edits int) {
		t.Helper()
		for i, n := range nodes {
			for end := time.Now().Add(time.Minute); n.State().Revision != revision || raised(n.State()) != edits; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("node %d stays at revision %d with %d edits, want %d and %d", i, n.State().Revision, raised(n.State()), revision, edits)
				}
			}
			if stores[i].Lost() == 0 {
				t.Errorf("node %d does not know that something was lost", i)
			}
		}
	}

	ended := make(chan error, 1)
	go func() {
		for _, err := range stores[1].Follow(t.Context(), 9) {
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	loses(5, 0, 0)
	settles(5, 4)
	if err := <-ended; !errors.Is(err, registry.ErrTrimmed) {
		t.Errorf("who followed what is lost hears %v, want %v", err, registry.ErrTrimmed)
	}
	for range 5 {
		apply(t, nodes[1], raise)
	}
	settles(10, 9)

	// When they look, the journal is as long as it was, or longer.
	loses(7, 3, 100)
	settles(10, 100)
	loses(7, 6, 200)
	settles(13, 200)
	loses(10, 3, 300)
	apply(t, nodes[2], raise)
	settles(14, 301)
}

// TestHeldStandsStill: while a node is held it takes over nothing that others append, to
// the end of Run, but what it is told to reach.
func TestHeldStandsStill(t *testing.T) {
	t.Parallel()
	_, open := database(t)
	other, s := startNode(t, open()), open()
	apply(t, other, put(newZone(origin, 1)))
	r, err := registry.Open(t.Context(), s, registry.Options{Logger: quiet.Logger, Others: s.Others()})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(running) }()
	held, _, err := r.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var last registry.Revision
	for range 5 {
		last = apply(t, other, raise)
	}
	if _, err := s.Others().AskEnd(t.Context()); err != nil { // then it is known that there is more
		t.Fatal(err)
	}
	stands := func(when string, want registry.Revision) {
		t.Helper()
		if got := r.State().Revision; got != want {
			t.Errorf("%s it is at revision %d, want %d", when, got, want)
		}
	}
	stands("held", held)
	if err := r.CatchUp(); err != nil {
		t.Errorf("the store can be written, but %v", err)
	}
	stands("sure that the store can be written", held)
	if err := r.Reach(last - 2); err != nil {
		t.Fatal(err)
	}
	stands("told where to go", last-2)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	stands("ended", last-2)
}

// slowOthers answers after a second, and counts how often it is asked.
type slowOthers struct {
	end   atomic.Uint64
	asked atomic.Int64
	bell  registry.Bell
	fault error
}

// End implements registry.Others.
func (o *slowOthers) End() (registry.Revision, <-chan struct{}) { return 0, o.bell.Next() }

// AskEnd implements registry.Others.
func (o *slowOthers) AskEnd(context.Context) (registry.Revision, error) {
	o.asked.Add(1)
	end := o.end.Load()
	time.Sleep(time.Second)
	return registry.Revision(end), o.fault
}

// Lost implements registry.Others.
func (o *slowOthers) Lost() bool { return false }

// TestFreshSharesQuestions: an answer serves those who came before its question was
// put, and nobody who came later.
func TestFreshSharesQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openFile(t)
		o := &slowOthers{}
		r := start(t, s, registry.Options{Logger: quiet.Logger, Others: o})
		st := r.State()
		began := time.Now()
		var group sync.WaitGroup
		ask := func(within time.Duration) {
			group.Go(func() {
				fresh, err := r.Fresh(t.Context(), st)
				if err != nil || fresh != st || time.Since(began) != within {
					t.Errorf("fresh after %v: %v, want %v", time.Since(began), err, within)
				}
			})
		}
		ask(time.Second)
		time.Sleep(time.Millisecond)
		for range 100 {
			ask(2 * time.Second)
		}
		group.Wait()
		if got := o.asked.Load(); got != 2 {
			t.Errorf("%d questions for 101 who asked, want 2", got)
		}

		apply(t, r, put(newZone(origin, 1)))
		o.end.Store(1)
		if fresh, err := r.Fresh(t.Context(), st); err != nil || fresh.Revision != 1 {
			t.Errorf("fresh = revision %d, %v; want 1", fresh.Revision, err)
		}
		o.end.Store(2)
		if _, err := r.Fresh(t.Context(), st); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("of what never comes: %v", err)
		}
		o.fault = errDisk
		if _, err := r.Fresh(t.Context(), st); !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, errDisk) {
			t.Errorf("without an answer: %v", err)
		}
		synctest.Wait()
	})
}

// promising says that there are commits that never come.
type promising struct{ slowOthers }

// End implements registry.Others.
func (p *promising) End() (registry.Revision, <-chan struct{}) { return 99, p.bell.Next() }

// TestWhatNeverComesKeepsNobodyWaiting for long: of a node that has heard of commits
// and is cut off before it has read them, the writer goes on.
func TestWhatNeverComesKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openFile(t)
		r := start(t, s, registry.Options{Logger: quiet.Logger, Others: &promising{}})
		began := time.Now()
		apply(t, r, put(newZone(origin, 1)))
		for range 5 {
			apply(t, r, raise)
		}
		if waited := time.Since(began); waited > 5*time.Second {
			t.Errorf("six edits took %s", waited)
		}
	})
}

// large is a store that has forgotten all commits, and takes a minute to load.
type large struct {
	*store.Store
	loads  int
	loaded chan struct{} // told when that was done again
}

// Follow implements registry.Store.
func (l *large) Follow(context.Context, registry.Revision) iter.Seq2[registry.Commit, error] {
	return func(yield func(registry.Commit, error) bool) { yield(registry.Commit{}, registry.ErrTrimmed) }
}

// Load implements registry.Store.
func (l *large) Load(ctx context.Context) (*registry.State, error) {
	if l.loads++; l.loads > 1 {
		select {
		case <-time.After(time.Minute):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		select {
		case l.loaded <- struct{}{}:
		default:
		}
	}
	return l.Store.Load(ctx)
}

// TestALargeStateIsLoadedAnew, though that takes longer than a writer wants to wait: for
// a moment first, then for longer.
func TestALargeStateIsLoadedAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &large{Store: openFile(t), loaded: make(chan struct{}, 1)}
		start(t, l, registry.Options{Logger: quiet.Logger, Others: &promising{}})
		select {
		case <-l.loaded:
		case <-time.After(time.Hour):
			t.Errorf("not loaded after %d attempts in an hour", l.loads)
		}
	})
}

// beside is what nodes in one process know of each other.
type beside struct {
	end  atomic.Uint64
	bell registry.Bell
}

// End implements registry.Others.
func (b *beside) End() (registry.Revision, <-chan struct{}) {
	grown := b.bell.Next()
	return registry.Revision(b.end.Load()), grown
}

// AskEnd implements registry.Others.
func (b *beside) AskEnd(context.Context) (registry.Revision, error) {
	return registry.Revision(b.end.Load()), nil
}

// Lost implements registry.Others.
func (b *beside) Lost() bool { return false }

// TestSerialsOfAllNodesRise no faster than those of one.
func TestSerialsOfAllNodesRise(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := &sick{Store: openFile(t)}, new(beside)
		s.around(nil, func() error {
			b.end.Add(1)
			b.bell.Ring()
			return nil
		})
		var nodes []*registry.Registry
		for range 2 {
			nodes = append(nodes, start(t, s, registry.Options{Logger: quiet.Logger, Others: b}))
		}
		apply(t, nodes[0], put(newZone(origin, 1)))
		var rises []time.Time
		for i := range 4000 {
			apply(t, nodes[i%2], move(home, []string{"192.0.2.1", "192.0.2.2"}[i%2]))
			rises = append(rises, time.Now())
		}
		checkPace(t, rises)
	})
}
