package store_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"stayput.dev/internal/registry"
	"stayput.dev/internal/store"
	"stayput.dev/test/rig"
)

// hold lets a node hold a lease until stop returns; job counts those who work.
func hold(t *testing.T, s *store.Store, working *atomic.Int32) (begun <-chan struct{}, ended <-chan struct{}, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	begins, ends, done := make(chan struct{}, 100), make(chan struct{}, 100), make(chan struct{})
	go func() {
		defer close(done)
		s.Hold(ctx, "job", func(ctx context.Context) {
			if working.Add(1) > 1 {
				t.Error("two nodes do one job")
			}
			begins <- struct{}{}
			<-ctx.Done()
			working.Add(-1)
			ends <- struct{}{}
		})
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return begins, ends, stop
}

// TestOneNodeHoldsAJob: the job moves when its node hands it back, and when that is cut
// off, which then has ended it before another one begins.
func TestOneNodeHoldsAJob(t *testing.T) {
	t.Parallel()
	url, node := database(t)
	link := rig.NewLink(t, url)
	first, second := openNode(t, link.URL, store.Options{Timeout: 4 * time.Second}), node(store.Options{})
	var working atomic.Int32
	begun, ended, _ := hold(t, first, &working)
	<-begun
	begunThere, _, stop := hold(t, second, &working)
	link.Cut()
	<-ended
	<-begunThere
	link.Mend()
	stop()
	<-begun
}

// TestAFileHasOneNode, which does every job at once.
func TestAFileHasOneNode(t *testing.T) {
	t.Parallel()
	rig.SQLiteOnly(t)
	var working atomic.Int32
	begun, ended, stop := hold(t, open(t, t.TempDir(), store.Options{}), &working)
	<-begun
	stop()
	<-ended
}

// TestNodesOfACluster: each says how it is, and is gone when it leaves.
func TestNodesOfACluster(t *testing.T) {
	t.Parallel()
	_, node := database(t)
	a, b := node(store.Options{}), node(store.Options{})
	load(t, a)
	for after := range registry.Revision(3) {
		if err := append1(t, a, after); err != nil {
			t.Fatal(err)
		}
	}
	started := time.UnixMilli(1_790_000_000_000).UTC()
	announce := func(s *store.Store, n store.Node) {
		t.Helper()
		n.Started = started
		if told, err := s.Announce(t.Context(), n); err != nil || !told {
			t.Fatalf("told %t, %v", told, err)
		}
	}
	announce(a, store.Node{Name: "a", Version: "1", Roles: []string{"dns", "updates"}, Addresses: []string{"dns=192.0.2.1:53"}, Revision: 3})
	announce(b, store.Node{Name: "b", Version: "2", Revision: 1})
	c, err := b.Cluster(t.Context())
	if err != nil || len(c.Nodes) != 2 {
		t.Fatalf("%+v, %v; want two nodes", c, err)
	}
	one, two := c.Nodes[0], c.Nodes[1]
	if one.Name != "a" || one.Behind != 0 || one.Late != 0 || len(one.Roles) != 2 || one.Addresses[0] != "dns=192.0.2.1:53" || !one.Started.Equal(started) || one.Silent() {
		t.Errorf("the first node: %+v", one)
	}
	if two.Name != "b" || two.Behind != 2 || two.Late <= 0 || two.ID != c.Self {
		t.Errorf("the second node: %+v", two)
	}
	if c.Recovery || c.Version == "" {
		t.Errorf("the database: %+v", c)
	}
	if err := a.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, err = b.Cluster(t.Context()); err != nil || len(c.Nodes) != 1 {
		t.Errorf("after one left: %+v, %v", c, err)
	}
}

// TestALeaseOfAnotherTime: the clock of the database went back, as it may when another
// server takes its place. What a node that died meanwhile had binds nobody for as long.
func TestALeaseOfAnotherTime(t *testing.T) {
	t.Parallel()
	url, node := database(t)
	s := node(store.Options{})
	change(t, url, "INSERT INTO leases (name, holder, until) VALUES ('job', 'gone', CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT) + 3600000)")
	var working atomic.Int32
	begun, _, _ := hold(t, s, &working)
	select {
	case <-begun:
	case <-time.After(time.Minute):
		t.Error("nobody does the job")
	}
}

// TestANodeOfAnotherTime: one that last spoke before the clock of the database went back
// is as silent as any other that says nothing, and forgotten when it starts again.
func TestANodeOfAnotherTime(t *testing.T) {
	t.Parallel()
	url, node := database(t)
	a, b := node(store.Options{}), node(store.Options{})
	load(t, a)
	for _, s := range []*store.Store{a, b} {
		if _, err := s.Announce(t.Context(), store.Node{Name: "a"}); err != nil {
			t.Fatal(err)
		}
		change(t, url, "UPDATE nodes SET seen = seen + 3600000")
		c, err := a.Cluster(t.Context())
		if err != nil || len(c.Nodes) != 1 || !c.Nodes[0].Silent() {
			t.Errorf("%+v, %v; want one node, which is silent", c.Nodes, err)
		}
	}
}
