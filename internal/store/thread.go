package store

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5"

	"stayput.dev/internal/registry"
)

// thread is the last commit of the journal that this process has met, as an append, by
// following or by loading. A failover to a server that was behind loses commits, and its
// journal goes on with others under the same revisions: then the thread is torn, and
// whatever was made of the lost ones must be made anew. Each promotion begins an epoch,
// so that is looked for when there is a new one, and when the journal is shorter than it
// was. The zero thread is at the beginning of an empty journal.
type thread struct {
	log  *slog.Logger
	tore func() // called when it was torn

	mu   sync.Mutex // guards what follows
	at   knot
	torn bool              // until a state is loaded
	lost registry.Revision // the last commit that was met and then lost; 0: none ever was
}

// knot is a place of a thread.
type knot struct {
	revision registry.Revision
	id       string // of the commit; "" where a snapshot led to it
	epoch    int64  // in which the journal is known to have it
	tears    int    // how often the thread was torn before
}

// place returns where the thread is, and whether it is torn there.
func (t *thread) place() (at knot, torn bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at, t.torn
}

// whole tells whether it was not torn since it had been so some times.
func (t *thread) whole(tears int) bool {
	at, torn := t.place()
	return !torn && at.tears == tears
}

// reach notes a commit of the journal.
func (t *thread) reach(c *registry.Commit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.torn && c.Revision > t.at.revision {
		t.at.revision, t.at.id = c.Revision, c.ID
	}
}

// begin notes that a state was loaded in an epoch, unless the thread was torn since it
// had been so some times.
func (t *thread) begin(state *registry.State, epoch int64, tears int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at.tears == tears {
		t.torn, t.at = false, knot{state.Revision, state.Commit, epoch, tears}
	}
}

// compare holds the thread against a journal that in some epoch ends somewhere and has
// a commit at the revision of from; "" for none.
func (t *thread) compare(from knot, epoch int64, end registry.Revision, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.at.tears != from.tears || t.torn:
		return // somebody else has found out
	case end >= from.revision && id == from.id && (id != "" || from.revision == 0):
		t.at.epoch = max(t.at.epoch, epoch)
		return
	}
	t.torn = true
	t.at.tears++
	if end < from.revision || id != "" { // else what it had is trimmed, and may be the same
		t.lost = from.revision
		t.log.Error("the database has lost commits that were acknowledged, as a failover to a standby that was behind does: stop all nodes, call `stayput restore` once, which raises the serials, and start them again",
			"had", from.revision, "ends", end)
	}
	t.tore()
}

// errTorn says that the journal is no longer the one that we knew.
var errTorn = errors.New("the database has another journal than it had")

// keepThread returns the epoch in which the journal goes on from the last commit that we
// had met at from, and fails with errTorn when it does not. It asks where there is
// doubt: a server of a new epoch was met, or the journal is said to end before. A standby
// that is merely behind is in no doubt.
func (e *postgresEngine) keepThread(from knot, end registry.Revision, ask func(query string, args ...any) pgx.Row) (epoch int64, err error) {
	if from.epoch != e.epoch.Load() || end < from.revision && !e.only {
		var id string
		if err := ask(threadSQL, int64(from.revision)).Scan(&end, &epoch, &id); err != nil {
			return 0, fmt.Errorf("asking for commit %d: %w", from.revision, err)
		}
		if err := e.know(epoch); err != nil {
			return 0, err
		}
		e.thread.compare(from, epoch, end, id)
	}
	at, torn := e.thread.place()
	if torn || at.tears != from.tears {
		return 0, errTorn
	}
	return at.epoch, nil
}

// Lost returns the last commit that this process has met and the database then lost, as
// a failover to an asynchronous standby may; 0 when that never happened.
func (s *Store) Lost() registry.Revision {
	s.thread.mu.Lock()
	defer s.thread.mu.Unlock()
	return s.thread.lost
}

// Lost implements registry.Others.
func (o others) Lost() bool {
	_, torn := o.store.thread.place()
	return torn
}
