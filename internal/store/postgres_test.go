package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/shelf"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// database returns a new database, and a function that opens the store in it as one
// more node.
func database(t *testing.T) (url string, node func(store.Options) *store.Store) {
	t.Helper()
	if !rig.OnPostgres() {
		t.Skip("about PostgreSQL: STAYPUT_TEST_STORE=postgres")
	}
	url = rig.PostgresURL(t, t.TempDir())
	return url, func(opts store.Options) *store.Store { return openNode(t, url, opts) }
}

// openNode opens the store in a database with a data directory of its own.
func openNode(t *testing.T, url string, opts store.Options) *store.Store {
	t.Helper()
	opts.URL, opts.Logger = url, quiet
	s, err := store.Open(t.Context(), t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestNodesHaveOneOrder: whoever appends, there is one journal without gaps, and each
// edit has seen all before it.
func TestNodesHaveOneOrder(t *testing.T) {
	t.Parallel()
	_, node := database(t)
	const nodes, edits = 3, 40
	first := node(store.Options{})
	apply(t, run(t, first), makeZone(nodes))
	var group sync.WaitGroup
	for i := range nodes {
		r := run(t, node(store.Options{}))
		group.Go(func() {
			for n := range edits {
				apply(t, r, move(i, address(1000*i+n)))
			}
		})
	}
	group.Wait()
	last := first
	state := &registry.State{}
	for _, c := range take(t, last, 0, 1+nodes*edits) {
		var err error
		if state, err = state.Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	for i := range nodes {
		if got, want := standsAt(state, i), address(1000*i+edits-1); got != want {
			t.Errorf("host %d stands at %v, want %v", i, got, want)
		}
	}
	got := load(t, first)
	state.Lineage = got.Lineage
	same(t, got, state)
}

// TestStartingTogether: nodes that meet an empty database make it once.
func TestStartingTogether(t *testing.T) {
	t.Parallel()
	_, node := database(t)
	lineages := make([]string, 4)
	var group sync.WaitGroup
	for i := range lineages {
		group.Go(func() { lineages[i] = load(t, node(store.Options{})).Lineage })
	}
	group.Wait()
	for _, l := range lineages {
		if l != lineages[0] || l == "" {
			t.Errorf("lineages %q, want one", lineages)
		}
	}
}

// TestAFollowerHearsOfOtherNodes, by a notice, or where these are lost by asking.
func TestAFollowerHearsOfOtherNodes(t *testing.T) {
	t.Parallel()
	url, node := database(t)
	writer := node(store.Options{})
	reader := node(store.Options{})
	load(t, writer)
	got := make(chan registry.Revision)
	go func() {
		for c, err := range reader.Follow(t.Context(), 0) {
			if err != nil {
				close(got)
				return
			}
			got <- c.Revision
		}
	}()
	for after := range registry.Revision(3) {
		if err := append1(t, writer, after); err != nil {
			t.Fatal(err)
		}
		if r := <-got; r != after+1 {
			t.Fatalf("followed to %d, want %d", r, after+1)
		}
	}
	// As a node does whose notices a pooler swallows.
	change(t, url, "INSERT INTO journal SELECT revision + 1, id, at, body, checksum FROM journal WHERE revision = 3")
	change(t, url, "UPDATE head SET revision = 4")
	if r, ok := <-got; ok {
		t.Errorf("followed to %d, want the copy of commit 3 to be refused", r)
	}
}

// change changes the database behind everybody's back.
func change(t *testing.T, url, statement string) {
	t.Helper()
	db := rig.OpenDatabase(t, url)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// TestTheDatabaseIsAway: appends fail within their time, followers wait, and with the
// database everything comes back by itself.
func TestTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	url, node := database(t)
	link := rig.NewLink(t, url)
	near, far := node(store.Options{}), openNode(t, link.URL, store.Options{Timeout: 4 * time.Second})
	r := run(t, far)
	apply(t, r, makeZone(3))
	got := make(chan registry.Revision)
	go func() {
		for c, err := range far.Follow(t.Context(), 1) {
			if err != nil {
				break
			}
			got <- c.Revision
		}
		close(got)
	}()
	for _, end := range []func(){link.Cut, link.Mute} {
		before := r.State()
		end()
		if _, err := r.Apply(t.Context(), registry.Actor{}, move(1, address(7))); !errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("without a database: %v, want %v", err, registry.ErrUnavailable)
		}
		if r.State() != before || r.Err() == nil {
			t.Error("what could not be written shows, or nobody knows that it could not")
		}
		link.Mend()
		other := run(t, near)
		apply(t, other, move(2, address(int(other.State().Revision))))
		for want := before.Revision + 1; want <= other.State().Revision; want++ {
			if got := <-got; got != want {
				t.Fatalf("followed to %d, want %d", got, want)
			}
		}
		apply(t, r, move(0, address(int(other.State().Revision))))
		<-got
		if r.Err() != nil {
			t.Errorf("the database is back, and still: %v", r.Err())
		}
	}
	same(t, load(t, near), r.State())
}

// TestALostAnswerIsFoundOut: a commit whose answer was lost is looked up by its
// identifier, neither refused nor made twice.
func TestALostAnswerIsFoundOut(t *testing.T) {
	t.Parallel()
	url, node := database(t)
	link := rig.NewLink(t, url)
	s := openNode(t, link.URL, store.Options{Timeout: 10 * time.Second})
	state := load(t, s)
	watcher := node(store.Options{})
	appended := make(chan error, 1)
	for round := range 10 {
		c := registry.Commit{Revision: state.Revision + 1, ID: fmt.Sprintf("%032d", round), At: time.UnixMilli(0).UTC()}
		lost := round%2 == 1 // the first on a connection prepares it
		if lost {
			link.Mute()
		}
		go func() { appended <- s.Append(t.Context(), state.Revision, []registry.Commit{c}) }()
		take(t, watcher, state.Revision, 1) // it was kept
		if lost {
			link.Mend()
		}
		if err := <-appended; err != nil {
			t.Fatalf("a commit that was kept: %v", err)
		}
		if err := s.Append(t.Context(), state.Revision, []registry.Commit{c}); !errors.Is(err, registry.ErrBehind) {
			t.Fatalf("the same again: %v, want %v", err, registry.ErrBehind)
		}
		var err error
		if state, err = state.Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	same(t, load(t, watcher), state)
}

// TestALostAnswerIsLookedUpAgain: a commit that was kept stays ours when the first look for
// its identifier fails. Who took it for somebody else's would tell those who asked for it
// that nothing changed.
func TestALostAnswerIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	url, node := database(t)
	watcher, link := node(store.Options{}), rig.NewLink(t, url)
	s := openNode(t, link.URL, store.Options{Timeout: 10 * time.Second})
	load(t, s)
	change(t, url, `
ALTER TABLE journal RENAME TO hidden;
CREATE SEQUENCE looks;
CREATE FUNCTION look(id TEXT) RETURNS TEXT LANGUAGE plpgsql AS $$ BEGIN
	IF nextval('looks') = 1 THEN RAISE 'not now' USING ERRCODE = '57P05'; END IF;
	RETURN id;
END $$;
CREATE VIEW journal AS SELECT revision, look(id) AS id, at, body, checksum FROM hidden;
CREATE FUNCTION hide() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO hidden SELECT NEW.revision, NEW.id, NEW.at, NEW.body, NEW.checksum;
	RETURN NEW;
END $$;
CREATE TRIGGER hide INSTEAD OF INSERT ON journal FOR EACH ROW EXECUTE FUNCTION hide()`)
	if err := append1(t, s, 0); err != nil { // the first on a connection prepares it
		t.Fatal(err)
	}
	link.Mute()
	appended := make(chan error, 1)
	go func() { appended <- append1(t, s, 1) }()
	until(t, watcher, 2) // it was kept
	link.Mend()
	if err := <-appended; err != nil {
		t.Errorf("a commit that was kept: %v", err)
	}
	db := rig.OpenDatabase(t, url)
	defer db.Close()
	var looks int
	if err := db.QueryRow("SELECT last_value FROM looks").Scan(&looks); err != nil || looks < 2 {
		t.Errorf("it was looked up %d times, %v; want the first to fail", looks, err)
	}
}

// until returns when a store knows that the journal goes to a revision.
func until(t *testing.T, s *store.Store, revision registry.Revision) {
	t.Helper()
	for {
		end, grown := s.Others().End()
		if end >= revision {
			return
		}
		select {
		case <-grown:
		case <-time.After(time.Minute):
			t.Fatalf("the journal ends at %d, want %d", end, revision)
		}
	}
}

// TestLoadingWhileOthersAppend: a node that only reads loads what there was when it began,
// and knows of what came meanwhile.
func TestLoadingWhileOthersAppend(t *testing.T) {
	t.Parallel()
	url, node := database(t)
	writer := node(store.Options{})
	load(t, writer)
	if err := append1(t, writer, 0); err != nil {
		t.Fatal(err)
	}
	reader := node(store.Options{ReadOnly: true, Timeout: time.Minute})
	db := rig.OpenDatabase(t, url)
	defer db.Close()
	obstacle, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obstacle.Rollback()
	if _, err := obstacle.Exec("LOCK TABLE snapshot IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	loaded := make(chan error, 1)
	go func() {
		state, err := reader.Load(t.Context())
		if err == nil && state.Revision != 1 {
			err = fmt.Errorf("revision %d was loaded, want 1", state.Revision)
		}
		loaded <- err
	}()
	for n, waiting := 0, 0; waiting == 0; n++ {
		time.Sleep(10 * time.Millisecond)
		if n > 6000 {
			t.Fatal("loading does not come to the snapshot")
		}
		if err := db.QueryRow("SELECT COUNT(*) FROM pg_locks WHERE relation = 'snapshot'::regclass AND NOT granted").Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	if err := append1(t, writer, 1); err != nil {
		t.Fatal(err)
	}
	until(t, reader, 2)
	if err := obstacle.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-loaded; err != nil {
		t.Error(err)
	}
	if end, _ := reader.Others().End(); end != 2 {
		t.Errorf("the journal is known to end at %d, want 2", end)
	}
}

// TestADeposedPrimaryIsRefused: who has met a later epoch takes no part in an earlier
// one, and who meets a promoted server begins one.
func TestADeposedPrimaryIsRefused(t *testing.T) {
	t.Parallel()
	url, node := database(t)
	link := rig.NewLink(t, url)
	s := openNode(t, link.URL, store.Options{Timeout: 4 * time.Second})
	load(t, s)
	end := registry.Revision(0)
	works := func(when string) {
		t.Helper()
		if err := append1(t, s, end); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		end++
	}
	works("at first")
	change(t, url, "UPDATE head SET timeline = '00000000'")
	works("on a server that was promoted")
	node(store.Options{}) // meets it
	works("in an epoch that another node has begun")
	reconnect := func() {
		link.Cut()
		link.Mend()
	}
	reconnect()
	works("after meeting it")
	for _, again := range []func(){func() {}, reconnect} {
		change(t, url, "UPDATE head SET epoch = epoch - 1")
		again()
		err := append1(t, s, end)
		if err == nil || errors.Is(err, registry.ErrBehind) || !strings.Contains(err.Error(), "taken over from") {
			t.Errorf("on one that came back: %v", err)
		}
		change(t, url, "UPDATE head SET epoch = epoch + 1")
		reconnect()
		works("on the one that took over")
	}
}

// TestOneTends: of nodes that would write a snapshot, one does, and another one when
// that is silent for long.
func TestOneTends(t *testing.T) {
	t.Parallel()
	url, node := database(t)
	a, b := node(due), node(due)
	r := run(t, a)
	apply(t, r, makeZone(100))
	load(t, b)
	snapshots := func() string {
		t.Helper()
		db := rig.OpenDatabase(t, url)
		defer db.Close()
		var got string
		if err := db.QueryRowContext(t.Context(), "SELECT COALESCE(STRING_AGG(CAST(revision AS TEXT), ' '), '') FROM snapshot").Scan(&got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	compact(t, a, r)
	apply(t, r, makeZone(101))
	compact(t, b, r)
	if got := snapshots(); got != "1" {
		t.Errorf("snapshots of %q, want only that of the first node, at 1", got)
	}
	change(t, url, "UPDATE leases SET until = 0")
	compact(t, b, r)
	if got := snapshots(); got != "2" {
		t.Errorf("snapshots of %q, want that of the second node, at 2", got)
	}
	apply(t, r, makeZone(102))
	compact(t, a, r)
	if got := snapshots(); got != "2" {
		t.Errorf("snapshots of %q, want still that at 2", got)
	}
	same(t, load(t, a), r.State())
}

// TestAnUnsafeServerIsRefused: one that acknowledges what a crash of it loses.
func TestAnUnsafeServerIsRefused(t *testing.T) {
	t.Parallel()
	url, node := database(t)
	node(store.Options{})
	_, err := store.Open(t.Context(), t.TempDir(), store.Options{URL: url + "&synchronous_commit=off", Logger: quiet})
	if err == nil || !strings.Contains(err.Error(), "synchronous_commit") {
		t.Errorf("opening: %v", err)
	}
}

// TestThePasswordStaysSecret in what is wrong with a URL.
func TestThePasswordStaysSecret(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://stayput:geheim@db.example.org:port/stayput", "postgres://stayput:geheim@127.0.0.1:1/stayput?connect_timeout=1",
		"host=127.0.0.1 port=1 password=geheim connect_timeout=1", "postgres://stayput:geheim@127.0.0.1/%zz",
	} {
		_, err := store.Open(t.Context(), t.TempDir(), store.Options{URL: url, Logger: quiet})
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("error = %v", err)
		}
	}
}

// TestNothingIsLeftWithADeposedPrimary: one that lives on, as after a partition of the
// network, keeps no connection of a node that has met the server that took over.
func TestNothingIsLeftWithADeposedPrimary(t *testing.T) {
	t.Parallel()
	if !rig.OnPostgres() {
		t.Skip("about PostgreSQL: STAYPUT_TEST_STORE=postgres")
	}
	first, second := rig.NewReplica(t, nil, "first", ""), rig.NewReplica(t, nil, "second", "")
	first.Initialize()
	both, leave := inTurn(t, rig.NewLink(t, first.URL()), second.URL())
	s := openNode(t, both, store.Options{Timeout: 4 * time.Second})
	load(t, s)
	askEnd(t, s)
	second.Clone(first)
	second.Promote()
	leave()
	first.Do("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'") // whom notices come by
	for range 600 {
		if second.Ask("SELECT timeline FROM head") == "00000002" {
			break // the node has met it
		}
		time.Sleep(100 * time.Millisecond)
	}
	if _, err := s.Shelf().Put(t.Context(), shelf.Item{Kind: "mail", ID: "1"}); err != nil {
		t.Error(err)
	}
	if got := second.Ask("SELECT COUNT(*)::text FROM shelf"); got != "1" {
		t.Errorf("the server that took over has %s items of 1", got)
	}
	askEnd(t, s)
}

// TestTheServerMissesWhoIsCutOff: one of whose append a part has come holds up all others
// until the connection ends. No limit on what is idle in a transaction counts there, so the
// server must look whether anybody is still there.
func TestTheServerMissesWhoIsCutOff(t *testing.T) {
	t.Parallel()
	if !rig.OnPostgres() {
		t.Skip("about PostgreSQL: STAYPUT_TEST_STORE=postgres")
	}
	const address = "127.83.80.1" // nobody else's
	server := rig.NewReplica(t, nil, "alone", address)
	server.Initialize()
	s := openNode(t, "postgres://postgres@"+address+"/postgres?sslmode=disable", store.Options{})
	for name, want := range map[string]string{"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"} {
		if got, err := store.Setting(t.Context(), s, name); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", name, got, err, want)
		}
	}
}
