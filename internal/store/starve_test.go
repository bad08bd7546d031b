package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/shelf"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// TestUpdatesWaitForNoJob: while the synchronous standby is away, whatever is written
// waits for it and holds a connection. What updates ask is answered all the same.
func TestUpdatesWaitForNoJob(t *testing.T) {
	t.Parallel()
	server, s := openAlone(t)
	load(t, s)
	server.WaitFor("standby")
	defer server.WaitFor("")
	keepBusy(t, 32, func(ctx context.Context, i int) { _ = s.SetCursor(ctx, fmt.Sprint("follower ", i), 0) })
	time.Sleep(time.Second) // all of them wait
	for range 5 {
		askEnd(t, s)
	}
}

// TestWhatHangsKeepsNoUpdate: a server that was cut off answers nobody, and nobody hears
// why. What waits for it keeps no update from the server that takes its place.
func TestWhatHangsKeepsNoUpdate(t *testing.T) {
	t.Parallel()
	direct, both, leave := twoWays(t)
	s := openNode(t, both+"&application_name=hanging", store.Options{Timeout: 4 * time.Second})
	load(t, s)
	keepBusy(t, 16, func(ctx context.Context, _ int) { _, _ = s.Shelf().Get(ctx, "mail", "1") })
	db := rig.OpenDatabase(t, direct)
	defer db.Close()
	for n := 0; n < 9; time.Sleep(10 * time.Millisecond) { // what a node has without updates
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'hanging'").Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	var err error
	for range 5 {
		if err = append1(t, s, 0); err == nil {
			return
		}
	}
	t.Errorf("appending at the server that took over: %v", err)
}

// keepBusy lets some do something again and again, until the test ends.
func keepBusy(t *testing.T, some int, do func(ctx context.Context, i int)) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var busy sync.WaitGroup
	for i := range some {
		busy.Go(func() {
			for ctx.Err() == nil {
				do(ctx, i)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		busy.Wait()
	})
}

// twoWays returns the URL of a new database, and another one with a way to it that is
// tried first. After leave that one is mute and takes nobody on.
func twoWays(t *testing.T) (direct, both string, leave func()) {
	t.Helper()
	direct, _ = database(t)
	link := rig.NewLink(t, direct)
	both, shut := inTurn(t, link, direct)
	return direct, both, func() {
		link.Mute()
		shut()
	}
}

// inTurn returns a URL by which a link is tried first, and then the server of another
// URL, and what lets nobody begin at the link any more.
func inTurn(t *testing.T, link *rig.Link, second string) (both string, leave func()) {
	t.Helper()
	a, b := hostOf(t, link.URL), hostOf(t, second)
	both = strings.Replace(link.URL, url.QueryEscape(a), url.QueryEscape(a+","+b), 1)
	return both, func() {
		if err := os.RemoveAll(a); err != nil {
			t.Fatal(err)
		}
	}
}

// hostOf returns the server that a URL of a database names.
func hostOf(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("host")
}

// TestIdleConnectionsCostNoUpdate: those to a server that was cut off look like any other.
func TestIdleConnectionsCostNoUpdate(t *testing.T) {
	t.Parallel()
	_, both, leave := twoWays(t)
	s := openNode(t, both, store.Options{Timeout: 10 * time.Second})
	load(t, s)
	var asking sync.WaitGroup
	for range 4 { // so that there are some
		asking.Go(func() {
			for range 100 {
				askEnd(t, s)
			}
		})
	}
	asking.Wait()
	leave()
	time.Sleep(2 * time.Second) // not used for a while
	if err := append1(t, s, 0); err != nil {
		t.Errorf("appending at the server that took over: %v", err)
	}
}

// TestNoReadHangs: what is asked of a server that was cut off comes to an end, so that whoever
// asked can ask the one that took over.
func TestNoReadHangs(t *testing.T) {
	t.Parallel()
	for what, ask := range map[string]func(context.Context, *store.Store) error{
		"one item": func(ctx context.Context, s *store.Store) error {
			_, err := s.Shelf().Get(ctx, "mail", "1")
			if errors.Is(err, shelf.ErrNotFound) {
				err = nil
			}
			return err
		},
		"items": func(ctx context.Context, s *store.Store) error {
			_, err := s.Shelf().Page(ctx, "mail", "", 1)
			return err
		},
		"accounts": func(ctx context.Context, s *store.Store) error {
			_, err := s.Shelf().Accounts(ctx, 0, 1)
			return err
		},
		"a cursor": func(ctx context.Context, s *store.Store) error {
			_, err := s.Cursor(ctx, "follower")
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, both, leave := twoWays(t)
			s := openNode(t, both, store.Options{})
			store.Hurry(s, 2*time.Second)
			load(t, s)
			leave()
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			err := ask(ctx, s)
			for err != nil && ctx.Err() == nil {
				err = ask(ctx, s)
			}
			if err != nil {
				t.Errorf("reading at the server that took over: %v", err)
			}
		})
	}
}

// TestWhoListensTriesAgain: a server that is cut off just when a node asks for its share in
// the data is as good as any that does not answer.
func TestWhoListensTriesAgain(t *testing.T) {
	t.Parallel()
	url, _ := database(t)
	share := func(body string) {
		t.Helper()
		change(t, url, "CREATE OR REPLACE FUNCTION pg_try_advisory_lock_shared(bigint) RETURNS BOOLEAN LANGUAGE SQL AS $$ "+body+" $$")
	}
	share("SELECT pg_catalog.pg_try_advisory_lock_shared($1)")
	link := rig.NewLink(t, withOwnFirst(t, url))
	s := openNode(t, link.URL, store.Options{Timeout: 4 * time.Second})
	load(t, s)
	share("SELECT true FROM pg_sleep(3600)")
	link.Cut()
	link.Mend()
	time.Sleep(2 * time.Second) // it asks
	share("SELECT true")
	for range 600 {
		if _, why := s.Away(); why == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, why := s.Away()
	t.Errorf("a database that answers is away: %v", why)
}

// withOwnFirst returns the URL of a database where what it has of its own hides what
// PostgreSQL has of that name.
func withOwnFirst(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", q.Get("search_path")+",pg_catalog")
	u.RawQuery = q.Encode()
	return u.String()
}
